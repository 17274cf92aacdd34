"""Many customers at once in the API. Tags are put on many by `tagCustomers` (api/tags.py)."""

from typing import Annotated

import strawberry

from api.changes import Doing, Given, Outcome, change, changed_list, gives, said, takes
from api.customers import Customer
from api.nouns import lazy
from auth.actors import Action
from billing import customer_bulk as t

SHOWN = 50  # of the customers that were changed: with their tags and more they are many records
Customers = list[Annotated["Customer", lazy("api.customers")]]


@takes(dry_run=True)
class ArchiveCustomersInput:
    """Customers to archive: all of them, or nothing is done."""

    customer_ids: list[strawberry.ID] = strawberry.field(description="1 to 500.")


@takes(dry_run=True)
class RestoreCustomersInput:
    """Customers to restore: all of them, or nothing is done."""

    customer_ids: list[strawberry.ID] = strawberry.field(description="1 to 500.")


@gives
class ArchiveCustomersPayload:
    """What was done to the customers."""

    customers: Customers = changed_list(SHOWN, "The first 50 of those named.")
    changed_count: int | None = said("How many of them were not archived before.")


@gives
class RestoreCustomersPayload:
    """What was done to the customers."""

    customers: Customers = changed_list(SHOWN, "The first 50 of those named.")
    changed_count: int | None = said("How many of them were archived before.")


def _archive(doing: Doing, given: Given) -> Outcome:
    customer_ids = given.records("customer_ids", "cus")
    done = t.archive(doing.db, doing.actor, customer_ids=customer_ids, now=doing.now)
    return {"customers": customer_ids, "changed_count": len(done.customers)}


def _restore(doing: Doing, given: Given) -> Outcome:
    customer_ids = given.records("customer_ids", "cus")
    done = t.restore(doing.db, doing.actor, customer_ids=customer_ids, now=doing.now)
    return {"customers": customer_ids, "changed_count": len(done)}


@strawberry.type
class CustomerBulkMutations:
    """Changes of many customers."""

    archive_customers: ArchiveCustomersPayload | None = change(
        _archive, ArchiveCustomersInput, Action.EDIT_CUSTOMERS,
        about="Close each customer: its users can't act, its open invites die, its records stay.",
    )  # fmt: skip
    restore_customers: RestoreCustomersPayload | None = change(
        _restore, RestoreCustomersInput, Action.EDIT_CUSTOMERS,
        about="Open each archived customer again. Invites that died with it have to be sent again.",
    )  # fmt: skip

"""Saved views of the list of customers: each member's own, and what the team shares.

The surprise: a view is said field by field, so that any front end can ask `customers` for what it stands for;
docs/api.md tells how. A tag that is gone is still named, as no customer has it.
"""

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from api.changes import Doing, Given, Outcome, change, changed, gives, opt, said, takes
from api.nouns import Connection, Node, by_id, col, lazy, noun, one, page, sql
from auth.actors import Action
from billing import customer_narrowing as words
from billing import customer_views as t
from billing.addresses import Country
from billing.listed_ids import tags_of_view
from db import ids

if TYPE_CHECKING:
    from api.users import User

for _kind in (words.TagMatch, words.WantedStatus, words.WantedBalance, words.CustomerSort):
    strawberry.enum(_kind, description=_kind.__doc__)


@noun(t.CustomerView, "cvw", needs=Action.SEE_VIEWS, order="name")
class CustomerView(Node):
    """A narrowing of the list of customers, kept under a name. Lists hold one's own and those shared."""

    name: str = col(order=True, key="name_key")
    is_shared: bool = col("The whole team sees it; else only whoever made it.", where=True)
    search: str | None = col("For `customers(search:)`.")
    tag_ids: list[strawberry.ID] = sql(tags_of_view, "Also of tags that are gone: those, no customer has.")
    tag_match: words.TagMatch = col("Any of the tags, or all.")
    status: words.WantedStatus = col()
    country: Country | None = col()
    balance: words.WantedBalance = col()
    balance_from: Decimal | None = col(
        "In each customer's own currency.", name="balance_from_minor", places=2
    )
    balance_to: Decimal | None = col(name="balance_to_minor", places=2)
    is_overdue: bool = col("Only with an overdue invoice.")
    sort: words.CustomerSort = col("The order of the same name.")
    version: int = col("Rises with every change.")
    created_at: datetime = col()
    updated_at: datetime = col()
    created_by: Annotated["User", lazy("api.users")] | None = one("created_by", "Null for an API key.")


@strawberry.type
class CustomerViewQueries:
    """Root fields about saved views."""

    customer_view: CustomerView | None = by_id()
    customer_views: Connection[CustomerView] = page(None, "One's own and those shared, by name.")


@strawberry.input
class _View:
    """The fields of a view."""

    name: str | None = opt("Never empty. Unique among one's own, or among those shared, whatever the case.")
    is_shared: bool | None = opt("Left out of a new one: false. API keys share.")
    search: str | None = opt()
    tag_ids: list[strawberry.ID] | None = opt("20 at most.")
    tag_match: words.TagMatch | None = opt("ANY if left out.")
    status: words.WantedStatus | None = opt("NOT_ARCHIVED if left out.")
    country: Country | None = opt()
    balance: words.WantedBalance | None = opt("ANY if left out.")
    balance_from: Decimal | None = opt("In each customer's own currency.")
    balance_to: Decimal | None = opt()
    is_overdue: bool | None = opt()
    sort: words.CustomerSort | None = opt("COMPANY_ASC if left out.")


@takes(dry_run=True)
class CreateCustomerViewInput(_View):
    """A new view."""


@takes(dry_run=True)
class UpdateCustomerViewInput(_View):
    """What is not given stays as it is; null asks for nothing."""

    id: strawberry.ID
    version: int | None = opt("The one you saw: refused (CONFLICT) if it is another one by now.")


@takes(dry_run=True)
class DeleteCustomerViewInput:
    """A view to delete."""

    id: strawberry.ID


@gives
class CreateCustomerViewPayload:
    """The new view."""

    view: CustomerView | None = changed()


@gives
class UpdateCustomerViewPayload:
    """The view as it is now."""

    view: CustomerView | None = changed()


@gives
class DeleteCustomerViewPayload:
    """What is gone."""

    deleted_id: strawberry.ID | None = said()


def _fields(given: Given) -> t.ViewInput:
    """The rule's input, with records for the ids of tags."""
    found: dict[str, Any] = dict(given)
    if found.get("tag_ids"):
        found["tag_ids"] = given.records("tag_ids", "tag")
    return Given(found).fields(t.ViewInput)


def _create(doing: Doing, given: Given) -> Outcome:
    return {"view": t.create(doing.db, doing.actor, fields=_fields(given), now=doing.now).id}


def _update(doing: Doing, given: Given) -> Outcome:
    view = t.update(
        doing.db, doing.actor, view_id=given.record("id", "cvw"), fields=_fields(given),
        version=given.get("version"), now=doing.now,
    )  # fmt: skip
    return {"view": view.id}


def _delete(doing: Doing, given: Given) -> Outcome:
    view_id = given.record("id", "cvw")
    t.delete(doing.db, doing.actor, view_id=view_id, now=doing.now)
    return {"deleted_id": ids.shown("cvw", view_id)}


@strawberry.type
class CustomerViewMutations:
    """Changes of saved views."""

    create_customer_view: CreateCustomerViewPayload | None = change(
        _create, CreateCustomerViewInput, Action.SEE_VIEWS,
        about="Save a view: for oneself, or with views:write for the team.",
    )  # fmt: skip
    update_customer_view: UpdateCustomerViewPayload | None = change(
        _update, UpdateCustomerViewInput, Action.SEE_VIEWS,
        about="Change a view of one's own; with views:manage, also one that a colleague shared.",
    )  # fmt: skip
    delete_customer_view: DeleteCustomerViewPayload | None = change(
        _delete, DeleteCustomerViewInput, Action.SEE_VIEWS, about="Delete a view, as it may be changed."
    )

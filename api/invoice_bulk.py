"""Many invoices at once in the API. Tags are put on many by `tagInvoices` (api/tags.py)."""

from typing import Annotated

import strawberry

from api.changes import Doing, Given, Outcome, change, changed_list, gives, said, takes
from api.invoices import Invoice
from api.nouns import lazy
from api.problems import ERROR_CODES, UserErrorCode, told
from auth.actors import Action
from billing import invoice_bulk as t
from billing.chosen import MOST_AT_ONCE
from db import ids

SHOWN = 50  # of the invoices that were sent: with their tags and more they are many records


@takes(dry_run=True)
class SendInvoicesInput:
    """Invoices to send, each with an outcome of its own."""

    invoice_ids: list[strawberry.ID] = strawberry.field(description="1 to 500.")


@strawberry.type(description="An invoice that was not sent, and why.")
class UnsentInvoice:
    """One that was not sent."""

    record_id: strawberry.ID = said("The invoice.")
    code: UserErrorCode = said()
    message: str = said("How to mend it, for the person who can.")


@gives
class SendInvoicesPayload:
    """What became of the invoices."""

    invoices: list[Annotated["Invoice", lazy("api.invoices")]] = changed_list(
        SHOWN, "The first 50 of those that were sent."
    )
    sent_count: int | None = said("How many were sent.")
    refused: list[UnsentInvoice] = said("Those that were not, in the order given.", limit=MOST_AT_ONCE)


def _send(doing: Doing, given: Given) -> Outcome:
    invoice_ids = given.records("invoice_ids", "inv")
    outcomes = t.send(doing.db, doing.actor, invoice_ids=invoice_ids, now=doing.now)
    sent = [one.invoice_id for one in outcomes if one.problem is None]
    refused = [
        told(one.problem.code, one.problem.message, (), ERROR_CODES)._replace(
            record_id=ids.shown("inv", one.invoice_id)
        )
        for one in outcomes
        if one.problem is not None
    ]
    return {"invoices": sent, "sent_count": len(sent), "refused": refused}


@strawberry.type
class InvoiceBulkMutations:
    """Changes of many invoices."""

    send_invoices: SendInvoicesPayload | None = change(
        _send, SendInvoicesInput, Action.EDIT_INVOICES,
        about="Mail each to its customer's managers and payers, drafts issued first; tells what is refused.",
    )  # fmt: skip

"""An invoice's life in the API: issued without a mail, and taken back."""

import strawberry

from api.changes import Doing, Given, Outcome, change, changed, gives, opt, takes
from api.invoices import Invoice
from auth.actors import Action
from billing import invoice_life


@takes(dry_run=True)
class FinalizeInvoiceInput:
    """A draft."""

    id: strawberry.ID


@takes(dry_run=True)
class VoidInvoiceInput:
    """An open invoice nobody has paid anything of."""

    id: strawberry.ID
    reason: str | None = opt("300 characters at most. The customer reads it.")
    tell_customer: bool | None = opt(
        "False: nobody is mailed. Left out: those whom a mail with the invoice reached are told."
    )


@gives
class FinalizeInvoicePayload:
    """The invoice, OPEN now, with its number."""

    invoice: Invoice | None = changed()


@gives
class VoidInvoicePayload:
    """The invoice, VOID now."""

    invoice: Invoice | None = changed()


def _finalize(doing: Doing, given: Given) -> Outcome:
    moved = invoice_life.finalize(doing.db, doing.actor, invoice_id=given.record("id", "inv"), now=doing.now)
    return {"invoice": moved.id}


def _void(doing: Doing, given: Given) -> Outcome:
    moved = invoice_life.void(
        doing.db, doing.actor, invoice_id=given.record("id", "inv"), reason=given.get("reason"),
        tell=given.get("tell_customer") is not False, now=doing.now,
    )  # fmt: skip
    return {"invoice": moved.id}


@strawberry.type
class InvoiceLifeMutations:
    """What becomes of an invoice."""

    finalize_invoice: FinalizeInvoicePayload | None = change(
        _finalize, FinalizeInvoiceInput, Action.EDIT_INVOICES,
        about="Issue a draft without mailing it: it gets its number, and is owed and in the portal.",
    )  # fmt: skip
    void_invoice: VoidInvoicePayload | None = change(
        _void, VoidInvoiceInput, Action.VOID_INVOICES,
        about="Take an open invoice back; its number stays used. Whoever was sent it is told by mail.",
    )  # fmt: skip

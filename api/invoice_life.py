"""An invoice's life in the API: issued without a mail, and taken back."""

from collections.abc import Callable

import strawberry

from api.changes import Doing, Given, Outcome, Work, change, changed, gives, takes
from api.invoices import Invoice
from auth.actors import Action
from billing import invoice_life
from billing import invoices as t


@takes(dry_run=True)
class FinalizeInvoiceInput:
    """A draft."""

    id: strawberry.ID


@takes(dry_run=True)
class VoidInvoiceInput:
    """An open invoice nobody has paid anything of."""

    id: strawberry.ID


@gives
class FinalizeInvoicePayload:
    """The invoice, OPEN now, with its number."""

    invoice: Invoice | None = changed()


@gives
class VoidInvoicePayload:
    """The invoice, VOID now."""

    invoice: Invoice | None = changed()


def _moving(rule: Callable[..., t.Invoice]) -> Work:
    def run(doing: Doing, given: Given) -> Outcome:
        moved = rule(doing.db, doing.actor, invoice_id=given.record("id", "inv"), now=doing.now)
        return {"invoice": moved.id}

    return run


@strawberry.type
class InvoiceLifeMutations:
    """What becomes of an invoice."""

    finalize_invoice: FinalizeInvoicePayload | None = change(
        _moving(invoice_life.finalize), FinalizeInvoiceInput, Action.EDIT_INVOICES,
        about="Issue a draft without mailing it: it gets its number, and is owed and in the portal.",
    )  # fmt: skip
    void_invoice: VoidInvoicePayload | None = change(
        _moving(invoice_life.void), VoidInvoiceInput, Action.VOID_INVOICES,
        about="Take an open invoice back; its number stays used.",
    )  # fmt: skip

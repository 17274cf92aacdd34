"""Invoices made like another one, in the API: by hand, or in place of one that is voided."""

import strawberry

from api.changes import Doing, Given, Outcome, change, changed, gives, takes
from api.invoice_life import VoidInvoiceInput
from api.invoices import Invoice
from auth.actors import Action
from billing import invoice_duplicates


@takes(dry_run=True)
class DuplicateInvoiceInput:
    """An invoice of any status."""

    id: strawberry.ID


@takes(dry_run=True)
class ReissueInvoiceInput(VoidInvoiceInput):
    """An open invoice nobody has paid anything of."""


@gives
class DuplicateInvoicePayload:
    """The new draft."""

    invoice: Invoice | None = changed()


@gives
class ReissueInvoicePayload:
    """The new draft, and the invoice that is VOID now."""

    invoice: Invoice | None = changed()
    voided: Invoice | None = changed()


def _duplicate(doing: Doing, given: Given) -> Outcome:
    made = invoice_duplicates.duplicate(
        doing.db, doing.actor, invoice_id=given.record("id", "inv"), now=doing.now
    )
    return {"invoice": made.invoice.id}


def _reissue(doing: Doing, given: Given) -> Outcome:
    voided = given.record("id", "inv")
    made = invoice_duplicates.reissue(
        doing.db, doing.actor, invoice_id=voided, reason=given.get("reason"),
        tell=given.get("tell_customer") is not False, now=doing.now,
    )  # fmt: skip
    return {"invoice": made.invoice.id, "voided": voided}


@strawberry.type
class InvoiceCopyMutations:
    """Changes that make an invoice of another one."""

    duplicate_invoice: DuplicateInvoicePayload | None = change(
        _duplicate, DuplicateInvoiceInput, Action.EDIT_INVOICES,
        about="Make a draft like it, dated today: its lines, memo, internal note and tags, no PO number.",
    )  # fmt: skip
    reissue_invoice: ReissueInvoicePayload | None = change(
        _reissue, ReissueInvoiceInput, Action.VOID_INVOICES,
        about="Void an open invoice and make a draft like it, to be corrected. Takes `invoices:write` too.",
    )  # fmt: skip

"""What a credit note on paper is made of: the note with everything that is printed beside it.

Surprise: nothing is computed here, as in `papers`: a document says the cents that are stored.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlmodel import Session

from auth.actors import Actor
from billing import credit_notes, invoices
from billing.credit_notes import CreditNote, CreditNoteLine
from billing.customers import Customer
from billing.invoices import Invoice, InvoiceLine, InvoiceLineTax
from billing.papers import Letterhead, customer_of, letterhead


@dataclass(frozen=True)
class CreditPaper:
    """A note with its lines from the top: each with the invoice's line, and that line's taxes."""

    head: Letterhead
    customer: Customer
    invoice: Invoice
    note: CreditNote
    lines: Sequence[tuple[CreditNoteLine, InvoiceLine, Sequence[InvoiceLineTax]]]


def credit_paper(db: Session, actor: Actor, *, note_id: UUID) -> CreditPaper:
    """A credit note as it was made. Refuses as `credit_notes.note_of`."""
    note, invoice = credit_notes.with_invoice(db, actor, note_id=note_id)
    lines = {line.id: line for line in invoices.lines_of(db, invoice)}
    taxes = invoices.taxes_of(db, invoice)
    return CreditPaper(
        head=letterhead(db, actor),
        customer=customer_of(db, actor, note.customer_id),
        invoice=invoice,
        note=note,
        lines=[
            (part, lines[part.line_id], taxes.get(part.line_id, ()))
            for part in credit_notes.lines_of(db, note)
        ],
    )

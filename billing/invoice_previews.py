"""An invoice as it would be if it were saved now, from what is being typed.

Surprise: it is saved, by the very rule that saves it, and taken back before anybody else could see it. So a
preview refuses what saving refuses and adds up what saving stores; of it stays nothing.
"""

from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from auth.actors import Actor
from billing import invoices
from billing.invoice_fields import InvoiceInput
from billing.papers import InvoicePaper, invoice_paper


def preview_new(
    db: Session, actor: Actor, *, customer_id: UUID, fields: InvoiceInput, now: datetime
) -> InvoicePaper:
    """What a new draft would be. Refuses as `invoices.create_draft`."""
    with db.begin_nested() as saved:
        made = invoices.create_draft(db, actor, customer_id=customer_id, fields=fields, now=now)
        paper = invoice_paper(db, actor, invoice_id=made.id)
        # What was read outlives the way back.
        db.expunge_all()
        saved.rollback()
    return paper


def preview_changed(
    db: Session, actor: Actor, *, invoice_id: UUID, fields: InvoiceInput, now: datetime
) -> InvoicePaper:
    """What a draft would be with these fields, whatever version it is by now. Refuses as
    `invoices.update_draft`.
    """
    with db.begin_nested() as saved:
        invoices.update_draft(db, actor, invoice_id=invoice_id, fields=fields, now=now)
        paper = invoice_paper(db, actor, invoice_id=invoice_id)
        db.expunge_all()
        saved.rollback()
    return paper

"""That somebody of the customer opened an invoice in the portal: a line of the log, for the partner to read.

Surprise: one line a person and an hour, as for a pay link, however often it is opened in it.
"""

from datetime import datetime
from uuid import UUID

from sqlmodel import Session, col, select

from auth.actors import Action, Actor, ActorKind
from auth.audit import AuditEvent
from auth.memberships import Membership
from billing import invoices
from billing.invoices import Invoice, InvoiceStatus
from billing.pay_links import ONE_VISIT
from errors import NotFound

VIEWED = "invoice.viewed"


def note_opened(db: Session, actor: Actor, *, invoice_id: UUID, now: datetime) -> None:
    """Write down that the actor, a user of the customer, opened the issued invoice; anybody else leaves no
    trace. Refuses NotFound, MissingRight."""
    actor.require(Action.VIEW_INVOICES)
    if actor.kind is not ActorKind.CUSTOMER_USER or _was_noted(db, actor, invoice_id, now):
        return
    # The person's row is kept until the end: of two pages opened at once, one writes the line.
    me = (Membership.partner_id == actor.partner_id, Membership.id == actor.member_id)
    db.exec(select(Membership.id).where(*me).with_for_update(key_share=True)).one()
    if _was_noted(db, actor, invoice_id, now):
        return
    mine = (
        Invoice.partner_id == actor.partner_id,
        Invoice.customer_id == actor.customer_id,
        Invoice.id == invoice_id,
    )
    invoice = db.exec(select(Invoice).where(*mine)).one_or_none()
    if invoice is None or invoice.status is InvoiceStatus.DRAFT:
        raise NotFound
    invoices.record(db, actor, invoice, VIEWED, now)


def _was_noted(db: Session, actor: Actor, invoice_id: UUID, now: datetime) -> bool:
    lately = (
        select(AuditEvent.id)
        .where(
            AuditEvent.partner_id == actor.partner_id,
            AuditEvent.subject_id == invoice_id,
            AuditEvent.action == VIEWED,
            AuditEvent.actor_id == actor.id,
            col(AuditEvent.at) > now - ONE_VISIT,
        )
        .limit(1)
    )
    return db.exec(lately).one_or_none() is not None

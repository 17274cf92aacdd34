"""Who was faster: the latest act on an invoice, for whoever comes too late with a change of it.

Surprise: the staff who may edit invoices may not all read the audit log. Of that one act they learn the name,
as they do from the invoice's other pages.
"""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlmodel import Session, col, select

from auth.actors import Action, Actor
from auth.audit import AuditEvent
from billing.invoices import Invoice


class Latest(NamedTuple):
    """Who did it, what they were called then, and when; `own`: whoever asks did it."""

    name: str
    at: datetime
    own: bool


def latest_act(db: Session, actor: Actor, *, invoice_id: UUID) -> Latest | None:
    """The act that changed a draft last, or that issued it; None when none is told of it."""
    actor.require(Action.EDIT_INVOICES)
    mine = (Invoice.partner_id == actor.partner_id, Invoice.id == invoice_id)
    invoice = db.exec(select(Invoice).where(*mine)).one_or_none()
    if invoice is None:
        return None
    # An act and what it changed bear one instant, so it is found by an index that is there.
    told = select(AuditEvent).where(
        AuditEvent.partner_id == actor.partner_id,
        AuditEvent.at == (invoice.finalized_at or invoice.updated_at),
        AuditEvent.subject_id == invoice.id,
    )
    act = db.exec(told.order_by(col(AuditEvent.id).desc()).limit(1)).one_or_none()
    return None if act is None else Latest(act.actor_name, act.at, act.actor_id == actor.id)

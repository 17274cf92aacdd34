"""Who is told by mail of a message in a conversation on an invoice: the other side.

Surprise: this is done after the message is there, for the partner: a customer's own transaction does not see
the partner's staff. Doing it again changes nothing.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlmodel import Session, col, select

from auth.memberships import Membership, MembershipStatus, Role
from billing import mails
from billing.invoice_threads import InvoiceThread, ThreadMessage
from billing.mails import Mail, MailKind

# Who is told while nobody of that side has written yet.
FIRST = (Role.ADMIN, Role.SUB_ADMIN, Role.MANAGER)


def announce(db: Session, *, partner_id: UUID, message_id: UUID, now: datetime) -> int:
    """Queue the mails that tell the other side of a message: those of it who wrote before, and while nobody
    did, its admins and sub-admins, or the customer's managers. How many; 0 the second time.
    """
    mine = (ThreadMessage.partner_id == partner_id, ThreadMessage.id == message_id)
    message = db.exec(select(ThreadMessage).where(*mine).with_for_update()).one_or_none()
    known = select(Mail.id).where(Mail.partner_id == partner_id, Mail.subject_id == message_id).limit(1)
    if message is None or db.exec(known).one_or_none() is not None:
        return 0
    told = _other_side(db, message)
    for member in told:
        mails.queue(
            db, partner_id=partner_id, kind=MailKind.THREAD_REPLY, membership_id=member.id,
            subject_id=message.id, customer_id=member.customer_id, now=now,
        )  # fmt: skip
    return len(told)


def of_message(db: Session, *, partner_id: UUID, message_id: UUID) -> tuple[ThreadMessage, InvoiceThread]:
    """A message with its conversation."""
    joined = (col(InvoiceThread.partner_id) == col(ThreadMessage.partner_id)) & (
        col(InvoiceThread.id) == col(ThreadMessage.thread_id)
    )
    mine = (ThreadMessage.partner_id == partner_id, ThreadMessage.id == message_id)
    return db.exec(select(ThreadMessage, InvoiceThread).join(InvoiceThread, joined).where(*mine)).one()


def _other_side(db: Session, message: ThreadMessage) -> Sequence[Membership]:
    living = (Membership.partner_id == message.partner_id, Membership.status == MembershipStatus.ACTIVE)
    # Null for the partner's own staff.
    theirs = col(Membership.customer_id).is_not_distinct_from(
        message.customer_id if message.is_from_partner else None
    )
    wrote = select(ThreadMessage.author_id).where(
        ThreadMessage.partner_id == message.partner_id, ThreadMessage.thread_id == message.thread_id
    )
    side = select(Membership).where(*living, theirs).order_by(col(Membership.id))
    before = db.exec(side.where(col(Membership.id).in_(wrote))).all()
    return before or db.exec(side.where(col(Membership.role).in_(FIRST))).all()

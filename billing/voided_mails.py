"""Telling the customer that an invoice it was sent is void, and owed no more.

Surprise: only those are told whom a mail with the invoice reached, or may be reaching just now: what the
mail says is no use to anybody else. Whether it did is looked at again when the mail is written.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlmodel import Session, col, select

from auth.actors import Actor
from auth.memberships import Membership, MembershipStatus
from billing import invoices, mails
from billing.customers import Customer, CustomerStatus
from billing.invoices import Invoice
from billing.mails import Mail, MailKind, MailStatus


def tell(db: Session, actor: Actor, *, customer: Customer, invoice: Invoice, now: datetime) -> None:
    """Mail it to everybody the invoice was sent to; to nobody of a customer without access."""
    told = _had_it(db, invoice) if customer.status is CustomerStatus.ACTIVE else ()
    for membership_id in told:
        mails.queue(
            db, partner_id=invoice.partner_id, kind=MailKind.INVOICE_VOIDED, membership_id=membership_id,
            subject_id=invoice.id, customer_id=invoice.customer_id, now=now,
        )  # fmt: skip
    if told:
        invoices.record(db, actor, invoice, "invoice.void_told", now)


def has_it(db: Session, *, partner_id: UUID, membership_id: UUID, invoice_id: UUID) -> bool:
    """Whether a server took a mail with the invoice to this person."""
    wanted = select(Mail.id).where(
        Mail.partner_id == partner_id,
        Mail.membership_id == membership_id,
        Mail.subject_id == invoice_id,
        Mail.kind == MailKind.INVOICE,
        Mail.status == MailStatus.SENT,
    )
    return db.exec(wanted.limit(1)).one_or_none() is not None


def _had_it(db: Session, invoice: Invoice) -> Sequence[UUID]:
    """Who has it in their mail, or may have it in a moment: whom of the customer's people, each once."""
    brought = select(Mail.membership_id).where(
        Mail.partner_id == invoice.partner_id,
        Mail.subject_id == invoice.id,
        Mail.kind == MailKind.INVOICE,
        col(Mail.status).in_((MailStatus.SENT, MailStatus.QUEUED)),
    )
    reachable = (MembershipStatus.INVITED, MembershipStatus.ACTIVE)
    people = select(Membership.id).where(
        Membership.partner_id == invoice.partner_id,
        col(Membership.id).in_(brought),
        col(Membership.status).in_(reachable),
    )
    return db.exec(people.order_by(col(Membership.id))).all()

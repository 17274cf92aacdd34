"""Sending an invoice: who is written to, and issuing it first where it is a draft.

Surprise: an invoice is not sent when somebody says so, but when a mail server took the first of its mails
(GUARANTEES R-4): `sent_at` is written by whoever hands mails over.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import update
from sqlmodel import Session, col, select

from auth.actors import Action, Actor
from auth.memberships import Membership, MembershipStatus
from billing import customers, invoice_life, invoices, mailed_links, mails
from billing.customers import Customer
from billing.invoice_life import NotOpen
from billing.invoices import Invoice, InvoiceStatus
from billing.mailed_links import TOLD
from billing.mails import Mail, MailKind
from errors import Conflict, Invalid, NotFound

MOST_RECIPIENTS = 50


class NobodyToTell(Conflict):
    """The customer has no user who could pay."""

    code = "NOBODY_TO_TELL"
    message = "This customer has no manager or payer to send it to. Add a user first."


class SentAlready(Conflict):
    """Somebody sent it since the page was made that asks whether to."""

    code = "SENT_ALREADY"
    message = "This invoice was sent already. Look at to whom, then send it again if it is needed."


class Seen(NamedTuple):
    """The newest mail with the invoice that whoever confirms knew of; none: None."""

    mail_id: UUID | None


def send(
    db: Session,
    actor: Actor,
    *,
    invoice_id: UUID,
    recipients: Sequence[UUID] | None = None,
    seen: Seen | None = None,
    now: datetime,
) -> Invoice:
    """Mail an invoice to these users of the customer, issuing it first if it is a draft.

    Left out: to its managers and payers. May be repeated: everybody gets it again, with the same pay link,
    and whom an earlier sending left out is settled.
    `seen`: only if nobody sent it since then; else SentAlready, so that one confirmation sends once.
    Refuses NotFound (also for somebody who is no user of this customer, or was removed), NotOpen (a voided
    one), NobodyToTell, a customer in SETUP or ARCHIVED, and at ("recipient_ids",) REQUIRED, TOO_MANY.
    """
    actor.require(Action.EDIT_INVOICES)
    customer, invoice = invoices.locked(db, actor, invoice_id=invoice_id, billable=True)
    if invoice.status not in (InvoiceStatus.DRAFT, InvoiceStatus.OPEN, InvoiceStatus.PAID):
        raise NotOpen(invoice)
    if seen is not None and seen.mail_id != _newest_mail(db, invoice):
        raise SentAlready
    told = recipients_of(db, customer, recipients)
    if invoice.status is InvoiceStatus.DRAFT:
        invoice_life.issue(db, actor, customer, invoice, now)
    invoice.updated_at = now
    invoice.left_out, invoice.left_out_at = [], None
    if invoice.status is InvoiceStatus.OPEN:
        mailed_links.with_invoice(db, actor, invoice=invoice, now=now)
    for membership_id in told:
        mails.queue(
            db, partner_id=actor.partner_id, kind=MailKind.INVOICE, membership_id=membership_id,
            subject_id=invoice.id, customer_id=customer.id, now=now,
        )  # fmt: skip
    invoices.record(db, actor, invoice, "invoice.sent", now)
    return invoice


def note_taken(db: Session, *, partner_id: UUID, invoice_id: UUID, now: datetime) -> None:
    """A server took a mail with the invoice: it is sent."""
    mine = (col(Invoice.partner_id) == partner_id, col(Invoice.id) == invoice_id)
    db.execute(update(Invoice).where(*mine).values(sent_at=now, updated_at=now))


def was_asked(db: Session, invoice: Invoice, *, since: datetime) -> bool:
    """Whether somebody sent it at or after `since`, be it taken by a server or not."""
    asked = select(Mail.id).where(
        Mail.partner_id == invoice.partner_id,
        Mail.subject_id == invoice.id,
        Mail.kind == MailKind.INVOICE,
        col(Mail.created_at) >= since,
    )
    return db.exec(asked.limit(1)).one_or_none() is not None


def reachable(db: Session, customer: Customer) -> list[Membership]:
    """The customer's users whom a mail may go to."""
    return [
        member for member in customers.members_of(db, customer)
        if member.status in (MembershipStatus.INVITED, MembershipStatus.ACTIVE)
    ]  # fmt: skip


def _newest_mail(db: Session, invoice: Invoice) -> UUID | None:
    mine = (
        Mail.partner_id == invoice.partner_id,
        Mail.subject_id == invoice.id,
        Mail.kind == MailKind.INVOICE,
    )
    newest = select(Mail.id).where(*mine).order_by(col(Mail.created_at).desc(), col(Mail.id).desc())
    return db.exec(newest.limit(1)).one_or_none()


def recipients_of(db: Session, customer: Customer, chosen: Sequence[UUID] | None) -> list[UUID]:
    """Whom of the customer a mail goes to: those who were chosen; none chosen: its managers and payers.

    Refuses NobodyToTell, NotFound for who is no user of it, and at ("recipient_ids",) REQUIRED, TOO_MANY.
    """
    members = reachable(db, customer)
    if chosen is None:
        told = [member.id for member in members if member.role in TOLD]
        if not told:
            raise NobodyToTell
        return told
    if not chosen:
        raise Invalid.at("recipient_ids", code="REQUIRED", message="Choose at least one recipient.")
    if len(set(chosen)) > MOST_RECIPIENTS:
        raise Invalid.at("recipient_ids", code="TOO_MANY", message="Choose at most 50 recipients.")
    if not set(chosen) <= {member.id for member in members}:
        raise NotFound
    return list(dict.fromkeys(chosen))

"""Sending an invoice: who is written to, and issuing it first where it is a draft."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from auth.actors import Action, Actor
from auth.memberships import MembershipStatus, Role
from billing import customers, invoice_life, invoices, mails
from billing.invoice_life import NotOpen
from billing.invoices import Invoice, InvoiceStatus
from billing.mails import MailKind
from errors import Conflict

# Who is written to about invoices: the customer's people who can pay.
TOLD = frozenset({Role.MANAGER, Role.PAYER})


class NobodyToTell(Conflict):
    """The customer has no user who could pay."""

    code = "NOBODY_TO_TELL"
    message = "This customer has no manager or payer to send it to. Add a user first."


def send(db: Session, actor: Actor, *, invoice_id: UUID, now: datetime) -> Invoice:
    """Mail an invoice to the customer's managers and payers, issuing it first if it is a draft.

    May be repeated: everybody gets it again. Refuses NotFound, NotOpen (a voided one), NobodyToTell, a
    customer in SETUP or ARCHIVED.
    """
    actor.require(Action.EDIT_INVOICES)
    customer, invoice = invoices.locked(db, actor, invoice_id=invoice_id, billable=True)
    if invoice.status not in (InvoiceStatus.DRAFT, InvoiceStatus.OPEN, InvoiceStatus.PAID):
        raise NotOpen(invoice)
    told = [
        member.id for member in customers.members_of(db, customer)
        if member.role in TOLD and member.status in (MembershipStatus.INVITED, MembershipStatus.ACTIVE)
    ]  # fmt: skip
    if not told:
        raise NobodyToTell
    if invoice.status is InvoiceStatus.DRAFT:
        invoice_life.issue(db, actor, customer, invoice, now)
    invoice.sent_at = now
    invoice.updated_at = now
    for membership_id in told:
        mails.queue(
            db, partner_id=actor.partner_id, kind=MailKind.INVOICE, membership_id=membership_id,
            subject_id=invoice.id, customer_id=customer.id, now=now,
        )  # fmt: skip
    invoices.record(db, actor, invoice, "invoice.sent", now)
    return invoice

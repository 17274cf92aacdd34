"""Mailing a credit note to the customer: when it is issued, and again later.

Surprise: issuing one never fails for lack of somebody to tell. A claim is taken back whether or not anybody
hears of it; sending it later asks for somebody.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from auth import audit
from auth.actors import Action, Actor
from billing import credit_notes, customers, mails
from billing.credit_notes import CreditNote
from billing.customers import Customer, CustomerStatus
from billing.invoice_sending import NobodyToTell, recipients_of
from billing.invoices import Invoice
from billing.mails import MailKind


def send(
    db: Session, actor: Actor, *, note_id: UUID, recipients: Sequence[UUID] | None = None, now: datetime
) -> CreditNote:
    """Mail a credit note to these users of the customer; left out: to its managers and payers.

    May be repeated: everybody gets it again. Refuses NotFound (also for somebody who is no user of this
    customer, or was removed), NobodyToTell, a customer in SETUP or ARCHIVED, and at ("recipient_ids",)
    REQUIRED, TOO_MANY.
    """
    actor.require(Action.EDIT_INVOICES)
    note, invoice = credit_notes.with_invoice(db, actor, note_id=note_id)
    customer = customers.billable(db, actor, customer_id=note.customer_id)
    _queue(db, actor, note, invoice, recipients_of(db, customer, recipients), now)
    return note


def with_note(
    db: Session, actor: Actor, *, customer: Customer, invoice: Invoice, note: CreditNote, now: datetime
) -> None:
    """Mail a new note to the customer's managers and payers; to nobody where there is none, or no access."""
    if customer.status is not CustomerStatus.ACTIVE:
        return
    try:
        told = recipients_of(db, customer, None)
    except NobodyToTell:
        return
    _queue(db, actor, note, invoice, told, now)


def _queue(
    db: Session, actor: Actor, note: CreditNote, invoice: Invoice, told: Sequence[UUID], now: datetime
) -> None:
    for membership_id in told:
        mails.queue(
            db, partner_id=note.partner_id, kind=MailKind.CREDIT_NOTE, membership_id=membership_id,
            subject_id=note.id, customer_id=note.customer_id, now=now,
        )  # fmt: skip
    audit.record(
        db, actor, action="credit_note.sent", subject_kind="invoice", subject_id=note.invoice_id,
        customer_id=note.customer_id, now=now, number=invoice.number, credit_note=note.number,
        amount_minor=note.total_minor, currency=note.currency.value,
    )  # fmt: skip

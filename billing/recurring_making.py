"""Keeping recurring invoices: what the worker's round makes and sends of them.

Surprise: one turn is made at a time, in a transaction of its own, and the day moves on with it: whoever is
killed in between leaves neither half an invoice nor a second one.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from sqlmodel import Session, col, select

from auth.actors import Actor
from billing import customers, invoice_duplicates, invoice_sending, recurring_invoices, recurring_words
from billing.customers import Customer
from billing.invoice_fields import terms_of
from billing.invoice_refusals import reason
from billing.invoice_scheduling import last_day, zone_of
from billing.invoices import Invoice
from billing.recurrences import RecurringInvoice, RecurringStatus, Turn, rhythm_of
from errors import Refusal


def due(db: Session, actor: Actor, *, now: datetime) -> Sequence[UUID]:
    """The partner's orders of which one is to be made now, the longest due first."""
    wanted = (
        select(RecurringInvoice.id)
        .where(
            RecurringInvoice.partner_id == actor.partner_id,
            RecurringInvoice.status == RecurringStatus.ACTIVE,
            col(RecurringInvoice.next_on) <= last_day(now, zone_of(db, actor)),
            col(RecurringInvoice.refusal).is_(None),
        )
        .order_by(col(RecurringInvoice.next_on), col(RecurringInvoice.id))
    )
    return db.exec(wanted).all()


def make_due(db: Session, actor: Actor, recurring_id: UUID, *, now: datetime) -> int:
    """Make the next invoice of one of those that were `due`, and send it if that is the order; 1 if made.

    Whoever came first keeps the row until it is done; the next one finds the next day there. A refusal is
    written on the order, where staff see it, and makes no invoice.
    """
    customer, row = recurring_invoices.locked(db, actor, recurring_id)
    turn_on = row.next_on
    if row.status is not RecurringStatus.ACTIVE or row.refusal is not None or turn_on is None:
        return 0
    if turn_on > last_day(now, zone_of(db, actor)):
        return 0
    cause = {"by": row.created_by_name, "by_id": str(row.created_by)}
    try:
        with db.begin_nested():
            customers.billable(db, actor, customer_id=customer.id)
            made = _make(db, actor, customer, row, turn_on, now, cause)
            if row.auto_send:
                invoice_sending.send(db, actor, invoice_id=made.id, now=now)
    except Refusal as refusal:
        db.refresh(row)
        row.refusal = reason(refusal)
        recurring_invoices.moved(db, actor, row, "recurring_invoice.refused", now, why=row.refusal, **cause)
        return 0
    row.made_count += 1
    recurring_invoices.go_to(db, row, row.step + 1)
    recurring_invoices.moved(db, actor, row, "recurring_invoice.kept", now, **cause)
    return 1


def _make(
    db: Session, actor: Actor, customer: Customer, row: RecurringInvoice, on: date, now: datetime,
    cause: Mapping[str, str],
) -> Invoice:  # fmt: skip
    original = recurring_invoices.repeated(db, row, row.invoice_id)
    terms = terms_of(db, actor, customer=customer, now=now)
    # Made up for late, it is dated its day all the same; but nobody is late with what was not there.
    due_on = max(invoice_duplicates.due_like(original, on, terms), terms.today)
    values = {
        "issue_on": on, "due_on": due_on, "po_number": original.po_number, "recurring_id": row.id,
        "recurs_on": on,
    }  # fmt: skip
    span = recurring_words.span_of(db, rhythm_of(row), Turn(row.step, on))
    locale = recurring_words.language_of(db, actor)
    return invoice_duplicates.copy(
        db, actor, customer, original, values, "invoice.recurred", now,
        worded=lambda text: recurring_words.filled(text, span, locale), **cause,
    ).invoice  # fmt: skip

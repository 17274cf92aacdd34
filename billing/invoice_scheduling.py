"""Sending a draft on a chosen day: planned by a person or a program, done by the worker's round.

Surprise: the day begins at nine in the partner's own time zone, and a day that was missed is made up for at
the next round. What is refused then is told on the draft and on the dashboard's home, and is not tried again
until somebody plans anew. Of chosen recipients those get it who still may on that day; if none is left, it
goes to the managers and payers. The history says so, and the dashboard's home until somebody has seen it.
"""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from auth import audit
from auth.actors import Action, Actor
from billing import invoice_sending, invoices
from billing.customers import Customer
from billing.invoice_fields import read_day
from billing.invoice_refusals import NotScheduled, reason
from billing.invoices import Invoice
from billing.partners import Partner
from billing.texts import Checks
from errors import Invalid, NotFound, Refusal
from languages import say

# Nobody's phone should ring at midnight because a day began.
OPENS = time(9)


class Addressed(NamedTuple):
    """Whom a draft goes to on its day; None: the customer's managers and payers of that day."""

    members: Sequence[UUID] | None


def schedule(
    db: Session,
    actor: Actor,
    *,
    invoice_id: UUID,
    send_on: date | str | None,
    to: Addressed | None = None,
    now: datetime,
) -> Invoice:
    """Have a draft sent by itself on `send_on`, at nine by the partner's clock; planning anew moves it.

    `to` None: to whom it was planned before, at first to the managers and payers. Refuses NotFound (also for
    a recipient who is no user of the customer), NotScheduled, a customer in SETUP or ARCHIVED, at `send_on`
    REQUIRED, BAD_DATE, IN_THE_PAST, DUE_BEFORE_SENDING, and at `recipient_ids` REQUIRED, TOO_MANY.
    """
    actor.require(Action.EDIT_INVOICES)
    customer, invoice = invoices.locked(db, actor, invoice_id=invoice_id, billable=True, draft=NotScheduled)
    checks = Checks()
    day = _checked(checks, send_on, invoice, today=now.astimezone(zone_of(db, actor)).date())
    told = invoice.send_to if to is None else []
    if to is not None and to.members is not None:
        try:
            told = invoice_sending.recipients_of(db, customer, to.members)
        except Invalid as refusal:
            checks.problems += refusal.problems
    checks.done()
    _plan(invoice, now)
    invoice.send_on, invoice.scheduled_by, invoice.scheduled_by_name = day, actor.id, actor.name
    invoice.send_to = told
    db.flush()
    invoices.record(db, actor, invoice, "invoice.scheduled", now, day=day.isoformat())
    return invoice


def unschedule(db: Session, actor: Actor, *, invoice_id: UUID, now: datetime) -> Invoice:
    """Leave a planned draft to be sent by hand; without a plan nothing changes. Refuses as `schedule`."""
    actor.require(Action.EDIT_INVOICES)
    _, invoice = invoices.locked(db, actor, invoice_id=invoice_id, draft=NotScheduled)
    if invoice.send_on is None:
        return invoice
    _plan(invoice, now)
    db.flush()
    invoices.record(db, actor, invoice, "invoice.unscheduled", now)
    return invoice


def dismiss_left_out(db: Session, actor: Actor, *, invoice_id: UUID, now: datetime) -> Invoice:
    """Note that somebody has seen whom a planned sending left out; with nobody left out nothing changes.

    Refuses NotFound.
    """
    actor.require(Action.EDIT_INVOICES)
    _, invoice = invoices.locked(db, actor, invoice_id=invoice_id)
    if invoice.left_out_at is None:
        return invoice
    invoice.left_out, invoice.left_out_at = [], None
    invoice.updated_at = now
    db.flush()
    # What the customer never learned is not for its side of the log.
    audit.record(
        db, actor, action="invoice.left_out_seen", subject_kind="invoice", subject_id=invoice.id,
        customer_id=audit.Unseen(invoice.customer_id), now=now, number=invoice.number,
    )  # fmt: skip
    return invoice


def due(db: Session, actor: Actor, *, now: datetime) -> Sequence[UUID]:
    """The partner's drafts whose day has come and that were not refused, the longest due first."""
    wanted = (
        select(Invoice.id)
        .where(
            Invoice.partner_id == actor.partner_id,
            col(Invoice.send_on) <= last_day(now, zone_of(db, actor)),
            col(Invoice.send_refusal).is_(None),
        )
        .order_by(col(Invoice.send_on), col(Invoice.id))
    )
    return db.exec(wanted).all()


def send_due(db: Session, actor: Actor, invoice_id: UUID, *, now: datetime) -> int:
    """Send one of those that were `due`; 1 if it was sent.

    Whoever came first keeps the row until it is done, and finds nothing to do here: sent, moved to another
    day, or left to be sent by hand. A refusal is written on the draft, where staff see it.
    """
    try:
        customer, invoice = invoices.locked(db, actor, invoice_id=invoice_id)
    except NotFound:  # deleted since
        return 0
    day = invoice.send_on
    if day is None or day > last_day(now, zone_of(db, actor)) or invoice.send_refusal is not None:
        return 0
    cause = {"by": invoice.scheduled_by_name or "", "by_id": str(invoice.scheduled_by)}
    try:
        with db.begin_nested():
            invoices.record(db, actor, invoice, "invoice.schedule_kept", now, **cause)
            told, gone = _still_told(db, actor, customer, invoice, now)
            invoice_sending.send(db, actor, invoice_id=invoice_id, recipients=told, now=now)
            invoice.left_out, invoice.left_out_at = gone, now if gone else None
            db.flush()
    except Refusal as refusal:
        db.refresh(invoice)
        invoice.send_refusal = reason(refusal)
        invoice.updated_at = now
        db.flush()
        invoices.record(db, actor, invoice, "invoice.send_refused", now, why=invoice.send_refusal, **cause)
        return 0
    return 1


def _still_told(
    db: Session, actor: Actor, customer: Customer, invoice: Invoice, now: datetime
) -> tuple[list[UUID] | None, list[UUID]]:
    """Those of the chosen who may get it today (None for the managers and payers), and who is left out, which
    is told.
    """
    chosen = list(invoice.send_to)
    reachable = {member.id for member in invoice_sending.reachable(db, customer)}
    told = [member_id for member_id in chosen if member_id in reachable]
    gone = [member_id for member_id in chosen if member_id not in reachable]
    if gone:
        action = "invoice.recipients_left_out" if told else "invoice.recipients_gone"
        invoices.record(db, actor, invoice, action, now, people=[str(member_id) for member_id in gone])
    return told or None, gone


def last_day(now: datetime, zone: ZoneInfo) -> date:
    """The latest day that has begun for business: today from nine on, by that clock, else yesterday."""
    local = now.astimezone(zone)
    return local.date() if local.time() >= OPENS else local.date() - timedelta(days=1)


def zone_of(db: Session, actor: Actor) -> ZoneInfo:
    """The partner's time zone."""
    return ZoneInfo(db.exec(select(Partner.time_zone).where(Partner.id == actor.partner_id)).one())


def _plan(invoice: Invoice, now: datetime) -> None:
    invoice.send_on = invoice.send_refusal = invoice.scheduled_by = invoice.scheduled_by_name = None
    invoice.send_to = []
    invoice.version += 1
    invoice.updated_at = now


def _checked(checks: Checks, typed: date | str | None, invoice: Invoice, *, today: date) -> date:
    day = read_day(checks, "send_on", typed)
    if day is None and not checks.problems:
        checks.refuse("send_on", code="REQUIRED", message="Choose the day it is sent on.")
    elif day is not None and day < today:
        message = say("Choose today, {today}, or a later day.", today=today)
        checks.refuse("send_on", code="IN_THE_PAST", message=message)
    elif day is not None and day > invoice.due_on:
        message = say(
            "It is due on {due_on}. Choose a day until then, or change its due date first.",
            due_on=invoice.due_on,
        )
        checks.refuse("send_on", code="DUE_BEFORE_SENDING", message=message)
    return day or today

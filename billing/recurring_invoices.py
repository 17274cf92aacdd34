"""Recurring invoices: an order to repeat an invoice, made by staff, kept by the worker's round.

Surprise: what is repeated is an invoice, not a form of its own: its lines, taxes, memo, PO number and tags
are copied as they are stored. While that one is a draft, changing it changes what comes next. A turn that was
missed is made up for, dated its own day and never due before today; what is refused is told and waits.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlmodel import Session, select

from auth import audit
from auth.actors import Action, Actor
from billing import customers, invoice_words, invoices, search
from billing.customers import Customer
from billing.invoice_fields import terms_of
from billing.invoices import Invoice
from billing.recurrences import (
    PREVIEWED,
    SEARCHED_AS,
    RecurringInvoice,
    RecurringStatus,
    rhythm_of,
    turns,
)
from billing.recurring_fields import Before, Plan, RecurringInput, read_plan
from billing.recurring_words import filled, has_words, language_of, refuse_unknown, span_of
from billing.texts import Checks
from db.columns import new_id
from errors import Conflict, NotFound


class Previewed(NamedTuple):
    """A day on which one is made, and those of its lines that say something else each time."""

    on: date
    lines: Sequence[str]


class AlreadyRepeated(Conflict):
    """Two orders for one invoice would bill it twice."""

    code = "ALREADY_REPEATED"
    message = "A recurring invoice repeats this invoice already. Change that one, or end it first."


class Ended(Conflict):
    """What has ended makes no invoices."""

    code = "RECURRING_ENDED"
    message = "This recurring invoice has ended. Repeat an invoice anew."


def preview(
    db: Session, actor: Actor, *, invoice_id: UUID, fields: RecurringInput, now: datetime
) -> Sequence[Previewed]:
    """The first days on which `create` would make an invoice, with the lines that would say something else
    each time; refuses as that does, and stores nothing.
    """
    actor.require(Action.EDIT_INVOICES)
    customer, invoice = invoices.locked(db, actor, invoice_id=invoice_id, billable=True)
    _require_alone(db, invoice)
    _require_known(db, invoice)
    plan = read_plan(db, fields, Before(invoice, terms_of(db, actor, customer=customer, now=now).today))
    return _previewed(db, actor, invoice, plan)


def preview_update(
    db: Session, actor: Actor, *, recurring_id: UUID, fields: RecurringInput, invoice_id: UUID, now: datetime
) -> Sequence[Previewed]:
    """The same for `update`, which it refuses as; also where somebody else changed the order meanwhile."""
    actor.require(Action.EDIT_INVOICES)
    customer, row = locked(db, actor, recurring_id)
    return _previewed(db, actor, *_planned(db, actor, customer, row, fields, invoice_id, now))


def create(
    db: Session, actor: Actor, *, invoice_id: UUID, fields: RecurringInput, now: datetime
) -> RecurringInvoice:
    """Have invoices like this one made again and again, from 9:00 of each day by the partner's clock.

    Refuses NotFound, AlreadyRepeated, a customer in SETUP or ARCHIVED, and at the field UNKNOWN_FREQUENCY,
    REQUIRED, OUT_OF_RANGE, UNKNOWN_FIELD, BAD_DATE, IN_THE_PAST, ENDS_BEFORE_NEXT, UNKNOWN_PLACEHOLDER.
    """
    actor.require(Action.EDIT_INVOICES)
    customer, invoice = invoices.locked(db, actor, invoice_id=invoice_id, billable=True)
    _require_alone(db, invoice)
    _require_known(db, invoice)
    plan = read_plan(db, fields, Before(invoice, terms_of(db, actor, customer=customer, now=now).today))
    row = RecurringInvoice(
        partner_id=actor.partner_id, id=new_id(), customer_id=customer.id, invoice_id=invoice.id,
        status=RecurringStatus.ACTIVE, next_on=plan.turn.on, step=plan.turn.step, created_by=actor.id,
        created_by_name=actor.name, created_at=now, updated_at=now, **plan.values,
    )  # fmt: skip
    db.add(row)
    db.flush()
    _keep_words(db, row)
    _record(db, actor, row, "recurring_invoice.created", now)
    return row


def update(
    db: Session, actor: Actor, *, recurring_id: UUID, fields: RecurringInput, invoice_id: UUID | None = None,
    version: int | None = None, now: datetime,
) -> RecurringInvoice:  # fmt: skip
    """Change the given fields, and what is repeated: an invoice of the same customer.

    Another rhythm, or another next day, is counted from the next day on. What was refused is tried again.
    Refuses NotFound, Ended, Conflict for another `version`, AlreadyRepeated, and at the field as `create`.
    """
    actor.require(Action.EDIT_INVOICES)
    customer, row = locked(db, actor, recurring_id)
    if version is not None and version != row.version:
        raise Conflict
    wanted = row.invoice_id if invoice_id is None else invoice_id
    invoice, plan = _planned(db, actor, customer, row, fields, wanted, now)
    for name, value in plan.values.items():
        setattr(row, name, value)
    row.invoice_id, row.refusal = invoice.id, None
    _keep_words(db, row)
    row.next_on, row.step = plan.turn.on, plan.turn.step
    return moved(db, actor, row, "recurring_invoice.updated", now)


def pause(db: Session, actor: Actor, *, recurring_id: UUID, now: datetime) -> RecurringInvoice:
    """Make none until it is resumed. Pausing twice changes nothing. Refuses NotFound, Ended."""
    actor.require(Action.EDIT_INVOICES)
    _, row = locked(db, actor, recurring_id)
    _require_going(row)
    if row.status is RecurringStatus.PAUSED:
        return row
    row.status, row.refusal = RecurringStatus.PAUSED, None
    return moved(db, actor, row, "recurring_invoice.paused", now)


def resume(db: Session, actor: Actor, *, recurring_id: UUID, now: datetime) -> RecurringInvoice:
    """Go on: after a pause with the first turn that is not over, after a refusal with the one refused.

    Ends it where no turn is left. While it goes on anyway nothing changes. Refuses NotFound, Ended.
    """
    actor.require(Action.EDIT_INVOICES)
    customer, row = locked(db, actor, recurring_id)
    _require_going(row)
    if row.status is RecurringStatus.ACTIVE and row.refusal is None:
        return row
    today = None
    if row.status is RecurringStatus.PAUSED:
        today = terms_of(db, actor, customer=customer, now=now).today
    row.status, row.refusal = RecurringStatus.ACTIVE, None
    go_to(db, row, row.step, since=today)
    return moved(db, actor, row, "recurring_invoice.resumed", now)


def skip(db: Session, actor: Actor, *, recurring_id: UUID, on: date | str, now: datetime) -> RecurringInvoice:
    """Leave out the next one, whose day was shown as `on`; it does not count. Ends it if it was the last.

    Refuses NotFound, Ended, and Conflict when another day is the next by now: nothing is skipped twice.
    """
    actor.require(Action.EDIT_INVOICES)
    _, row = locked(db, actor, recurring_id)
    _require_going(row)
    if row.next_on is None or row.next_on.isoformat() != str(on):
        raise Conflict
    row.refusal = None
    go_to(db, row, row.step + 1)
    return moved(db, actor, row, "recurring_invoice.skipped", now, day=str(on))


def end(db: Session, actor: Actor, *, recurring_id: UUID, now: datetime) -> RecurringInvoice:
    """Make no more, for good; those made stay. Ending twice changes nothing. Refuses NotFound."""
    actor.require(Action.EDIT_INVOICES)
    _, row = locked(db, actor, recurring_id)
    if row.status is RecurringStatus.ENDED:
        return row
    _end(row)
    return moved(db, actor, row, "recurring_invoice.ended", now)


def locked(db: Session, actor: Actor, recurring_id: UUID) -> tuple[Customer, RecurringInvoice]:
    """The partner's order, its customer's row locked before its own, as everywhere; else NotFound."""
    mine = (RecurringInvoice.partner_id == actor.partner_id, RecurringInvoice.id == recurring_id)
    customer_id = db.exec(select(RecurringInvoice.customer_id).where(*mine)).one_or_none()
    if customer_id is None:
        raise NotFound
    customer = customers.locked(db, actor, customer_id=customer_id)
    wanted = select(RecurringInvoice).where(*mine).with_for_update(key_share=True)
    return customer, db.exec(wanted.execution_options(populate_existing=True)).one()


def repeated(db: Session, row: RecurringInvoice, invoice_id: UUID) -> Invoice:
    """An invoice of the customer of an order that is held; else NotFound."""
    mine = (
        Invoice.partner_id == row.partner_id,
        Invoice.customer_id == row.customer_id,
        Invoice.id == invoice_id,
    )
    # Whoever deletes a draft holds the customer's row, and so do we.
    invoice = db.exec(select(Invoice).where(*mine)).one_or_none()
    if invoice is None:
        raise NotFound
    return invoice


def _planned(
    db: Session, actor: Actor, customer: Customer, row: RecurringInvoice, fields: RecurringInput,
    invoice_id: UUID, now: datetime,
) -> tuple[Invoice, Plan]:  # fmt: skip
    """What a changed order would repeat, and how it would go on."""
    _require_going(row)
    invoice = repeated(db, row, invoice_id)
    if invoice.id != row.invoice_id:
        _require_alone(db, invoice)
        _require_known(db, invoice)
    today = terms_of(db, actor, customer=customer, now=now).today
    return invoice, read_plan(db, fields, Before(invoice, today, row))


def _previewed(db: Session, actor: Actor, invoice: Invoice, plan: Plan) -> Sequence[Previewed]:
    described = [line.description for line in invoices.lines_of(db, invoice)]
    worded, locale = list(filter(has_words, described)), language_of(db, actor)
    found = turns(db, plan.rhythm, step=plan.turn.step, many=PREVIEWED)
    spans = [span_of(db, plan.rhythm, turn) for turn in found]
    return [Previewed(span.on, [filled(text, span, locale) for text in worded]) for span in spans]


def _require_alone(db: Session, invoice: Invoice) -> None:
    going = select(RecurringInvoice.id).where(
        RecurringInvoice.partner_id == invoice.partner_id,
        RecurringInvoice.invoice_id == invoice.id,
        RecurringInvoice.status != RecurringStatus.ENDED,
    )
    if db.exec(going).one_or_none() is not None:
        raise AlreadyRepeated


def _require_known(db: Session, invoice: Invoice) -> None:
    """Refuses UNKNOWN_PLACEHOLDER at ("invoice_id",)."""
    checks = Checks()
    for line in invoices.lines_of(db, invoice):
        if not checks.problems:
            refuse_unknown(checks, "invoice_id", line.description)
    checks.done()


def _keep_words(db: Session, row: RecurringInvoice) -> None:
    """Staff find it by the words of what it repeats, as they are when it is ordered or changed."""
    mine: dict[str, Any] = {
        "partner_id": row.partner_id, "customer_id": None, "kind": SEARCHED_AS, "subject_id": row.id,
    }  # fmt: skip
    search.keep(db, **mine, texts=())
    search.add_those_of(db, **mine, other=(invoice_words.SEARCHED_AS, row.invoice_id))


def _require_going(row: RecurringInvoice) -> None:
    if row.status is RecurringStatus.ENDED:
        raise Ended


def go_to(db: Session, row: RecurringInvoice, step: int, *, since: date | None = None) -> None:
    """The first turn from the count `step` on is the next, none before `since`; ends where none is left."""
    following = turns(db, rhythm_of(row), step=step, many=1, since=since)
    if following:
        row.step, row.next_on = following[0]
    else:
        _end(row)


def _end(row: RecurringInvoice) -> None:
    row.status, row.next_on, row.refusal = RecurringStatus.ENDED, None, None


def moved(
    db: Session, actor: Actor, row: RecurringInvoice, action: str, now: datetime, **more: str
) -> RecurringInvoice:
    """Write an order that changed, and the act into the audit log."""
    row.version += 1
    row.updated_at = now
    db.flush()
    _record(db, actor, row, action, now, **more)
    return row


def _record(
    db: Session, actor: Actor, row: RecurringInvoice, action: str, now: datetime, **more: str
) -> None:
    # The customer's side learns of the invoices only, when they are sent.
    audit.record(
        db, actor, action=action, subject_kind="recurring_invoice", subject_id=row.id,
        customer_id=audit.Unseen(row.customer_id), now=now, **more,
    )  # fmt: skip

"""Recurring invoices of a random world, and their next days counted without the database."""

from calendar import monthrange
from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import update
from sqlmodel import col

from billing.invoice_fields import DAYS
from billing.invoice_refusals import SendRefusal
from billing.invoices import Invoice
from billing.recurrences import (
    PREVIEWED,
    SEARCHED_AS,
    RecurringFrequency,
    RecurringInvoice,
    RecurringStatus,
)
from billing.recurring_words import Span, filled
from db.columns import new_id
from languages import ENGLISH
from tests.api.oracle.maker import words

if TYPE_CHECKING:
    from tests.api.oracle.maker import Maker, Row
    from tests.api.oracle.reference import Reference

_MONTHS = {RecurringFrequency.MONTHLY: 1, RecurringFrequency.QUARTERLY: 3, RecurringFrequency.YEARLY: 12}


def orders(maker: "Maker", partner: UUID, customer: UUID, invoices: Sequence[UUID]) -> None:
    """One that repeats each of the invoices; the first, a draft, was made by the last of them."""
    made = [_order(maker, partner, customer, invoice, place) for place, invoice in enumerate(invoices)]
    link = {"recurring_id": made[-1], "recurs_on": maker.today}
    maker.owner.execute(update(Invoice).where(col(Invoice.id) == invoices[0]).values(**link))


def _order(maker: "Maker", partner: UUID, customer: UUID, invoice: UUID, place: int) -> UUID:
    id_, status = new_id(), list(RecurringStatus)[place % 3]
    frequency = list(RecurringFrequency)[place % 4]
    every = maker.chance.choice((1, 7, 366)) if frequency is RecurringFrequency.EVERY_N_DAYS else None
    starts, step = maker.chance.choice((date(2025, 1, 31), date(2024, 2, 29))), maker.chance.randrange(20)
    following = day(starts, frequency, every, step)
    refused = maker.maybe(maker.chance.choice(list(SendRefusal)))
    if status is not RecurringStatus.ACTIVE:
        refused = None
    maker.write(
        RecurringInvoice, partner_id=partner, id=id_, customer_id=customer, invoice_id=invoice, status=status,
        frequency=frequency, every_days=every, starts_on=starts, step=step,
        next_on=None if status is RecurringStatus.ENDED else following,
        ends_on=maker.maybe(day(starts, frequency, every, step + maker.chance.randrange(8))),
        max_count=maker.maybe(step + maker.chance.randrange(8)), made_count=step,
        auto_send=maker.chance.random() < 0.5, refusal=refused, created_by_name=maker.text(),
        version=place + 1, created_at=maker.moment(), updated_at=maker.moment(),
    )  # fmt: skip
    # Of a customer's side nobody finds it.
    words(maker, partner, None, SEARCHED_AS, id_, [maker.text(), f"{place}"])
    return id_


def day(starts: date, frequency: RecurringFrequency, every: int | None, step: int) -> date:
    """The day of one turn."""
    if every is not None:
        return starts + timedelta(days=every * step)
    months = starts.month - 1 + _MONTHS[frequency] * step
    year, month = starts.year + months // 12, months % 12 + 1
    return date(year, month, min(starts.day, monthrange(year, month)[1]))


def next_lines(world: "Reference", order: "Row") -> list[str]:
    """What the lines of its next one will say, by the rule that makes invoices."""
    if order["next_on"] is None:
        return []
    following = day(order["starts_on"], order["frequency"], order["every_days"], order["step"] + 1)
    [locale] = [partner["locale"] for partner in world.all("partner") if partner["id"] == order["partner_id"]]
    lines = [line for line in world.all("invoice_line") if line["invoice_id"] == order["invoice_id"]]
    span = Span(order["next_on"], following - timedelta(days=1))
    return [
        filled(line["description"], span, locale or ENGLISH)
        for line in sorted(lines, key=lambda line: line["position"])
    ]


def next_days(order: "Row") -> list[str]:
    """The days of its next six, as the API says them."""
    if order["next_on"] is None:
        return []
    left = PREVIEWED
    if order["max_count"] is not None:
        left = min(left, order["max_count"] - order["made_count"])
    days = [
        day(order["starts_on"], order["frequency"], order["every_days"], order["step"] + turn)
        for turn in range(max(left, 0))
    ]
    return [one.isoformat() for one in days if one <= (order["ends_on"] or DAYS[1])]

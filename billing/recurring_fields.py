"""What is typed about a recurring invoice: every wrong field at once, then whether a turn is left."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, NamedTuple

from sqlmodel import Session

from billing.inputs import Input
from billing.invoice_fields import read_day
from billing.invoices import Invoice
from billing.recurrences import LONGEST_STEP_DAYS, RecurringFrequency, RecurringInvoice, Rhythm, Turn, turns
from billing.texts import Checks
from languages import say

MOST_COUNT = 999


class RecurringInput(Input):
    """How often, from when, until when. Left out for a new one: from the first turn after the invoice's own
    issue date that is not over; without end; as drafts. For a change, what is not given stays."""

    frequency: str | None = None
    every_days: int | str | None = None
    next_on: date | str | None = None
    ends_on: date | str | None = None
    max_count: int | str | None = None
    auto_send: bool | None = None


class Plan(NamedTuple):
    """The checked columns of an order, and its next turn."""

    rhythm: Rhythm
    turn: Turn
    values: Mapping[str, Any]


class Before(NamedTuple):
    """What an order is read against: the invoice it repeats, the partner's day, the order as it is stored."""

    invoice: Invoice
    today: date
    row: RecurringInvoice | None = None


def read_plan(db: Session, fields: RecurringInput, before: Before) -> Plan:
    """The columns to write and the next turn.

    Codes at the field: UNKNOWN_FREQUENCY, REQUIRED, OUT_OF_RANGE, UNKNOWN_FIELD (days that nobody counts),
    BAD_DATE, IN_THE_PAST, ENDS_BEFORE_NEXT.
    """
    checks, row = Checks(), before.row
    frequency, every_days = _read_frequency(checks, fields, row)
    next_on = read_day(checks, "next_on", fields.next_on)
    if next_on is not None and next_on < before.today and (row is None or next_on != row.next_on):
        message = say("Choose today, {today}, or a later day.", today=before.today)
        checks.refuse("next_on", code="IN_THE_PAST", message=message)
    ends_on = _kept(fields, row, "ends_on", lambda: read_day(checks, "ends_on", fields.ends_on))
    max_count = _kept(
        fields, row, "max_count",
        lambda: _read_count(checks, "max_count", fields.max_count, range(1, MOST_COUNT + 1)),
    )  # fmt: skip
    auto_send = bool(_kept(fields, row, "auto_send", lambda: fields.auto_send))
    checks.done()
    left = None if max_count is None else max_count - (row.made_count if row else 0)
    rhythm, step, since = _counted(before, frequency, every_days, next_on, ends_on, left)
    following = turns(db, rhythm, step=step, many=1, since=since) if left is None or left > 0 else ()
    if not following:
        field = "max_count" if left is not None and left <= 0 else "ends_on"
        checks.refuse(
            field,
            code="ENDS_BEFORE_NEXT",
            message="It would end before its next invoice. Let it go on longer.",
        )
    checks.done()
    values = {
        "frequency": frequency, "every_days": every_days, "starts_on": rhythm.starts_on, "ends_on": ends_on,
        "max_count": max_count, "auto_send": auto_send,
    }  # fmt: skip
    return Plan(rhythm, following[0], values)


def _counted(
    before: Before, frequency: RecurringFrequency, every_days: int | None, next_on: date | None,
    ends_on: date | None, left: int | None,
) -> tuple[Rhythm, int, date | None]:  # fmt: skip
    """The rhythm, and from which count and day on its next turn is looked for."""
    row = before.row
    if row is None and next_on is None:
        # The invoice itself is the first of them.
        start, step, since = before.invoice.issue_on, 1, before.today
    elif row is not None and next_on in (None, row.next_on) and row.next_on is not None:
        if (frequency, every_days) == (row.frequency, row.every_days):
            start, step, since = row.starts_on, row.step, None
        else:
            start, step, since = row.next_on, 0, None
    else:
        start, step, since = next_on or before.today, 0, None
    return Rhythm(frequency, every_days, start, ends_on, left), step, since


def _read_frequency(
    checks: Checks, fields: RecurringInput, row: RecurringInvoice | None
) -> tuple[RecurringFrequency, int | None]:
    typed = fields.frequency
    if row is not None and not fields.gives("frequency"):
        typed = row.frequency
    if typed not in RecurringFrequency.__members__:
        message = "Choose monthly, quarterly, yearly, or every so many days."
        checks.refuse("frequency", code="UNKNOWN_FREQUENCY", message=message)
        return RecurringFrequency.MONTHLY, None
    frequency = RecurringFrequency(typed or "")
    days = fields.every_days
    if row is not None and frequency is row.frequency and not fields.gives("every_days"):
        days = row.every_days
    if frequency is RecurringFrequency.EVERY_N_DAYS:
        number = _read_count(checks, "every_days", days, range(1, LONGEST_STEP_DAYS + 1))
        if number is None and not checks.problems:
            checks.refuse("every_days", code="REQUIRED", message="Enter after how many days.")
        return frequency, number
    if days not in (None, ""):
        message = "Leave the days out, or choose every so many days."
        checks.refuse("every_days", code="UNKNOWN_FIELD", message=message)
    return frequency, None


def _read_count(checks: Checks, field: str, typed: int | str | None, inside: range) -> int | None:
    """A whole number, None for none. Refuses OUT_OF_RANGE."""
    if isinstance(typed, str):
        written = typed.strip()
        if not written:
            return None
        # Three digits at most: turning a long text into a number is work nobody asked for.
        typed = int(written) if written.isascii() and written.isdigit() and len(written) <= 3 else -1
    if typed is not None and typed not in inside:
        message = say("Enter a whole number from {low} to {high}.", low=inside[0], high=inside[-1])
        checks.refuse(field, code="OUT_OF_RANGE", message=message)
        return None
    return typed


def _kept(fields: RecurringInput, row: RecurringInvoice | None, name: str, read: Callable[[], Any]) -> Any:
    """What was typed; for a change that does not name the field, what is stored."""
    return read() if row is None or fields.gives(name) else getattr(row, name)

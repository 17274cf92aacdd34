"""Recurring invoices as they are stored, and their calendar.

Surprise: the calendar is the database's. A month after 31 January is its last day of February, and every day
is counted from the first one, so 31 March follows; the pages and the API paste the same expression.
"""

from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    Date,
    ForeignKeyConstraint,
    Index,
    Integer,
    UniqueConstraint,
    case,
    cast,
    func,
    literal,
)
from sqlmodel import Session, SQLModel, select

from billing.invoice_fields import DAYS
from billing.invoice_refusals import SendRefusal
from db.columns import choice, count, day, instant, key, tenant
from db.policies import Guard, guarded

SEARCHED_AS = "recurring_invoice"
LONGEST_STEP_DAYS = 366
PREVIEWED = 6
# How far a calendar is followed in one look: days enough for 40 years of every day.
_FARTHEST = 15_000


class RecurringFrequency(StrEnum):
    """How often. The day of the month is that of the first one, or the month's last where it is shorter."""

    MONTHLY = "MONTHLY"
    QUARTERLY = "QUARTERLY"
    YEARLY = "YEARLY"
    EVERY_N_DAYS = "EVERY_N_DAYS"


class RecurringStatus(StrEnum):
    """Whether invoices are made."""

    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    ENDED = "ENDED"


class RecurringInvoice(SQLModel, table=True):
    """An order to make an invoice like `invoice_id` again and again.

    Days are counted from `starts_on`, and `step` is the count of the next one, `next_on` its day; null once
    ended. `made_count` is how many were made; `refusal` why the next could not be. `owner_id` is always
    null: the guard that keeps a partner's tags from customers keeps these too.
    """

    __tablename__ = "recurring_invoice"
    __table_args__ = (
        ForeignKeyConstraint(["partner_id", "customer_id"], ["customer.partner_id", "customer.id"]),
        # The invoices made point back here: this way is added when both tables are there.
        ForeignKeyConstraint(
            ["partner_id", "customer_id", "invoice_id"],
            ["invoice.partner_id", "invoice.customer_id", "invoice.id"],
            use_alter=True,
        ),
        UniqueConstraint("partner_id", "customer_id", "id"),
        # A form sent twice does not bill a customer twice a month.
        Index(
            "uq_recurring_invoice_repeated", "partner_id", "invoice_id", unique=True,
            postgresql_where="status <> 'ENDED'",
        ),
        CheckConstraint("(frequency = 'EVERY_N_DAYS') = (every_days is not null)", name="days_where_counted"),
        CheckConstraint(f"every_days between 1 and {LONGEST_STEP_DAYS}", name="days_in_range"),
        CheckConstraint("(status = 'ENDED') = (next_on is null)", name="next_until_ended"),
        CheckConstraint("made_count >= 0 and step >= 0", name="counts_up"),
        CheckConstraint("max_count is null or max_count >= made_count", name="within_count"),
        CheckConstraint("refusal is null or status = 'ACTIVE'", name="only_active_refused"),
        Index(
            "ix_recurring_invoice_next", "partner_id", "next_on", "id", postgresql_where="status = 'ACTIVE'"
        ),
        Index("ix_recurring_invoice_created", "partner_id", "created_at", "id"),
        Index("ix_recurring_invoice_customer", "partner_id", "customer_id", "created_at", "id"),
        Index("ix_recurring_invoice_invoice", "partner_id", "invoice_id", "created_at", "id"),
        CheckConstraint("owner_id is null", name="partners_only"),
        guarded(Guard.OWN),
    )  # fmt: skip

    partner_id: UUID = tenant()
    id: UUID = key()
    customer_id: UUID
    invoice_id: UUID
    owner_id: UUID | None = None
    status: RecurringStatus = choice(RecurringStatus)
    frequency: RecurringFrequency = choice(RecurringFrequency)
    every_days: int | None = count(default=None)
    starts_on: date = day()
    step: int = count(default=0)
    next_on: date | None = day(default=None)
    ends_on: date | None = day(default=None)
    max_count: int | None = count(default=None)
    made_count: int = count(default=0)
    auto_send: bool
    refusal: SendRefusal | None = choice(SendRefusal, default=None)
    created_by: UUID | None = None
    created_by_name: str
    version: int = count(default=1)
    created_at: datetime = instant()
    updated_at: datetime = instant()


class Rhythm(NamedTuple):
    """From which day on, how often, and until when: what a calendar follows from.

    `left` is how many may still be made, None for no limit.
    """

    frequency: RecurringFrequency
    every_days: int | None
    starts_on: date
    ends_on: date | None
    left: int | None


class Turn(NamedTuple):
    """A day on which an invoice is made, and its count from the first one."""

    step: int
    on: date


def rhythm_of(row: RecurringInvoice) -> Rhythm:
    """A stored order's rhythm."""
    left = None if row.max_count is None else row.max_count - row.made_count
    return Rhythm(row.frequency, row.every_days, row.starts_on, row.ends_on, left)


def turns(db: Session, rhythm: Rhythm, *, step: int, many: int, since: date | None = None) -> Sequence[Turn]:
    """The next `many` turns from the count `step` on, none before `since`; fewer where it ends."""
    if rhythm.left is not None:
        many = min(many, rhythm.left)
    k = func.generate_series(step, step + _FARTHEST).column_valued("k")
    on = day_of(literal(rhythm.starts_on, Date), rhythm.frequency, literal(rhythm.every_days or 0), k)
    wanted = select(k, on).where(on <= min(rhythm.ends_on or DAYS[1], DAYS[1])).order_by(k).limit(many)
    if since is not None:
        wanted = wanted.where(on >= since)
    return [Turn(*row) for row in db.exec(wanted)]


def upcoming(row: Any, many: int) -> ColumnElement[Any]:
    """The days of a stored order's next `many` invoices, as an array; `row` are its columns, in SQL."""
    k = func.generate_series(row.step, row.step + many - 1).column_valued("k")
    on = day_of(row.starts_on, row.frequency, func.coalesce(row.every_days, 0), k)
    inside = (
        row.next_on.is_not(None),
        on <= func.least(row.ends_on, literal(DAYS[1], Date)),
        func.coalesce(row.made_count + (k - row.step) < row.max_count, literal(True)),
    )
    return func.array(select(on).where(*inside).order_by(k).scalar_subquery())


def day_of(starts_on: Any, frequency: Any, every_days: Any, k: Any) -> ColumnElement[Any]:
    """The day of the turn that is counted `k` from the first one, in SQL."""
    # From the first day each time: from month to month, a 31st would stay the 28th after February.
    months = case(
        (frequency == RecurringFrequency.MONTHLY, 1), (frequency == RecurringFrequency.QUARTERLY, 3),
        (frequency == RecurringFrequency.YEARLY, 12), else_=0,
    )  # fmt: skip
    step = func.make_interval(0, cast(months * k, Integer), 0, cast(every_days * k, Integer))
    return cast(starts_on + step, Date)

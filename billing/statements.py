"""A customer's statement of account: what was owed before, every movement in order, what is owed after.

Surprise: it is read from the ledger alone. A movement stands on the day it was posted, by the partner's
calendar, so that the statement of a day that is over never changes; what nobody posted is not on it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlmodel import Session

from auth.actors import Action, Actor
from billing.customers import Customer
from billing.derived import OLDEST, Age
from billing.ledger import EntryCause
from billing.money import Currency, Money
from billing.papers import Letterhead, customer_of, letterhead
from errors import Conflict, Invalid, Problem

# What fits one document and one page that people still read.
MOST_MOVEMENTS = 5_000
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
EARLIEST = date(2000, 1, 1)


@dataclass(frozen=True)
class Movement:
    """One entry: above zero more is owed, below it less. `balance_minor` is what is owed after it, `note` the
    number of the credit note that it is.

    Of money from outside: `received_on` is when it came, which may be before the day it was posted on, and
    `kept` what of it became the customer's credit (below zero: is gone again)."""

    day: date
    at: datetime
    cause: EntryCause
    subject_id: UUID
    numbers: tuple[str, ...]
    note: str | None
    due_on: date | None
    amount_minor: int
    balance_minor: int
    received_on: date | None = None
    kept: Money | None = None


@dataclass(frozen=True)
class Statement:
    """The account from the first day to the last, both included; `ages` are what is owed on the last one,
    `credit_minor` what the customer then had in credit that no invoice took yet."""

    head: Letterhead
    customer: Customer
    first: date
    last: date
    opening_minor: int
    movements: Sequence[Movement]
    ages: Mapping[Age, int]
    begins_at: datetime
    credit_minor: int

    @property
    def currency(self) -> Currency:
        """Whatever is owed is in the customer's currency."""
        return self.customer.currency

    @property
    def closing_minor(self) -> int:
        """What is owed at the end of the last day."""
        return self.movements[-1].balance_minor if self.movements else self.opening_minor

    @property
    def changed_at(self) -> datetime:
        """When the last thing on it happened."""
        return self.movements[-1].at if self.movements else self.begins_at

    @property
    def charged_minor(self) -> int:
        """What came on top in between."""
        return sum(one.amount_minor for one in self.movements if one.amount_minor > 0)

    @property
    def credited_minor(self) -> int:
        """What was paid or taken back in between."""
        return -sum(one.amount_minor for one in self.movements if one.amount_minor < 0)


class TooManyMovements(Conflict):
    """More than one document holds."""

    code = "STATEMENT_TOO_LONG"
    message = "More happened in this time than one statement holds. Choose a shorter time."


def statement(
    db: Session, actor: Actor, *, customer_id: UUID, first: date | None, last: date | None, now: datetime
) -> Statement:
    """The account of one customer. Left out: to today, from the first of the month two months before.

    Refuses NotFound, TooManyMovements, and at ("from",) and ("to",) BAD_RANGE: days that are no range, or
    that are still to come.
    """
    actor.require(Action.VIEW_INVOICES)
    actor.require(Action.VIEW_PAYMENTS)
    customer, head = customer_of(db, actor, customer_id), letterhead(db, actor)
    zone = ZoneInfo(head.partner.time_zone)
    last = last or now.astimezone(zone).date()
    if first is None:
        first = _month_before(_month_before(last)) if last > EARLIEST else last
    _require_range(first, last, now.astimezone(zone).date())
    begins, ends = (datetime.combine(day, time.min, zone) for day in (first, last + timedelta(days=1)))
    asked = {
        "partner": customer.partner_id, "customer": customer.id, "begins": begins, "ends": ends,
        "most": 1 + MOST_MOVEMENTS + 1,
    }  # fmt: skip
    rows = db.execute(_ACCOUNT, asked).all()
    if len(rows) > 1 + MOST_MOVEMENTS:
        raise TooManyMovements
    opening = sum(rows[0].amounts)
    return Statement(
        head=head,
        customer=customer,
        first=first,
        last=last,
        opening_minor=opening,
        movements=_movements(rows[1:], opening, zone, customer.currency),
        ages=_by_age(rows, last),
        begins_at=begins,
        credit_minor=rows[0].credit,
    )


def read_day(typed: str | None, field: str) -> date | None:
    """A day as it is asked for, None for none. Refuses at (field,): BAD_DATE."""
    written = (typed or "").strip()
    if not written:
        return None
    # Nothing but YYYY-MM-DD: Python reads more than that.
    with suppress(ValueError):
        if _DAY.fullmatch(written):
            return date.fromisoformat(written)
    message = "Write the day as YYYY-MM-DD, like 2026-03-31."
    raise Invalid.at(field, code="BAD_DATE", message=message)


def _require_range(first: date, last: date, today: date) -> None:
    problems = []
    if not EARLIEST <= first <= last:
        message = "Choose a first day on or before the last one, from the year 2000 on."
        problems.append(Problem("BAD_RANGE", ("from",), message))
    if last > today:
        problems.append(Problem("BAD_RANGE", ("to",), "Choose a last day that is not in the future."))
    if problems:
        raise Invalid(problems)


def _movements(rows: Sequence[Any], opening: int, zone: ZoneInfo, currency: Currency) -> list[Movement]:
    found, balance = [], opening
    for row in rows:
        moved = sum(row.amounts)
        balance += moved
        found.append(
            Movement(
                day=row.at.astimezone(zone).date(),
                at=row.at,
                cause=EntryCause(row.cause),
                subject_id=row.subject_id,
                numbers=tuple(filter(None, row.numbers)),
                note=row.note,
                due_on=min(filter(None, row.dues), default=None),
                amount_minor=moved,
                balance_minor=balance,
                received_on=row.received_on,
                kept=Money(row.kept, currency) if row.kept else None,
            )
        )
    return found


def _by_age(rows: Iterable[Any], day: date) -> dict[Age, int]:
    ages = dict.fromkeys(Age, 0)
    for row in rows:
        for due_on, minor in zip(row.dues, row.amounts, strict=True):
            past = (day - due_on).days if due_on else 0
            ages[next((age for age, days in OLDEST.items() if past <= days), Age.OVER_90_DAYS)] += minor
    return ages


def _month_before(day: date) -> date:
    """The first day of the month before."""
    return (day.replace(day=1) - timedelta(days=1)).replace(day=1)


# All in one statement, so that no payment in between can tear sums and movements apart. The first row is what
# was owed before, by the day it is due on, and what is in credit at the end.
_ACCOUNT = text("""
with moved as (
  select e.id, e.at, e.cause, e.subject_id, i.number, i.due_on, p.amount_minor, n.number as note,
    x.received_on, case e.cause when 'OUTSIDE_PAYMENT_RECORDED' then x.kept_minor
      when 'OUTSIDE_PAYMENT_REVERSED' then -x.kept_minor else 0 end as kept
  from ledger_entry e
  join ledger_posting p on p.partner_id = e.partner_id and p.entry_id = e.id and p.account = 'RECEIVABLE'
  left join invoice i on i.partner_id = p.partner_id and i.id = p.invoice_id
  left join credit_note n on n.partner_id = e.partner_id and n.id = e.subject_id
  left join outside_payment x on x.partner_id = e.partner_id and x.id = e.subject_id
  where e.partner_id = :partner and e.customer_id = :customer and e.at < :ends),
opening as (select due_on, sum(amount_minor)::bigint as owed from moved where at < :begins group by due_on)
select null::uuid as id, null::timestamptz as at, null as cause, null::uuid as subject_id,
  '{}'::text[] as numbers, coalesce(array_agg(due_on order by due_on), '{}') as dues,
  coalesce(array_agg(owed order by due_on), '{}') as amounts,
  (select coalesce(-sum(p.amount_minor), 0)::bigint from ledger_entry e
    join ledger_posting p on p.partner_id = e.partner_id and p.entry_id = e.id
    where e.partner_id = :partner and e.customer_id = :customer and e.at < :ends
      and p.account = 'CUSTOMER_CREDIT') as credit, null::text as note, null::date as received_on, 0 as kept
from opening
union all
select id, at, cause, subject_id, array_agg(number::text order by number),
  array_agg(due_on order by number), array_agg(amount_minor order by number), null, max(note)::text,
  max(received_on), max(kept)
from moved where at >= :begins group by id, at, cause, subject_id
order by at nulls first, id
limit :most""")

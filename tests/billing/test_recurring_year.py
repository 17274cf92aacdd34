"""R-5 for recurring invoices: 400 days of rounds, a leap day, daylight-saving nights, an outage."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, text

from billing import invoices, recurring_invoices
from billing.invoice_fields import InvoiceInput, LineInput
from billing.recurring_fields import RecurringInput
from db.session import Database
from integrations import rounds
from tests import figures
from tests.billing.acting import Acts
from tests.cast import Cast

NEW_YORK = ZoneInfo("America/New_York")
# In the everyday run from the leap day to after the clocks went forward; 400 days in `make prove`.
FIRST = date(2027, 10, 1) if figures.PROVING else date(2028, 2, 25)
DAYS = figures.rounds(25, 400)
LAST = FIRST + timedelta(days=DAYS - 1)
# The worker is down on these days: around the night in March 2028 on which the clocks go forward.
DOWN = {date(2028, 3, 11), date(2028, 3, 12), date(2028, 3, 13)}


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), NEW_YORK).astimezone(UTC)


def monthly(first: date) -> list[date]:
    """Every 31st from `first` on, or the month's last day: said again without the database."""
    days = []
    year, month = first.year, first.month
    while True:
        following = date(year + month // 12, month % 12 + 1, 1)
        days.append(following - timedelta(days=1))
        if following > LAST:
            return [day for day in days if first <= day <= LAST]
        year, month = following.year, following.month


@pytest.mark.prove
@pytest.mark.timeout(900)
def test_every_turn_makes_its_one_invoice_at_nine(
    database: Database, acts: Acts, cast: Cast, owner: Connection
) -> None:
    acts.now = at(FIRST, 0)
    lines = [LineInput(description="Work", quantity="1", unit_price="10.00")]
    # Of a 31st, so that each month has its last day.
    fields = InvoiceInput(lines=lines, issue_on="2027-08-31", due_on="2029-12-31")
    daily = RecurringInput(frequency="EVERY_N_DAYS", every_days=1, next_on=FIRST, auto_send=True)
    ids = []
    for order in (daily, RecurringInput(frequency="MONTHLY")):
        made = acts(cast.ada, invoices.create_draft, customer_id=cast.customers["globex"], fields=fields)
        ids.append(acts(cast.ada, recurring_invoices.create, invoice_id=made.id, fields=order).id)
    wanted = {ids[0]: [FIRST + timedelta(days=away) for away in range(DAYS)], ids[1]: monthly(FIRST)}
    made_at: list[tuple[datetime, int]] = []
    for day in wanted[ids[0]]:
        for moment in (at(day, 0, 30), at(day, 8, 59), at(day, 9), at(day, 9, 5)):
            if day not in DOWN and (many := rounds.make_recurring(database, now=moment)):
                made_at.append((moment, many))
    back = max(DOWN) + timedelta(days=1)
    asked = text("select recurs_on from invoice where recurring_id = :id order by 1")
    for order_id, days in wanted.items():
        assert list(owner.scalars(asked, {"id": order_id})) == days
    # What was missed is made at once when the worker is back; all else at nine, not before.
    late = [moment for moment, _ in made_at if moment != at(moment.astimezone(NEW_YORK).date(), 9)]
    assert late == [at(back, 0, 30)]
    assert sum(many for _, many in made_at) == sum(map(len, wanted.values()))
    assert date(2028, 2, 29) in wanted[ids[1]]
    numbers = owner.scalars(text("select number from invoice where number <> '' order by number"))
    assert list(numbers) == [f"NO-{number:05d}" for number in range(1, DAYS + 1)]
    assert acts.count("mail") == DAYS

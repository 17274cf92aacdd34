"""R-5 for drafts sent on a day: 400 days of rounds, a leap day, daylight-saving nights, an outage."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, text

from billing import invoice_scheduling, invoices
from billing.invoice_fields import InvoiceInput, LineInput
from db.session import Database
from integrations import rounds
from tests import figures
from tests.billing.acting import Acts
from tests.cast import Cast

NEW_YORK = ZoneInfo("America/New_York")
# In the everyday run from the leap day to after the clocks went forward; 400 days in `make prove`.
FIRST = date(2027, 10, 1) if figures.PROVING else date(2028, 2, 25)
DAYS = figures.rounds(25, 400)
# The worker is down on these days: around the night in March 2028 on which the clocks go forward.
DOWN = {date(2028, 3, 11), date(2028, 3, 12), date(2028, 3, 13)}


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), NEW_YORK).astimezone(UTC)


@pytest.mark.prove
@pytest.mark.timeout(900)
def test_every_day_sends_its_one_draft_at_nine(
    database: Database, acts: Acts, cast: Cast, owner: Connection
) -> None:
    acts.now = at(FIRST, 0)
    fields = InvoiceInput(
        lines=[LineInput(description="Work", quantity="1", unit_price="10.00")], due_on="2029-01-01"
    )
    days = [FIRST + timedelta(days=away) for away in range(DAYS)]
    for day in days:
        made = acts(cast.ada, invoices.create_draft, customer_id=cast.customers["globex"], fields=fields)
        acts(cast.ada, invoice_scheduling.schedule, invoice_id=made.id, send_on=day)
    sent: list[tuple[date, int]] = []
    for day in days:
        for moment in (at(day, 0, 30), at(day, 8, 59), at(day, 9), at(day, 9, 5)):
            if day not in DOWN and (many := rounds.send_planned(database, now=moment)):
                sent.append((moment.astimezone(NEW_YORK).date(), many))
                # What was missed is done at once when the worker is back; all else at nine, not before.
                assert moment == (at(day, 0, 30) if many == len(DOWN) else at(day, 9))
    up = [day for day in days if day not in DOWN]
    back = max(DOWN) + timedelta(days=1)
    assert sorted(sent) == sorted([*((day, 1) for day in up), (back, len(DOWN))])
    assert date(2028, 2, 29) in up
    numbers = owner.scalars(text("select number from invoice where status = 'OPEN' order by send_on, number"))
    assert list(numbers) == [f"NO-{number:05d}" for number in range(1, DAYS + 1)]
    assert acts.count("mail") == DAYS

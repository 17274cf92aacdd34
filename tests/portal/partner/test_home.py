"""The dashboard's home: what waits, what is owed by age, what happened lately."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, text

from billing import customers, invoice_sending, invoices
from billing.customer_fields import CustomerInput
from billing.derived import Age
from billing.invoice_fields import InvoiceInput, LineInput
from billing.payment_methods import Funding, MethodKind, PaymentMethod
from billing.payments import Payment, PaymentStatus
from db.columns import new_id
from db.session import Database
from portal.partner.aging import aged, due_between
from tests.cast import Cast
from tests.portal.conftest import Clock, Person, text_of

TODAY = date(2026, 3, 31)


def sent(database: Database, cast: Cast, now: datetime, *, due: date, price: str = "10.00") -> str:
    """The number of an invoice of Acme's that is due then."""
    ada = cast.ada
    with database.transaction(partner_id=ada.partner_id) as db:
        draft = invoices.create_draft(
            db, ada, customer_id=cast.customers["acme"], now=now,
            fields=InvoiceInput(
                issue_on=due - timedelta(days=400), due_on=due,
                lines=[LineInput(description="Visit", quantity="1", unit_price=price)],
            ),
        )  # fmt: skip
        return invoice_sending.send(db, ada, invoice_id=draft.id, now=now).number


def failed(database: Database, cast: Cast, at: datetime) -> None:
    """A payment of Acme's that failed."""
    place = {"partner_id": cast.ada.partner_id, "customer_id": cast.customers["acme"]}
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        method = PaymentMethod(
            **place, kind=MethodKind.CARD, funding=Funding.CREDIT, brand="visa", last4="4242", exp_month=12,
            exp_year=2034, fingerprint="f", gateway="sandbox", gateway_account="a", gateway_ref=str(new_id()),
            is_default=False, created_at=at, updated_at=at,
        )  # fmt: skip
        db.add(method)
        db.flush()
        db.add(
            Payment(
                **place, status=PaymentStatus.FAILED, amount_minor=7700, currency="USD",
                payment_method_id=method.id, gateway="sandbox", gateway_account="a",
                gateway_key=str(new_id()), failure_code="odd",
                failure_message=f"The bank said no on {at:%d}.", asked_by_kind="SYSTEM",
                request_key=str(new_id()), request_hash=b"x", tries=1, created_at=at, updated_at=at,
                settled_at=at,
            )
        )  # fmt: skip


def test_nothing_waits(ada: Person) -> None:
    said = text_of(ada.get())
    assert "Nothing waits for you" in said
    assert "Receivables" not in said


def test_failed_payments_of_the_last_fourteen_days_wait(
    ada: Person, database: Database, cast: Cast, now: datetime
) -> None:
    failed(database, cast, now - timedelta(days=14))
    failed(database, cast, now - timedelta(days=14, seconds=1))
    said = text_of(ada.get())
    assert "Failed payments 1" in said
    assert f"The bank said no on {now - timedelta(days=14):%d}." in said
    assert "$77.00" in said


def test_bars_and_table_say_the_same_and_each_age_leads_to_its_invoices(
    ada: Person, database: Database, cast: Cast, now: datetime
) -> None:
    today = now.astimezone(ZoneInfo("America/New_York")).date()
    # Both sides of every day at which a debt grows older.
    late = (-5, 0, 1, 30, 31, 60, 61, 90, 91, 300)
    numbers = {
        days: sent(database, cast, now, due=today - timedelta(days=days), price=f"{days + 10}.00")
        for days in late
    }
    page = ada.get().text
    drawn = re.search(r"<desc[^>]*>(.*?)</desc>", page)
    assert drawn is not None
    assert drawn[1] == (
        "Not due yet: $15.00; 1–30 days: $51.00; 31–60 days: $111.00; 61–90 days: $171.00;"
        " Over 90 days: $411.00"
    )
    told = text_of(ada.get())
    assert "1–30 days 2 $51.00" in told
    assert "Total 10 $759.00" in told
    expected = {"Not due yet": (-5, 0), "1–30 days": (1, 30), "31–60 days": (31, 60), "61–90 days": (61, 90)}
    for label, days in {**expected, "Over 90 days": (91, 300)}.items():
        leads = re.search(rf'<a href="/partner/northwind(/invoices\?[^"]+)">{label}</a>', page)
        assert leads is not None, label
        listed = set(re.findall(r">(NO-\d+)</a>", ada.get(leads[1].replace("&amp;", "&")).text))
        assert listed == {numbers[day] for day in days}, label


def test_the_partners_calendar_decides_not_the_servers(
    signed_in: Callable[[str], Person], database: Database, cast: Cast, now: datetime, clock: Clock
) -> None:
    sent(database, cast, now, due=date(2026, 3, 10))
    # In the night to March 11 it is the 11th in UTC long before it is in New York, two days into summer time.
    clock.now = datetime(2026, 3, 11, 3, 59, 59, tzinfo=UTC)
    ada = signed_in("ada")
    assert "Not due yet 1 $10.00" in text_of(ada.get())
    clock.now = datetime(2026, 3, 11, 4, 0, 0, tzinfo=UTC)
    page = ada.get()
    assert "1–30 days 1 $10.00" in text_of(page)
    assert "due_from=2026-02-08&amp;due_to=2026-03-09" not in page.text
    assert "due_from=2026-02-09&amp;due_to=2026-03-10" in page.text


def test_currencies_are_never_added(
    ada: Person, database: Database, cast: Cast, now: datetime, owner: Connection
) -> None:
    sent(database, cast, now, due=now.date() + timedelta(days=9))
    owner.execute(
        text("update customer set currency = 'CAD' where id = :id"), {"id": cast.customers["globex"]}
    )
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        lines = [LineInput(description="Visite", quantity="1", unit_price="20.00")]
        draft = invoices.create_draft(
            db, cast.ada, customer_id=cast.customers["globex"], fields=InvoiceInput(lines=lines), now=now
        )
        invoice_sending.send(db, cast.ada, invoice_id=draft.id, now=now)
    said = text_of(ada.get())
    assert "Receivables by age, CAD" in said
    assert "Total 1 CA$20.00" in said
    assert "Receivables by age, USD" in said
    assert "Total 1 $10.00" in said


def test_customers_in_setup_and_invites_wait(
    ada: Person, database: Database, cast: Cast, now: datetime
) -> None:
    fields = {"address": "1 A", "city": "Peoria", "state": "IL", "postal_code": "61602", "country": "US"}
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        customers.create(db, cast.ada, fields=CustomerInput(company="Zenith", **fields), now=now)
    said = text_of(ada.get())
    assert "Customers in set-up 1" in said
    assert "Finish setup of Zenith" in said


def test_recent_activity_is_told_in_sentences_to_who_may_read_the_log(
    ada: Person, clem: Person, database: Database, cast: Cast, now: datetime
) -> None:
    number = sent(database, cast, now, due=now.date() + timedelta(days=9))
    page = ada.get().text
    assert f"sent invoice {number} ($10.00)</a> · <a" in page
    assert "Recent activity" in text_of(ada.get())
    assert "Recent activity" not in text_of(clem.get())


@pytest.mark.parametrize("seed", range(5))
def test_ages_cover_every_day_once(seed: int) -> None:
    chance = Random(seed)
    for _ in range(2_000):
        due = TODAY - timedelta(days=chance.randrange(-400, 400))
        fits = []
        for age in Age:
            first, last = due_between(age, TODAY)
            if (first is None or due >= first) and (last is None or due <= last):
                fits.append(age)
        late = (TODAY - due).days
        wanted = (
            Age.CURRENT if late <= 0 else Age.DAYS_1_TO_30 if late <= 30 else Age.DAYS_31_TO_60
            if late <= 60 else Age.DAYS_61_TO_90 if late <= 90 else Age.OVER_90_DAYS
        )  # fmt: skip
        assert fits == [wanted]


def test_the_longest_bar_is_the_largest_amount_and_nothing_has_none() -> None:
    def row(age: str, amount: str) -> dict[str, object]:
        return {"currency": "USD", "age": age, "balance": {"amount": amount}, "invoiceCount": 1}

    (usd,) = aged(
        [row("CURRENT", "200.00"), row("DAYS_1_TO_30", "50.00"), row("OVER_90_DAYS", "0.01")], today=TODAY
    )
    assert [bar.length for bar in usd.bars] == [30, 7.5, 0, 0, 0.6]
    assert usd.total == {"amount": "250.01", "currency": "USD"}
    assert usd.invoices == 3

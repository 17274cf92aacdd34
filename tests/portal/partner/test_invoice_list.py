"""The dashboard's list of invoices: every filter, what it comes to, and the chart that follows it."""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import Connection, text
from sqlmodel import select

from billing import crediting, invoice_life, invoice_sending, invoices, outside_payments
from billing.crediting import CreditLineInput, CreditNoteInput
from billing.invoice_fields import InvoiceInput, LineInput
from billing.invoices import InvoiceLine
from billing.outside_payments import OutsideInput
from db import ids
from db.session import Database
from portal.partner import invoice_list
from tests.billing.acting import acting
from tests.cast import Cast
from tests.portal.conftest import Person, text_of

Arrive = Callable[[str], Person]
Things = Mapping[str, str]


def bill(
    database: Database, cast: Cast, now: datetime, *, late: int, price: str, customer: str = "acme",
    po: str | None = None, send: bool = True,
) -> str:  # fmt: skip
    """An invoice due `late` days ago; its id."""
    due = now.date() - timedelta(days=late)
    fields = InvoiceInput(
        issue_on=due - timedelta(days=30), due_on=due, po_number=po,
        lines=[LineInput(description="Visit", quantity="1", unit_price=price)],
    )  # fmt: skip
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        draft = invoices.create_draft(
            db, cast.ada, customer_id=cast.customers[customer], fields=fields, now=now
        )
        if send:
            invoice_sending.send(db, cast.ada, invoice_id=draft.id, now=now)
        return ids.shown("inv", draft.id)


@pytest.fixture
def billed(database: Database, owner: Connection, cast: Cast, now: datetime) -> Things:
    """Acme: 10.00 (5 days late, PO-77), 200.00 (40 days late), 3,000.00 (not due), a draft of 1.00. Globex,
    in Canadian dollars: 50.00 (5 days late).
    """
    owner.execute(
        text("update customer set currency = 'CAD' where id = :id"), {"id": cast.customers["globex"]}
    )
    owner.commit()
    return {
        "ten": bill(database, cast, now, late=5, price="10.00", po="PO-77"),
        "two": bill(database, cast, now, late=40, price="200.00"),
        "three": bill(database, cast, now, late=-20, price="3000.00"),
        "draft": bill(database, cast, now, late=-20, price="1.00", send=False),
        "cad": bill(database, cast, now, late=5, price="50.00", customer="globex"),
    }


def listed(person: Person, query: str, billed: Things) -> set[str]:
    page = person.get(f"/invoices?{query}")
    assert page.status_code == 200
    return {name for name, id_ in billed.items() if f'/invoices/{id_}"' in page.text}


def figures(page: str) -> list[list[str]]:
    """Each currency's figures as they stand on the page."""
    shown = re.findall(r'<dl class="figures">.*?</dl>', page, re.S)
    return [re.findall(r"<dd[^>]*>([^<]+)</dd>", one) for one in shown]


def test_each_filter_alone_and_together(ada: Person, billed: Things, cast: Cast, now: datetime) -> None:
    acme, due = f"cus_{cast.customers['acme'].hex}", now.date() - timedelta(days=5)
    expected = {
        "total_from=200": {"two", "three"},
        "total_from=200.00&total_to=200": {"two"},
        "balance_from=0.01&balance_to=100": {"ten", "cad"},
        "balance_to=0": {"draft"},
        "po=77": {"ten"},
        "po=nothing": set(),
        "number=NO-00002": {"two"},
        "number=NO-": {"ten", "two", "three", "cad"},
        f"customer={acme}": {"ten", "two", "three", "draft"},
        f"customer=cus_{'0' * 32}": set(),
        f"issued_from={due - timedelta(days=30)}&issued_to={due - timedelta(days=30)}": {"ten", "cad"},
        "currency=cad": {"cad"},
        f"customer={acme}&status=overdue&total_to=100": {"ten"},
    }
    assert {asked: listed(ada, asked, billed) for asked in expected} == expected


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("total_from=lots", "Write totals as amounts like 1500.00."),
        ("balance_to=1,00", "Write balances as amounts like 1500.00."),
        ("issued_from=then", "Write issue dates as YYYY-MM-DD"),
        ("total_from=200&total_to=30", "The first total is above the second"),
        ("balance_from=9&balance_to=1", "The first balance is above the second"),
        ("issued_from=2026-02-02&issued_to=2026-01-01", "The first issue date is after the last one"),
    ],
)
def test_what_can_not_be_meant_is_said_and_kept_in_its_field(ada: Person, asked: str, said: str) -> None:
    page = ada.get(f"/invoices?{asked}")
    assert said in text_of(page)
    assert f'value="{asked.split("=")[-1]}"' in page.text


def test_totals_follow_the_filter_and_never_add_two_currencies(ada: Person, billed: Things) -> None:
    assert figures(ada.get("/invoices").text) == [
        ["1", "CA$50.00", "CA$0.00", "CA$50.00", "CA$50.00"],
        ["3", "$3,210.00", "$0.00", "$3,210.00", "$210.00"],
    ]
    assert figures(ada.get("/invoices?status=overdue&currency=USD").text) == [
        ["2", "$210.00", "$0.00", "$210.00", "$210.00"]
    ]
    assert figures(ada.get("/invoices?status=draft").text) == [["1", "$1.00"]]
    assert figures(ada.get("/invoices?search=nothing-of-the-kind").text) == []
    assert "Invoices in CAD" in ada.get("/invoices").text
    assert "Invoices in" not in ada.get("/invoices?currency=USD").text


def test_the_totals_add_up_and_say_what_they_leave_out(
    ada: Person, signed_in: Arrive, billed: Things, database: Database, cast: Cast, now: datetime
) -> None:
    two, three = (ids.parsed(billed[name], "inv") for name in ("two", "three"))
    void = bill(database, cast, now, late=5, price="70.00")
    with acting(database, cast.ada) as db:
        cash = OutsideInput(kind="CASH", amount="500.00", send_receipt=False)
        outside_payments.record(db, cast.ada, invoice_id=three, fields=cash, request_key="c", now=now)
        line = db.exec(select(InvoiceLine.id).where(InvoiceLine.invoice_id == three)).one()
        less = CreditNoteInput(reason="Less", lines=[CreditLineInput(line_id=line, amount="300.00")])
        crediting.issue(db, cast.ada, invoice_id=three, fields=less, request_key="n", now=now)
        invoice_life.write_off(db, cast.ada, invoice_id=two, reason=None, now=now)
        invoice_life.void(db, cast.ada, invoice_id=ids.parsed(void, "inv"), now=now)
    page = text_of(ada.get("/invoices?currency=USD"))
    # 3,210 = 300 + 500 + 200 + 2,210
    sums = (
        "Invoices 3 Invoiced $3,210.00 Credited $300.00 Amount paid $500.00 Written off $200.00"
        " Left to pay $2,210.00 Of that, overdue $10.00"
    )
    assert sums in page
    assert "Not in these sums: one draft ($1.00) and one void invoice." in page
    assert figures(ada.get("/invoices?status=void").text) == [["1"]]
    own = text_of(signed_in("carl").get("/invoices?status=all"))
    assert sums in own
    assert "Not in these sums: one void invoice." in own
    assert "draft" not in own


def test_the_chart_follows_the_filter_and_its_bars_lead_to_parts_of_it(
    ada: Person, billed: Things, cast: Cast
) -> None:
    acme = f"cus_{cast.customers['acme'].hex}"
    page = ada.get(f"/invoices?customer={acme}&total_to=500").text
    assert "Receivables by age, USD" in page
    assert "Receivables by age, CAD" not in page
    ways = re.findall(r'<th scope="row"><a href="/partner/northwind(/invoices\?status=open[^"]+)"', page)
    found = [listed(ada, way.replace("&amp;", "&").split("?")[1], billed) for way in ways]
    assert found == [{"ten"}, {"two"}]


def test_a_long_list_comes_first_and_its_totals_after_it(
    ada: Person, billed: Things, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invoice_list, "MOST_COUNTED", 2)
    page = ada.get("/invoices?status=open&currency=USD").text
    assert figures(page) == []
    assert 'hx-get="/partner/northwind/invoices/totals?status=open&amp;currency=USD"' in page
    assert '<a href="/partner/northwind/invoices/totals?status=open&amp;currency=USD">' in page
    alone = ada.get("/invoices/totals?status=open&currency=USD")
    assert figures(alone.text) == [["3", "$3,210.00", "$0.00", "$3,210.00", "$210.00"]]
    assert 'href="/partner/northwind/invoices?status=open&amp;currency=USD"' in alone.text
    assert "No invoice matches" in text_of(ada.get("/invoices/totals?search=nothing"))


def test_the_customers_tab_leads_to_its_invoices_alone(ada: Person, billed: Things, cast: Cast) -> None:
    acme = f"cus_{cast.customers['acme'].hex}"
    assert f"/invoices?customer={acme}" in ada.get(f"/customers/{acme}/invoices").text
    page = ada.get(f"/invoices?customer={acme}&status=open")
    assert "Customer: Acme" in text_of(page)
    assert f'name="customer" value="{acme}"' in page.text
    assert f"customer={acme}&amp;status=overdue" in page.text
    assert '<a class="chip" href="/partner/northwind/invoices?status=open">' in page.text
    gone = ada.get(f"/invoices?customer=cus_{'0' * 32}")
    assert "Customer: one that is gone" in text_of(gone)


def test_another_partners_customer_is_one_that_is_gone(signed_in: Arrive, billed: Things, cast: Cast) -> None:
    mallory, acme = signed_in("mallory"), f"cus_{cast.customers['acme'].hex}"
    theirs, nobodys = (mallory.get(f"/invoices?customer={id_}").text for id_ in (acme, f"cus_{'0' * 32}"))
    assert theirs.replace(acme, "x") == nobodys.replace(f"cus_{'0' * 32}", "x")
    assert figures(theirs) == []


def test_dates_before_the_calendars_first_are_none(ada: Person) -> None:
    assert date.min.isoformat() in ada.get(f"/invoices?due_from={date.min}").text

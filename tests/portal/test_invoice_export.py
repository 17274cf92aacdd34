"""Invoices as a CSV file at both doors: exactly what the list shows, or what is chosen; harmless; logged."""

import csv
import io
from collections.abc import Callable
from datetime import datetime
from html import unescape

import pytest
from httpx2 import Response
from sqlalchemy import Connection, text

from billing.csv_out import BOM
from billing.invoice_exports import COLUMNS
from db.session import Database
from tests.cast import Cast
from tests.portal.conftest import Person, text_of
from tests.portal.partner.test_invoice_list import Things, bill, billed
from tests.world import nothing_changes

__all__ = ["billed"]
Arrive = Callable[[str], Person]


def rows(answer: Response) -> list[dict[str, str]]:
    """The file's rows, by column."""
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].startswith('attachment; filename="invoices-')
    assert answer.text.startswith(BOM)
    found = list(csv.reader(io.StringIO(answer.text.removeprefix(BOM), newline="")))
    assert tuple(found[0]) == COLUMNS
    return [dict(zip(COLUMNS, one, strict=True)) for one in found[1:]]


def hidden(page: Response) -> dict[str, str]:
    """The hidden fields of the page that asks."""
    part = page.text.partition('class="card confirm"')[2]
    pairs = [one.partition('" value="') for one in part.split('<input type="hidden" name="')[1:]]
    return {name: unescape(rest.partition('"')[0]) for name, _, rest in pairs if name != "csrf_token"}


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ("", {"ten", "two", "three", "draft", "cad"}),
        ("status=overdue&currency=USD", {"ten", "two"}),
        ("search=acme&total_from=100", {"two", "three"}),
        ("number=NO-&sort=TOTAL_DESC", {"ten", "two", "three", "cad"}),
    ],
)
def test_the_file_holds_what_the_list_shows(
    ada: Person, billed: Things, owner: Connection, asked: str, names: set[str]
) -> None:
    with nothing_changes(owner):
        page = ada.get(f"/invoices/export?{asked}")
    assert f"Export {len(names)} invoices?" in text_of(page)
    found = rows(ada.post("/invoices/export", hidden(page)))
    shown = ada.get(f"/invoices?{asked}").text
    assert {one["Invoice id"] for one in found} == {billed[name] for name in names}
    places = [shown.index(f'/invoices/{one["Invoice id"]}"') for one in found]
    assert places == sorted(places)
    logged = owner.execute(
        text("select action, details from audit_event where action ~ 'export' order by id")
    ).all()
    assert [one.action for one in logged] == ["invoice.export_started", "invoice.exported"]
    assert logged[1].details == {"rows": len(names)}


def test_amounts_are_plain_numbers_and_texts_are_no_formulas(
    ada: Person, database: Database, cast: Cast, now: datetime, billed: Things
) -> None:
    bill(database, cast, now, late=5, price="12.30", po='=HYPERLINK("http://x")')
    page = ada.get("/invoices/export?total_from=12.30&total_to=12.30")
    [one] = rows(ada.post("/invoices/export", hidden(page)))
    assert one["PO number"] == '\'=HYPERLINK("http://x")'
    assert (one["Total"], one["Balance"], one["Currency"], one["Status"]) == (
        "12.30", "12.30", "USD", "OVERDUE"
    )  # fmt: skip
    assert one["Customer"] == "Acme"
    assert one["Credited"] == "0.00"


def test_a_long_list_is_whole(ada: Person, database: Database, cast: Cast, now: datetime) -> None:
    made = [bill(database, cast, now, late=1, price="1.00") for _ in range(85)]
    found = rows(ada.post("/invoices/export", {"narrowing": "status=open"}))
    assert sorted(one["Invoice id"] for one in found) == sorted(made)


@pytest.mark.parametrize("name", ["ada", "rita"])
def test_chosen_ones_and_whoever_only_reads(signed_in: Arrive, billed: Things, name: str) -> None:
    person = signed_in(name)
    listed = person.get("/invoices?status=open").text
    assert 'href="/partner/northwind/invoices/export?status=open"' in listed
    page = person.get(f"/invoices/export?which=chosen&invoice={billed['two']}&invoice={billed['draft']}")
    assert "Export 2 invoices?" in text_of(page)
    found = rows(person.post("/invoices/export", hidden(page)))
    assert {one["Invoice id"] for one in found} == {billed["two"], billed["draft"]}


def test_nothing_chosen_leads_back_to_the_list_as_it_was(ada: Person, billed: Things) -> None:
    page = ada.get("/invoices/export?which=chosen&narrowing=status%3Dopen")
    assert "Choose the invoices to export." in text_of(page)
    assert page.url.query == b"status=open"


@pytest.mark.parametrize("name", ["petra", "vera"])
def test_a_companys_people_take_out_their_own(
    signed_in: Arrive, billed: Things, owner: Connection, name: str
) -> None:
    person = signed_in(name)
    page = person.get("/invoices/export?status=all")
    assert "Export 3 invoices?" in text_of(page)
    found = rows(person.post("/invoices/export", hidden(page)))
    assert {one["Invoice id"] for one in found} == {billed["ten"], billed["two"], billed["three"]}
    logged = owner.execute(text("select distinct customer_id from audit_event where action ~ 'export'"))
    assert logged.scalar_one() is not None
    with nothing_changes(owner):
        for strange in (billed["draft"], billed["cad"], f"inv_{'0' * 32}"):
            asked = {"which": "chosen", "chosen": f"{billed['ten']} {strange}"}
            assert person.post("/invoices/export", asked).status_code == 404
            assert person.get(f"/invoices/export?which=chosen&invoice={strange}").status_code == 404


def test_the_portals_totals_follow_its_tab_and_filters(signed_in: Arrive, billed: Things) -> None:
    petra = signed_in("petra")
    assert "$3,210.00" in petra.get("/invoices").text
    found = text_of(petra.get("/invoices?status=overdue&total_from=100"))
    assert "Invoices 1 Invoiced $200.00 Amount paid $0.00 Left to pay $200.00" in found

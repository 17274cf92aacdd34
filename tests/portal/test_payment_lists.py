"""The lists of payments at both doors: found by words, narrowed, sorted, and taken out as they are shown."""

import csv
import io
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from httpx2 import Response
from sqlalchemy import Connection, text

from billing import outside_payments, payment_exports
from billing.csv_out import BOM
from billing.outside_payments import OutsideInput
from db import ids
from db.session import Database
from tests.billing.acting import Acts
from tests.cast import Cast
from tests.portal.conftest import Clock, Person, text_of
from tests.portal.customer.conftest import DECLINED, AddCard, Bill, pay
from tests.portal.customer.conftest import add_card as add_card
from tests.portal.customer.conftest import bill as bill
from tests.world import nothing_changes

Arrive = Callable[[str], Person]


def rows(answer: Response, name: str) -> list[dict[str, str]]:
    """The file's rows, by column."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].startswith(f'attachment; filename="{name}-')
    assert answer.text.startswith(BOM)
    return list(csv.DictReader(io.StringIO(answer.text.removeprefix(BOM), newline="")))


def shown(page: Response, prefix: str) -> list[str]:
    """The ids of the list's rows, from the top."""
    return re.findall(rf'<th scope="row"><a href="[^"]+/({prefix}_\w+)"', page.text)


@pytest.fixture
def paid(signed_in: Arrive, bill: Bill, add_card: AddCard, clock: Clock) -> dict[str, str]:
    """Petra's payments: one of two invoices, one that was declined, and Gus' of Globex."""
    petra, gus = signed_in("petra"), signed_in("gus")
    first, second = bill("10.00"), bill("20.00")
    good = pay(petra, add_card(petra), (first, "10.00"), (second, "15.00"))
    clock.now += timedelta(seconds=1)
    bad = pay(petra, add_card(petra, DECLINED), (second, "5.00"))
    clock.now += timedelta(seconds=1)
    other = pay(gus, add_card(gus), (bill("30.00", "globex"), "30.00"))
    made = {"good": good, "bad": bad, "other": other}
    return {name: answer.headers["location"].rpartition("/")[2] for name, answer in made.items()}


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ("", ["other", "bad", "good"]),
        ("search=acme", ["bad", "good"]),
        ("search=NO-00001", ["good"]),
        ("search=4242", ["other", "good"]),
        ("search=visa+globex", ["other"]),
        ("status=failed", ["bad"]),
        ("amount_from=10&amount_to=26", ["good"]),
        ("started_from=2026-03-10&started_to=2026-03-10&sort=AMOUNT_ASC", ["bad", "good", "other"]),
        ("started_to=2026-03-09", []),
        ("started_from=9999-12-31", []),
        ("started_to=9999-12-31&sort=CREATED_AT_ASC", ["good", "bad", "other"]),
        ("currency=CAD", []),
    ],
)
def test_the_dashboards_file_holds_what_its_list_shows(
    signed_in: Arrive, paid: dict[str, str], asked: str, names: list[str]
) -> None:
    ada = signed_in("ada")
    page = ada.get(f"/payments?{asked}")
    assert shown(page, "pay") == [paid[name] for name in names]
    found = rows(ada.post("/payments/export", {"narrowing": asked}), "payments")
    assert [one["Payment id"] for one in found] == [paid[name] for name in names]
    assert ("No payment matches" in page.text) is not bool(names)


def test_a_row_tells_the_invoices_and_their_parts_and_no_formula(
    signed_in: Arrive, paid: dict[str, str], owner: Connection
) -> None:
    owner.execute(text("update customer set company = '=1+1' where company = 'Acme'"))
    ada, petra = signed_in("ada"), signed_in("petra")
    [mine] = rows(ada.post("/payments/export", {"narrowing": "search=acme&status=succeeded"}), "payments")
    assert (mine["Customer"], mine["Status"], mine["Currency"], mine["Amount"]) == (
        "'=1+1", "SUCCEEDED", "USD", "25.00"
    )  # fmt: skip
    assert (mine["Invoices"], mine["Amounts by invoice"]) == ("NO-00001, NO-00002", "10.00, 15.00")
    assert (mine["Method"], mine["Last four"], mine["Asked for by"]) == ("visa", "4242", "CUSTOMER_USER")
    assert mine["Reference"].startswith("ch_")
    assert "exported payments" in ada.get("/audit?about=payment").text
    own = rows(petra.post("/payments/export", {"narrowing": "status=paid"}), "payments")
    assert [one["Payment id"] for one in own] == [paid["good"]]
    assert "Reference" not in own[0]
    assert own[0]["Invoices"] == mine["Invoices"]


@pytest.mark.parametrize("name", ["petra", "vera"])
def test_a_companys_people_find_and_take_out_their_own(
    signed_in: Arrive, paid: dict[str, str], owner: Connection, name: str
) -> None:
    person = signed_in(name)
    for asked, names in (
        ("", ["bad", "good"]), ("search=globex", []), ("search=no-00002", ["bad", "good"]),
        ("search=0002", ["bad"]), ("status=failed", ["bad"]), ("amount_from=20", ["good"]),
        ("customer=cus_" + "0" * 32, ["bad", "good"]),
    ):  # fmt: skip
        assert shown(person.get(f"/payments?{asked}"), "pay") == [paid[one] for one in names], asked
        found = rows(person.post("/payments/export", {"narrowing": asked}), "payments")
        assert [one["Payment id"] for one in found] == [paid[one] for one in names], asked
    logged = owner.execute(
        text("select distinct customer_id from audit_event where action ~ 'payment.export'")
    )
    assert logged.scalar_one() is not None


def test_strangers_find_none_of_them(signed_in: Arrive, paid: dict[str, str], owner: Connection) -> None:
    for name in ("mallory", "ines"):
        stranger = signed_in(name)
        for asked in ("", "search=acme", "search=4242"):
            assert shown(stranger.get(f"/payments?{asked}"), "pay") == []
            assert rows(stranger.post("/payments/export", {"narrowing": asked}), "payments") == []
    ada = signed_in("ada")
    with nothing_changes(owner):
        assert ada.post("/payments/export", {"narrowing": ""}, forged=True).status_code == 403


def test_what_can_not_be_meant_is_said_and_in_french_too(signed_in: Arrive, paid: dict[str, str]) -> None:
    ada = signed_in("ada")
    page = text_of(ada.get("/payments?started_from=yesterday&amount_from=9&amount_to=1"))
    assert "Write the days a payment started as YYYY-MM-DD" in page
    assert "The first amount is above the second" in page
    assert str(ada.get("/payments/export").url).endswith("/payments")
    ada.client.cookies.set("remit_language", "fr")
    assert "Exporter en CSV" in text_of(ada.get("/payments"))


@pytest.fixture
def received(
    signed_in: Arrive, bill: Bill, database: Database, owner: Connection, cast: Cast, clock: Clock
) -> dict[str, Any]:
    """A check for Acme and a wire for Globex; the wire was taken back."""
    acts, made = Acts(database, owner, clock.now), {}
    for name, who, kind, day, reference in (
        ("check", "acme", "CHECK", "2026-03-02", "=4711"), ("wire", "globex", "WIRE", "2026-03-05", "W-1"),
    ):  # fmt: skip
        invoice_id = ids.parsed(bill("40.00", who), "inv")
        fields = OutsideInput(
            kind=kind, amount="12.50", received_on=day, reference=reference, note="In the mail"
        )
        paid = acts(cast.ada, outside_payments.record, invoice_id=invoice_id, fields=fields, request_key=name)
        made[name] = ids.shown("opm", paid.id)
    acts(cast.ada, outside_payments.reverse, payment_id=ids.parsed(made["wire"], "opm"), reason="Not ours")
    return made


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ("", {"check", "wire"}),
        ("search=4711", {"check"}),
        ("search=globex", {"wire"}),
        ("search=NO-00001", {"check"}),
        ("status=received", {"check"}),
        ("status=reversed", {"wire"}),
        ("received_from=2026-03-03", {"wire"}),
        ("received_to=2026-03-02&amount_from=12.50", {"check"}),
        ("amount_from=13", set()),
    ],
)
def test_payments_from_outside_are_narrowed_and_taken_out(
    signed_in: Arrive, received: dict[str, str], asked: str, names: set[str]
) -> None:
    ada = signed_in("ada")
    found = rows(ada.post("/outside-payments/export", {"narrowing": asked}), "outside-payments")
    assert {one["Payment id"] for one in found} == {received[name] for name in names}
    page = ada.get(f"/outside-payments?{asked}")
    assert page.text.count('<th scope="row">') == len(names)
    assert ("No payment matches" in page.text) is not bool(names)


def test_a_company_takes_out_its_own_without_the_partners_notes(
    signed_in: Arrive, received: dict[str, str]
) -> None:
    [mine] = rows(signed_in("petra").post("/outside-payments/export", {}), "outside-payments")
    assert (mine["Payment id"], mine["How it came"], mine["Reference"]) == (
        received["check"],
        "CHECK",
        "'=4711",
    )
    assert (mine["Received"], mine["Amount"], mine["Status"]) == ("2026-03-02", "12.50", "RECEIVED")
    assert "Note" not in mine
    ada = signed_in("ada")
    [check] = rows(ada.post("/outside-payments/export", {"narrowing": "search=4711"}), "outside-payments")
    assert check["Note"] == "In the mail"
    assert "exported payments from outside" in ada.get("/audit?about=outside_payment").text
    assert rows(signed_in("mallory").post("/outside-payments/export", {}), "outside-payments") == []


@pytest.mark.parametrize("many", [1, 100, 101, 200])
def test_a_payment_of_many_invoices_names_each_once(many: int) -> None:
    """A list of the API ends at a hundred, so a file asks for both ends of it."""
    shares = [
        {"invoice": {"number": f"NO-{number:05d}"}, "amount": {"amount": f"{number}.00"}}
        for number in range(1, many + 1)
    ]
    blank = dict.fromkeys(
        ("id", "status", "createdAt", "settledAt", "askedByKind", "failureCode", "failureMessage")
    )
    payment = {
        **blank, "customer": {"company": "Acme"}, "amount": {"amount": "1.00", "currency": "USD"},
        "paymentMethod": {"brand": "visa", "last4": "4242"},
        "firsts": {"nodes": shares[:100]}, "lasts": {"nodes": shares[-100:]},
    }  # fmt: skip
    cells = dict(
        zip(
            payment_exports.columns(staffs=False), payment_exports.rows_of(staffs=False)(payment), strict=True
        )
    )
    assert cells["Invoices"] == ", ".join(share["invoice"]["number"] for share in shares)
    assert cells["Amounts by invoice"] == ", ".join(share["amount"]["amount"] for share in shares)


def test_more_payments_than_a_page_of_the_file_are_all_in_it(
    signed_in: Arrive, bill: Bill, add_card: AddCard
) -> None:
    petra = signed_in("petra")
    card, invoice = add_card(petra), bill("100.00")
    made = [pay(petra, card, (invoice, "1.00")).headers["location"].rpartition("/")[2] for _ in range(11)]
    found = rows(petra.post("/payments/export", {}), "payments")
    assert sorted(one["Payment id"] for one in found) == sorted(made)

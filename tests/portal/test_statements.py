"""The statement of account behind its doors: the page, the PDF and the CSV say the same cents."""

import csv
import io
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection

from billing import crediting, customers
from billing.crediting import CreditNoteInput
from billing.customer_fields import CustomerInput
from db.session import Database
from tests import papers
from tests.accessible import check_accessible, press
from tests.billing.acting import Acts
from tests.billing.paying import Till
from tests.cast import Cast
from tests.portal.conftest import ORIGIN, Browsing, Person, customer_id, text_of
from tests.world import nothing_changes

SignedIn = Callable[[str], Person]
MARCH = "?from=2026-03-01&to=2026-03-10"


@pytest.fixture
def till(database: Database, owner: Connection, now: datetime, cast: Cast) -> Till:
    """An invoice of January, and in March one more and a payment for both."""
    till = Till(Acts(database, owner, now), cast)
    till.acts.now = now.replace(month=1)
    first = till.invoice(10_000, issue_on="2026-01-10", due_on="2026-02-09")
    till.acts.now = now.replace(day=5)
    second = till.invoice(123_456, issue_on="2026-03-05", due_on="2026-04-04")
    till.acts.now = now
    till.paid(till.card(), (first.id, 10_000), (second.id, 23_456))
    return till


def address(person: Person, cast: Cast) -> str:
    below = "" if person.home.startswith("/portal/") else f"/customers/{customer_id(cast, 'acme')}"
    return f"{below}/statement"


@pytest.mark.parametrize("name", ["ada", "rita", "carl", "vera"])
def test_page_pdf_and_csv_say_the_same_on_both_sides(
    signed_in: SignedIn, till: Till, cast: Cast, owner: Connection, name: str
) -> None:
    person = signed_in(name)
    here = address(person, cast)
    with nothing_changes(owner):
        page = person.get(here + MARCH)
        pdf = person.get(f"{here}.pdf{MARCH}")
        rows = person.get(f"{here}.csv{MARCH}")
    for ending in ("pdf", "csv"):
        assert f'href="{person.home}{here}.{ending}?from=2026-03-01&amp;to=2026-03-10"' in page.text
    shown = text_of(page)
    for text in (
        "Opening balance $100.00", "Charged $1,234.56", "Paid and credited $334.56",
        "Closing balance $1,000.00",
        "Invoice NO-00002, due Apr 4, 2026 Mar 5, 2026 $1,234.56 $1,334.56",
        "Payment for NO-00001, NO-00002 Mar 10, 2026 -$334.56 $1,000.00", "Not due yet $1,000.00",
    ):  # fmt: skip
        assert text in shown, text
    if papers.LOOK_AT:
        (Path(papers.LOOK_AT) / "statement.pdf").write_bytes(pdf.content)
    said = papers.words(pdf.content)
    assert "Pay all open invoices You are asked to sign in first." in said
    pay = f"{signed_in('carl').home}/pay?all=1"
    assert papers.links(pdf.content) == [f"{ORIGIN}{pay}"]
    # Staff pay for nobody, and who may only look doesn't pay.
    assert (f'href="{pay}"' in page.text) is (name == "carl")
    assert pdf.headers["content-disposition"] == (
        'attachment; filename="Statement-Acme-2026-03-01-2026-03-10.pdf"'
    )
    for text in (
        "Statement of account", "Statement for Acme", "Mar 1, 2026 Opening balance $100.00",
        "Mar 5, 2026 Invoice NO-00002, due Apr 4, 2026 $1,234.56 $1,334.56",
        "Mar 10, 2026 Payment for NO-00001, NO-00002 -$334.56 $1,000.00",
        "Mar 10, 2026 Closing balance $1,000.00", "Not due yet $1,000.00", "Total $1,000.00",
    ):  # fmt: skip
        assert text in said, text
    assert rows.headers["content-type"] == "text/csv; charset=utf-8"
    assert list(csv.reader(io.StringIO(rows.text.removeprefix("\ufeff")))) == [
        ["Date", "What", "Invoices", "Due", "Charged", "Credited", "Balance"],
        ["2026-03-01", "Opening balance", "", "", "", "", "100.00"],
        [
            "2026-03-05",
            "Invoice NO-00002, due Apr 4, 2026",
            "NO-00002",
            "2026-04-04",
            "1234.56",
            "",
            "1334.56",
        ],
        ["2026-03-10", "Payment for NO-00001, NO-00002", "NO-00001, NO-00002", "", "", "334.56", "1000.00"],
        ["2026-03-10", "Closing balance", "", "", "", "", "1000.00"],
    ]


def test_it_is_french_for_a_french_reader(signed_in: SignedIn, till: Till, cast: Cast) -> None:
    carl = signed_in("carl")
    carl.client.cookies.set("remit_language", "fr")
    assert "Solde de clôture 1 000,00 $ US" in text_of(carl.get("/statement" + MARCH))
    answer = carl.get(f"/statement.pdf{MARCH}")
    assert 'filename="Releve-Acme-2026-03-01-2026-03-10.pdf"' in answer.headers["content-disposition"]
    said = papers.words(answer.content)
    assert papers.links(answer.content) == [f"{ORIGIN}{carl.home}/pay?all=1"]
    assert "Payer toutes les factures impayées Vous devrez d’abord ouvrir une session." in said
    for text in ("Relevé de compte", "Paiement pour NO-00001, NO-00002", "-334,56 $ US", "Pas encore échu"):
        assert text in said, text
    rows = carl.get(f"/statement.csv{MARCH}").text.removeprefix("\ufeff").splitlines()
    assert rows[0] == '"Date","Action","Factures","Échéance","Facturé","Crédité","Solde"'
    assert rows[1].startswith('"2026-03-01","Solde d’ouverture",')
    assert rows[3].startswith('"2026-03-10","Paiement pour NO-00001, NO-00002",')


def test_a_credit_note_is_named(signed_in: SignedIn, till: Till, cast: Cast) -> None:
    invoice = till.invoice(5_000)
    fields = CreditNoteInput(reason="Less work")
    till.acts(cast.ada, crediting.issue, invoice_id=invoice.id, fields=fields, request_key="note")
    carl = signed_in("carl")
    named = "Credit note CN-00001 for NO-00003"
    assert named in text_of(carl.get("/statement" + MARCH))
    assert named in papers.words(carl.get("/statement.pdf" + MARCH).content)
    assert f'"{named}","NO-00003"' in carl.get("/statement.csv" + MARCH).text


def test_a_range_that_is_none_is_told_at_its_field(signed_in: SignedIn, till: Till, cast: Cast) -> None:
    for name in ("ada", "carl"):
        person = signed_in(name)
        here = address(person, cast)
        page = person.get(f"{here}?from=2026-03-09&to=2026-03-01")
        assert page.status_code == 200
        assert "Choose a first day on or before the last one" in text_of(page)
        assert 'aria-describedby="range-from-problem"' in page.text
        assert "Write the day as YYYY-MM-DD" in text_of(person.get(f"{here}?to=yesterday"))
        for ending in ("pdf", "csv"):
            assert person.get(f"{here}.{ending}?to=2099-01-01").status_code == 422


def test_nothing_happened(signed_in: SignedIn, cast: Cast) -> None:
    gus = signed_in("gus")
    assert "Nothing happened in this time" in text_of(gus.get("/statement"))
    pdf = gus.get("/statement.pdf").content
    assert "Closing balance $0.00" in papers.words(pdf)
    assert papers.links(pdf) == []
    assert "/pay?all=1" not in gus.get("/statement").text


def test_a_strangers_account_is_not_there(signed_in: SignedIn, till: Till, cast: Cast) -> None:
    mallory = signed_in("mallory")
    for ending in ("", ".pdf", ".csv"):
        answer = mallory.get(f"/customers/{customer_id(cast, 'acme')}/statement{ending}")
        assert answer.status_code == 404
    assert "$100.00" not in text_of(signed_in("gus").get("/statement" + MARCH))


def test_a_formula_is_no_formula_in_the_file(signed_in: SignedIn, till: Till, cast: Cast) -> None:
    till.acts(
        cast.ada, customers.update, customer_id=till.acme,
        fields=CustomerInput(company='=cmd|" /C calc"!A0\u202f/../x'),
    )  # fmt: skip
    answer = signed_in("ada").get(f"/customers/{customer_id(cast, 'acme')}/statement.csv{MARCH}")
    assert answer.headers["content-disposition"] == (
        'attachment; filename="Statement-cmd-C-calc-A0-x-2026-03-01-2026-03-10.csv"'
    )
    assert "=cmd" not in answer.text


@pytest.mark.browser
@pytest.mark.parametrize(("name", "width"), [("ada", 1280), ("ada", 390), ("carl", 1280), ("carl", 390)])
def test_the_page_is_reached_and_used_in_a_browser(
    browsing: Browsing, till: Till, cast: Cast, name: str, width: int
) -> None:
    context = browsing(name, viewport={"width": width, "height": 900}, bypass_csp=True)
    page = context.new_page()
    page.goto(f"customers/{customer_id(cast, 'acme')}/statement" if name == "ada" else "statement")
    page.get_by_label("First day").fill("2026-03-01")
    page.get_by_label("Last day").fill("2026-03-10")
    press(page, page.get_by_role("button", name="Show"))
    page.wait_for_url("**/statement?from=2026-03-01&to=2026-03-10")
    assert page.get_by_text("$1,334.56").first.is_visible()
    with page.expect_download() as kept:
        page.get_by_role("link", name="Download PDF").click()
    assert kept.value.suggested_filename == "Statement-Acme-2026-03-01-2026-03-10.pdf"
    check_accessible(page)
    if papers.LOOK_AT:
        page.screenshot(path=f"{papers.LOOK_AT}/statement-{name}-{width}.png", full_page=True)
    context.close()

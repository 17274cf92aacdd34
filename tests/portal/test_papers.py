"""Documents behind the pages' doors: who gets which file, under which name, and what stands on it."""

import io
import zipfile
from collections.abc import Callable
from datetime import datetime
from functools import partial

import pytest
from sqlalchemy import Connection

from billing import invoices, ledger
from billing.invoices import Invoice
from db import ids
from db.deadlines import within_deadline
from db.session import Database
from integrations.pdf.press import Busy
from languages import LANGUAGES
from tests.billing.acting import Acts
from tests.billing.paying import Till
from tests.cast import Cast
from tests.money.desk import one_line
from tests.papers import opened, press, tags, words
from tests.portal.conftest import Person, text_of
from tests.waiting import held
from tests.world import nothing_changes

SignedIn = Callable[[str], Person]


@pytest.fixture
def till(database: Database, owner: Connection, now: datetime, cast: Cast) -> Till:
    return Till(Acts(database, owner, now), cast)


@pytest.fixture
def invoice(till: Till) -> Invoice:
    return till.invoice(123_456)


def path(invoice: Invoice) -> str:
    return f"/invoices/{ids.shown('inv', invoice.id)}"


@pytest.mark.parametrize("name", ["ada", "clem", "rita", "carl", "petra", "vera"])
def test_everybody_who_sees_an_invoice_can_have_it_as_a_file(
    signed_in: SignedIn, invoice: Invoice, owner: Connection, name: str
) -> None:
    person = signed_in(name)
    page = person.get(path(invoice))
    assert f'href="{person.home}{path(invoice)}/invoice.pdf"' in page.text
    with nothing_changes(owner):
        answer = person.get(f"{path(invoice)}/invoice.pdf")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"] == 'attachment; filename="Invoice-NO-00001.pdf"'
    assert answer.headers["cache-control"] == "no-store"
    assert "Total $1,234.56" in words(answer.content)
    assert "Total $1,234.56" in text_of(page)
    shown = person.get(f"{path(invoice)}/invoice.pdf?view=1")
    assert shown.headers["content-disposition"] == 'inline; filename="Invoice-NO-00001.pdf"'
    assert shown.content == answer.content


def test_a_file_is_in_the_readers_language(signed_in: SignedIn, invoice: Invoice) -> None:
    petra = signed_in("petra")
    assert set(LANGUAGES) == {"en", "fr"}
    petra.client.cookies.set("remit_language", "fr")
    answer = petra.get(f"{path(invoice)}/invoice.pdf")
    assert 'filename="Facture-NO-00001.pdf"' in answer.headers["content-disposition"]
    assert "Total 1 234,56 $ US" in words(answer.content)
    assert opened(answer.content).trailer["/Root"]["/Lang"] == "fr-CA"


@pytest.mark.parametrize("name", ["mallory", "gus", "ines"])
def test_nobody_elses_invoice_is_there(signed_in: SignedIn, invoice: Invoice, name: str) -> None:
    assert signed_in(name).get(f"{path(invoice)}/invoice.pdf").status_code == 404


def test_a_draft_is_a_file_for_the_partner_only(signed_in: SignedIn, till: Till) -> None:
    draft = till.acts(till.cast.ada, invoices.create_draft, customer_id=till.acme, fields=one_line(500))
    assert "DRAFT" in words(signed_in("rita").get(f"{path(draft)}/invoice.pdf").content)
    assert signed_in("carl").get(f"{path(draft)}/invoice.pdf").status_code == 404


def test_a_press_that_is_busy_says_so_and_when_to_come_back(
    signed_in: SignedIn, invoice: Invoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(press(), "pdf", lambda *_: (_ for _ in ()).throw(Busy(retry_after=5)))
    answer = signed_in("petra").get(f"{path(invoice)}/invoice.pdf")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "5")
    assert "Many documents are being made just now." in text_of(answer)


@pytest.mark.parametrize("name", ["ada", "rita", "petra", "vera"])
def test_a_payment_that_succeeded_has_a_receipt_on_both_sides(
    signed_in: SignedIn, till: Till, invoice: Invoice, name: str
) -> None:
    other = till.invoice(1_000)
    payment = till.paid(till.card(), (invoice.id, 23_456), (other.id, 1_000))
    person = signed_in(name)
    here = f"/payments/{ids.shown('pay', payment.id)}"
    assert f'href="{person.home}{here}/receipt.pdf"' in person.get(here).text
    said = words(person.get(f"{here}/receipt.pdf").content)
    for text in ("NO-00001 $1,234.56 $234.56", "NO-00002 $10.00 $10.00", "Total received $244.56"):
        assert text in said
    assert signed_in("gus").get(f"{here}/receipt.pdf").status_code == 404
    with till.acts.database.transaction(partner_id=payment.partner_id) as db:
        assert ledger.check(db) == []


def test_a_payment_that_did_not_succeed_has_none(signed_in: SignedIn, till: Till, invoice: Invoice) -> None:
    payment = till.begin(till.card(), (invoice.id, 100))
    petra = signed_in("petra")
    here = f"/payments/{ids.shown('pay', payment.id)}"
    assert "receipt.pdf" not in petra.get(here).text
    assert petra.get(f"{here}/receipt.pdf").status_code == 404


@pytest.mark.parametrize("name", ["ada", "rita", "carl", "vera"])
def test_several_chosen_invoices_come_in_one_file(
    signed_in: SignedIn, till: Till, invoice: Invoice, owner: Connection, name: str
) -> None:
    person, other = signed_in(name), till.invoice(1_000)
    page = person.get("/invoices")
    assert "Download the chosen invoices" in page.text
    assert page.text.count('type="checkbox" name=') == 2
    chosen = f"invoice={ids.shown('inv', invoice.id)}&pay={ids.shown('inv', other.id)}"
    # The customer's own people opened them by that, which the log tells.
    noted = ("audit_event",) if name in ("carl", "vera") else ()
    with nothing_changes(owner, without=noted):
        answer = person.get(f"/invoices/chosen.zip?{chosen}&{chosen}")
        again = person.get(f"/invoices/chosen.zip?{chosen}")
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == 'attachment; filename="Invoices.zip"'
    assert answer.content == again.content
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.namelist() == ["Invoice-NO-00001.pdf", "Invoice-NO-00002.pdf"]
        one = person.get(f"{path(invoice)}/invoice.pdf").content
        assert archive.read("Invoice-NO-00001.pdf") == one
        assert "Total $10.00" in words(archive.read("Invoice-NO-00002.pdf"))


@pytest.mark.parametrize("name", ["ada", "vera"])
def test_several_chosen_invoices_are_one_document(
    signed_in: SignedIn, till: Till, invoice: Invoice, owner: Connection, name: str
) -> None:
    person, other = signed_in(name), till.invoice(1_000)
    assert "/invoices/chosen.pdf" in person.get("/invoices").text
    chosen = f"invoice={ids.shown('inv', other.id)}&pay={ids.shown('inv', invoice.id)}"
    # The customer's own people opened them by that, which the log tells.
    noted = ("audit_event",) if name in ("carl", "vera") else ()
    with nothing_changes(owner, without=noted):
        answer = person.get(f"/invoices/chosen.pdf?{chosen}&{chosen}")
        again = person.get(f"/invoices/chosen.pdf?{chosen}")
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"] == 'attachment; filename="Invoices.pdf"'
    assert answer.content == again.content
    first, second = (page.extract_text() for page in opened(answer.content).pages)
    for page, number in ((first, "NO-00002"), (second, "NO-00001")):
        assert number in page
        assert "Page 1 of 1" in page
    # As fit for archives and screen readers as one alone is.
    alone = tags(person.get(f"{path(invoice)}/invoice.pdf").content)
    both = tags(answer.content)
    assert (both["/H1"], both["/TH"]) == (2 * alone["/H1"], 2 * alone["/TH"])
    for mark in (b"pdfaid", b"pdfuaid"):
        assert mark in answer.content


def test_drafts_beside_each_other_have_names_of_their_own(signed_in: SignedIn, till: Till) -> None:
    drafts = [
        till.acts(till.cast.ada, invoices.create_draft, customer_id=till.acme, fields=one_line(500))
        for _ in range(2)
    ]
    chosen = "&".join(f"invoice={ids.shown('inv', draft.id)}" for draft in drafts)
    answer = signed_in("ada").get(f"/invoices/chosen.zip?{chosen}")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.namelist() == ["Invoice-Draft.pdf", "Invoice-Draft-2.pdf"]
    # To the customer not one of them is there, nor in company of one that is.
    with_own = f"{chosen}&invoice={ids.shown('inv', till.invoice(100).id)}"
    assert signed_in("carl").get(f"/invoices/chosen.zip?{with_own}").status_code == 404


def test_a_file_of_strangers_invoices_of_none_and_of_too_many_is_refused(
    signed_in: SignedIn, invoice: Invoice, owner: Connection
) -> None:
    chosen = f"invoice={ids.shown('inv', invoice.id)}"
    petra, *strangers = map(signed_in, ("petra", "gus", "mallory", "ines"))
    with nothing_changes(owner):
        for stranger in strangers:
            for kind in ("zip", "pdf"):
                assert stranger.get(f"/invoices/chosen.{kind}?{chosen}").status_code == 404
        many = "&".join(f"invoice=inv_{number:032x}" for number in range(51))
        for kind in ("zip", "pdf"):
            assert "Choose the invoices to download." in text_of(petra.get(f"/invoices/chosen.{kind}"))
            answer = petra.get(f"/invoices/chosen.{kind}?{many}")
            assert (answer.status_code, "Choose less at once." in text_of(answer)) == (409, True)


@pytest.mark.parametrize("asked", ["/statement", "/statement.csv", "/statement.pdf", "/invoices/chosen.zip"])
def test_what_takes_the_database_too_long_is_stopped(
    signed_in: SignedIn, invoice: Invoice, owner: Connection, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    monkeypatch.setattr("portal.door.within_deadline", partial(within_deadline, seconds=1))
    petra, where = signed_in("petra"), f"{asked}?invoice={ids.shown('inv', invoice.id)}"
    with held(owner, "ledger_posting"), held(owner, "invoice_line"):
        answer = petra.get(where)
    assert (answer.status_code, "was stopped" in text_of(answer)) == (429, True)
    assert petra.get(where).status_code == 200


def test_a_file_of_several_has_a_deadline_for_all_of_them(
    signed_in: SignedIn, invoice: Invoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.invoice_files.MOST_SECONDS", 0.0)
    answer = signed_in("petra").get(f"/invoices/chosen.zip?invoice={ids.shown('inv', invoice.id)}")
    assert (answer.status_code, "Choose less at once." in text_of(answer)) == (429, True)
    assert answer.headers["retry-after"] == "5"

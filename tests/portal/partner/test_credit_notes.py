"""The pages of credit notes and of applying credit, in the dashboard and in the portal."""

import csv
import io
import re
from collections.abc import Callable

import pytest
from sqlalchemy import Connection, text

from tests.papers import words
from tests.portal.conftest import Person
from tests.tenancy.stage import Stage
from tests.tenancy.staged import stage, staged, template
from tests.world import world

__all__ = ["stage", "staged", "template"]
Arrive = Callable[[str], Person]


@pytest.fixture
def invoice(stage: Stage) -> str:
    """Acme's issued invoice over $100.00, $1.00 of it paid; Acme has $99.00 in credit."""
    return stage.ids["acme"]["inv"]


def key_of(page: str) -> str:
    return re.search(r'name="key" value="([^"]+)"', page)[1]


def line_of(page: str) -> str:
    return re.search(r'name="lines-0-line_id" value="([^"]+)"', page)[1]


def test_ada_credits_a_line_once_however_often_the_form_is_sent(
    signed_in: Arrive, invoice: str, owner: Connection
) -> None:
    ada, here = signed_in("ada"), f"/invoices/{invoice}"
    form = ada.get(f"{here}/credit").text
    typed = {
        "key": key_of(form), "reason": "Two hours less", "how": "LINES", "lines-0-line_id": line_of(form),
        "lines-0-amount": "30.50",
    }  # fmt: skip
    made = {ada.post(f"{here}/credit", typed).headers["location"] for _ in range(2)}
    assert len(made) == 1
    note = "/credit-notes/" + made.pop().rpartition("/")[2]
    page = ada.get(note).text
    assert "The credit note is made." in page
    assert "Two hours less" in page
    assert "$30.50" in page
    assert owner.scalar(text("select count(*) from credit_note where reason = 'Two hours less'")) == 1
    paper = words(ada.get(f"{note}/credit-note.pdf").content)
    for said in ("Credit note", "Two hours less", "$30.50", "For invoice"):
        assert said in paper
    assert "Two hours less" in ada.get("/credit-notes").text
    petra = signed_in("petra")
    for address in (here, "/credit-notes", note):
        assert "Two hours less" in petra.get(address).text
    assert "$99.00" in petra.get("/credit-notes").text
    assert words(petra.get(f"{note}/credit-note.pdf").content) == paper
    assert signed_in("gus").get(note).status_code == 404


def test_what_a_note_comes_to_is_said_by_the_rule_before_it_is_made(
    signed_in: Arrive, invoice: str, owner: Connection
) -> None:
    ada, here = signed_in("ada"), f"/invoices/{invoice}/credit"
    page = ada.get(here).text
    whole = totals(page)
    typed = {
        "key": key_of(page), "how": "LINES", "lines-0-line_id": line_of(page), "_pressed": "totals",
    }  # fmt: skip
    before = world(owner)
    shown = ada.post(here, {**typed, "lines-0-amount": "30.50"})
    assert (shown.status_code, totals(shown.text)[0]) == (200, "$30.50")
    assert whole[0] != "$30.50"
    for amount, message in (
        ("30,5", "Write the amount with a point instead of a comma"), ("9000", "Credit at most"),
    ):  # fmt: skip
        wrong = ada.post(here, {**typed, "lines-0-amount": amount})
        assert wrong.status_code == 422
        assert 'id="error-lines-0-amount"' in wrong.text
        assert message in wrong.text
        ada.client.headers["hx-request"] = "true"
        live = ada.post(here, {**typed, "lines-0-amount": amount})
        del ada.client.headers["hx-request"]
        assert (live.status_code, totals(live.text)[0]) == (200, "$0.00")
        assert '<template data-field="lines-0-amount">' in live.text
    assert signed_in("clem").post(here, {**typed, "lines-0-amount": "1"}).status_code == 403
    assert signed_in("mallory").post(here, {**typed, "lines-0-amount": "1"}).status_code == 404
    tables = ("session", "device")
    after = world(owner)
    assert {name for name in after if after[name] != before[name]} <= set(tables)


def totals(page: str) -> list[str]:
    """What the page says the note comes to: in all, off the invoice, kept."""
    shown = re.search(r'<div id="totals-shown".*?</dl>', page, re.DOTALL)[0]
    return re.findall(r"\$[\d.,]+", shown)


def test_clem_applies_credit_and_an_invoice_is_paid(signed_in: Arrive, invoice: str) -> None:
    clem, here = signed_in("clem"), f"/invoices/{invoice}"
    page = clem.get(here).text
    assert f"{here}/apply-credit" in page
    assert f'{here}/credit"' not in page  # Clem may not
    form = clem.get(f"{here}/apply-credit").text
    wrong = clem.post(f"{here}/apply-credit", {"key": "k", "amount": "4,00"})
    assert (wrong.status_code, 'id="error-amount"' in wrong.text) == (422, True)
    more = clem.post(f"{here}/apply-credit", {"key": key_of(form), "amount": "99.01"})
    assert (more.status_code, 'id="error-amount"' in more.text) == (422, True)
    assert 'value="99.01"' in more.text
    assert clem.post(f"{here}/apply-credit", {"key": key_of(form), "amount": ""}).status_code == 303
    page = clem.get(here).text
    assert "$99.00 of the credit is applied." in page
    assert "Credit applied" in page
    assert "Paid" in page
    assert clem.get(f"{here}/apply-credit").status_code == 409


def test_what_was_typed_stays_and_every_wrong_field_is_told(
    signed_in: Arrive, invoice: str, owner: Connection
) -> None:
    ada, here = signed_in("ada"), f"/invoices/{invoice}/credit"
    line = line_of(ada.get(here).text)
    before = world(owner)
    wrong = {"key": "k", "reason": "", "how": "LINES", "lines-0-line_id": line, "lines-0-amount": "100.01"}
    answer = ada.post(here, wrong)
    assert answer.status_code == 422
    assert 'value="100.01"' in answer.text
    for name in ("reason", "lines-0-amount"):
        assert f'id="error-{name}"' in answer.text
    none = ada.post(here, {**wrong, "lines-0-amount": ""})
    assert "Choose at least one line." in none.text
    assert world(owner) == before


def test_amounts_beside_everything_credit_nothing_until_one_is_chosen(
    signed_in: Arrive, invoice: str, owner: Connection
) -> None:
    """Whoever typed an amount and forgot the choice above it would credit all of the invoice."""
    ada, here = signed_in("ada"), f"/invoices/{invoice}/credit"
    line = line_of(ada.get(here).text)
    before = world(owner)
    typed = {"key": "k", "reason": "Less work", "lines-0-line_id": line, "lines-0-amount": "20.00"}
    for how, told in (({"how": "WHOLE"}, "You typed amounts"), ({}, "Choose what to credit.")):
        answer = ada.post(here, typed | how)
        assert answer.status_code == 422
        assert told in answer.text
        assert 'value="20.00"' in answer.text
    assert world(owner) == before


def test_a_whole_credit_leaves_what_was_paid_as_credit_on_the_statement(
    signed_in: Arrive, invoice: str
) -> None:
    ada, here = signed_in("ada"), f"/invoices/{invoice}/credit"
    form = {"key": key_of(ada.get(here).text), "reason": "Never delivered", "how": "WHOLE"}
    assert ada.post(here, form).status_code == 303
    assert ada.get(here).status_code == 409
    page = signed_in("petra").get("/statement").text
    assert re.search(r"Credit note \S+ for ", page)
    assert "Credit not used yet" in page
    assert "$100.00" in page


def test_a_note_is_mailed_if_ada_leaves_it_ticked_and_again_by_clem(
    signed_in: Arrive, invoice: str, owner: Connection
) -> None:
    ada, here = signed_in("ada"), f"/invoices/{invoice}/credit"
    form = ada.get(here).text
    assert re.search(r'name="send" type="checkbox" value="on" checked', form)
    line = {"how": "LINES", "lines-0-line_id": line_of(form), "lines-0-amount": "1.00"}
    quiet = ada.post(here, {"key": "quiet", "reason": "Quietly", **line})
    note = "/credit-notes/" + quiet.headers["location"].rpartition("/")[2]
    assert "It was not mailed to anybody yet." in ada.get(note).text
    loud = ada.post(here, {"key": "loud", "reason": "Loudly", "send": "on", **line}).headers["location"]
    page = ada.get("/credit-notes/" + loud.rpartition("/")[2]).text
    assert "Mails with this credit note" in page
    assert "Petra" in page
    clem = signed_in("clem")
    assert f"{note}/send" in clem.get(note).text
    asked = clem.get(f"{note}/send").text
    assert len(re.findall(r'name="recipient_ids"[^>]* checked', asked)) == asked.count("checked") >= 2
    nobody = clem.post(f"{note}/send", {})
    assert (nobody.status_code, "Choose at least one recipient." in nobody.text) == (422, True)
    chosen = re.findall(r'name="recipient_ids"[^>]*value="([^"]+)"', asked)[:1]
    assert clem.post(f"{note}/send", {"recipient_ids": chosen}).status_code == 303
    assert "is on its way." in clem.get(note).text
    told = "select count(*) from mail where kind = 'CREDIT_NOTE' and subject_id = :id"
    assert owner.scalar(text(told), {"id": note.rpartition("_")[2]}) == 1
    rita = signed_in("rita")
    assert f"{note}/send" not in rita.get(note).text
    assert rita.post(f"{note}/send", {"recipient_ids": chosen}).status_code == 403
    assert "sent credit note" in ada.get("/audit?about=credit_note").text


def test_the_list_is_searched_narrowed_sorted_and_taken_out(
    signed_in: Arrive, invoice: str, owner: Connection
) -> None:
    """Acme and Globex each have a note over a hundred dollars that was paid, all of it kept."""
    ada, here = signed_in("ada"), f"/invoices/{invoice}/credit"
    form = ada.get(here).text
    line = {"how": "LINES", "lines-0-line_id": line_of(form), "lines-0-amount": "2.00"}
    assert ada.post(here, {"key": "one", "reason": "Zwölf Stunden", **line}).status_code == 303

    def found(query: str, who: Person = ada) -> list[str]:
        page = who.get(f"/credit-notes?{query}").text
        return re.findall(r'credit-notes/crn_\w+">([^<]+)</a>', page)

    whole = found("")
    assert len(whole) == 3
    assert found("search=zwolf") == found("total_to=5") == whole[:1]
    assert found("search=northwind-nothing") == []
    assert "No credit note matches" in ada.get("/credit-notes?search=northwind-nothing").text
    assert set(found("tab=kept")) == set(whole[1:])
    assert found("sort=NUMBER_ASC") == sorted(whole)
    assert found("currency=CAD") == []
    assert "The first issue date is after the last one" in ada.get(
        "/credit-notes?issued_from=2026-05-01&issued_to=2026-01-01"
    ).text  # fmt: skip
    acme = re.search(r'/customers/(cus_\w+)"', ada.get(f"/invoices/{invoice}").text)[1]
    assert len(found(f"customer={acme}")) == 2
    assert "Customer: " in ada.get(f"/credit-notes?customer={acme}").text
    taken = ada.post("/credit-notes/export", {"narrowing": "search=zwolf"})
    [row] = csv.DictReader(io.StringIO(taken.text.lstrip("\ufeff")))
    assert (row["Number"], row["Reason"], row["Total"]) == (whole[0], "Zwölf Stunden", "2.00")
    assert (row["Off the invoice"], row["Kept as credit"]) == ("2.00", "0.00")
    assert "exported credit notes" in ada.get("/audit?about=credit_note").text
    assert found("", signed_in("mallory")) != []
    assert not set(found("search=zwolf", signed_in("mallory")))
    assert str(ada.get("/credit-notes/export").url).endswith("/credit-notes")


def test_an_invoice_that_cant_be_voided_says_why_in_place_of_the_button(
    signed_in: Arrive, invoice: str, owner: Connection
) -> None:
    """A dollar of it is paid; then none is, and a part is credited; then a payment is under way."""
    ada, here = signed_in("ada"), f"/invoices/{invoice}"
    void, id_ = f'{here}/confirm-void"', {"id": invoice.removeprefix("inv_")}

    def page() -> str:
        return ada.get(here).text

    assert "a part of it is paid: credit the rest instead" in page()
    assert void not in page()
    owner.execute(text("update invoice set paid_minor = 0, credited_minor = 100 where id = :id"), id_)
    assert "a part of it is credited: credit the rest instead" in page()
    owner.execute(text("update invoice set credited_minor = 0, reserved_minor = 100 where id = :id"), id_)
    assert "while a payment for it is under way" in page()
    owner.execute(text("update invoice set reserved_minor = 0 where id = :id"), id_)
    assert void in page()
    assert "why-no-void" not in page()
    assert void not in signed_in("clem").get(here).text


def test_the_portals_list_is_narrowed_and_taken_out_like_the_dashboards(
    signed_in: Arrive, invoice: str, owner: Connection
) -> None:
    """Acme has two notes, Globex a third."""
    ada, here = signed_in("ada"), f"/invoices/{invoice}/credit"
    line = {"how": "LINES", "lines-0-line_id": line_of(ada.get(here).text), "lines-0-amount": "2.00"}
    assert ada.post(here, {"key": "one", "reason": "=Zwölf()", **line}).status_code == 303
    petra, vera = signed_in("petra"), signed_in("vera")

    def found(query: str, who: Person = petra) -> list[str]:
        page = who.get(f"/credit-notes?{query}").text
        return re.findall(r'credit-notes/crn_\w+">([^<]+)</a>', page)

    whole = found("")
    assert len(whole) == 2
    # What only staff are asked is no question here.
    assert found("customer=cus_" + "0" * 32) == found("currency=CAD") == whole
    assert found("search=zwolf", vera) == found("total_to=5") == whole[:1]
    assert found("tab=kept") == whole[1:]
    assert found("sort=CREATED_AT_ASC") == whole[::-1]
    assert "No credit note matches" in petra.get("/credit-notes?issued_from=2027-01-01").text
    assert "Write issue dates as YYYY-MM-DD" in petra.get("/credit-notes?issued_from=x").text
    for asked, numbers in (("", whole), ("search=zwolf", whole[:1]), ("issued_from=2027-01-01", [])):
        taken = vera.post("/credit-notes/export", {"narrowing": asked})
        assert taken.headers["content-disposition"].startswith('attachment; filename="credit-notes-')
        rows = list(csv.DictReader(io.StringIO(taken.text.lstrip("\ufeff"))))
        assert [row["Number"] for row in rows] == numbers
    [row] = csv.DictReader(io.StringIO(petra.post(
        "/credit-notes/export", {"narrowing": "search=zwolf"}
    ).text.lstrip("\ufeff")))  # fmt: skip
    assert (row["Reason"], row["Total"], row["Off the invoice"]) == ("'=Zwölf()", "2.00", "2.00")
    logged = text(
        "select count(*) from audit_event where action = 'credit_note.exported' and customer_id is null"
    )
    assert owner.scalar(logged) == 0
    assert str(petra.get("/credit-notes/export").url).endswith("/credit-notes")
    ines = signed_in("ines")
    assert found("search=zwolf", ines) == []
    assert "zwölf" not in ines.post("/credit-notes/export", {}).text.lower()
    assert petra.post("/credit-notes/export", {}, forged=True).status_code == 403


def test_whoever_has_no_credit_note_is_told_where_they_come_from(signed_in: Arrive) -> None:
    page = signed_in("petra").get("/credit-notes").text
    assert "No credit notes yet" in page
    assert "Export CSV" not in page

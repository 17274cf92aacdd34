"""Questions on an invoice at both doors: asked in the portal, answered in the dashboard, without a script."""

from collections.abc import Callable
from datetime import datetime

import pytest
from sqlalchemy import Connection

from billing.invoices import Invoice
from db import ids
from db.session import Database
from tests.billing.acting import Acts
from tests.billing.paying import Till
from tests.cast import Cast
from tests.portal.conftest import Person, text_of
from tests.world import nothing_changes

SignedIn = Callable[[str], Person]


@pytest.fixture
def invoice(database: Database, owner: Connection, now: datetime, cast: Cast) -> Invoice:
    return Till(Acts(database, owner, now), cast).invoice(12_345)


def path(invoice: Invoice) -> str:
    return f"/invoices/{ids.shown('inv', invoice.id)}"


def test_a_dispute_is_asked_answered_settled_and_taken_up_again(
    signed_in: SignedIn, invoice: Invoice
) -> None:
    petra, ada, here = signed_in("petra"), signed_in("ada"), path(invoice)
    assert "No open conversations" in text_of(ada.get("/conversations"))
    assert "Ask a question" in text_of(petra.get(here))
    form = petra.get(f"{here}/ask")
    line = form.text.partition('<option value="lin_')[2].partition('"')[0]
    sent = petra.post(
        f"{here}/ask", {"kind": "DISPUTE", "line": f"lin_{line}", "text": "<b>Why?</b>\nTwice!"}
    )
    thread = sent.headers["location"].removeprefix(petra.home)
    page = petra.get(thread)
    assert "&lt;b&gt;Why?&lt;/b&gt;\nTwice!" in page.text
    assert "it is not paid by itself" in text_of(page)
    for person in (petra, ada):
        assert "Disputed" in text_of(person.get(here))
    listed = ada.get("/conversations")
    assert ("NO-00001" in text_of(listed), "Dispute" in text_of(listed)) == (True, True)
    ada.post(thread, {"text": "A mistake of ours."})
    assert "Ada, Northwind" in text_of(petra.get(thread))
    ada.post(f"{thread}/resolve")
    assert "Settled by Ada" in text_of(petra.get(thread))
    assert "Your answer" not in text_of(petra.get(thread))
    assert "No open conversations" in text_of(ada.get("/conversations"))
    assert "NO-00001" in text_of(ada.get("/conversations?show=settled"))
    assert "Disputed" not in text_of(petra.get(here))
    petra.post(f"{thread}/reopen")
    assert "Your answer" in text_of(ada.get(thread))
    assert "Disputed" in text_of(ada.get(here))


def test_lists_of_both_sides_show_what_is_asked_about_and_keep_to_it(
    signed_in: SignedIn, invoice: Invoice, database: Database, owner: Connection, now: datetime, cast: Cast
) -> None:
    petra, ada, here = signed_in("petra"), signed_in("ada"), path(invoice)
    other = path(Till(Acts(database, owner, now), cast).invoice(100))
    sent = petra.post(f"{here}/ask", {"kind": "QUESTION", "text": "Why?"})
    question = sent.headers["location"].removeprefix(petra.home)
    for person in (petra, ada):
        page = person.get("/invoices")
        assert (here in page.text, other in page.text) == (True, True)
        assert text_of(page).count("Open question") == 1
        page = person.get("/invoices?talk=open")
        assert (here in page.text, other in page.text) == (True, False)
        page = person.get("/invoices?talk=disputed")
        assert (here in page.text, other in page.text) == (False, False)
        assert other in person.get("/invoices?talk=nonsense").text
    petra.post(f"{here}/ask", {"kind": "DISPUTE", "text": "Wrong"})
    ada.post(f"{question}/resolve")
    for person in (petra, ada):
        page = person.get("/invoices?talk=disputed")
        assert (here in page.text, other in page.text) == (True, False)
        assert 'data-tone="warning">Disputed' in page.text
        assert here in person.get("/invoices?talk=open").text


def test_what_is_wrong_stands_at_its_field(signed_in: SignedIn, invoice: Invoice, owner: Connection) -> None:
    petra, here = signed_in("petra"), path(invoice)
    with nothing_changes(owner):
        for typed, said in (
            ({"kind": "QUESTION", "text": " "}, "Enter the message."),
            ({"kind": "", "text": "Why?"}, "Choose one of the two."),
            ({"kind": "QUESTION", "text": "4242 4242 4242 4242"}, "This looks like a card number."),
        ):
            answer = petra.post(f"{here}/ask", typed)
            assert (answer.status_code, said in text_of(answer)) == (422, True)
    sent = petra.post(f"{here}/ask", {"kind": "QUESTION", "text": "Why?"})
    thread = sent.headers["location"].removeprefix(petra.home)
    with nothing_changes(owner):
        answer = petra.post(thread, {"text": ""})
    assert (answer.status_code, "Enter the message." in text_of(answer)) == (422, True)


@pytest.mark.parametrize("name", ["vera", "rita"])
def test_whoever_only_reads_sees_no_form(
    signed_in: SignedIn, invoice: Invoice, owner: Connection, name: str
) -> None:
    petra, reads, here = signed_in("petra"), signed_in(name), path(invoice)
    sent = petra.post(f"{here}/ask", {"kind": "QUESTION", "text": "Why?"})
    thread = sent.headers["location"].removeprefix(petra.home)
    page = reads.get(thread)
    assert ("Why?" in text_of(page), "Your answer" in text_of(page)) == (True, False)
    assert "It is settled" not in text_of(page)
    assert "Ask a question" not in text_of(reads.get(here))
    with nothing_changes(owner):
        assert reads.post(thread, {"text": "Hm"}).status_code == 403
        assert reads.post(f"{thread}/resolve").status_code == 403


def test_a_conversation_is_found_below_its_own_invoice_only(
    signed_in: SignedIn, invoice: Invoice, database: Database, owner: Connection, now: datetime, cast: Cast
) -> None:
    other = Till(Acts(database, owner, now), cast).invoice(100)
    petra = signed_in("petra")
    sent = petra.post(f"{path(invoice)}/ask", {"kind": "QUESTION", "text": "Why?"})
    thread = sent.headers["location"].rpartition("/")[2]
    assert petra.get(f"{path(invoice)}/threads/{thread}").status_code == 200
    assert petra.get(f"{path(other)}/threads/{thread}").status_code == 404

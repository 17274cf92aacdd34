"""Many invoices sent at once from the dashboard: asked first, each with its own outcome."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Connection, text

from tests.cast import Cast
from tests.portal.conftest import Clock, Person, text_of
from tests.portal.partner.test_invoice_list import Things, billed
from tests.portal.test_invoice_export import hidden
from tests.world import nothing_changes

__all__ = ["billed"]
Arrive = Callable[[str], Person]


def mails(owner: Connection) -> int:
    found: int = owner.execute(text("select count(*) from mail where kind = 'INVOICE'")).scalar_one()
    return found


def test_ada_sends_the_chosen_invoices_once(
    ada: Person, billed: Things, owner: Connection, clock: Clock
) -> None:
    before = mails(owner)
    clock.now += timedelta(minutes=1)
    ada.get("/invoices")  # and has been seen since
    with nothing_changes(owner):
        page = ada.get(
            f"/invoices/send?which=chosen&narrowing=sort%3DTOTAL_DESC"
            f"&invoice={billed['draft']}&invoice={billed['two']}"
        )
    said = text_of(page)
    assert "Send 2 invoices?" in said
    assert "Total in USD $201.00 Drafts that are issued 1 Sent again 1" in said
    fields = hidden(page)
    answer = ada.post("/invoices/send", fields)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/partner/northwind/invoices?sort=TOTAL_DESC"
    assert "2 invoices are on their way." in text_of(ada.get("/invoices"))
    assert mails(owner) == before + 4
    clock.now += timedelta(seconds=1)
    ada.post("/invoices/send", fields)  # a second click
    assert mails(owner) == before + 4


def test_what_is_refused_is_listed_with_why(
    ada: Person, billed: Things, owner: Connection, cast: Cast, clock: Clock
) -> None:
    clock.now += timedelta(minutes=1)
    owner.execute(
        text("update membership set status = 'DISABLED' where customer_id = :id"),
        {"id": cast.customers["globex"]},
    )
    owner.commit()
    page = ada.post("/invoices/send", hidden(ada.get("/invoices/send?number=NO-")))
    said = text_of(page)
    assert page.status_code == 200
    assert "1 invoice was not sent" in said
    assert "3 invoices are on their way." in said
    assert "NO-00004 Globex This customer has no manager or payer to send it to." in said


def test_all_drafts_shown_are_offered_and_sent(ada: Person, billed: Things, owner: Connection) -> None:
    assert "/invoices/send?status=draft" in ada.get("/invoices?status=draft").text
    assert "/invoices/send?" not in ada.get("/invoices?status=open").text
    ada.post("/invoices/send", hidden(ada.get("/invoices/send?status=draft")))
    assert owner.execute(text("select count(*) from invoice where status = 'DRAFT'")).scalar_one() == 0


def test_too_many_or_none_lead_back(ada: Person, billed: Things, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Choose the invoices to send." in text_of(ada.get("/invoices/send?which=chosen"))
    assert "Choose the invoices to send." in text_of(ada.get("/invoices/send?search=nothing-of-the-kind"))
    monkeypatch.setattr("portal.partner.invoice_chosen.MOST_AT_ONCE", 2)
    assert "At most 2 invoices can be sent at once." in text_of(ada.get("/invoices/send"))
    monkeypatch.undo()
    assert ada.post("/invoices/send", {"narrowing": "status=open"}).status_code == 303


@pytest.mark.parametrize("name", ["rita", "mallory"])
def test_who_may_not_sends_nothing(name: str, signed_in: Arrive, billed: Things, owner: Connection) -> None:
    person, chosen = signed_in(name), f"which=chosen&invoice={billed['ten']}"
    with nothing_changes(owner):
        asked = person.get(f"/invoices/send?{chosen}")
        sent = person.post("/invoices/send", {"which": "chosen", "chosen": billed["ten"]})
    assert (asked.status_code, sent.status_code) == ((403, 403) if name == "rita" else (404, 404))
    assert "/invoices/send" not in signed_in("rita").get("/invoices").text

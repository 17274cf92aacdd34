"""Paying by a pay link when something comes between: another payer, a decline, the bank, too many tries."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from httpx2 import Response
from sqlalchemy import Connection, text
from starlette.testclient import TestClient

from billing import mailed_links, pay_links
from db.session import Database
from tests.cast import Cast
from tests.money.race import at_once
from tests.portal.conftest import Clock, Person, text_of
from tests.portal.customer.conftest import AUTHENTICATES, DECLINED, VISA, hidden, pay
from tests.portal.customer.conftest import add_card as add_card
from tests.portal.customer.conftest import bill as bill
from tests.portal.guests import SAME, Guest, kept, mails
from tests.portal.guests import guest as guest
from tests.portal.guests import invoice as invoice
from tests.portal.guests import made as made
from tests.world import nothing_changes

Arrive = Callable[[str], Person]


def test_two_cards_in_two_tabs_pay_once(guest: Guest, owner: Connection) -> None:
    one, other = guest.type_card(), guest.type_card()
    late = hidden(guest.get(other))
    assert guest.confirm(one).status_code == 303
    with nothing_changes(owner):
        answer = guest.post(f"{guest.home}/review", late)
    assert answer.status_code == 409
    assert "This invoice is paid. Nothing is left to pay." in text_of(answer)
    assert len(guest.sandbox.charges()) == 1


def test_an_amount_that_changed_is_asked_about_and_paid_with_the_card_that_was_typed(
    guest: Guest, invoice: str, signed_in: Arrive, add_card: Callable[..., str], owner: Connection
) -> None:
    address = guest.type_card()
    review = hidden(guest.get(address))
    petra = signed_in("petra")
    method = add_card(petra)
    assert pay(petra, method, (invoice, "40.00")).status_code == 303
    with nothing_changes(owner):
        for _ in range(2):
            answer = guest.post(f"{guest.home}/review", review)
            assert answer.status_code == 409
            assert "The amount is now $60.00 (it was $100.00)." in text_of(answer)
            assert guest.sandbox.url in answer.headers["content-security-policy"].partition("form-action")[2]
    assert [charge["amount_minor"] for charge in guest.sandbox.charges()] == [4000]
    paid = guest.post(f"{guest.home}/review", hidden(answer))
    assert paid.status_code == 303
    # What still shows the other amount leads to that payment, and so does the entry's address.
    with nothing_changes(owner):
        assert guest.post(f"{guest.home}/review", review).headers["location"] == paid.headers["location"]
        assert guest.get(address).url.path == paid.headers["location"]
    assert [charge["amount_minor"] for charge in guest.sandbox.charges()] == [4000, 6000]
    # Typed once, and kept for nothing else.
    assert owner.scalar(text("select count(*) from payment_method_setup where pay_link_id is not null")) == 1
    assert owner.scalar(text("select count(*) from payment_method where removed_at is null")) == 1


def test_a_changed_amount_is_asked_about_in_french(
    guest: Guest, invoice: str, signed_in: Arrive, add_card: Callable[..., str]
) -> None:
    guest.get(f"{guest.path}/pay?language=fr")
    review = hidden(guest.get(guest.type_card()))
    petra = signed_in("petra")
    assert pay(petra, add_card(petra), (invoice, "40.00")).status_code == 303
    answer = text_of(guest.post(f"{guest.home}/review", review))
    assert "Le montant est maintenant de 60,00 $ US (il était de 100,00 $ US)." in answer


def test_a_typed_card_waits_for_a_payment_under_way_and_pays_once_that_was_given_up(
    guest: Guest, invoice: str, signed_in: Arrive, add_card: Callable[..., str], owner: Connection
) -> None:
    address = guest.type_card()
    review = hidden(guest.get(address))
    petra = signed_in("petra")
    bank = pay(petra, add_card(petra, AUTHENTICATES), (invoice, "40.00")).headers["location"]
    with nothing_changes(owner):
        answers = [guest.post(f"{guest.home}/review", review), guest.get(address)]
    for answer in answers:
        assert answer.status_code == 409
        assert "Somebody is paying this invoice just now." in text_of(answer)
        assert f'href="{address}"' in answer.text
    guest.sandbox.authenticate(bank, passed=False)
    petra.get(f"/payments/{owner.scalar(text('select gateway_key from payment'))}/return")
    assert guest.confirm(address).status_code == 303
    assert kept(owner) == [("FAILED", "CUSTOMER_USER"), ("SUCCEEDED", "GUEST")]


def test_a_declined_card_says_why_and_the_next_one_pays(guest: Guest, owner: Connection) -> None:
    page = guest.get(guest.pay(DECLINED).headers["location"])
    assert "The payment did not go through The bank declined the card." in text_of(page)
    assert f'href="{guest.home}/pay"' in page.text
    assert owner.scalar(text("select count(*) from mail where kind in ('RECEIPT', 'PAYMENT_FAILED')")) == 0
    assert guest.pay().status_code == 303
    assert kept(owner) == [("FAILED", "GUEST"), ("SUCCEEDED", "GUEST")]


def test_a_payment_that_waits_for_the_bank_can_be_given_up(guest: Guest, owner: Connection) -> None:
    guest.pay(AUTHENTICATES)
    page = guest.get(f"{guest.home}/pay")
    assert guest.post(f"{page.url.path}/cancel").status_code == 303
    assert kept(owner)[0][0] in ("FAILED", "CANCELED")
    assert guest.pay().status_code == 303
    assert kept(owner)[1] == ("SUCCEEDED", "GUEST")


def test_an_answer_that_is_cut_is_never_charged_twice(guest: Guest, owner: Connection) -> None:
    address = guest.type_card()
    fields = hidden(guest.get(address))
    guest.sandbox.fail("reset")
    page = guest.get(guest.post(f"{guest.home}/review", fields).headers["location"])
    assert "The bank has not answered yet. Please don't pay again." in text_of(page)
    assert guest.get(address).url.path == page.url.path
    assert "is paid. Thank you." in text_of(guest.get(f"{page.url.path}/return"))
    assert len(guest.sandbox.charges()) == 1


def test_after_five_declines_no_card_is_taken_for_an_hour(
    guest: Guest, owner: Connection, clock: Clock
) -> None:
    cards = [guest.type_card(DECLINED) for _ in range(6)]
    for card in cards[:5]:
        assert "did not go through" in text_of(guest.get(guest.confirm(card).headers["location"]))
    late = hidden(guest.get(cards[5]))
    with nothing_changes(owner):
        answers = [guest.post(f"{guest.home}/review", late), guest.post(f"{guest.home}/pay")]
        answers.append(guest.get(f"{guest.home}/pay"))
    for answer in answers:
        assert (answer.status_code, "Too many cards were declined." in text_of(answer)) == (429, True)
        assert "Enter a card" not in text_of(answer)
    assert len(guest.sandbox.charges()) == 5
    clock.now += timedelta(minutes=61)
    assert guest.pay().status_code == 303
    assert kept(owner)[-1][0] == "SUCCEEDED"


@pytest.mark.parametrize(("number", "counted"), [(DECLINED, [1, 1, 1]), (VISA, [0, 0, 1, 1])])
def test_a_double_click_on_pay_is_one_try_of_the_hours_five(
    guest: Guest, owner: Connection, number: str, counted: list[int]
) -> None:
    fields = hidden(guest.get(guest.type_card(number)))
    answers = at_once([lambda: guest.post(f"{guest.home}/review", fields)] * 4)
    assert {(answer.status_code, answer.headers["location"]) for answer in answers} == {
        (303, answers[0].headers["location"])
    }
    assert len(guest.sandbox.charges()) == 1
    # The card that was typed; the try by invoice and by address; and that it paid, which gave both back.
    assert sorted(owner.scalars(text("select tries from throttle_bucket"))) == counted


def test_a_link_that_is_over_asks_for_a_fresh_one_and_never_says_whether_it_came(
    guest: Guest, pages: TestClient, owner: Connection, made: pay_links.Made
) -> None:
    def ask(path: str) -> Response:
        page = pages.get(f"{path}?fresh")
        assert page.url.path == "/pay-link/fresh"
        found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
        assert found is not None
        return pages.post("/pay-link/fresh", data={"csrf_token": found[1]}, headers=SAME)

    made_up = "/pay/" + "A" * 43
    assert 'href="?fresh"' in pages.get(made_up).text
    nothing = ask(made_up)
    assert "Look into the company's mail" in text_of(nothing)
    owner.execute(text("update pay_link set revoked_at = now()"))
    assert (ask(guest.path).text, mails(owner)) == (nothing.text, 0)
    owner.execute(text("update pay_link set revoked_at = null, expires_at = '2026-03-01'"))
    assert (ask(guest.path).text, mails(owner)) == (nothing.text, 2)
    assert (ask(guest.path).text, mails(owner)) == (nothing.text, 2)
    assert "acme.example" not in nothing.text
    assert pages.post("/pay-link/fresh", data={"csrf_token": "x"}, headers=SAME).status_code == 403


def test_after_too_many_declines_a_fresh_link_is_mailed_and_pays(
    guest: Guest, pages: TestClient, owner: Connection, database: Database, cast: Cast, clock: Clock
) -> None:
    for card in [guest.type_card(DECLINED) for _ in range(5)]:
        guest.confirm(card)
    page = guest.get(f"{guest.home}/pay")
    assert f'action="{guest.home}/fresh"' in page.text
    assert "Look into the company's mail" in text_of(guest.post(f"{guest.home}/fresh"))
    assert mails(owner) == 2
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        link_id = db.execute(text("select id from pay_link where origin = 'FRESH'")).scalar_one()
        _, path = mailed_links.of_mail(db, partner_id=cast.ada.partner_id, link_id=link_id, now=clock())
    assert path is not None
    assert Guest(pages, guest.sandbox, path).pay().status_code == 303
    assert kept(owner)[-1] == ("SUCCEEDED", "GUEST")

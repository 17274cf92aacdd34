"""Paying by a pay link on the pages: all of one invoice, once, with a card that is kept nowhere."""

import re
from collections.abc import Callable
from html import unescape
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from sqlalchemy import Connection, text
from starlette.testclient import TestClient

from billing import pay_links
from db import ids
from db.session import Database
from tests.billing.acting import Acts
from tests.cast import Cast
from tests.gateway import RunningSandbox
from tests.papers import words
from tests.portal.conftest import Clock, Person, text_of
from tests.portal.customer.conftest import AUTHENTICATES, hidden, pay
from tests.portal.customer.conftest import add_card as add_card
from tests.portal.customer.conftest import bill as bill
from tests.portal.guests import SAME, Guest, kept
from tests.portal.guests import guest as guest
from tests.portal.guests import invoice as invoice
from tests.portal.guests import made as made
from tests.world import nothing_changes

Arrive = Callable[[str], Person]


def test_a_guest_pays_all_of_it_once_and_both_sides_see_it(
    guest: Guest, invoice: str, made: pay_links.Made, signed_in: Arrive, owner: Connection
) -> None:
    assert "Pay $100.00 by card" in text_of(guest.get(guest.path))
    assert "Left to pay $100.00" in text_of(guest.start)
    address = guest.type_card()
    review = guest.get(address)
    shown = text_of(review)
    assert "With Visa ending in 4242 Total $100.00" in shown
    assert guest.sandbox.charges() == []
    result = guest.get(guest.confirm(address).headers["location"])
    assert "$100.00 is paid. Thank you." in text_of(result)
    assert [charge["amount_minor"] for charge in guest.sandbox.charges()] == [10_000]
    assert kept(owner) == [("SUCCEEDED", "GUEST")]
    assert tuple(owner.execute(text("select status, paid_minor from invoice")).one()) == ("PAID", 10_000)
    # Nothing is on file, and what was typed is good for nothing else.
    assert owner.execute(
        text("select is_default, added_by, removed_at is not null from payment_method")
    ).all() == [(False, None, True)]
    assert owner.scalar(text("select count(*) from mail where kind = 'RECEIPT'")) == 1
    assert "Paid" in text_of(guest.get(guest.path))
    assert "by card" not in text_of(guest.get(guest.path))
    assert "This invoice is paid. Nothing is left to pay." in text_of(guest.get(f"{guest.home}/pay"))
    pdf = guest.get(f"{result.url.path}/receipt.pdf")
    assert "$100.00" in words(pdf.content)
    assert "Paid" in text_of(signed_in("carl").get(f"/invoices/{invoice}"))
    assert "no card on file" in text_of(signed_in("carl").get("/payment-methods")).lower()
    assert "Paid" in text_of(signed_in("ada").get(f"/invoices/{invoice}"))
    ada = signed_in("ada")
    assert "Somebody with a pay link started a payment" in text_of(ada.get("/audit"))
    shown = ada.get(f"/invoices/{invoice}")
    assert "by a pay link" in text_of(shown)
    assert "Made by Ada" in text_of(shown)
    payment = re.search(r'/partner/northwind(/payments/pay_\w+)"', shown.text)[1]
    assert "by a pay link" in text_of(ada.get(payment))
    assert payment in ada.get("/payments?status=by_link").text
    assert "by a pay link" in text_of(signed_in("carl").get(payment))


def test_the_token_is_in_no_address_but_the_links_own_and_told_to_nobody(
    guest: Guest, made: pay_links.Made
) -> None:
    assert guest.start.history[0].headers.get_list("referrer-policy") == ["no-referrer"]
    assert made.token not in str(guest.start.url)
    assert guest.start.headers.get_list("referrer-policy") == ["same-origin"]
    cookie = guest.start.history[0].headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "max-age" not in cookie
    address = guest.type_card()
    assert made.token not in address
    assert not any(made.token in str(call) for call in guest.sandbox.calls())


def test_a_form_counts_only_when_our_own_page_sent_it(guest: Guest, owner: Connection) -> None:
    review = guest.get(guest.type_card())
    with nothing_changes(owner):
        for headers in ({"origin": "null"}, {"origin": "https://evil.example"}, {"sec-fetch-site": "none"}):
            assert guest.post(f"{guest.home}/review", hidden(review), **headers).status_code == 403
            assert guest.post(f"{guest.home}/pay", **headers).status_code == 403
        other = guest.client.post(f"{guest.home}/review", data=hidden(review), headers=SAME)
        assert other.status_code == 403
    assert guest.sandbox.charges() == []


def test_without_the_links_cookie_its_pages_say_what_a_dead_link_says(
    guest: Guest, pages: TestClient, owner: Connection, made: pay_links.Made
) -> None:
    pages.cookies.clear()
    dead = pages.get("/pay/" + "A" * 43)
    with nothing_changes(owner):
        for path in ("/pay", "/card?setup=x", "/review?setup=x", f"/payments/pay_{'0' * 32}"):
            answer = pages.get(guest.home + path)
            assert (answer.status_code, answer.text) == (404, dead.text)
        assert pages.get("/pay-link/pln_x/pay").text == dead.text
        owner.execute(text("update pay_link set revoked_at = now()"))
        assert guest.get(f"{guest.home}/pay").text == dead.text
        assert guest.get(f"{guest.path}/pay").text == dead.text
        owner.execute(text("update pay_link set revoked_at = null"))


def test_a_second_click_and_a_second_tab_are_the_same_payment(guest: Guest, owner: Connection) -> None:
    address = guest.type_card()
    fields = hidden(guest.get(address))
    first = guest.post(f"{guest.home}/review", fields).headers["location"]
    with nothing_changes(owner):
        assert guest.get(address).url.path == first
        assert guest.post(f"{guest.home}/review", fields).headers["location"] == first
    assert len(guest.sandbox.charges()) == 1


@pytest.mark.parametrize(("passed", "ending"), [(True, "SUCCEEDED"), (False, "FAILED")])
def test_a_card_that_needs_authentication_goes_to_the_bank_and_comes_back(
    guest: Guest, owner: Connection, passed: bool, ending: str
) -> None:
    address = guest.type_card(AUTHENTICATES)
    review = guest.get(address)
    assert guest.sandbox.url in review.headers["content-security-policy"].partition("form-action")[2]
    bank = guest.confirm(address).headers["location"]
    assert bank.startswith(f"{guest.sandbox.url}/authenticate/")
    waiting = guest.get(f"{guest.home}/pay")
    assert "Your bank wants you to confirm this payment" in text_of(waiting)
    assert "A payment of $100.00 is under way." in text_of(guest.get(guest.path))
    back = urlsplit(guest.sandbox.authenticate(bank, passed=passed).headers["location"])
    page = guest.get(back.path)
    assert [status for status, _ in kept(owner)] == [ending]
    assert ("$100.00 is paid. Thank you." in text_of(page)) is passed
    with nothing_changes(owner):
        guest.get(back.path)
    assert len(guest.sandbox.charges()) == 1


def test_a_guest_meets_no_other_payment_and_no_other_entry(
    guest: Guest,
    invoice: str,
    signed_in: Arrive,
    add_card: Callable[..., str],
    bill: Callable[..., str],
    owner: Connection,
) -> None:
    petra = signed_in("petra")
    method, other = add_card(petra), bill("5.00")
    payment = pay(petra, method, (other, "5.00")).headers["location"].rpartition("/")[2]
    setup = owner.scalar(text("select gateway_setup from payment_method_setup"))
    with nothing_changes(owner):
        for path in (
            f"/payments/{payment}",
            f"/payments/{payment}/receipt.pdf",
            f"/payments/{payment}/return",
            f"/card?setup={setup}",
            f"/review?setup={setup}",
            "/review",
            "/card",
        ):
            assert guest.get(guest.home + path).status_code == 404, path
        assert guest.post(f"{guest.home}/payments/{payment}/cancel").status_code == 404
        answer = guest.post(f"{guest.home}/review", {"setup": str(setup), "minor": "10000"})
        assert answer.status_code == 404
        for minor in ("", "x", "9" * 13, "-1", "\uff11"):
            order = {"setup": str(setup), "minor": minor}
            assert guest.post(f"{guest.home}/review", order).status_code == 404
    # And the other way round: what a guest typed is no card of the customer's.
    mine = guest.type_card()
    back = mine.partition("setup=")[2]
    with nothing_changes(owner):
        assert petra.get(f"/payment-methods/return?setup={back}").status_code == 404


def test_another_links_cookie_opens_nothing_here(
    guest: Guest,
    pages: TestClient,
    sandbox: RunningSandbox,
    bill: Callable[..., str],
    database: Database,
    owner: Connection,
    cast: Cast,
    clock: Clock,
) -> None:
    acts = Acts(database, owner, clock.now)
    invoice_id: UUID = ids.parsed(bill("7.00", "globex"), "inv")
    made = acts(cast.ada, pay_links.create, invoice_id=invoice_id)
    other = Guest(pages, sandbox, pay_links.path_of(made.token))
    assert "$7.00" in text_of(other.start)
    with nothing_changes(owner):
        assert other.get(f"{guest.home}/pay").status_code == 404
        assert other.post(f"{guest.home}/pay").status_code == 404


def test_it_is_all_in_french_when_the_invoice_was(pages: TestClient, guest: Guest) -> None:
    href = re.search(r'href="(/pay/[^"]+/pay[^"]*)"', guest.get(f"{guest.path}?language=fr").text)
    assert href is not None
    assert "Payer la facture" in text_of(guest.get(unescape(href[1])))

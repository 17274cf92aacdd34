"""Paying by a pay link on the pages: all of one invoice, once, with a card that is kept nowhere."""

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from httpx2 import Response
from sqlalchemy import Connection, text
from starlette.testclient import TestClient

from billing import mailed_links, pay_links
from db import ids
from db.session import Database
from tests.billing.acting import Acts
from tests.cast import Cast
from tests.gateway import RunningSandbox
from tests.money.race import at_once
from tests.papers import words
from tests.portal.conftest import ORIGIN, Clock, Person, text_of
from tests.portal.customer.conftest import AUTHENTICATES, DECLINED, VISA, hidden, link_of, pay
from tests.portal.customer.conftest import add_card as add_card
from tests.portal.customer.conftest import bill as bill
from tests.world import nothing_changes

Arrive = Callable[[str], Person]
SAME = {"origin": ORIGIN, "sec-fetch-site": "same-origin"}


class Guest:
    """Whoever holds a link, in a browser of their own."""

    def __init__(self, pages: TestClient, sandbox: RunningSandbox, path: str) -> None:
        self.client = TestClient(pages.app, base_url=ORIGIN)
        self.client.portal = pages.portal
        self.sandbox, self.path = sandbox, path
        self.start = self.client.get(f"{path}/pay")
        self.home = self.start.url.path.removesuffix("/pay")

    def get(self, address: str) -> Response:
        return self.client.get(address)

    def post(self, address: str, fields: dict[str, str] | None = None, **headers: str) -> Response:
        found = re.search(r'name="csrf_token" value="([^"]+)"', self.start.text)
        assert found is not None
        typed = {"csrf_token": found[1], **(fields or {})}
        return self.client.post(address, data=typed, headers={**SAME, **headers}, follow_redirects=False)

    def type_card(self, number: str = VISA) -> str:
        """Enter a card without scripts: the address of the review that the gateway leads back to."""
        page = self.get(self.post(f"{self.home}/pay").headers["location"])
        assert "data-card-fields" in page.text
        token = urlsplit(link_of(page.text, "data-card-page")).path.rpartition("/")[2]
        back = urlsplit(self.sandbox.type_card(number, token=token).headers["location"])
        return f"{back.path}?{back.query}"

    def confirm(self, review: str) -> Response:
        """Press the review's button."""
        return self.post(f"{self.home}/review", hidden(self.get(review)))

    def pay(self, number: str = VISA) -> Response:
        """The whole way: what the confirmation answers."""
        return self.confirm(self.type_card(number))


@pytest.fixture
def invoice(bill: Callable[..., str]) -> str:
    """An invoice over $100.00 that Northwind sent to Acme."""
    return bill("100.00")


@pytest.fixture
def made(database: Database, owner: Connection, cast: Cast, clock: Clock, invoice: str) -> pay_links.Made:
    """A link to it."""
    acts = Acts(database, owner, clock.now)
    return acts(cast.ada, pay_links.create, invoice_id=ids.parsed(invoice, "inv"))


@pytest.fixture
def guest(pages: TestClient, sandbox: RunningSandbox, made: pay_links.Made) -> Guest:
    """Whoever holds the link."""
    return Guest(pages, sandbox, pay_links.path_of(made.token))


def kept(owner: Connection) -> list[tuple[str, ...]]:
    """Every payment with its status and who asked for it."""
    found = owner.execute(text("select status, asked_by_kind from payment order by created_at, id"))
    return [tuple(row) for row in found]


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


def test_two_cards_in_two_tabs_pay_once(guest: Guest, owner: Connection) -> None:
    one, other = guest.type_card(), guest.type_card()
    late = hidden(guest.get(other))
    assert guest.confirm(one).status_code == 303
    with nothing_changes(owner):
        answer = guest.post(f"{guest.home}/review", late)
    assert answer.status_code == 409
    assert "This invoice is paid. Nothing is left to pay." in text_of(answer)
    assert len(guest.sandbox.charges()) == 1


def test_what_petra_pays_meanwhile_is_not_paid_again(
    guest: Guest, invoice: str, signed_in: Arrive, add_card: Callable[..., str], owner: Connection
) -> None:
    review = hidden(guest.get(guest.type_card()))
    petra = signed_in("petra")
    method = add_card(petra)
    assert pay(petra, method, (invoice, "40.00")).status_code == 303
    with nothing_changes(owner):
        answer = guest.post(f"{guest.home}/review", review)
    assert answer.status_code == 409
    assert "The total is $60.00, not what was shown." in text_of(answer)
    assert len(guest.sandbox.charges()) == 1
    # What is left is all that is left, with a card typed for that.
    assert guest.pay().status_code == 303
    assert [charge["amount_minor"] for charge in guest.sandbox.charges()] == [4000, 6000]


def test_a_declined_card_says_why_and_the_next_one_pays(guest: Guest, owner: Connection) -> None:
    page = guest.get(guest.pay(DECLINED).headers["location"])
    assert "The payment did not go through The bank declined the card." in text_of(page)
    assert f'href="{guest.home}/pay"' in page.text
    assert owner.scalar(text("select count(*) from mail where kind in ('RECEIPT', 'PAYMENT_FAILED')")) == 0
    assert guest.pay().status_code == 303
    assert kept(owner) == [("FAILED", "GUEST"), ("SUCCEEDED", "GUEST")]


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


def mails(owner: Connection) -> int:
    """How many mails with a fresh link there are."""
    return owner.scalar(text("select count(*) from mail where kind = 'PAY_LINK'")) or 0


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


def test_it_is_all_in_french_when_the_invoice_was(pages: TestClient, guest: Guest) -> None:
    href = re.search(r'href="(/pay/[^"]+/pay[^"]*)"', guest.get(f"{guest.path}?language=fr").text)
    assert href is not None
    assert "Payer la facture" in text_of(guest.get(unescape(href[1])))

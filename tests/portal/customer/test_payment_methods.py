"""The portal's cards: added at the gateway, known here by brand and last four."""

import re

import pytest
from sqlalchemy import Connection, text

from tests.gateway import RunningSandbox
from tests.portal.conftest import Person, text_of
from tests.portal.customer.conftest import NOBODYS, VISA, AddCard, Bill, pay, type_card
from tests.world import nothing_changes, world

MASTERCARD = "5555555555554444"


def cards(owner: Connection) -> list[tuple[str, bool, bool]]:
    """Last four, is it the default, is it removed: in the order they were added."""
    found = owner.execute(
        text("select last4, is_default, removed_at is not null from payment_method order by created_at, id")
    )
    return [tuple(row) for row in found]


def test_petra_adds_cards_and_chooses_the_default(petra: Person, add_card: AddCard, owner: Connection):
    assert "No card on file" in text_of(petra.get("/payment-methods"))
    add_card(petra)
    second = add_card(petra, MASTERCARD)
    assert cards(owner) == [("4242", True, False), ("4444", False, False)]
    assert petra.post(f"/payment-methods/{second}/default").status_code == 303
    page = text_of(petra.get("/payment-methods"))
    assert "Mastercard ending in 4444 is the default now." in page
    assert "Mastercard ending in 4444 Default Credit card 12/2034" in page
    assert cards(owner) == [("4242", False, False), ("4444", True, False)]


def test_removing_asks_first_and_the_card_that_is_left_becomes_the_default(
    petra: Person, add_card: AddCard, owner: Connection, bill: Bill
):
    first, _ = add_card(petra), add_card(petra, MASTERCARD)
    asked = text_of(petra.get(f"/payment-methods/{first}/remove"))
    assert "Remove Visa ending in 4242?" in asked
    assert "It is the default" in asked
    assert cards(owner)[0] == ("4242", True, False)
    done = petra.get(petra.post(f"/payment-methods/{first}/remove").headers["location"])
    assert "The card is removed. Mastercard ending in 4444 is the default." in text_of(done)
    assert cards(owner) == [("4242", False, True), ("4444", True, False)]
    assert petra.get(f"/payment-methods/{first}/remove").status_code == 404
    refused = petra.post("/pay", {
        "currency": "USD", "payment_method_id": first, "allocations-0-amount": "1",
        "allocations-0-invoice_id": bill("5.00"),
    })  # fmt: skip
    assert (refused.status_code, "This payment method was removed." in text_of(refused)) == (409, True)


def test_the_number_never_comes_here(petra: Person, add_card: AddCard, owner: Connection):
    add_card(petra)
    kept = "\n".join(row for rows in world(owner).values() for row in rows)
    assert VISA not in kept
    assert "4242" in kept


def test_coming_back_twice_is_coming_back_once(petra: Person, sandbox: RunningSandbox, owner: Connection):
    location = petra.post("/payment-methods/add").headers["location"]
    back = type_card(petra, sandbox, location, VISA)
    assert "Visa ending in 4242 is saved." in text_of(petra.get(back))
    with nothing_changes(owner):
        petra.get(back)
        # The page of an entry that is done has nothing more to take.
        assert "That card is saved already." in text_of(petra.get(location))


def test_coming_back_without_a_card_adds_none(petra: Person, owner: Connection, sandbox: RunningSandbox):
    location = petra.post("/payment-methods/add").headers["location"]
    with nothing_changes(owner):
        reloaded = petra.get(location)
        assert reloaded.status_code == 200
        assert petra.get(location).text == reloaded.text
        back = petra.get(location.replace("/add?", "/return?"))
    assert "No card was added." in text_of(back)


def test_only_the_page_of_the_form_may_reach_the_gateway(petra: Person, sandbox: RunningSandbox):
    page = petra.get(petra.post("/payment-methods/add").headers["location"])
    policy = page.headers["content-security-policy"]
    assert f"frame-src {sandbox.url}" in policy
    assert f'data-origin="{sandbox.url}"' in page.text
    assert sandbox.url not in policy.partition("script-src")[2].partition(";")[0]
    for path in ("/payment-methods", "/invoices", "/payments"):
        assert sandbox.url not in petra.get(path).headers["content-security-policy"]


def test_the_way_back_to_paying_stays_here(petra: Person, sandbox: RunningSandbox, bill: Bill):
    invoice = bill("10.00")
    hostile = f"pay={invoice}~3.00&next=//evil.example&method=//evil.example"
    location = petra.post("/payment-methods/add", {"pay": hostile}).headers["location"]
    landed = petra.get(type_card(petra, sandbox, location, VISA))
    assert landed.url.path == f"{petra.home}/pay"
    assert "evil" not in str(landed.url)
    assert 'value="3.00"' in landed.text


def test_a_choice_too_long_for_the_way_back_lands_among_the_cards(petra: Person, sandbox: RunningSandbox):
    pairs = "&".join(f"pay=inv_{place:032x}~1.00" for place in range(60))
    location = petra.post("/payment-methods/add", {"pay": pairs}).headers["location"]
    landed = petra.get(type_card(petra, sandbox, location, VISA))
    assert landed.url.path == f"{petra.home}/payment-methods"


def test_a_gateway_that_is_down_is_said_and_adds_nothing(
    petra: Person, sandbox: RunningSandbox, owner: Connection
):
    sandbox.fail("500", on="setup")
    answer = petra.post("/payment-methods/add")
    page = petra.get(answer.headers["location"])
    assert "Payment methods can't be added just now." in text_of(page)
    assert cards(owner) == []


def test_vera_sees_the_cards_and_may_change_nothing(
    vera: Person, petra: Person, add_card: AddCard, owner: Connection
):
    card = add_card(petra)
    page = vera.get("/payment-methods")
    assert "Visa ending in 4242" in text_of(page)
    assert "Remove" not in text_of(page)
    location = petra.post("/payment-methods/add").headers["location"]
    with nothing_changes(owner):
        assert vera.post("/payment-methods/add").status_code == 403
        assert vera.get(location).status_code == 403
        assert vera.get(f"/payment-methods/{card}/remove").status_code == 403
        for path in ("default", "remove"):
            assert vera.post(f"/payment-methods/{card}/{path}").status_code == 403


@pytest.mark.parametrize("stranger", ["gus", "ines"])
def test_acmes_cards_and_entries_look_like_none_to_strangers(
    stranger: str, signed_in, petra: Person, add_card: AddCard, owner: Connection, sandbox: RunningSandbox
):
    card, other = add_card(petra), signed_in(stranger)
    entry = re.search(r"setup=(\w+)", petra.post("/payment-methods/add").headers["location"])[1]
    with nothing_changes(owner):
        for path in ("default", "remove"):
            theirs = other.post(f"/payment-methods/{card}/{path}")
            absent = other.post(f"/payment-methods/pm_{NOBODYS}/{path}")
            assert (theirs.status_code, theirs.text) == (404, absent.text)
        assert other.get(f"/payment-methods/{card}/remove").status_code == 404
        for path in ("add", "return"):
            theirs = other.get(f"/payment-methods/{path}?setup={entry}")
            absent = other.get(f"/payment-methods/{path}?setup=seti_nobody")
            assert (theirs.status_code, theirs.text) == (404, absent.text)
    assert "No card on file" in text_of(other.get("/payment-methods"))


def test_a_forged_form_changes_no_card(petra: Person, add_card: AddCard, owner: Connection):
    card = add_card(petra)
    with nothing_changes(owner):
        for path in (
            "/payment-methods/add",
            f"/payment-methods/{card}/default",
            f"/payment-methods/{card}/remove",
        ):
            assert petra.post(path, forged=True).status_code == 403


def test_a_payment_under_way_keeps_its_removed_card(
    petra: Person, add_card: AddCard, bill: Bill, sandbox: RunningSandbox, owner: Connection
):
    card, invoice = add_card(petra), bill("10.00")
    sandbox.fail("reset")
    location = pay(petra, card, (invoice, "10.00")).headers["location"]
    petra.post(f"/payment-methods/{card}/remove")
    assert "$10.00 is paid" in text_of(petra.get(f"{location}/return"))
    assert cards(owner) == [("4242", False, True)]

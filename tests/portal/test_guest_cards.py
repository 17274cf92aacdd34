"""Entering a card by a pay link: one entry while it is open in a browser, and never somebody else's."""

from sqlalchemy import Connection, text
from starlette.testclient import TestClient

from billing import pay_links
from tests.gateway import RunningSandbox
from tests.money.race import at_once
from tests.portal.conftest import text_of
from tests.portal.customer.conftest import bill as bill
from tests.portal.guests import Guest
from tests.portal.guests import guest as guest
from tests.portal.guests import invoice as invoice
from tests.portal.guests import made as made


def pressed(guest: Guest) -> str:
    """Where “Enter a card” leads."""
    answer = guest.post(f"{guest.home}/pay")
    assert answer.status_code == 303
    return answer.headers["location"]


def entries(owner: Connection) -> int:
    return owner.scalar(text("select count(*) from payment_method_setup")) or 0


def test_pressed_again_it_leads_to_the_same_entry_while_it_is_open(guest: Guest, owner: Connection) -> None:
    first = pressed(guest)
    assert "/card?setup=" in first
    assert [pressed(guest) for _ in range(2)] == [first, first]
    # After going back, too: the page is made anew, and the browser is the same.
    guest.start = guest.get(f"{guest.home}/pay")
    assert pressed(guest) == first
    assert entries(owner) == 1


def test_a_double_click_is_one_entry(guest: Guest, owner: Connection) -> None:
    led = at_once([lambda: pressed(guest)] * 4)
    assert len(set(led)) == 1
    assert entries(owner) == 1


def test_once_a_card_was_typed_the_next_entry_is_another(guest: Guest, owner: Connection) -> None:
    first = pressed(guest)
    # The card is at the gateway; its word has not come here yet.
    guest.type_card()
    assert entries(owner) == 1
    second = pressed(guest)
    assert second != first
    assert pressed(guest) == second
    assert entries(owner) == 2


def test_whoever_else_holds_the_link_never_meets_the_card(
    guest: Guest, pages: TestClient, sandbox: RunningSandbox, made: pay_links.Made, owner: Connection
) -> None:
    other = Guest(pages, sandbox, pay_links.path_of(made.token))
    mine, theirs = pressed(guest), pressed(other)
    assert mine != theirs
    assert pressed(guest) == mine
    review = guest.type_card()
    assert "Visa ending in 4242" in text_of(guest.get(review))
    assert pressed(other) == theirs
    assert entries(owner) == 2

"""D-2 on the page: every signed-in browser is listed, and is out as soon as it is signed out from another."""

import re
from collections.abc import Callable

import pytest
from sqlalchemy import Connection, text

from db import ids
from portal.signed_in import browser_name
from tests.cast import Cast
from tests.portal.conftest import Person, text_of
from tests.world import nothing_changes

HOME = "/account/sessions"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def two(signed_in: Callable[[str], Person], owner: Connection) -> tuple[Person, Person]:
    """Petra in two browsers; paths from the root. The second is Firefox."""
    persons = (signed_in("petra"), signed_in("petra"))
    for person in persons:
        person.home = ""
    latest = text("update session set agent = :agent where id = (select max(id::text)::uuid from session)")
    owner.execute(latest, {"agent": FIREFOX})
    return persons


def ends(person: Person) -> list[str]:
    return re.findall(r'action="(/account/sessions/ses_[^"]+)"', person.get(HOME).text)


def is_out(person: Person) -> bool:
    """Is the browser sent to sign in?"""
    return person.get(HOME).url.path == "/sign-in"


def test_the_browsers_are_listed_this_one_first(two: tuple[Person, Person]) -> None:
    shown = text_of(two[0].get(HOME))
    assert "Firefox on Windows" in shown
    assert shown.index("This browser") < shown.index("Firefox on Windows")
    assert len(ends(two[0])) == 1


def test_another_browser_is_signed_out_at_its_next_request(two: tuple[Person, Person]) -> None:
    here, there = two
    assert not is_out(there)
    (address,) = ends(here)
    assert here.post(address).headers["location"] == HOME
    assert is_out(there)
    shown = text_of(here.get(HOME))
    assert "That browser is signed out." in shown
    assert "You are signed in nowhere else." in shown
    assert "Signed out" in shown


def test_everybody_else_is_signed_out_at_once(two: tuple[Person, Person]) -> None:
    here, there = two
    assert here.post(f"{HOME}/others").headers["location"] == HOME
    assert is_out(there)
    assert "Every other browser is signed out." in text_of(here.get(HOME))
    assert "Signed out everywhere else" in text_of(here.get(HOME))


def test_this_browser_signed_out_from_its_own_list_is_out(two: tuple[Person, Person]) -> None:
    here, there = two
    (address,) = ends(there)  # the other one's address is this browser's session
    assert here.post(address).headers["location"] == "/sign-in"
    assert is_out(here)
    assert not is_out(there)


def test_somebody_elses_browser_stays_signed_in(
    two: tuple[Person, Person], signed_in: Callable[[str], Person], owner: Connection, cast: Cast
) -> None:
    mallory = signed_in("mallory")
    theirs = owner.scalar(text("select id from session where user_id = :u"), {"u": cast.mallory.user_id})
    assert theirs is not None
    with nothing_changes(owner, without=("session",)):
        for address in (ids.shown("ses", theirs), f"ses_{'0' * 32}"):
            assert two[0].post(f"{HOME}/{address}/end").status_code == 303
        assert two[0].post(f"{HOME}/x/end").status_code == 404
    assert mallory.get("/customers").status_code == 200
    assert owner.scalar(text("select count(*) from session where ended_at is not null")) == 0


def test_a_form_of_another_site_signs_nobody_out(two: tuple[Person, Person], owner: Connection) -> None:
    here, there = two
    (address,) = ends(here)
    with nothing_changes(owner, without=("session",)):
        for path in (address, f"{HOME}/others"):
            assert here.post(path, forged=True).status_code == 403
    assert not is_out(there)


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (FIREFOX, "Firefox on Windows"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 14_0) AppleWebKit/605 Safari/605", "Safari on Mac"),
        ("Mozilla/5.0 (Linux; Android 14) AppleWebKit/537 Chrome/140 Mobile Safari/537", "Chrome on Android"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537 Chrome/140 Safari/537 Edg/140", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18 like Mac OS X) Version/18 Safari/604", "Safari on iPhone"),
        ("", "A browser"),
        ("curl/8", "A browser"),
    ],
)  # fmt: skip
def test_a_browser_is_named_in_plain_words(agent: str, name: str) -> None:
    assert browser_name(agent) == name

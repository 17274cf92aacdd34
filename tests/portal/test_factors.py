"""B-6, D-4 on the pages: setting an app up, the second step, asking again before what a thief must not do."""

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape

import pyotp
import pytest
from sqlalchemy import Connection, text
from starlette.testclient import TestClient

from auth.proofs import RECENT
from db import ids
from db.session import Database
from tests.auth import steps
from tests.auth.factor_steps import App, set_up
from tests.cast import PASSWORD, Cast
from tests.portal.conftest import ORIGIN, Clock, Person, text_of
from tests.world import nothing_changes

STEP = timedelta(seconds=30)
FORM = {"origin": ORIGIN}


@pytest.fixture
def petra(signed_in: Callable[[str], Person]) -> Person:
    """Acme's payer; paths from the root."""
    person = signed_in("petra")
    person.home = ""
    return person


@pytest.fixture
def app(database: Database, cast: Cast, clock: Clock) -> App:
    return set_up(database, cast.petra.user_id, clock() - 2 * STEP)


def seed_on(page: str) -> str:
    found = re.search(r'secret-key">([^<]+)<', page)
    assert found is not None
    return found[1].replace(" ", "")


def fresh(pages: TestClient) -> TestClient:
    """A browser of its own before the same running pages."""
    client = TestClient(pages.app, base_url=ORIGIN, follow_redirects=False)
    client.portal = pages.portal
    return client


def sent(client: TestClient, path: str, at: str | None = None, /, **fields: str):
    """Open the page, then send its form."""
    page = client.get(at or path).text
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found is not None
    return client.post(path, data={"csrf_token": found[1], **fields}, headers=FORM)


def sign_in(client: TestClient, cast: Cast, **fields: str):
    return sent(client, "/sign-in", email=cast.emails["petra"], password=PASSWORD, **fields)


def second(client: TestClient, page, code: str, **changes: str):
    """Send the second step's form as the page has it."""
    fields = {
        unescape(name): unescape(value)
        for name, value in re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page.text)
    }
    return client.post("/sign-in/code", data={**fields, "code": code, **changes}, headers=FORM)


def test_an_app_is_set_up_with_its_first_code_and_brings_codes_once(
    petra: Person, owner: Connection, clock: Clock
) -> None:
    assert "password alone" in text_of(petra.get("/account/factors"))
    assert petra.post("/account/factors/new", {"name": "Phone"}).headers["location"].endswith("/confirm")
    page = petra.get("/account/factors/confirm")
    assert 'src="data:image/svg+xml' in page.text
    seed = seed_on(page.text)
    assert seed_on(petra.get("/account/factors/confirm").text) == seed
    wrong = petra.post("/account/factors/confirm", {"code": "12345"})
    assert wrong.status_code == 422
    assert "This code is not right" in text_of(wrong)
    assert "password alone" in text_of(petra.get("/account/factors"))
    done = petra.post("/account/factors/confirm", {"code": pyotp.TOTP(seed).at(clock())})
    codes = re.findall(r"<code>([a-z2-7-]{19})</code>", done.text)
    assert len(codes) == 10
    assert done.headers["cache-control"] == "no-store"
    listed = petra.get("/account/factors")
    assert "Phone" in text_of(listed)
    assert "10 recovery codes are left" in text_of(listed)
    assert not any(code in listed.text for code in codes)
    assert seed not in listed.text
    assert "secret-key" not in petra.get("/account/factors/confirm").text


def test_a_name_is_asked_for_at_its_field(petra: Person, owner: Connection) -> None:
    with nothing_changes(owner):
        answer = petra.post("/account/factors/new", {"name": " "})
    assert answer.status_code == 422
    assert 'id="error-name"' in answer.text


def test_the_second_step_stands_before_every_page_and_keeps_what_was_typed(
    pages: TestClient, owner: Connection, cast: Cast, app: App, clock: Clock
) -> None:
    browser = fresh(pages)
    asked = sign_in(browser, cast, next="/portal/acme-1a2b3c/tags/new", **{"kept-name": "Half “typed”"})
    assert asked.status_code == 200
    assert "remit_session" not in browser.cookies
    assert browser.get("/accounts").headers["location"].startswith("/sign-in")
    wrong = second(browser, asked, "12345")
    assert wrong.status_code == 422
    assert "remit_session" not in browser.cookies
    done = second(browser, wrong, app.code(clock()))
    assert "Half “typed”" in unescape(done.text)
    assert 'action="/portal/acme-1a2b3c/tags/new"' in done.text
    assert browser.get("/portal/acme-1a2b3c/invoices").status_code == 200
    assert "remit_pending" not in browser.cookies


def test_the_second_step_leads_only_to_our_own_pages(
    pages: TestClient, cast: Cast, app: App, clock: Clock
) -> None:
    browser = fresh(pages)
    asked = sign_in(browser, cast)
    done = second(browser, asked, app.code(clock()), next="https://evil.example/")
    assert done.headers["location"] == "/accounts"


def test_a_code_in_another_browser_opens_nothing(
    pages: TestClient, owner: Connection, cast: Cast, app: App, clock: Clock
) -> None:
    mine, other = fresh(pages), fresh(pages)
    asked = sign_in(mine, cast)
    other.get("/sign-in")
    assert second(other, asked, app.code(clock())).status_code == 403
    with nothing_changes(owner):
        over = sent(other, "/sign-in/code", "/sign-in", code=app.code(clock()))
    assert over.status_code == 401
    assert "Sign in again" in text_of(over)
    assert "remit_session" not in other.cookies
    assert second(mine, asked, app.code(clock())).status_code == 303


def test_a_recovery_code_signs_in_once(pages: TestClient, cast: Cast, app: App) -> None:
    for status in (303, 422):
        browser = fresh(pages)
        assert second(browser, sign_in(browser, cast), app.codes[0]).status_code == status


def test_too_many_codes_are_said_at_the_field(pages: TestClient, cast: Cast, app: App, clock: Clock) -> None:
    browser = fresh(pages)
    page = sign_in(browser, cast)
    for _ in range(10):
        assert second(browser, page, "12345").status_code == 422
    full = second(browser, page, app.code(clock()))
    assert full.status_code == 429
    assert 'id="error-code"' in full.text


def test_a_reset_password_does_not_go_round_the_second_step(
    pages: TestClient, database: Database, owner: Connection, cast: Cast, app: App, clock: Clock
) -> None:
    token = steps.ask_for_reset(database, owner, cast.emails["petra"], clock())
    assert token is not None
    steps.finish_reset(database, token, clock())
    browser = fresh(pages)
    assert "Now type the code that your authenticator app shows." in text_of(sign_in(browser, cast))
    assert "remit_session" not in browser.cookies


def test_an_invite_is_accepted_after_the_second_step(
    pages: TestClient, database: Database, owner: Connection, cast: Cast, app: App, clock: Clock
) -> None:
    invited = steps.invite(
        database, cast.mallory, customer_id=cast.customers["initech"], email=cast.emails["petra"], now=clock()
    )
    browser = fresh(pages)
    browser.get(f"/invite/{invited.token}")
    asked = sent(browser, "/invite", password=PASSWORD)
    assert "remit_session" not in browser.cookies
    state = text("select status from membership where id = :id")
    assert owner.execute(state, {"id": invited.membership_id}).scalar_one() == "INVITED"
    assert second(browser, asked, app.code(clock())).headers["location"] == "/invite"
    page = browser.get("/invite")
    assert "You are signed in with this address." in page.text
    assert sent(browser, "/invite").headers["location"].startswith("/portal/initech")
    assert owner.execute(state, {"id": invited.membership_id}).scalar_one() == "ACTIVE"


CHANGES = ("new", "confirm", "codes", "{id}/remove")


@pytest.mark.parametrize("path", CHANGES)
def test_what_changes_the_factors_asks_again_after_a_quarter_of_an_hour(
    petra: Person, owner: Connection, app: App, clock: Clock, path: str
) -> None:
    where = f"/account/factors/{path.format(id=ids.shown('fac', app.factor_id))}"
    clock.now += RECENT
    with nothing_changes(owner):
        asked = petra.post(where, {"name": "Ta“b”let", "code": "123456"})
        shown = petra.get(where)
    assert asked.status_code == 403
    assert "Is it still you?" in text_of(asked)
    assert 'name="kept-name" value="Ta“b”let"' in unescape(asked.text)
    assert "Is it still you?" in text_of(shown)


@pytest.mark.parametrize("way", ["password", "code"])
def test_having_proved_it_one_goes_on_with_what_was_typed(
    petra: Person, owner: Connection, cast: Cast, app: App, clock: Clock, way: str
) -> None:
    clock.now += RECENT
    kept = {"next": "/account/factors/new", "kept-name": "Tablet"}
    wrong = petra.post("/account/prove", {**kept, way: "12345"})
    assert wrong.status_code == 422
    assert 'name="kept-name" value="Tablet"' in wrong.text
    right = {"password": PASSWORD, "code": app.code(clock())}[way]
    before = petra._session["remit_session"]
    done = petra.post("/account/prove", {**kept, way: right})
    assert 'action="/account/factors/new"' in done.text
    assert 'name="name" value="Tablet"' in done.text
    noted = text("select action from personal_event order by at desc, id desc limit 1")
    assert owner.execute(noted).scalar_one() == "step_up"
    # The session has a new id; the old one is dead.
    petra.client.cookies.clear()
    assert "Sign in" in text_of(petra.get("/account/factors"))
    petra._session["remit_session"] = re.search(r"remit_session=([^;]+)", done.headers["set-cookie"])[1]  # type: ignore[index]
    assert petra._session["remit_session"] != before
    assert petra.post("/account/factors/new", {"name": "Tablet"}).status_code == 303


def test_a_proof_leads_only_to_our_own_pages(petra: Person, clock: Clock) -> None:
    done = petra.post("/account/prove", {"password": PASSWORD, "next": "//evil.example"})
    assert done.headers["location"] == "/accounts"


def test_an_app_is_removed_after_a_question(petra: Person, app: App) -> None:
    where = f"/account/factors/{ids.shown('fac', app.factor_id)}/remove"
    assert "your only app" in text_of(petra.get(where))
    assert petra.post(where).headers["location"] == "/account/factors"
    assert "password alone" in text_of(petra.get("/account/factors"))
    assert petra.post(where).status_code == 404


def test_anothers_app_is_as_good_as_none(
    signed_in: Callable[[str], Person], owner: Connection, app: App
) -> None:
    carl = signed_in("carl")
    carl.home = ""
    theirs, none = (f"/account/factors/fac_{hexed}/remove" for hexed in (app.factor_id.hex, "f" * 32))
    with nothing_changes(owner):
        for ask in (carl.get, carl.post):
            there, absent = ask(theirs), ask(none)
            assert there.status_code == absent.status_code == 404
            assert text_of(there) == text_of(absent)


def test_new_recovery_codes_are_shown_once(petra: Person, app: App) -> None:
    assert "no longer work" in text_of(petra.get("/account/factors/codes"))
    codes = re.findall(r"<code>([a-z2-7-]{19})</code>", petra.post("/account/factors/codes").text)
    assert len(codes) == 10
    assert not set(codes) & set(app.codes)


@pytest.mark.parametrize("path", ["new", "confirm", "codes", "fac_" + "f" * 32 + "/remove"])
def test_a_form_of_another_site_changes_nothing(
    petra: Person, owner: Connection, app: App, path: str
) -> None:
    with nothing_changes(owner):
        assert petra.post(f"/account/factors/{path}", {"name": "x"}, forged=True).status_code == 403

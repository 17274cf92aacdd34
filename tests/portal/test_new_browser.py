"""B-1 on the pages: a new browser is confirmed by mail, remembered, listed and forgotten."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect
from sqlalchemy import Connection, text
from starlette.testclient import TestClient

from db.session import Database
from tests.auth import steps
from tests.auth.factor_steps import sessions_of
from tests.auth.mailed_steps import other_than
from tests.cast import PASSWORD, Cast
from tests.portal.conftest import Browsing, Clock, Person, text_of
from tests.portal.test_factors import fresh, sent
from tests.portal.test_mailed_code import newest, type_in
from tests.world import nothing_changes


def with_password(browser: TestClient, email: str, **fields: str):
    return sent(browser, "/sign-in", email=email, password=PASSWORD, **fields)


def test_a_new_browser_is_confirmed_once_and_what_was_typed_is_kept(
    pages: TestClient, database: Database, owner: Connection, cast: Cast
) -> None:
    browser = fresh(pages)
    kept = {"next": "/portal/acme-1a2b3c/tags/new", "kept-name": "Half"}
    page = with_password(browser, cast.emails["petra"], **kept)
    assert page.status_code == 200
    assert "Is this browser yours?" in text_of(page)
    assert 'name="kept-name" value="Half"' in page.text
    assert "remit_session" not in browser.cookies
    assert "Is this browser yours?" in text_of(browser.get("/sign-in/mail/code"))
    code = newest(database, owner)
    wrong = type_in(browser, other_than(code), **kept)
    assert wrong.status_code == 422
    assert "Is this browser yours?" in text_of(wrong)
    done = type_in(browser, code, **kept)
    assert 'action="/portal/acme-1a2b3c/tags/new"' in done.text
    assert browser.get("/portal/acme-1a2b3c/invoices").status_code == 200
    sent(browser, "/sign-out", "/accounts?switch=1")
    assert with_password(browser, cast.emails["petra"]).headers["location"] == "/accounts"


def test_staff_are_not_asked(pages: TestClient, cast: Cast) -> None:
    assert with_password(fresh(pages), cast.emails["ada"]).headers["location"] == "/accounts"


def test_a_code_for_one_browser_opens_no_other(
    pages: TestClient, database: Database, owner: Connection, cast: Cast
) -> None:
    mine, other = fresh(pages), fresh(pages)
    with_password(mine, cast.emails["petra"])
    code = newest(database, owner)
    other.get("/sign-in")
    assert sent(other, "/sign-in/mail/code", "/sign-in", code=code).status_code == 422
    assert sessions_of(owner, cast.petra.user_id) == 0
    assert type_in(mine, code).status_code == 303


def test_a_reset_by_mail_leaves_the_browser_known(
    pages: TestClient, database: Database, owner: Connection, cast: Cast, clock: Clock
) -> None:
    browser = fresh(pages)
    token = steps.ask_for_reset(database, owner, cast.emails["petra"], clock())
    browser.get(f"/reset/{token}")
    assert sent(browser, "/reset", password=steps.NEW_PASSWORD).status_code == 303
    signed_in = sent(browser, "/sign-in", email=cast.emails["petra"], password=steps.NEW_PASSWORD)
    assert signed_in.headers["location"] == "/accounts"


def test_an_invite_link_is_mail_enough(
    pages: TestClient, database: Database, owner: Connection, cast: Cast, clock: Clock
) -> None:
    invited = steps.invite(
        database, cast.mallory, customer_id=cast.customers["initech"], email=cast.emails["petra"], now=clock()
    )
    browser = fresh(pages)
    browser.get(f"/invite/{invited.token}")
    assert sent(browser, "/invite", password=PASSWORD).headers["location"].startswith("/portal/initech")
    assert "remit_device" in browser.cookies


@pytest.fixture
def petra(signed_in: Callable[[str], Person]) -> Person:
    """Acme's payer; paths from the root."""
    person = signed_in("petra")
    person.home = ""
    return person


def test_remembered_browsers_are_listed_and_forgotten(
    petra: Person, pages: TestClient, database: Database, owner: Connection, cast: Cast, clock: Clock
) -> None:
    assert "Remembered browsers" not in text_of(petra.get("/account/sessions"))
    there = steps.sign_in(database, cast.emails["petra"], clock())
    assert there is not None
    with database.transaction(user_id=there.user_id) as db:
        steps.sessions.end(
            db, user_id=there.user_id, session_id=there.session_id, address="", agent="", now=clock()
        )
    page = petra.get("/account/sessions")
    assert "Remembered browsers" in text_of(page)
    device = owner.execute(
        text("select device_id from session where id = :id"), {"id": there.session_id}
    ).scalar_one()
    where = f"/account/devices/dev_{device.hex}/forget"
    assert where in page.text
    with nothing_changes(owner):
        assert petra.post(where, forged=True).status_code == 403
    assert petra.post(where).headers["location"] == "/account/sessions"
    listed = text_of(petra.get("/account/sessions"))
    assert "That browser is forgotten." in listed
    assert "Remembered browsers" not in listed
    assert petra.post(where).status_code == 404


def test_anothers_browser_is_as_good_as_none(
    petra: Person, signed_in: Callable[[str], Person], owner: Connection, cast: Cast
) -> None:
    carl = signed_in("carl")
    carl.home = ""
    mine = text("select id from device where user_id = :id")
    device = owner.execute(mine, {"id": cast.petra.user_id}).scalar_one()
    with nothing_changes(owner):
        there, absent = (
            carl.post(f"/account/devices/dev_{hexed}/forget") for hexed in (device.hex, "f" * 32)
        )
    assert there.status_code == absent.status_code == 404
    assert text_of(there) == text_of(absent)


@pytest.mark.browser
@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_petra_confirms_a_new_browser(
    chromium: Browser, browsing: Browsing, database: Database, owner: Connection, cast: Cast, scripts: bool
) -> None:
    context = chromium.new_context(
        base_url=browsing.url, java_script_enabled=scripts, bypass_csp=scripts,
        viewport={"width": 390, "height": 800},
    )  # fmt: skip
    page = context.new_page()

    def fine() -> None:
        if scripts:
            found = Axe().run(page)
            assert found.violations_count == 0, f"{page.url}: {found.generate_report()}"
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url

    def with_her_password() -> None:
        page.goto("/sign-in?next=/account/sessions")
        page.get_by_label("E-mail").fill(cast.emails["petra"])
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()

    with_her_password()
    expect(page.get_by_role("heading", name="Is this browser yours?")).to_be_visible()
    fine()
    page.get_by_label("Code").fill(newest(database, owner))
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Signed-in browsers")).to_be_visible()
    context.clear_cookies(name="remit_session")
    with_her_password()
    expect(page.get_by_role("heading", name="Signed-in browsers")).to_be_visible()
    fine()
    context.close()

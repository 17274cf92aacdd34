"""Somebody who was only invited finds a way in from every page that turns them away."""

from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect
from sqlalchemy import Connection, text
from starlette.testclient import TestClient

from auth import invites
from db.session import Database
from tests.auth import steps
from tests.auth.steps import Newcomer
from tests.auth.test_asked_invites import mailed, work_off
from tests.cast import Cast
from tests.portal.conftest import Browsing, Clock, text_of
from tests.portal.test_factors import FORM, fresh, sent


@pytest.fixture
def nia(database: Database, cast: Cast, clock: Clock) -> Newcomer:
    """Invited to Acme; she has no account."""
    return steps.invite(database, cast.ada, customer_id=cast.customers["acme"], now=clock())


@pytest.mark.parametrize("path", ["/forgot", "/sign-in/mail"])
def test_each_way_to_sign_in_without_a_password_mails_the_invite_again(
    pages: TestClient, database: Database, owner: Connection, nia: Newcomer, clock: Clock, path: str
) -> None:
    browser = fresh(pages)
    hers, nobodys = (sent(browser, path, email=email) for email in (nia.email, "nobody@acme.example"))
    assert hers.status_code == 200
    assert text_of(hers) == text_of(nobodys)
    assert "If it was invited but never signed in, we have sent the invite again instead." in text_of(hers)
    assert work_off(database, owner, clock()) == 1
    assert mailed(owner) == [("INVITE", nia.invite_id)]


def test_a_dead_invite_link_leads_to_a_new_one(
    pages: TestClient, database: Database, owner: Connection, nia: Newcomer, clock: Clock
) -> None:
    clock.now += invites.LIFE
    answers = []
    for token in (nia.token, "made-up"):
        browser = fresh(pages)
        dead = browser.get(f"/invite/{token}", follow_redirects=True)
        assert dead.status_code == 404
        done = sent(browser, "/invite/again", "/invite")
        assert done.status_code == 200
        answers.append((text_of(dead), text_of(done)))
    assert answers[0] == answers[1]
    assert "Send me a new invite" in answers[0][0]
    assert work_off(database, owner, clock()) == 1
    ((_, invite_id),) = mailed(owner)
    assert invite_id != nia.invite_id


def test_only_our_own_page_asks(pages: TestClient, owner: Connection, nia: Newcomer, clock: Clock) -> None:
    browser = fresh(pages)
    browser.get(f"/invite/{nia.token}")
    assert browser.get("/invite/again").headers["location"] == "/invite"
    answer = browser.post("/invite/again", data={"csrf_token": "nonsense"}, headers=FORM)
    assert answer.status_code == 403
    assert owner.execute(text("select count(*) from procrastinate_jobs")).scalar_one() == 0


def test_a_dead_reset_link_says_what_it_said(pages: TestClient) -> None:
    page = fresh(pages).get("/reset/made-up", follow_redirects=True)
    assert page.status_code == 404
    assert "ask for a new link" in text_of(page)
    assert "Send me a new invite" not in text_of(page)


@pytest.mark.browser
@pytest.mark.parametrize("scripts", [True, False])
def test_the_dead_link_page_mails_a_new_invite_in_a_browser(
    chromium: Browser, browsing: Browsing, database: Database, owner: Connection, nia: Newcomer, clock: Clock,
    scripts: bool,
) -> None:  # fmt: skip
    clock.now += invites.LIFE + timedelta(days=1)
    context = chromium.new_context(
        base_url=browsing.url, java_script_enabled=scripts, viewport={"width": 390, "height": 800}
    )
    page = context.new_page()
    page.goto(f"/invite/{nia.token}")
    expect(page.get_by_role("heading", level=1)).to_have_text("This link no longer works")
    if scripts:
        assert Axe().run(page).response["violations"] == []
    page.get_by_role("button", name="Send me a new invite").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Check your mail")
    assert work_off(database, owner, clock()) == 1

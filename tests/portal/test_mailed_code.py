"""B-1, B-4, B-6 on the pages: a code by mail instead of the password, with scripts and without."""

from datetime import timedelta
from html import unescape
from uuid import UUID

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect
from sqlalchemy import Connection, text
from starlette.testclient import TestClient

from db.session import Database
from tests.auth.factor_steps import sessions_of, set_up
from tests.auth.mailed_steps import code_in, other_than
from tests.cast import Cast
from tests.portal.conftest import Browsing, Clock, text_of
from tests.portal.test_factors import FORM, fresh, second, sent
from tests.world import nothing_changes

STEP = timedelta(seconds=30)


def newest(database: Database, owner: Connection) -> str:
    """What the latest mail says."""
    jobs = text(
        "select args from procrastinate_jobs where task_name = 'send_mailed_code' order by id desc limit 1"
    )
    job = owner.execute(jobs).scalar_one()
    return code_in(database, UUID(job["code_id"]), UUID(job["user_id"]))


def ask(browser: TestClient, email: str, **fields: str):
    return sent(browser, "/sign-in/mail", email=email, **fields)


def type_in(browser: TestClient, code: str, **fields: str):
    return sent(browser, "/sign-in/mail/code", code=code, **fields)


def test_a_code_signs_in_and_keeps_what_was_typed(
    pages: TestClient, database: Database, owner: Connection, cast: Cast
) -> None:
    browser = fresh(pages)
    kept = {"next": "/portal/acme-1a2b3c/tags/new", "kept-name": "Half “typed”"}
    page = ask(browser, cast.emails["petra"], **kept)
    assert page.status_code == 200
    assert 'name="kept-name" value="Half “typed”"' in unescape(page.text)
    code = newest(database, owner)
    wrong = type_in(browser, other_than(code), **kept)
    assert wrong.status_code == 422
    assert 'id="error-code"' in wrong.text
    done = type_in(browser, code, **kept)
    assert "Half “typed”" in unescape(done.text)
    assert browser.get("/portal/acme-1a2b3c/invoices").status_code == 200
    assert "remit_device" in browser.cookies
    assert "remit_mailed" not in browser.cookies


def test_it_leads_only_to_our_own_pages(
    pages: TestClient, database: Database, owner: Connection, cast: Cast
) -> None:
    browser = fresh(pages)
    ask(browser, cast.emails["petra"])
    done = type_in(browser, newest(database, owner), next="https://evil.example/")
    assert done.headers["location"] == "/accounts"


def test_an_unknown_address_gets_the_same_answers(pages: TestClient, owner: Connection, cast: Cast) -> None:
    answers = []
    for email in (cast.emails["petra"], "nobody@acme.example"):
        browser = fresh(pages)
        asked = ask(browser, email)
        typed = type_in(browser, "12345678")
        reloaded = browser.get("/sign-in/mail/code")
        assert len(browser.cookies["remit_mailed"]) == 43
        answers.append([(page.status_code, text_of(page)) for page in (asked, typed, reloaded)])
    assert answers[0] == answers[1]


def test_the_second_step_stands_behind_it(
    pages: TestClient, database: Database, owner: Connection, cast: Cast, clock: Clock
) -> None:
    app = set_up(database, cast.petra.user_id, clock() - 2 * STEP)
    browser = fresh(pages)
    ask(browser, cast.emails["petra"])
    code = newest(database, owner)
    page = type_in(browser, code)
    assert "Now type the code that your authenticator app shows." in text_of(page)
    assert "remit_session" not in browser.cookies
    assert second(browser, page, code).status_code == 422
    assert sessions_of(owner, cast.petra.user_id) == 0
    assert second(browser, page, app.code(clock())).status_code == 303
    assert sessions_of(owner, cast.petra.user_id) == 1


def test_what_is_wrong_with_the_address_is_said_at_its_field(pages: TestClient, owner: Connection) -> None:
    browser = fresh(pages)
    with nothing_changes(owner):
        wrong = ask(browser, "nonsense")
    assert wrong.status_code == 422
    assert 'id="error-email"' in wrong.text
    for _ in range(5):
        assert ask(browser, "nobody@acme.example").status_code == 200
    full = ask(browser, "nobody@acme.example")
    assert full.status_code == 429
    assert "Several codes were asked for" in text_of(full)


def test_without_having_asked_there_is_nothing_to_type(pages: TestClient) -> None:
    assert fresh(pages).get("/sign-in/mail/code").headers["location"] == "/sign-in/mail"


@pytest.mark.parametrize("path", ["/sign-in/mail", "/sign-in/mail/code"])
def test_a_form_of_another_site_does_nothing(pages: TestClient, owner: Connection, path: str) -> None:
    fields = {"csrf_token": "0" * 43, "email": "petra@acme.example", "code": "12345678"}
    with nothing_changes(owner):
        assert fresh(pages).post(path, data=fields, headers=FORM).status_code == 403


@pytest.mark.browser
@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_petra_signs_in_with_a_code(
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

    page.goto("/sign-in?next=/account/sessions")
    page.get_by_role("link", name="Get a code by e-mail").click()
    expect(page.get_by_role("heading", name="Sign in with a code by e-mail")).to_be_visible()
    fine()
    page.get_by_label("E-mail").fill(cast.emails["petra"])
    page.get_by_role("button", name="Send the code").click()
    expect(page.get_by_role("heading", name="Check your mail")).to_be_visible()
    fine()
    code = newest(database, owner)
    page.get_by_label("Code").fill(other_than(code))
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("This code is not right")
    fine()
    page.get_by_label("Code").fill(f"{code[:4]} {code[4:]}")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Signed-in browsers")).to_be_visible()
    fine()
    context.close()

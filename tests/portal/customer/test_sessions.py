"""Sessions in a browser: two places side by side, a warning before the end, signing in again (A-7, D-4)."""

from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import Connection, text

from tests.accessible import check_accessible
from tests.cast import PASSWORD, Cast
from tests.gateway import RunningSandbox
from tests.portal.conftest import Browsing, Clock
from tests.portal.customer.conftest import AUTHENTICATES, Bill
from tests.portal.customer.test_browser import to_review

pytestmark = pytest.mark.browser
MINUTE = 60_000


def test_people_are_asked_before_their_session_ends(browsing: Browsing):
    context = browsing("petra", bypass_csp=True)
    page = context.new_page()
    page.clock.install()
    page.goto("tags/new")
    page.get_by_label("Name").fill("Half typed")
    asked = page.get_by_role("dialog", name="Are you still there?")
    page.clock.fast_forward(117 * MINUTE)
    expect(asked).to_be_hidden()
    page.clock.fast_forward(MINUTE)
    expect(asked).to_be_visible()
    check_accessible(page)
    with page.expect_response("**/portal/acme-1a2b3c*"):
        asked.get_by_role("button", name="Stay signed in").click()
    expect(asked).to_be_hidden()
    expect(page.get_by_label("Name")).to_have_value("Half typed")
    page.clock.fast_forward(118 * MINUTE)
    expect(asked).to_be_visible()
    page.clock.fast_forward(2 * MINUTE)
    expect(asked).to_contain_text("You have been signed out.")
    asked.get_by_role("button", name="Close").click()
    expect(asked).to_be_hidden()
    context.close()


def test_another_tab_keeps_the_session_going(browsing: Browsing):
    context = browsing("petra")
    waiting, working = context.new_page(), context.new_page()
    for page in (waiting, working):
        page.clock.install()
        page.goto("invoices")
        page.clock.fast_forward(60 * MINUTE)
    working.reload()
    waiting.clock.fast_forward(59 * MINUTE)
    expect(waiting.get_by_role("dialog")).to_be_hidden()
    context.close()


def test_staff_have_half_an_hour_and_nobody_more_than_twelve(browsing: Browsing, clock: Clock):
    def seconds(page: Page) -> int:
        page.reload()
        return int(page.locator("body").get_attribute("data-session-seconds") or 0)

    for name, idle in (("ada", 30 * 60), ("petra", 2 * 60 * 60)):
        began = clock.now
        context = browsing(name)
        page = context.new_page()
        page.goto("")
        assert seconds(page) == idle
        while clock.now - began < timedelta(hours=11, minutes=30):
            clock.now += timedelta(minutes=25)
            left = timedelta(hours=12) - (clock.now - began)
            assert seconds(page) == min(idle, int(left.total_seconds()))
        context.close()
        clock.now = began


def test_two_tabs_at_two_companies_never_mix(browsing: Browsing, bill: Bill, cast: Cast, owner: Connection):
    columns = "user_id, role, status, name, name_key, email, email_key, created_at, updated_at"
    owner.execute(
        text(
            f"insert into membership (partner_id, id, customer_id, {columns})"
            f" select partner_id, gen_random_uuid(), :globex, {columns} from membership where id = :petra"
        ),
        {"globex": cast.customers["globex"], "petra": cast.petra.id},
    )
    invoice = bill("100.00")
    context = browsing("petra")
    at_acme, at_globex = context.new_page(), context.new_page()
    globex = f"{browsing.url}/portal/{cast.slugs['globex']}"
    for page, address in ((at_acme, "tags/new"), (at_globex, f"{globex}/tags/new")):
        page.goto(address)
    # Each form was opened before the other was sent, and the other place was the last one looked at.
    at_acme.get_by_label("Name").fill("Only Acme")
    at_globex.get_by_label("Name").fill("Only Globex")
    for page in (at_acme, at_globex):
        page.get_by_role("main").locator("button[type=submit]").first.click()
        expect(page.locator(".flash")).to_contain_text("is created")
    for page, mine, other in ((at_acme, "Only Acme", "Only Globex"), (at_globex, "Only Globex", "Only Acme")):
        page.reload()
        expect(page.get_by_role("main")).to_contain_text(mine)
        expect(page.get_by_role("main")).not_to_contain_text(other)
    owned = owner.execute(text("select name, owner_id from tag order by name")).all()
    assert [tuple(row) for row in owned] == [
        ("Only Acme", cast.customers["acme"]),
        ("Only Globex", cast.customers["globex"]),
    ]
    at_acme.goto(f"invoices/{invoice}")
    at_globex.goto(f"{globex}/invoices/{invoice}")
    expect(at_acme.get_by_role("main")).to_contain_text("$100.00")
    expect(at_globex.get_by_role("heading", level=1)).to_have_text("Page not found")
    context.close()


def test_a_payment_sent_again_after_signing_in_may_still_ask_the_bank(
    browsing: Browsing, bill: Bill, sandbox: RunningSandbox, clock: Clock
):
    bill("100.00")
    context = browsing("petra")
    page = context.new_page()
    to_review(page, "pay?all=1", AUTHENTICATES)
    clock.now += timedelta(hours=3)
    page.get_by_role("button", name="Pay $100.00").click()
    expect(page.get_by_role("main")).to_contain_text("what you typed is kept")
    page.get_by_label("E-mail").fill("petra@acme.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Welcome back")
    page.get_by_role("button", name="Send it").click()
    page.wait_for_url(f"{sandbox.url}/authenticate/*")
    page.get_by_role("button", name="Complete authentication").click()
    expect(page.get_by_role("main")).to_contain_text("$100.00 is paid. Thank you.")
    assert [charge["status"] for charge in sandbox.charges()] == ["SUCCEEDED"]
    context.close()

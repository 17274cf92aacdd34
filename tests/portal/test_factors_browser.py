"""B-6 in Chromium: a phone is set up and signs in, with scripts and without."""

from datetime import timedelta

import pyotp
import pytest
from playwright.sync_api import expect

from tests.accessible import check_accessible, press
from tests.cast import PASSWORD, Cast
from tests.portal.conftest import Browsing, Clock

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_a_phone_is_set_up_and_signs_in(browsing: Browsing, cast: Cast, clock: Clock, scripts: bool) -> None:
    context = browsing("petra", java_script_enabled=scripts, bypass_csp=scripts)
    page = context.new_page()

    def fine() -> None:
        if scripts:
            check_accessible(page)

    page.goto("/account/factors")
    fine()
    page.get_by_role("link", name="Set up an authenticator app").click()
    page.get_by_label("What you call it").fill("Phone")
    fine()
    page.get_by_role("button", name="Go on").click()
    picture = page.get_by_role("img", name="QR code for the authenticator app")
    expect(picture).to_be_visible()
    fine()
    app = pyotp.TOTP(page.locator(".secret-key").inner_text().replace(" ", ""))
    page.get_by_label("Code").fill(app.at(clock()))
    page.get_by_role("button", name="Add the app").click()
    expect(page.locator(".recovery-codes code")).to_have_count(10)
    fine()
    page.get_by_role("link", name="I have kept them").click()
    expect(page.get_by_text("10 recovery codes are left.")).to_be_visible()
    fine()
    context.clear_cookies()
    clock.now += timedelta(seconds=30)
    page.goto("/sign-in?next=/account/factors")
    page.get_by_label("E-mail").fill(cast.emails["petra"])
    page.get_by_label("Password").fill(PASSWORD)
    press(page, page.get_by_role("button", name="Sign in"))
    fine()
    page.get_by_label("Code").fill(app.at(clock()))
    page.get_by_role("button", name="Sign in").click()
    clock.now += timedelta(minutes=15)
    page.get_by_role("link", name="Remove Phone").click()
    expect(page.get_by_role("heading", name="Is it still you?")).to_be_visible()
    fine()
    page.get_by_role("textbox", name="Password").fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="Remove the app").click()
    expect(page.get_by_text("Your account is protected by its password alone.")).to_be_visible()
    context.close()

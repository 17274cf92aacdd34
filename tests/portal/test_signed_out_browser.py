"""D-7 in Chromium: after signing out, neither the back button nor another tab shows what was there."""

import pytest
from playwright.sync_api import Page, expect

from tests.accessible import press
from tests.cast import Cast
from tests.portal.conftest import Browsing

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
@pytest.mark.parametrize(
    ("name", "path", "secret"), [("carl", "team", "Petra"), ("ada", "customers", "Globex")]
)
def test_going_back_after_signing_out_shows_nothing(
    browsing: Browsing, cast: Cast, scripts: bool, name: str, path: str, secret: str
) -> None:
    context = browsing(name, java_script_enabled=scripts)
    page, other = context.new_page(), context.new_page()
    for tab in (page, other):
        tab.goto(path)
        expect(tab.get_by_role("main")).to_contain_text(secret)
    page.goto("tags")
    page.locator("details:has(form[action='/sign-out']) summary").click()
    press(page, page.get_by_role("button", name="Sign out"))
    shows_nothing(page, secret)
    for _ in range(2):
        page.go_back()
        shows_nothing(page, secret)
    other.reload()
    shows_nothing(other, secret)
    context.close()


def shows_nothing(page: Page, secret: str) -> None:
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert secret not in page.content()

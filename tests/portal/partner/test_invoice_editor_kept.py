"""What is typed into the invoice editor stays: signed out meanwhile, the server away, another page opened."""

import pytest
from playwright.sync_api import Dialog, Page, expect
from sqlalchemy import Connection, text

from db import ids
from tests import papers
from tests.accessible import check_accessible, press
from tests.cast import Cast
from tests.portal.partner.conftest import Browse

pytestmark = pytest.mark.browser


@pytest.fixture
def page(browse: Browse, cast: Cast) -> Page:
    """The editor of a new invoice for Acme, with a line in the making."""
    page = browse(viewport={"width": 1280, "height": 900}, bypass_csp=True).new_page()
    page.goto(f"customers/{ids.shown('cus', cast.customers['acme'])}/invoices/new")
    page.get_by_role("group", name="Line 1").get_by_label("Description").fill("Half a day on site")
    return page


def test_signed_out_while_typing_loses_nothing(page: Page) -> None:
    page.context.clear_cookies()
    quantity = page.get_by_role("group", name="Line 1").get_by_label("Quantity")
    quantity.fill("4")
    expect(page.get_by_role("alert")).to_contain_text("You are signed out. What you typed is still here")
    expect(page.get_by_role("group", name="Line 1").get_by_label("Description")).to_have_value(
        "Half a day on site"
    )
    check_accessible(page)
    if papers.LOOK_AT:
        page.screenshot(path=f"{papers.LOOK_AT}/editor-signed-out.png", full_page=True)


def test_a_server_that_is_away_for_a_moment_is_asked_again(page: Page) -> None:
    quantity = page.get_by_role("group", name="Line 1").get_by_label("Quantity")
    page.route("**/invoices/new", lambda route: route.fulfill(status=503, body="Later"))
    quantity.fill("4")
    expect(page.get_by_role("alert")).to_contain_text("This could not be brought up to date.")
    page.unroute("**/invoices/new")
    page.get_by_role("group", name="Line 1").get_by_label("Unit price").fill("25")
    expect(page.locator("#totals-shown")).to_contain_text("$100.00")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_leaving_what_is_not_saved_asks_first(page: Page, owner: Connection) -> None:
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.once("dialog", stay)
    page.get_by_role("link", name="Payments", exact=True).click()
    expect(page.get_by_role("group", name="Line 1").get_by_label("Description")).to_have_value(
        "Half a day on site"
    )
    assert asked == ["beforeunload"]
    page.get_by_role("group", name="Line 1").get_by_label("Quantity").fill("1")
    page.get_by_role("group", name="Line 1").get_by_label("Unit price").fill("80")
    press(page, page.get_by_role("button", name="Save draft"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Draft invoice")
    assert asked == ["beforeunload"]
    assert owner.scalar(text("select count(*) from invoice")) == 1


def test_a_product_is_chosen_in_the_description(page: Page, browse: Browse, cast: Cast) -> None:
    other = browse().new_page()
    other.goto("settings/tax-rates/new")
    other.get_by_label("Name").fill("GST")
    other.get_by_label("Rate, percent").fill("5")
    press(other, other.get_by_role("button", name="Add tax rate"))
    other.goto("settings/catalogue/new")
    other.get_by_label("Name").fill("Visit")
    other.get_by_label("Unit price in US dollars").fill("80")
    other.get_by_label("GST 5%").check()
    press(other, other.get_by_role("button", name="Add product or service"))
    page.once("dialog", lambda dialog: dialog.accept())
    page.reload()
    line = page.get_by_role("group", name="Line 1")
    line.get_by_label("Description").fill("Visit")
    expect(line.get_by_label("Quantity")).to_have_value("1")
    expect(line.get_by_label("Unit price")).to_have_value("80.00")
    expect(line.get_by_label("Tax 1")).to_have_value("GST")
    expect(page.locator("#totals-shown")).to_contain_text("$84.00")
    # What is there already stays as it is typed.
    line.get_by_label("Unit price").fill("75")
    line.get_by_label("Description").fill("")
    line.get_by_label("Description").fill("Visit")
    expect(line.get_by_label("Unit price")).to_have_value("75")
    if papers.LOOK_AT:
        page.screenshot(path=f"{papers.LOOK_AT}/editor-picked.png", full_page=True)

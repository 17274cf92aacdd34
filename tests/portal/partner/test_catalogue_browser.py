"""Products, services and tax rates in Chromium: added, and picked into an invoice, also without scripts."""

import pytest
from playwright.sync_api import expect
from sqlalchemy import Connection, text

from db import ids
from tests import papers
from tests.accessible import SCREENS, check_accessible, press
from tests.cast import Cast
from tests.portal.partner.conftest import Browse

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("screen", SCREENS)
def test_ada_adds_a_tax_and_a_product_and_fills_lines_with_them(
    browse: Browse, cast: Cast, owner: Connection, screen: tuple[int, str]
) -> None:
    width, scheme = screen
    context = browse(viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    turn = 0

    def look(name: str) -> None:
        nonlocal turn
        check_accessible(page, turn=turn)
        turn += 1
        if papers.LOOK_AT:
            page.screenshot(path=f"{papers.LOOK_AT}/catalogue-{name}-{width}-{scheme}.png", full_page=True)

    page.goto("settings/tax-rates")
    look("no-rates")
    press(page, page.get_by_role("main").get_by_role("link", name="Add tax rate").first)
    press(page, page.get_by_role("button", name="Add tax rate"))
    expect(page.get_by_role("alert")).to_contain_text("2 things need your attention")
    look("rate-wrong")
    page.get_by_label("Name").fill("QST")
    page.get_by_label("Rate, percent").fill("9.975")
    press(page, page.get_by_role("button", name="Add tax rate"))
    look("rates")
    page.goto("settings/catalogue")
    look("no-items")
    press(page, page.get_by_role("main").get_by_role("link", name="Add product or service").first)
    page.get_by_label("Name").fill("Managed workstation")
    page.get_by_label("Description").fill("Monitoring and updates, per month")
    page.get_by_label("Unit price in US dollars").fill("49.00")
    page.get_by_label("QST 9.975%").check()
    look("item-new")
    press(page, page.get_by_role("button", name="Add product or service"))
    expect(page.get_by_role("row", name="Managed workstation")).to_contain_text("QST 9.975%")
    look("items")
    page.goto(f"customers/{ids.shown('cus', cast.customers['acme'])}/invoices/new")
    page.get_by_label("Description").first.fill("By hand")
    # A tax is typed by its name, and its rate comes along.
    page.get_by_label("Tax 1").first.fill("QST")
    expect(page.get_by_label("Tax rate, percent").first).to_have_value("9.975")
    page.get_by_label("Product or service").select_option(label="Managed workstation · $49.00")
    press(page, page.get_by_role("button", name="Fill a line with it"))
    second = page.get_by_role("group", name="Line 2")
    expect(second.get_by_label("Quantity")).to_be_focused()
    expect(second.get_by_label("Unit price")).to_have_value("49.00")
    look("picked")
    page.get_by_role("group", name="Line 1").get_by_label("Quantity").fill("2")
    page.get_by_role("group", name="Line 1").get_by_label("Unit price").fill("10")
    press(page, page.get_by_role("button", name="Save draft"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Draft invoice")
    # 20.00 and 49.00, and 9.975 % of each, rounded by itself: 2.00 and 4.89.
    assert owner.scalar(text("select total_minor from invoice")) == 7_589
    page.goto("settings/catalogue")
    press(page, page.get_by_role("button", name="Archive Managed workstation"))
    expect(page.get_by_text("Managed workstation is archived. No invoice has changed.")).to_be_visible()
    page.goto("settings/catalogue?archived=1")
    press(page, page.get_by_role("button", name="Restore Managed workstation"))
    expect(page.get_by_text("Managed workstation is offered again.")).to_be_visible()


def test_without_scripts_a_product_fills_a_line_and_a_tax_goes_on_all(
    browse: Browse, cast: Cast, owner: Connection
) -> None:
    page = browse(java_script_enabled=False, viewport={"width": 390, "height": 800}).new_page()
    page.goto("settings/tax-rates/new")
    page.get_by_label("Name").fill("GST")
    page.get_by_label("Rate, percent").fill("5")
    press(page, page.get_by_role("button", name="Add tax rate"))
    page.goto("settings/catalogue/new")
    page.get_by_label("Name").fill("Visit")
    press(page, page.get_by_role("button", name="Add product or service"))
    page.goto(f"customers/{ids.shown('cus', cast.customers['acme'])}/invoices/new")
    page.get_by_label("Product or service").select_option(label="Visit · no price in USD")
    press(page, page.get_by_role("button", name="Fill a line with it"))
    first = page.get_by_role("group", name="Line 1")
    expect(first.get_by_label("Description")).to_have_value("Visit")
    first.get_by_label("Unit price").fill("80")
    page.get_by_label("Tax", exact=True).select_option(label="GST 5%")
    press(page, page.get_by_role("button", name="Put it on every line"))
    expect(first.get_by_label("Tax 1")).to_have_value("GST")
    press(page, page.get_by_role("button", name="Save draft"))
    assert owner.scalar(text("select total_minor from invoice")) == 8_400

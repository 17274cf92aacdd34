"""The dashboard's list of invoices in Chromium: totals, filters and chart, with scripts and without."""

import re
from datetime import datetime

import pytest
from playwright.sync_api import expect

from portal.partner import invoice_list
from tests import papers
from tests.accessible import SCREENS, check_accessible, press
from tests.cast import Cast
from tests.portal.partner.conftest import Browse
from tests.portal.partner.test_invoice_list import Things, billed

__all__ = ["billed"]
pytestmark = pytest.mark.browser


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_totals_of_a_long_list_come_by_themselves_or_by_a_link(
    browse: Browse, billed: Things, monkeypatch: pytest.MonkeyPatch, scripts: bool
) -> None:
    monkeypatch.setattr(invoice_list, "MOST_COUNTED", 2)
    page = browse(java_script_enabled=scripts).new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto("invoices?status=open&currency=USD")
    if not scripts:
        press(page, page.get_by_role("link", name="Show the totals of all these invoices"))
    expect(page.get_by_role("region", name="Totals")).to_contain_text("$3,210.00")
    expect(page).to_have_url(re.compile(r"/invoices\?" if scripts else r"/invoices/totals\?"))
    assert said == []


@pytest.mark.parametrize("screen", SCREENS)
def test_the_list_is_narrowed_and_its_chart_leads_on(
    browse: Browse, billed: Things, screen: tuple[int, str], cast: Cast, now: datetime
) -> None:
    width, scheme = screen
    page = browse(viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True).new_page()
    page.goto("invoices")
    check_accessible(page)
    page.get_by_text("Receivables by age", exact=True).click()
    page.get_by_text("More filters").click()
    page.get_by_label("Total from").fill("100")
    check_accessible(page)
    if papers.LOOK_AT:
        page.screenshot(path=f"{papers.LOOK_AT}/invoices-{width}-{scheme}.png", full_page=True)
    press(page, page.get_by_role("search").get_by_role("button", name="Search").last)
    expect(page.get_by_role("region", name="Totals", exact=True)).to_contain_text("$3,200.00")
    page.get_by_text("Receivables by age", exact=True).click()
    press(page, page.get_by_role("link", name="31–60 days"))
    expect(page.get_by_role("link", name="NO-00002")).to_be_visible()
    expect(page.get_by_role("link", name="NO-00003")).to_have_count(0)
    check_accessible(page)

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


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_ada_exports_and_sends_what_she_chose(browse: Browse, billed: Things, scripts: bool) -> None:
    page = browse(java_script_enabled=scripts, bypass_csp=scripts).new_page()
    page.goto("invoices?status=open&currency=USD")
    for number in ("NO-00001", "NO-00002"):
        page.get_by_label(f"Choose invoice {number} of Acme").check()
    press(page, page.get_by_role("button", name="Export the chosen invoices"))
    expect(page.get_by_role("heading", name="Export 2 invoices?")).to_be_visible()
    with page.expect_download() as taken:
        page.get_by_role("button", name="Download CSV").click()
    text = taken.value.path().read_text(encoding="utf-8-sig")
    assert ["NO-00001" in text, "NO-00002" in text, "NO-00003" in text] == [True, True, False]
    press(page, page.get_by_role("link", name="Go back"))
    expect(page).to_have_url(re.compile(r"status=open&currency=USD"))
    page.get_by_label("Choose invoice NO-00003 of Acme").check()
    press(page, page.get_by_role("button", name="Send the chosen invoices"))
    if scripts:
        check_accessible(page)
    if papers.LOOK_AT:
        page.screenshot(path=f"{papers.LOOK_AT}/send-{scripts}.png", full_page=True)
    press(page, page.get_by_role("button", name="Send", exact=True))
    expect(page.get_by_text("1 invoice is on its way.")).to_be_visible()
    if papers.LOOK_AT:
        page.screenshot(path=f"{papers.LOOK_AT}/list-{scripts}.png", full_page=True)

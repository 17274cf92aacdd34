"""The invoice editor in Chromium: totals and due date while typing, and without scripts when asked for."""

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import Connection, text

from db import ids
from tests import papers
from tests.accessible import SCREENS, check_accessible, press
from tests.cast import Cast
from tests.portal.partner.conftest import Browse

pytestmark = pytest.mark.browser


def fill(page: Page) -> None:
    """One line of $87.49 with a tax."""
    line = page.get_by_role("group", name="Line 1")
    for label, typed in (("Description", "Work"), ("Quantity", "3"), ("Unit price", "33.33")):
        line.get_by_label(label).fill(typed)
    line.get_by_label("or discount, percent").fill("12.5")
    line.get_by_label("Tax 1").fill("QST")
    line.get_by_label("Tax rate, percent").fill("9.975")


@pytest.mark.parametrize("screen", SCREENS)
def test_totals_and_due_date_follow_what_is_typed(
    browse: Browse, cast: Cast, owner: Connection, screen: tuple[int, str]
) -> None:
    width, scheme = screen
    context = browse(viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    page.goto(f"customers/{ids.shown('cus', cast.customers['acme'])}/invoices/new")
    page.get_by_label("Issue date").fill("2026-03-10")
    fill(page)
    shown = page.locator("#totals-shown")
    expect(shown).to_contain_text("$96.22")
    expect(page.locator("#totals-said")).to_have_text("Total $96.22")
    expect(page.get_by_label("Tax rate, percent").first).to_be_focused()
    page.get_by_label("Terms").select_option(label="Net 45 days")
    expect(page.get_by_label("Due date", exact=True)).to_have_value("2026-04-24")
    page.get_by_label("Due date", exact=True).fill("2026-04-01")
    expect(page.get_by_label("Terms")).to_have_value("")
    expect(shown).to_contain_text("Apr 1, 2026")
    check_accessible(page)
    check_accessible(page, turn=1)
    if papers.LOOK_AT:
        page.screenshot(path=f"{papers.LOOK_AT}/editor-{width}-{scheme}.png", full_page=True)
        page.set_viewport_size({"width": 390, "height": 800})
        page.screenshot(path=f"{papers.LOOK_AT}/editor-phone.png", full_page=True)
    press(page, page.get_by_role("button", name="Save and send"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("Send")
    id_ = owner.scalar(text("select id from invoice"))
    page.goto(f"invoices/{ids.shown('inv', id_)}/preview")  # type: ignore[arg-type]
    expect(page.get_by_text("So the customer will see it.")).to_be_visible()
    check_accessible(page)
    if papers.LOOK_AT:
        page.screenshot(path=f"{papers.LOOK_AT}/preview-{width}-{scheme}.png", full_page=True)
    stored = owner.execute(text("select total_minor, status, due_on::text from invoice")).one()
    assert tuple(stored) == (9_622, "DRAFT", "2026-04-01")


def test_without_scripts_the_totals_are_shown_when_asked_for(browse: Browse, cast: Cast) -> None:
    page = browse(java_script_enabled=False, viewport={"width": 390, "height": 800}).new_page()
    page.goto(f"customers/{ids.shown('cus', cast.customers['acme'])}/invoices/new")
    fill(page)
    page.get_by_label("Terms").select_option(label="Due on receipt")
    press(page, page.get_by_role("button", name="Show the totals"))
    expect(page.locator("#totals-shown")).to_contain_text("QST 9.975%")
    expect(page.locator("#totals-shown")).to_contain_text("$96.22")
    expect(page.get_by_role("group", name="Line 1").get_by_label("Description")).to_have_value("Work")

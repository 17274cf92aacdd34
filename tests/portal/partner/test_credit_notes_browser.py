"""Credit in Chromium: a part of one invoice credited and applied to another, with scripts and without."""

from datetime import datetime

import pytest
from playwright.sync_api import expect
from sqlalchemy import Connection

from db.session import Database
from tests import papers
from tests.accessible import SCREENS, check_accessible, press
from tests.billing.acting import Acts
from tests.billing.paying import Till
from tests.cast import Cast
from tests.portal.partner.conftest import Browse

pytestmark = pytest.mark.browser


@pytest.fixture
def till(database: Database, owner: Connection, now: datetime, cast: Cast) -> Till:
    return Till(Acts(database, owner, now), cast)


@pytest.mark.parametrize("screen", SCREENS)
def test_ada_credits_a_paid_invoice_and_applies_what_it_leaves(
    browse: Browse, till: Till, screen: tuple[int, str]
) -> None:
    width, scheme = screen
    paid, other = till.invoice(10_000), till.invoice(5_000)
    till.received(paid, "100.00")
    page = browse(viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True).new_page()
    turns = iter(range(20))

    def look(name: str) -> None:
        check_accessible(page, turn=next(turns))
        if papers.LOOK_AT:
            page.screenshot(path=f"{papers.LOOK_AT}/credit-{name}-{width}-{scheme}.png", full_page=True)

    page.goto(f"invoices/inv_{paid.id.hex}")
    page.get_by_text("More", exact=True).click()
    look("more")
    press(page, page.get_by_role("link", name="Credit", exact=True))
    look("new")
    page.get_by_label("Reason").fill("Two hours less")
    amount = page.get_by_role("group", name="Lines").get_by_role("textbox").first
    page.get_by_label("Some lines, or a part of them").check()
    amount.fill("9000")
    expect(amount).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#totals-shown")).to_contain_text("Credit at most $100.00")
    look("too-much")
    amount.fill("30.00")
    expect(amount).not_to_have_attribute("aria-invalid", "true")
    expect(page.locator("#totals-shown")).to_contain_text("$30.00")
    page.get_by_label("Everything that is not credited yet").check()
    expect(page.locator("#totals-shown")).to_contain_text("$100.00")
    press(page, page.get_by_role("button", name="Make credit note"))
    expect(page.get_by_text("You typed amounts: choose “Some lines”").first).to_be_visible()
    look("two-ways")
    page.get_by_label("Some lines, or a part of them").check()
    press(page, page.get_by_role("button", name="Make credit note"))
    expect(page.get_by_role("heading", name="Credit note CN-00001")).to_be_visible()
    expect(page.get_by_role("heading", name="Delivery")).to_be_visible()
    look("one")
    press(page, page.get_by_role("link", name="Send again"))
    look("send")
    press(page, page.get_by_role("button", name="Send", exact=True))
    expect(page.get_by_text("Credit note CN-00001 is on its way.")).to_be_visible()
    press(page, page.get_by_role("link", name="Credit notes").last)
    look("list")
    page.get_by_label("Number, reason, invoice or company").fill("nothing like it")
    press(page, page.locator("form.filters button[type=submit]"))
    expect(page.get_by_text("No credit note matches")).to_be_visible()
    page.goto(f"invoices/inv_{other.id.hex}")
    press(page, page.get_by_role("link", name="Apply credit"))
    look("apply")
    press(page, page.get_by_role("button", name="Apply credit"))
    expect(page.get_by_text("$30.00 of the credit is applied.")).to_be_visible()
    expect(page.get_by_role("row", name="Balance")).to_contain_text("$20.00")
    look("applied")


def test_without_scripts_a_whole_invoice_is_credited(browse: Browse, till: Till) -> None:
    invoice = till.invoice(10_000)
    page = browse(java_script_enabled=False).new_page()
    page.goto(f"invoices/inv_{invoice.id.hex}/credit")
    press(page, page.get_by_role("button", name="Make credit note"))
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Reason").fill("Never delivered")
    press(page, page.get_by_role("button", name="Make credit note"))
    press(page, page.get_by_role("link", name="NO-00001"))
    expect(page.get_by_role("row", name="Balance")).to_contain_text("$0.00")

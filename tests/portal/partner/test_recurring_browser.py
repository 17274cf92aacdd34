"""A recurring invoice in Chromium: with scripts and without, on a desk and on a phone."""

from datetime import date, datetime

import pytest
from playwright.sync_api import expect
from sqlalchemy import Connection

from db.session import Database
from integrations import rounds
from tests import papers
from tests.accessible import SCREENS, check_accessible, press
from tests.billing.acting import Acts
from tests.billing.test_recurring_invoices import bill, nine
from tests.cast import Cast
from tests.portal.partner.conftest import Browse

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("screen", SCREENS)
def test_ada_repeats_a_draft_and_sees_what_it_made(
    browse: Browse, database: Database, owner: Connection, cast: Cast, now: datetime, screen: tuple[int, str]
) -> None:
    width, scheme = screen
    invoice = bill(Acts(database, owner, now), cast, issue_on="2026-02-28")
    context = browse(viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True)
    page = context.new_page()

    def look(name: str) -> None:
        check_accessible(page)
        if papers.LOOK_AT:
            page.screenshot(path=f"{papers.LOOK_AT}/recurring-{name}-{width}-{scheme}.png", full_page=True)

    page.goto("recurring")
    look("empty")
    page.goto(f"invoices/inv_{invoice.id.hex}")
    page.get_by_text("More", exact=True).click()
    press(page, page.get_by_role("link", name="Repeat", exact=True))
    page.get_by_label("How many at most").fill("none")
    press(page, page.get_by_role("button", name="Repeat it"))
    expect(page.get_by_role("alert")).to_contain_text("Enter a whole number from 1 to 999.")
    look("wrong")
    page.get_by_label("How many at most").fill("4")
    page.get_by_role("radio", name="Send it It takes").check()
    press(page, page.get_by_role("button", name="Show the days"))
    expect(page.get_by_text("Mar 28, 2026")).to_be_visible()
    look("days")
    press(page, page.get_by_role("button", name="Repeat it"))
    expect(page.get_by_role("heading", name="Recurring invoice for Acme")).to_be_visible()
    assert rounds.make_recurring(database, now=nine(date(2026, 4, 28))) == 2
    page.reload()
    expect(page.get_by_role("link", name="NO-00002")).to_be_visible()
    look("going")
    press(page, page.get_by_role("link", name="Edit", exact=True))
    look("edit")
    page.goto("recurring")
    look("list")


def test_without_scripts_one_is_left_out_and_it_is_ended(
    browse: Browse, database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    invoice = bill(Acts(database, owner, now), cast, issue_on="2026-02-28")
    page = browse(java_script_enabled=False).new_page()
    page.goto(f"invoices/inv_{invoice.id.hex}/repeat")
    page.get_by_label("Every so many days").check()
    page.get_by_label("Days between two").fill("10")
    press(page, page.get_by_role("button", name="Repeat it"))
    press(page, page.get_by_role("button", name="Leave this one out"))
    expect(page.get_by_text("is left out.")).to_be_visible()
    press(page, page.get_by_role("link", name="End", exact=True))
    press(page, page.get_by_role("button", name="End it"))
    expect(page.get_by_text("No more are made.")).to_be_visible()

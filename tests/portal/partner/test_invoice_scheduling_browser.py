"""Sending a draft on a chosen day, in Chromium: with scripts and without, on a desk and on a phone."""

from datetime import datetime, timedelta

import pytest
from playwright.sync_api import expect
from sqlalchemy import Connection, text

from db.session import Database
from integrations import rounds
from tests import papers
from tests.accessible import SCREENS, check_accessible, press
from tests.billing.acting import Acts
from tests.billing.test_invoice_scheduling import draft
from tests.cast import Cast
from tests.portal.partner.conftest import Browse

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("screen", SCREENS)
def test_ada_chooses_a_day_and_the_draft_goes_out_by_itself(
    browse: Browse,
    database: Database,
    owner: Connection,
    cast: Cast,
    now: datetime,
    screen: tuple[int, str],
) -> None:
    width, scheme = screen
    invoice = draft(Acts(database, owner, now), cast)
    context = browse(viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True)
    page = context.new_page()

    def look(name: str) -> None:
        check_accessible(page)
        if papers.LOOK_AT:
            page.screenshot(path=f"{papers.LOOK_AT}/{name}-{width}-{scheme}.png", full_page=True)

    page.goto(f"invoices/inv_{invoice.id.hex}/confirm-send")
    look("choose")
    press(page, page.get_by_role("button", name="Send on that day"))
    expect(page.get_by_role("alert")).to_contain_text("Choose the day it is sent on.")
    look("wrong")
    page.get_by_label("Day").fill("2026-03-20")
    press(page, page.get_by_role("button", name="Send on that day"))
    expect(page.get_by_text("Will be sent on Mar 20, 2026, from 9:00.")).to_be_visible()
    look("planned")
    page.goto("invoices?status=planned")
    expect(page.get_by_text("to be sent on Mar 20, 2026")).to_be_visible()
    look("list")
    assert rounds.send_planned(database, now=now + timedelta(days=10)) == 1
    page.goto(f"invoices/inv_{invoice.id.hex}")
    expect(page.get_by_role("heading", name="Invoice NO-00001")).to_be_visible()


def test_without_scripts_a_refusal_is_told_at_home_and_planned_anew(
    browse: Browse, database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    invoice = draft(Acts(database, owner, now), cast)
    page = browse(java_script_enabled=False).new_page()
    page.goto(f"invoices/inv_{invoice.id.hex}/confirm-send")
    page.get_by_label("Day").fill("2026-03-10")
    press(page, page.get_by_role("button", name="Send on that day"))
    owner.execute(text("update membership set status = 'DISABLED' where role in ('MANAGER', 'PAYER')"))
    assert rounds.send_planned(database, now=now) == 0
    page.goto("/partner/northwind")
    if papers.LOOK_AT:
        page.screenshot(path=f"{papers.LOOK_AT}/home.png", full_page=True)
    press(page, page.get_by_role("link", name="Draft for Acme, Mar 10, 2026"))
    expect(page.get_by_text("This draft was not sent on Mar 10, 2026.")).to_be_visible()
    if papers.LOOK_AT:
        page.screenshot(path=f"{papers.LOOK_AT}/refused.png", full_page=True)
    press(page, page.get_by_role("button", name="Don't send by itself"))
    expect(page.get_by_text("This draft was not sent")).to_have_count(0)

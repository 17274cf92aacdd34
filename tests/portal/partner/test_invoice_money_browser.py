"""An invoice in Chromium: a check noted and taken back, what is left written off, a question asked."""

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
def acts(database: Database, owner: Connection, now: datetime) -> Acts:
    return Acts(database, owner, now)


@pytest.mark.parametrize("screen", SCREENS)
def test_ada_notes_a_check_takes_it_back_and_writes_the_invoice_off(
    browse: Browse, acts: Acts, cast: Cast, screen: tuple[int, str]
) -> None:
    width, scheme = screen
    invoice = Till(acts, cast).invoice(10_000)
    page = browse(viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True).new_page()
    turns = iter(range(20))

    def look(name: str) -> None:
        check_accessible(page, turn=next(turns))
        if papers.LOOK_AT:
            page.screenshot(path=f"{papers.LOOK_AT}/{name}-{width}-{scheme}.png", full_page=True)

    here = f"invoices/inv_{invoice.id.hex}"
    page.goto(here)
    press(page, page.get_by_role("link", name="Record payment"))
    look("record")
    page.get_by_label("Amount").fill("4,00")
    press(page, page.get_by_role("button", name="Record payment"))
    expect(page.get_by_role("alert")).to_be_visible()
    look("record-wrong")
    page.get_by_label("Amount").fill("40.00")
    page.get_by_label("Reference").fill("1042")
    press(page, page.get_by_role("button", name="Record payment"))
    expect(page.get_by_text("The payment of $40.00 is recorded.")).to_be_visible()
    look("recorded")
    press(page, page.get_by_role("link", name="Take back"))
    look("reverse")
    page.get_by_label("Reason").fill("The check was returned")
    press(page, page.get_by_role("button", name="Take back the payment"))
    expect(page.get_by_text("The payment is taken back. The invoice is owed again.")).to_be_visible()
    page.get_by_text("More", exact=True).click()
    press(page, page.get_by_role("link", name="Write off"))
    look("write-off")
    press(page, page.get_by_role("button", name="Write off"))
    expect(page.get_by_text("Invoice NO-00001 is written off.")).to_be_visible()
    look("written-off")
    press(page, page.get_by_role("link", name="Reopen"))
    press(page, page.get_by_role("button", name="Reopen"))
    expect(page.get_by_text("Invoice NO-00001 is open again.")).to_be_visible()
    page.goto("outside-payments")
    expect(page.get_by_text("The check was returned")).to_be_visible()
    look("outside")


@pytest.mark.parametrize("scripts", [True, False])
def test_a_question_is_asked_answered_and_settled(
    browse: Browse, acts: Acts, cast: Cast, scripts: bool
) -> None:
    invoice = Till(acts, cast).invoice(10_000)
    page = browse(java_script_enabled=scripts, bypass_csp=True).new_page()
    turns = iter(range(20))

    def look(name: str) -> None:
        if scripts:
            check_accessible(page, turn=next(turns))
        if papers.LOOK_AT:
            page.screenshot(path=f"{papers.LOOK_AT}/{name}-{scripts}.png", full_page=True)

    page.goto(f"invoices/inv_{invoice.id.hex}")
    press(page, page.get_by_role("link", name="Ask a question"))
    look("ask")
    press(page, page.get_by_role("button", name="Send"))
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Message").fill("Was this the March visit?")
    page.get_by_role("radio", name="A dispute").check()
    press(page, page.get_by_role("button", name="Send"))
    expect(page.get_by_text("Was this the March visit?")).to_be_visible()
    look("conversation")
    page.get_by_label("Your answer").fill("It was")
    press(page, page.get_by_role("button", name="Send"))
    expect(page.get_by_text("It was", exact=True)).to_be_visible()
    page.goto("conversations")
    expect(page.get_by_text("Dispute").first).to_be_visible()
    look("conversations")

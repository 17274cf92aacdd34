"""A long act in a real Chromium, with scripts and without: begun, watched, left and found again, undone."""

from datetime import datetime
from uuid import UUID

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import Connection, text

from billing import long_acts
from db.session import Database
from integrations import acting
from tests import papers
from tests.accessible import check_accessible, press
from tests.cast import Cast
from tests.portal.partner.conftest import Browse
from tests.portal.partner.test_customers import Does, add, does

__all__ = ["does"]
pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("scripts", "width"), [(True, 1280), (False, 390)])
def test_many_are_archived_while_ada_does_something_else(
    browse: Browse, does: Does, database: Database, cast: Cast, owner: Connection, now: datetime,
    monkeypatch: pytest.MonkeyPatch, scripts: bool, width: int,
) -> None:  # fmt: skip
    monkeypatch.setattr("portal.in_parts.MOST_WAITED_FOR", 3)
    monkeypatch.setattr("billing.long_acts.MOST_AT_ONCE", 2)
    for number in range(6):
        add(does, f"Client {number}", users=())
    page = browse(java_script_enabled=scripts, viewport={"width": width, "height": 800}).new_page()

    def look(name: str) -> None:
        if scripts:
            check_accessible(page)
        if papers.LOOK_AT:
            page.screenshot(path=f"{papers.LOOK_AT}/acts-{name}-{width}.png", full_page=True)

    def newest() -> UUID:
        owner.rollback()
        return UUID(str(owner.scalar(text("select id from long_act order by id desc limit 1"))))

    def one_part() -> None:
        with database.transaction(partner_id=cast.ada.partner_id) as db:
            assert long_acts.step(db, cast.ada.partner_id, act_id=newest(), now=now)

    def the_rest() -> None:
        acting.carry_on(database, partner_id=cast.ada.partner_id, act_id=newest(), clock=lambda: now)

    page.goto("customers?search=client")
    _archive_all(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Archive 6 customers?")
    look("ask")
    press(page, page.get_by_role("button", name="Archive", exact=True))
    expect(page.get_by_role("heading", level=1)).to_have_text("Archiving 6 customers")
    expect(page.get_by_label("0 of 6 are through")).to_be_visible()
    look("begun")
    one_part()
    # Nobody presses anything here.
    expect(page.get_by_label("2 of 6 are through")).to_be_visible(timeout=15_000)
    expect(page.get_by_role("progressbar")).to_have_attribute("value", "2")
    look("under-way")
    page.goto("customers")
    look("list")
    press(page, page.get_by_role("link", name="Archiving 6 customers: 2 are through …"))
    the_rest()
    expect(page.get_by_text("6 customers are archived.")).to_be_visible(timeout=15_000)
    look("done")
    press(page, page.get_by_role("button", name="Undo"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Undoing the archiving of 6 customers")
    one_part()
    press(page, page.get_by_role("button", name="Stop"))
    expect(page.get_by_text("What was done stays done. 4 had no turn.")).to_be_visible()
    look("stopped")


def test_whoever_is_signed_out_meanwhile_is_told(
    browse: Browse, does: Does, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.in_parts.MOST_WAITED_FOR", 3)
    for number in range(6):
        add(does, f"Client {number}", users=())
    page = browse().new_page()
    page.goto("customers?search=client")
    _archive_all(page)
    press(page, page.get_by_role("button", name="Archive", exact=True))
    expect(page.get_by_label("0 of 6 are through")).to_be_visible()
    page.context.clear_cookies()
    expect(page.get_by_text("You are signed out. It goes on all the same")).to_be_visible(timeout=15_000)
    expect(page.get_by_label("0 of 6 are through")).to_be_visible()


def _archive_all(page: Page) -> None:
    """All of the page, in the bar above the list."""
    page.get_by_label("With which customers").select_option("page")
    press(page, page.get_by_role("button", name="Archive", exact=True))

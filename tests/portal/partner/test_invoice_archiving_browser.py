"""Archiving invoices in Chromium: without scripts at phone width, with scripts at a desk."""

import pytest
from playwright.sync_api import expect

from tests import papers
from tests.accessible import SCREENS, check_accessible, press
from tests.portal.conftest import Person
from tests.portal.partner.conftest import Browse
from tests.portal.partner.test_invoice_archiving import voided
from tests.portal.partner.test_invoice_list import Things, billed

__all__ = ["billed", "voided"]
pytestmark = pytest.mark.browser


@pytest.mark.parametrize("screen", SCREENS)
def test_ada_archives_and_undoes_it(browse: Browse, voided: Things, screen: tuple[int, str]) -> None:
    width, scheme = screen
    page = browse(viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True).new_page()

    def look(name: str) -> None:
        check_accessible(page)
        if papers.LOOK_AT:
            page.screenshot(path=f"{papers.LOOK_AT}/archive-{name}-{width}.png", full_page=True)

    page.goto("invoices")
    for number in ("NO-00001", "NO-00003"):
        page.get_by_label(f"Choose invoice {number} of Acme").check()
    press(page, page.get_by_role("button", name="Archive the chosen invoices"))
    expect(page.get_by_role("heading", name="Archive 1 invoice?")).to_be_visible()
    look("ask")
    press(page, page.get_by_role("button", name="Archive", exact=True))
    expect(page.get_by_text("1 invoice is archived.")).to_be_visible()
    expect(page.get_by_role("link", name="NO-00001")).to_have_count(0)
    look("list")
    press(page, page.get_by_role("link", name="Archived", exact=True))
    expect(page.get_by_role("link", name="NO-00001")).to_be_visible()
    press(page, page.get_by_role("link", name="NO-00001"))
    look("one")
    press(page, page.get_by_role("button", name="Restore", exact=True))
    expect(page.get_by_text("The invoice is in the lists again.")).to_be_visible()


def test_without_scripts_all_shown_go_and_are_undone(browse: Browse, voided: Things, ada: Person) -> None:
    page = browse(java_script_enabled=False).new_page()
    page.goto("invoices?status=void")
    press(page, page.get_by_role("link", name="Archive all shown"))
    press(page, page.get_by_role("button", name="Archive", exact=True))
    expect(page.get_by_text("2 invoices are archived.")).to_be_visible()
    press(page, page.get_by_role("button", name="Undo"))
    expect(page.get_by_text("2 invoices are in the lists again.")).to_be_visible()

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


def opened(browse: Browse, cast: Cast, screen: tuple[int, str]) -> Page:
    """An empty invoice for Acme on a screen of this width and these colors."""
    width, scheme = screen
    context = browse(viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    page.goto(f"customers/{ids.shown('cus', cast.customers['acme'])}/invoices/new")
    return page


@pytest.mark.parametrize("screen", SCREENS)
def test_totals_and_due_date_follow_what_is_typed(
    browse: Browse, cast: Cast, owner: Connection, screen: tuple[int, str]
) -> None:
    page, (width, scheme) = opened(browse, cast, screen), screen
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


@pytest.mark.parametrize("screen", SCREENS)
def test_a_second_tax_is_there_at_once_and_what_cannot_be_read_is_told_until_it_is_mended(
    browse: Browse, cast: Cast, owner: Connection, screen: tuple[int, str]
) -> None:
    page, (width, scheme) = opened(browse, cast, screen), screen
    fill(page)
    line = page.get_by_role("group", name="Line 1")
    add = line.get_by_role("button", name="Add a tax")
    add.press("Enter")
    second = line.get_by_label("Tax 2")
    expect(second).to_be_focused()
    page.keyboard.type("GST")
    line.get_by_label("Tax rate, percent").nth(1).fill("5")
    shown = page.locator("#totals-shown")
    expect(shown).to_contain_text("$100.59")
    for _ in range(3):
        add.click()
    expect(add).to_be_hidden()
    line.get_by_role("button", name="Remove tax 2").click()
    expect(add).to_be_focused()
    # Those that are left count from one again.
    expect(line.get_by_label("Tax 4")).to_be_visible()
    expect(line.get_by_label("Tax 5")).to_have_count(0)
    expect(shown).to_contain_text("$96.22")
    quantity = line.get_by_label("Quantity")
    quantity.fill("abc")
    message = "Write the quantity in digits only, like 1.5."
    expect(quantity).to_have_attribute("aria-invalid", "true")
    expect(quantity).to_have_accessible_description(message)
    expect(line.locator("#error-lines-0-quantity")).to_be_visible()
    expect(shown).to_contain_text(f"Line 1 is not counted yet: {message}")
    expect(page.locator("#totals-said")).to_contain_text(f"Line 1: {message}")
    expect(quantity).to_be_focused()
    # The price is not filled in yet: that is no mistake.
    line.get_by_label("Unit price").fill("")
    expect(shown).to_contain_text("Line 1 is not counted yet: Enter the amount")
    expect(line.locator(".error")).to_have_count(1)
    check_accessible(page)
    check_accessible(page, turn=1)
    if papers.LOOK_AT:
        page.screenshot(path=f"{papers.LOOK_AT}/unread-{width}-{scheme}.png", full_page=True)
        page.set_viewport_size({"width": 390, "height": 800})
        page.screenshot(path=f"{papers.LOOK_AT}/unread-phone.png", full_page=True)
    line.get_by_label("Unit price").fill("33.33")
    quantity.fill("3")
    expect(shown).to_contain_text("$96.22")
    expect(quantity).not_to_have_attribute("aria-invalid", "true")
    expect(line.locator(".error")).to_have_count(0)


def test_what_saving_refused_goes_away_at_its_field_and_above_as_it_is_mended(
    browse: Browse, cast: Cast
) -> None:
    page = browse(viewport={"width": 1280, "height": 900}).new_page()
    page.goto(f"customers/{ids.shown('cus', cast.customers['acme'])}/invoices/new")
    fill(page)
    line = page.get_by_role("group", name="Line 1")
    line.get_by_label("Quantity").fill("")
    line.get_by_label("Unit price").fill("x")
    press(page, page.get_by_role("button", name="Save draft"))
    summary = page.locator(".error-summary")
    expect(summary).to_contain_text("2 things need your attention")
    line.get_by_label("Unit price").fill("33.33")
    expect(summary).to_contain_text("One thing needs your attention")
    expect(line.locator(".error")).to_have_count(1)
    line.get_by_label("Quantity").fill("3")
    expect(summary).to_have_count(0)
    expect(line.locator(".error")).to_have_count(0)


def test_a_french_reader_types_commas_and_the_totals_follow(
    browse: Browse, cast: Cast, owner: Connection
) -> None:
    page = browse(viewport={"width": 390, "height": 800}, locale="fr-CA").new_page()
    page.goto(f"customers/{ids.shown('cus', cast.customers['acme'])}/invoices/new")
    line = page.get_by_role("group", name="Ligne 1")
    line.get_by_label("Description").fill("Travail")
    line.get_by_label("Quantité").fill("1,5")
    line.get_by_label("Prix unitaire").fill("1 234,56")
    expect(page.locator("#totals-shown")).to_contain_text("1 851,84")
    press(page, page.get_by_role("button", name="Enregistrer le brouillon"))
    assert owner.scalar(text("select total_minor from invoice")) == 185_184


def test_without_scripts_a_tax_is_added_and_removed_by_asking(
    browse: Browse, cast: Cast, owner: Connection
) -> None:
    page = browse(java_script_enabled=False, viewport={"width": 390, "height": 800}).new_page()
    page.goto(f"customers/{ids.shown('cus', cast.customers['acme'])}/invoices/new")
    fill(page)
    line = page.get_by_role("group", name="Line 1")
    press(page, line.get_by_role("button", name="Add a tax"))
    expect(line.get_by_label("Tax 2")).to_be_focused()
    line.get_by_label("Tax 2").fill("GST")
    line.get_by_label("Tax rate, percent").nth(1).fill("5")
    press(page, line.get_by_role("button", name="Remove tax 1"))
    expect(line.get_by_label("Tax 1")).to_have_value("GST")
    press(page, page.get_by_role("button", name="Save draft"))
    assert owner.scalar(text("select total_minor from invoice")) == 9_186


def test_without_scripts_the_totals_are_shown_when_asked_for(browse: Browse, cast: Cast) -> None:
    page = browse(java_script_enabled=False, viewport={"width": 390, "height": 800}).new_page()
    page.goto(f"customers/{ids.shown('cus', cast.customers['acme'])}/invoices/new")
    fill(page)
    page.get_by_label("Terms").select_option(label="Due on receipt")
    press(page, page.get_by_role("button", name="Show the totals"))
    expect(page.locator("#totals-shown")).to_contain_text("QST 9.975%")
    expect(page.locator("#totals-shown")).to_contain_text("$96.22")
    expect(page.get_by_role("group", name="Line 1").get_by_label("Description")).to_have_value("Work")


@pytest.mark.parametrize("scripts", [True, False])
def test_a_preview_opens_beside_the_form_and_neither_loses_anything(
    browse: Browse, cast: Cast, owner: Connection, scripts: bool
) -> None:
    screen = {"width": 1280 if scripts else 390, "height": 900}
    context = browse(java_script_enabled=scripts, viewport=screen, bypass_csp=True)
    page = context.new_page()
    page.goto(f"customers/{ids.shown('cus', cast.customers['acme'])}/invoices/new")
    fill(page)
    with context.expect_page() as beside:
        page.get_by_role("button", name="Preview").click()
    seen = beside.value
    expect(seen.get_by_text("Nothing is saved yet.")).to_be_visible()
    expect(seen.get_by_text("$96.22").first).to_be_visible()
    if scripts:
        check_accessible(seen)
        check_accessible(seen, turn=1)
    if papers.LOOK_AT:
        seen.screenshot(path=f"{papers.LOOK_AT}/preview-typed-{screen['width']}.png", full_page=True)
    press(seen, seen.get_by_role("button", name="Go on editing"))
    expect(seen.get_by_label("Unit price").first).to_have_value("33.33")
    assert owner.scalar(text("select count(*) from invoice")) == 0
    press(page, page.get_by_role("button", name="Save draft"))
    assert owner.scalar(text("select total_minor from invoice")) == 9_622

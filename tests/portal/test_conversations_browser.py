"""Conversations in Chromium: Petra asks, Ada and Clem read for themselves, with scripts and without."""

from collections.abc import Callable, Iterator
from datetime import datetime

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect
from sqlalchemy import Connection

from db import ids
from db.session import Database
from tests.accessible import check_accessible, press
from tests.billing.acting import Acts
from tests.billing.paying import Till
from tests.cast import Cast
from tests.portal.conftest import Browsing

pytestmark = pytest.mark.browser
Opened = Callable[[str], Page]


@pytest.fixture(params=[True, False], ids=["with scripts", "without scripts"])
def scripts(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def opened(scripts: bool, browsing: Browsing) -> Iterator[Opened]:
    """`opened("ada")`: a tab of one of the cast; those without scripts are phones, in the dark."""
    contexts: list[BrowserContext] = []

    def browser(name: str) -> Page:
        screen = {"width": 1280, "height": 800} if scripts else {"width": 390, "height": 800}
        context = browsing(
            name, java_script_enabled=scripts, viewport=screen, bypass_csp=scripts,
            color_scheme="light" if scripts else "dark",
        )  # fmt: skip
        contexts.append(context)
        return context.new_page()

    yield browser
    for context in contexts:
        context.close()


@pytest.fixture
def invoice(database: Database, owner: Connection, now: datetime, cast: Cast) -> str:
    made = Till(Acts(database, owner, now), cast).invoice(12_345)
    return f"invoices/{ids.shown('inv', made.id)}"


def entry(page: Page) -> Locator:
    """The place in the navigation, which is a drawer on a phone."""
    menu = page.get_by_role("button", name="Menu")
    if menu.is_visible():
        menu.click()
    return page.get_by_role("navigation", name="Main").get_by_role("link", name="Conversations")


def unread_rows(page: Page) -> Locator:
    return page.locator("tr.is-unread")


def test_each_reads_for_themselves_and_finds_what_waits(opened: Opened, scripts: bool, invoice: str) -> None:
    petra, ada, clem = opened("petra"), opened("ada"), opened("clem")
    petra.goto("conversations")
    expect(petra.get_by_role("heading", name="No open conversations")).to_be_visible()
    petra.goto(f"{invoice}/ask")
    petra.get_by_label("A question").check()
    petra.get_by_label("Message").fill("Why is it twice as much?")
    press(petra, petra.get_by_role("button", name="Send"))

    ada.goto("")
    link = entry(ada)
    expect(link).to_contain_text("1 unread")
    link.click()
    expect(ada.get_by_role("heading", name="Conversations", exact=True)).to_be_visible()
    expect(unread_rows(ada)).to_have_count(1)
    expect(unread_rows(ada)).to_contain_text("Unread")
    if scripts:
        check_accessible(ada)
        check_accessible(ada, turn=1)
    ada.get_by_role("row").filter(has_text="Why is it twice").get_by_role("link").first.click()
    expect(ada.locator("li.is-new")).to_contain_text("New message")
    expect(entry(ada)).not_to_contain_text("unread")
    if scripts:
        check_accessible(ada)
    # Clem has not read it, whatever Ada did; he keeps it for later, then marks all.
    clem.goto("conversations?show=unread")
    expect(unread_rows(clem)).to_have_count(1)
    clem.get_by_role("row").filter(has_text="Why is it twice").get_by_role("link").first.click()
    press(clem, clem.get_by_role("button", name="Mark as unread"))
    expect(clem.get_by_role("status").first).to_contain_text("marked as unread")
    expect(unread_rows(clem)).to_have_count(1)
    press(clem, clem.get_by_role("button", name="Mark all as read"))
    expect(clem.get_by_role("status").first).to_contain_text("1 conversation is marked as read.")
    expect(unread_rows(clem)).to_have_count(0)
    expect(clem.get_by_role("button", name="Mark all as read")).to_have_count(0)

    # Two tabs of Ada's: an answer from one, then it is Petra's turn.
    if ada.get_by_role("button", name="Close menu").is_visible():
        ada.get_by_role("button", name="Close menu").click()
    ada.get_by_label("Your answer").fill("Two months of it.")
    press(ada, ada.get_by_role("button", name="Send"))
    petra.goto("invoices")
    link = entry(petra)
    expect(link).to_contain_text("1 unread")
    link.click()
    expect(unread_rows(petra)).to_contain_text("Waiting for you")
    if scripts:
        check_accessible(petra)
        check_accessible(petra, turn=1)
    petra.get_by_role("row").filter(has_text="Two months").get_by_role("link").first.click()
    expect(petra.locator("li.is-new")).to_have_count(1)
    expect(entry(petra)).not_to_contain_text("unread")


def test_the_list_is_narrowed_without_a_script_too(opened: Opened, invoice: str) -> None:
    petra, ada = opened("petra"), opened("ada")
    petra.goto(f"{invoice}/ask")
    petra.get_by_label("A dispute").check()
    petra.get_by_label("Message").fill("We never had this.")
    press(petra, petra.get_by_role("button", name="Send"))
    ada.goto("conversations")
    ada.get_by_label("Kind", exact=True).select_option(label="Questions")
    press(ada, ada.get_by_role("button", name="Search", exact=True))
    expect(ada.get_by_role("heading", name="No conversation matches")).to_be_visible()
    ada.get_by_label("Kind", exact=True).select_option(label="Disputes")
    ada.get_by_label("Whose turn").select_option(label="Waiting for you")
    press(ada, ada.get_by_role("button", name="Search", exact=True))
    expect(unread_rows(ada)).to_have_count(1)
    press(ada, ada.get_by_role("navigation", name="Conversations by how").get_by_role("link", name="Settled"))
    expect(ada.get_by_label("Whose turn")).to_have_count(0)

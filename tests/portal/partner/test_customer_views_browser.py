"""Saved views in Chromium: two of Northwind's staff and a stranger, with scripts and without."""

from collections.abc import Callable, Iterator
from datetime import datetime

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from billing import tags
from billing.tags import TagInput
from db.session import Database
from tests.accessible import check_accessible, press
from tests.cast import Cast
from tests.portal.conftest import Browsing

pytestmark = pytest.mark.browser
Opened = Callable[[str], Page]


@pytest.fixture(params=[True, False], ids=["with scripts", "without scripts"])
def opened(request: pytest.FixtureRequest, browsing: Browsing) -> Iterator[Opened]:
    """`opened("ada")`: a tab of one of the cast; those without scripts are phones, in the dark."""
    contexts: list[BrowserContext] = []

    def browser(name: str) -> Page:
        screen = {"width": 1280, "height": 800} if request.param else {"width": 390, "height": 800}
        scheme = "light" if request.param else "dark"
        context = browsing(name, java_script_enabled=request.param, viewport=screen, color_scheme=scheme)
        contexts.append(context)
        return context.new_page()

    yield browser
    for context in contexts:
        context.close()


@pytest.fixture
def vip(database: Database, cast: Cast, now: datetime) -> str:
    """The partner's tag VIP, on Acme."""
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        tag = tags.create(db, cast.ada, fields=TagInput(name="VIP", colour="#0b7285"), now=now)
        acme = cast.customers["acme"]
        tags.tag_customers(db, cast.ada, tag_ids=[tag.id], customer_ids=[acme], now=now)
    return tag.name


def tab(page: Page, name: str) -> object:
    return page.get_by_role("navigation", name="Saved views").get_by_role("link", name=name)


def narrow(page: Page, status: str) -> None:
    page.get_by_label("Status", exact=True).select_option(status)
    press(page, page.get_by_role("button", name="Search", exact=True))


def test_clem_and_ada_share_a_view_and_rita_and_mallory_do_not_disturb(opened: Opened, vip: str) -> None:
    clem, ada, mallory = opened("clem"), opened("ada"), opened("mallory")
    clem.goto("customers")
    clem.get_by_text("More filters").click()
    clem.get_by_label(vip).check()
    press(clem, clem.get_by_role("button", name="Apply filters"))
    press(clem, clem.get_by_role("link", name="Save view"))
    press(clem, clem.get_by_role("button", name="Save view"))
    expect(clem.get_by_role("alert")).to_contain_text("Enter the name.")
    clem.get_by_label("Name").fill("Our VIPs")
    clem.get_by_label("Everybody at Northwind").check()
    press(clem, clem.get_by_role("button", name="Save view"))
    expect(tab(clem, "Our VIPs")).to_have_attribute("aria-current", "page")
    expect(clem.get_by_role("link", name="Globex")).to_have_count(0)

    # Ada finds it, changes it, and Clem, who looks at it since before, is told when he saves.
    ada.goto("customers")
    press(ada, tab(ada, "Our VIPs"))
    expect(ada.get_by_text("Shared with the team by Clem.")).to_be_visible()
    narrow(ada, "Any status")
    narrow(clem, "In set-up")
    expect(clem.get_by_role("group", name="The view Our VIPs")).to_contain_text("Changed")
    expect(tab(clem, "Our VIPs")).to_have_attribute("aria-current", "true")
    press(ada, ada.get_by_role("button", name="Save changes"))
    expect(ada.get_by_role("status")).to_contain_text("The view Our VIPs is saved.")
    press(clem, clem.get_by_role("button", name="Save changes"))
    expect(clem.get_by_role("status")).to_contain_text("Somebody else changed this view in the meantime.")
    press(clem, clem.get_by_role("link", name="Save as new view"))
    clem.get_by_label("Name").fill("In set-up")
    press(clem, clem.get_by_role("button", name="Save view"))
    expect(tab(clem, "In set-up")).to_have_attribute("aria-current", "page")
    expect(clem.get_by_text("Only you see this view.")).to_be_visible()

    # What is Clem's own, nobody else sees; and nothing of it is Contoso's.
    address = clem.url.partition("/customers")[2]
    ada.goto(f"customers{address}")
    expect(ada.get_by_text("That saved view is no longer there")).to_be_visible()
    expect(tab(ada, "In set-up")).to_have_count(0)
    mallory.goto(f"customers{address}")
    expect(mallory.get_by_text("That saved view is no longer there")).to_be_visible()
    expect(mallory.get_by_role("navigation", name="Saved views")).to_have_count(0)

    press(ada, tab(ada, "Our VIPs"))
    press(ada, ada.get_by_role("link", name="Delete"))
    expect(ada.get_by_text("Everybody on the team loses this view.")).to_be_visible()
    press(ada, ada.get_by_role("button", name="Delete the view"))
    expect(ada.get_by_role("status")).to_contain_text("The view Our VIPs is deleted.")
    clem.goto("customers")
    expect(tab(clem, "Our VIPs")).to_have_count(0)


@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (390, "light")])
def test_axe_finds_nothing_about_views(browsing: Browsing, vip: str, width: int, scheme: str) -> None:
    context = browsing("ada", viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    page.goto("customers?status=all&balance=none")
    check_accessible(page, "not saved")
    press(page, page.get_by_role("link", name="Save view"))
    check_accessible(page, "a new view")
    press(page, page.get_by_role("button", name="Save view"))
    check_accessible(page, "a view without a name")
    page.get_by_label("Name").fill("W" * 60)
    page.get_by_label("Everybody at Northwind").check()
    press(page, page.get_by_role("button", name="Save view"))
    check_accessible(page, "a view")
    narrow(page, "Active")
    check_accessible(page, "a view that is changed")
    press(page, page.get_by_role("link", name="Edit", exact=True))
    check_accessible(page, "editing")
    page.go_back()
    press(page, page.get_by_role("link", name="Delete"))
    check_accessible(page, "deleting")
    page.goto(f"customers?tag=tag_{'0' * 32}&view=cvw_{'0' * 32}")
    check_accessible(page, "a view that is gone, and a tag that is")
    context.close()

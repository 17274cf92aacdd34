"""A-7 in Chromium: three tabs of one browser, two looked-at portals and the dashboard, and nothing mixes.

With scripts and without. Beside them, in a browser of her own, Petra uses the portal that is looked at.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect
from sqlalchemy import Connection, text

from auth.impersonations import LIFE
from tests.cast import Cast
from tests.portal.conftest import Browsing, Clock, customer_id

pytestmark = [
    pytest.mark.browser,
    pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"]),
]
Opened = Callable[[str], BrowserContext]


@pytest.fixture
def opened(browsing: Browsing, scripts: bool) -> Iterator[Opened]:
    """A phone's browser of one of the cast."""
    contexts: list[BrowserContext] = []

    def browser(name: str) -> BrowserContext:
        context = browsing(
            name, java_script_enabled=scripts, bypass_csp=scripts, viewport={"width": 390, "height": 800}
        )
        contexts.append(context)
        return context

    yield browser
    for context in contexts:
        context.close()


def fine(page: Page, scripts: bool) -> None:
    """Accessible, and no wider than the phone."""
    if scripts:
        found = Axe().run(page)
        assert found.violations_count == 0, f"{page.url}: {found.generate_report()}"
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url


def look(dashboard: Page, customer: str, link: str, *, scripts: bool, whose: str = "") -> Page:
    """From the customer's page into a tab of its own, and there into the portal."""
    dashboard.goto(customer)
    with dashboard.context.expect_page() as new:
        dashboard.get_by_role("link", name=link).click()
    tab = new.value
    expect(tab.get_by_role("heading", name="View the portal of")).to_be_visible()
    fine(tab, scripts)
    if whose:
        tab.get_by_label("As", exact=True).select_option(label=whose)
    with tab.expect_navigation():
        tab.get_by_role("button", name="Open the portal").click()
    expect(tab.get_by_role("heading", name="Invoices")).to_be_visible()
    return tab


def banner(tab: Page, whose: str) -> None:
    expect(tab.get_by_role("region", name="View only")).to_contain_text(
        f"you see this portal as {whose} does"
    )


def test_two_portals_the_dashboard_and_somebodys_own_never_mix(
    opened: Opened, cast: Cast, owner: Connection, scripts: bool
) -> None:
    dashboard, petra = opened("ada").new_page(), opened("petra").new_page()
    acme, globex = (f"customers/{customer_id(cast, name)}" for name in ("acme", "globex"))
    first = look(dashboard, f"{acme}/users", "View portal as Petra", scripts=scripts)
    second = look(dashboard, globex, "View portal", scripts=scripts, whose="Any Viewer")
    assert first.url != second.url
    for _ in range(2):
        for tab, whose, company in ((first, "Petra", "Acme"), (second, "Any Viewer", "Globex")):
            for place in ("Payments", "Payment methods", "Tags", "Team", "Invoices"):
                tab.goto(f"/partner/northwind/as/{grant_of(tab)}/{place.lower().replace(' ', '-')}")
                expect(tab.get_by_role("heading", name=place, exact=True)).to_be_visible()
                banner(tab, whose)
                expect(tab.locator(".place-name")).to_have_text(company)
                fine(tab, scripts)
        # The dashboard is Ada's own, and Petra's portal hers, without a banner.
        for page, place, who in ((dashboard, acme, "Ada"), (petra, "invoices", "Petra")):
            page.goto(place)
            expect(page.get_by_role("region", name="View only")).to_have_count(0)
            expect(page.locator(".menu-person")).to_have_text(who)
    # What Petra does is not refused, and what is done for her in the tab beside is.
    petra.goto("tags/new")
    petra.get_by_label("Name").fill("Hers")
    with petra.expect_navigation():
        petra.get_by_role("button", name="Create tag").click()
    made = text("select name, owner_id from tag")
    assert [tuple(row) for row in owner.execute(made)] == [("Hers", cast.customers["acme"])]
    first.goto(f"/partner/northwind/as/{grant_of(first)}/tags")
    expect(first.get_by_text("Hers")).to_be_visible()
    expect(first.get_by_role("link", name="New tag")).to_have_count(0)
    second.goto(f"/partner/northwind/as/{grant_of(second)}/tags")
    expect(second.get_by_text("Hers")).to_have_count(0)
    # One tab's view ends, the other goes on.
    with first.expect_navigation():
        first.get_by_role("button", name="End view").click()
    expect(first.get_by_role("heading", name="This view has ended")).to_be_visible()
    fine(first, scripts)
    second.reload()
    banner(second, "Any Viewer")
    with first.expect_navigation():
        first.get_by_role("link", name="Back to the dashboard").click()
    expect(first.get_by_role("heading", name="Acme")).to_be_visible()


def test_a_page_that_leads_to_a_change_says_so_and_the_time_ends_it(
    opened: Opened, cast: Cast, clock: Clock, scripts: bool
) -> None:
    dashboard = opened("ada").new_page()
    tab = look(
        dashboard, f"customers/{customer_id(cast, 'acme')}/users", "View portal as Carl", scripts=scripts
    )
    home = f"/partner/northwind/as/{grant_of(tab)}"
    for path in ("/pay?all=1", "/tags/new", "/team/invite", "/payment-methods/add?setup=x"):
        tab.goto(home + path)
        expect(tab.get_by_text("You are only looking at this portal")).to_be_visible()
        banner(tab, "Carl")
        fine(tab, scripts)
    with tab.expect_navigation():
        tab.get_by_role("link", name="Go to the start page").click()
    expect(tab.get_by_role("heading", name="Invoices")).to_be_visible()
    clock.now += LIFE - timedelta(minutes=1)
    tab.goto(f"{home}/team")
    expect(tab.get_by_role("heading", name="Northwind looked at this portal")).to_be_visible()
    fine(tab, scripts)
    clock.now += timedelta(minutes=1)
    tab.reload()
    expect(tab.get_by_role("heading", name="This view has ended")).to_be_visible()
    dashboard.reload()
    expect(dashboard.get_by_role("heading", name="Acme")).to_be_visible()


def grant_of(tab: Page) -> str:
    return tab.url.partition("/as/")[2].partition("/")[0]

"""A look at a page in Chromium: axe finds nothing, and nothing sticks out sideways."""

from axe_playwright_python.base import AxeResults
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Error, Locator, Page

from tests.figures import PROVING, rounds

# At the full figures every page is walked on all four, else once, by turns on the first and the second.
SCREENS = [(1280, "light"), (390, "dark"), (1280, "dark"), (390, "light")][: rounds(1, 4)]
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def check_accessible(page: Page, name: str = "", turn: int = 0) -> int:
    """Asserts that axe finds nothing and that nothing sticks out; how many rules passed.

    axe is put into the page as a script, which our policy rightly refuses: the context needs `bypass_csp`.
    Every other `turn` of a walk that is walked once is looked at on a phone in the dark.
    """
    if turn % 2 and not PROVING:
        before = page.viewport_size
        assert before is not None
        page.set_viewport_size({"width": 390, "height": 800})
        page.emulate_media(color_scheme="dark")
        passed = check_accessible(page, name)
        page.emulate_media(color_scheme="light")
        page.set_viewport_size(before)
        return passed
    try:
        found, fits = _look(page)
    except Error:
        # A click only begins to lead away: the page it was made on may vanish under the look.
        found, fits = _look(page)
    where = name or page.url
    assert found.violations_count == 0, f"{where}: {found.generate_report()}"
    assert fits, f"{where} sticks out sideways (WCAG 1.4.10, reflow)"
    return len(found.response["passes"])


def _look(page: Page) -> tuple[AxeResults, bool]:
    page.wait_for_load_state()
    # A color on its way to another is neither.
    page.evaluate("Promise.allSettled(document.getAnimations().map(moving => moving.finished))")
    # What passed is told by one place each: to bring home all of them took longer than looking.
    found = Axe().run(page, options={"runOnly": WCAG, "resultTypes": ["violations"]})
    return found, page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def press(page: Page, what: Locator) -> None:
    """Click, and be on the page the click leads to."""
    with page.expect_navigation():
        what.click()

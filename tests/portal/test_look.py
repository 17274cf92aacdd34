"""The look in a real browser: readable and operable, light and dark, wide and narrow, scripts or none."""

import re
import socket
import threading
from collections.abc import Iterator

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from portal.assets import ROUTE, Assets
from portal.headers import SecurityHeaders
from tests.accessible import check_accessible
from tests.figures import rounds
from tests.portal import look

WIDE, NARROW = 1280, 390
NAMES = [*look.PAGES, "404", "500"]
SCREENS = [(WIDE, "light"), (NARROW, "dark"), (WIDE, "dark"), (NARROW, "light")][: rounds(2, 4)]


async def show(request: Request) -> Response:
    return HTMLResponse(look.page(request.path_params["name"]))


async def answer(request: Request) -> Response:
    """What a form gets: a part with errors or without, or the whole page of a bug."""
    status = request.path_params["status"]
    text = look.page("500") if status == 500 else f"<p>answered {status}</p>"
    return HTMLResponse(text, status)


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The sample pages behind the real headers, on a port of their own."""
    listener = socket.create_server(("127.0.0.1", 0))
    origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
    routes = [
        Route(ROUTE, Assets(look.STATIC).serve),
        Route("/answer/{status:int}", answer, methods=["POST"]),
        Route("/{name}", show),
    ]
    app = SecurityHeaders(Starlette(routes=routes), public_url=origin)
    server = uvicorn.Server(
        uvicorn.Config(
            app, log_level="error", log_config=None, ws="none", server_header=False, lifespan="off"
        )
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield origin
    server.should_exit = True
    thread.join()


def opened(chromium: Browser, width: int, scheme: str = "light", *, scripts: bool = True) -> Page:
    context = chromium.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, java_script_enabled=scripts
    )
    return context.new_page()


@pytest.mark.browser
@pytest.mark.prove
@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_axe_finds_nothing_and_the_policy_stops_nothing(
    site: str, chromium: Browser, width: int, scheme: str
) -> None:
    page = opened(chromium, width, scheme)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    checked = 0
    for name in NAMES:
        page.goto(f"{site}/{name}")
        checked += check_accessible(page, name)
    assert checked > 20 * len(NAMES)  # axe did look
    # The refusals' own 404 and 500 are pages here, so the browser has nothing to complain about.
    assert said == []
    page.context.close()


@pytest.mark.browser
def test_menus_open_without_javascript(site: str, chromium: Browser) -> None:
    page = opened(chromium, NARROW, scripts=False)
    page.goto(f"{site}/list")
    invoices = page.get_by_role("link", name="Invoices")
    assert not invoices.is_visible()
    page.get_by_role("button", name="Menu", exact=True).click()
    assert invoices.is_visible()
    page.keyboard.press("Escape")
    assert not invoices.is_visible()
    sign_out = page.get_by_role("button", name="Sign out")
    assert not sign_out.is_visible()
    page.locator(".menu > summary").click()
    assert sign_out.is_visible()
    page.context.close()


@pytest.mark.browser
def test_enter_presses_the_forms_own_button_not_the_first_rows(site: str, chromium: Browser) -> None:
    page = opened(chromium, WIDE, scripts=False)
    posted: list[str | None] = []
    page.route("**/x", lambda route: (posted.append(route.request.post_data), route.fulfill(body="done")))
    page.goto(f"{site}/users")
    page.locator("#field-users-0-name").press("Enter")
    page.wait_for_url("**/x")
    assert len(posted) == 1
    assert "_pressed=go-on" in (posted[0] or "").split("&")
    page.context.close()


@pytest.mark.browser
def test_the_error_summary_has_the_focus_and_leads_to_the_field(site: str, chromium: Browser) -> None:
    page = opened(chromium, WIDE)
    page.goto(f"{site}/wizard")
    expect(page.locator(".error-summary")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#field-company")).to_be_focused()
    described = page.locator("#field-ein").get_attribute("aria-describedby")
    assert described == "error-ein hint-ein"
    page.context.close()


@pytest.mark.browser
def test_the_first_tab_offers_to_skip_to_the_content(site: str, chromium: Browser) -> None:
    page = opened(chromium, WIDE)
    page.goto(f"{site}/list")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    assert page.evaluate("document.activeElement.getBoundingClientRect().top >= 0")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    page.context.close()


@pytest.mark.browser
def test_htmx_works_under_the_policy_and_shows_refusals(site: str, chromium: Browser) -> None:
    page = opened(chromium, WIDE)
    stopped: list[str] = []
    page.on("console", lambda said: stopped.append(said.text) if "Security Policy" in said.text else None)
    for button, status in (("Wrong field", 422), ("Fine", 200)):
        page.goto(f"{site}/comfort")
        page.get_by_role("button", name=button).click()
        page.get_by_text(f"answered {status}").wait_for()
        assert page.locator("#part").inner_text() == f"answered {status}"
        assert page.locator("h1").inner_text() == "Comfort"
    page.goto(f"{site}/comfort")
    page.get_by_role("button", name="Broken").click()
    page.get_by_role("heading", name="Something went wrong on our side").wait_for()
    assert page.locator("h1").count() == 1
    assert stopped == []
    page.context.close()


TWO_CLICKS = """() => {
  let through = 0;
  // Behind the document's own listener: what arrives unprevented here would have been sent.
  addEventListener("submit", (event) => { if (!event.defaultPrevented) through++; event.preventDefault(); });
  const button = document.querySelector("form[action='/slow'] button");
  button.click();
  button.click();
  const during = through;
  dispatchEvent(new Event("pageshow"));
  button.click();
  return [during, through];
}"""


@pytest.mark.browser
def test_a_double_click_sends_one_form_and_coming_back_sends_again(site: str, chromium: Browser) -> None:
    page = opened(chromium, WIDE)
    page.goto(f"{site}/comfort")
    assert page.evaluate(TWO_CLICKS) == [1, 2]
    page.context.close()


# text on ground >= 4.5 (WCAG 1.4.3); edges of controls and focus >= 3 (1.4.11)
TEXT_ON = [
    *[
        (ink, ground)
        for ink in ("ink", "ink-soft", "ink-faint")
        for ground in ("canvas", "surface", "sunken")
    ],
    *[("accent-ink", ground) for ground in ("canvas", "surface", "accent-soft")],
    *[("on-accent", ground) for ground in ("accent", "accent-hover")],
    *[(tone, f"{tone}-soft") for tone in ("success", "info", "warning", "danger", "neutral")],
    *[("danger", ground) for ground in ("canvas", "surface")],
    *[("on-danger", ground) for ground in ("danger-fill", "danger-fill-hover")],
    *[(ink, "hover") for ink in ("ink", "ink-soft")],
]
EDGE_ON = [
    (edge, ground)
    for edge in ("line-strong", "accent-ink", "accent-edge", "accent-mark")
    for ground in ("canvas", "surface")
]


def tokens(scheme: str) -> dict[str, str]:
    text = (look.STATIC / "css" / "tokens.css").read_text()
    light, dark = text.split("@media screen and (prefers-color-scheme: dark)")
    found = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", light))
    return found if scheme == "light" else found | dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", dark))


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_pair_of_colours_has_its_contrast(scheme: str) -> None:
    values = tokens(scheme)
    assert round(contrast("#000000", "#ffffff"), 1) == 21.0
    weak = {
        (ink, ground): round(contrast(values[ink], values[ground]), 2)
        for pairs, least in ((TEXT_ON, 4.5), (EDGE_ON, 3.0))
        for ink, ground in pairs
        if contrast(values[ink], values[ground]) < least
    }
    assert weak == {}

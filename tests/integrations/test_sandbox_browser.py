"""The gateway's pages in a real Chromium: embedded from another origin, without JavaScript, by axe's eyes."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Frame, Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from billing.ports import ChargeStatus, MethodKind, SetupSession
from tests.accessible import check_accessible
from tests.gateway import NORTHWIND, RunningSandbox, serving

pytestmark = pytest.mark.browser

EMBEDDING = """<!doctype html><html lang="en"><title>Portal</title><p id="told"></p><script>
const told = []; addEventListener("message", (event) => {{ told.push([event.origin, event.data]); }});
window.told = told;</script><iframe title="Card" src="{src}" width="380" height="700"></iframe></html>"""


@pytest.fixture
def portal() -> Iterator[str]:
    """A page of another origin, as the portal is: it embeds what it is told to, and takes payers back."""

    async def embed(request: Request) -> HTMLResponse:
        return HTMLResponse(EMBEDDING.format(src=request.query_params["src"]))

    async def back(request: Request) -> HTMLResponse:
        return HTMLResponse(
            f"<!doctype html><title>Back</title><h1>Back {request.query_params.get('setup')}</h1>"
        )

    app = Starlette(routes=[Route("/embed", embed), Route("/back", back)])
    with serving(lambda _url: app) as url:
        yield url


def session(sandbox: RunningSandbox, return_url: str) -> SetupSession:
    return sandbox.gateway.create_setup(
        key="s", account=NORTHWIND, customer_ref="acme", return_url=return_url, kinds=[MethodKind.CARD]
    )


def fill(page: Page | Frame, number: str) -> None:
    page.get_by_label("Card number").fill(number)
    page.get_by_label("Expiry date").fill("12/34")
    page.get_by_label("Security code").fill("123")
    page.get_by_label("Name on card").fill("Petra Payer")
    page.get_by_label("ZIP or postal code").fill("60601")
    page.get_by_role("button", name="Save card").click()


def test_a_card_typed_in_the_frame_is_told_to_the_page_that_may_know(
    chromium: Browser, sandbox: RunningSandbox, portal: str
):
    begun = session(sandbox, f"{portal}/back")
    page = chromium.new_page()
    page.goto(f"{portal}/embed?src={begun.fields_url}")
    frame = page.frame(url=begun.fields_url)
    fill(frame, "4242 4242 4242 4241")
    expect(frame.get_by_role("alert")).to_contain_text("Only the published test numbers")
    expect(frame.get_by_label("Card number")).to_be_focused()
    expect(frame.get_by_label("Card number")).to_have_value("")
    expect(frame.get_by_label("Name on card")).to_have_value("Petra Payer")
    fill(frame, "4242 4242 4242 4242")
    expect(frame.get_by_role("status")).to_have_text("The card is saved.")
    page.wait_for_function("told.some(([, what]) => what.status === 'DONE')")
    told = page.evaluate("told")
    assert {origin for origin, _ in told} == {sandbox.url}
    assert [what["status"] for _, what in told if "status" in what] == ["OPEN", "INVALID", "DONE"]
    assert {(what["source"], what["setup"]) for _, what in told} == {("remit-sandbox-gateway", begun.id)}
    assert all(what["height"] > 100 for _, what in told if "height" in what)
    frame.get_by_role("link", name="Continue").click()
    expect(page.get_by_role("heading")).to_have_text(f"Back {begun.id}")
    page.close()


def test_a_page_of_another_origin_gets_no_fields_and_no_message(
    chromium: Browser, sandbox: RunningSandbox, portal: str
):
    begun = session(sandbox, "http://elsewhere.test/back")
    page = chromium.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(f"{portal}/embed?src={begun.fields_url}")
    assert any("frame-ancestors" in complaint for complaint in complaints)
    assert page.frames[1].locator("form").count() == 0
    assert page.evaluate("told") == []
    page.close()


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_a_payer_adds_a_card_and_confirms_a_charge(
    chromium: Browser, sandbox: RunningSandbox, portal: str, script: bool
):
    begun = session(sandbox, f"{portal}/back?x=1")
    page = chromium.new_context(java_script_enabled=script, viewport={"width": 360, "height": 740}).new_page()
    page.goto(begun.page_url)
    fill(page, "4111 1111 1111 1111")
    expect(page.get_by_role("alert")).to_contain_text("Never enter a real card number")
    fill(page, "4000 0025 0000 3155")
    expect(page.get_by_role("heading")).to_have_text(f"Back {begun.id}")
    assert parse_qs(urlsplit(page.url).query) == {"x": ["1"], "setup": [begun.id]}
    method = sandbox.gateway.read_setup(account=NORTHWIND, setup_id=begun.id).method
    waiting = sandbox.gateway.charge(
        key="k",
        account=NORTHWIND,
        amount_minor=1234567,
        currency="USD",
        method_ref=method.gateway_ref,
        reference="INV-1",
        return_url=f"{portal}/back",
    )
    page.goto(waiting.action_url)
    expect(page.get_by_role("main")).to_contain_text("12,345.67 USD")
    page.get_by_role("button", name="Complete authentication").click()
    expect(page.get_by_role("heading")).to_have_text("Back None")
    found = sandbox.gateway.find_charge(account=NORTHWIND, key="k")
    assert found.status is ChargeStatus.SUCCEEDED
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_is_wider_than_a_phone(
    chromium: Browser, sandbox: RunningSandbox, portal: str, scheme: str
):
    begun = session(sandbox, f"{portal}/back")
    # axe is put into the page as a script, which the gateway's own policy rightly refuses.
    context = chromium.new_context(
        color_scheme=scheme, viewport={"width": 360, "height": 740}, bypass_csp=True
    )
    page = context.new_page()
    waiting = sandbox.gateway.charge(
        key="k",
        account=NORTHWIND,
        amount_minor=500,
        currency="CAD",
        method_ref=sandbox.add_card("4000002760003184").gateway_ref,
        reference="INV-1",
        return_url=f"{portal}/back",
    )
    for address in (begun.page_url, begun.fields_url, waiting.action_url, f"{sandbox.url}/nowhere"):
        page.goto(address)
        for details in page.locator("details").all():
            details.evaluate("element => element.open = true")
        check_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, address
    page.goto(begun.page_url)
    fill(page, "1")
    expect(page.get_by_role("alert")).to_be_visible()
    check_accessible(page)
    context.close()

"""The portal in a real Chromium: cards in the gateway's frame, double clicks, two tabs, going back; axe."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import Connection, text

from tests.accessible import SCREENS, check_accessible, press
from tests.gateway import RunningSandbox
from tests.portal.conftest import Browsing
from tests.portal.customer.conftest import AUTHENTICATES, DECLINED, VISA, Bill

pytestmark = pytest.mark.browser


def type_card(page: Page, number: str, *, scripts: bool) -> None:
    """Type a card into the gateway's frame, or without scripts on its page."""
    form = page.frame_locator("iframe") if scripts else page
    if not scripts:
        page.get_by_role("link", name="Continue to the card form").click()
    form.get_by_label("Card number").fill(number)
    form.get_by_label("Expiry date").fill("12/34")
    form.get_by_label("Security code").fill("123")
    form.get_by_label("Name on card").fill("Petra Payer")
    form.get_by_label("ZIP or postal code").fill("60601")
    form.get_by_role("button", name="Save card").click()


def to_review(page: Page, path: str, number: str = VISA, *, scripts: bool = True) -> None:
    """From choosing, over a new card, to the review."""
    page.goto(path)
    page.get_by_role("button", name="Add a card").or_(
        page.get_by_role("button", name="Use another card")
    ).click()
    type_card(page, number, scripts=scripts)
    page.wait_for_url("**/pay?*")
    page.get_by_role("button", name="Continue to review").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Review your payment")


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_petra_adds_a_card_and_pays_and_only_we_and_the_gateway_are_asked(
    browsing: Browsing, bill: Bill, sandbox: RunningSandbox, scripts: bool
):
    bill("100.00")
    bill("50.25")
    context = browsing("petra", java_script_enabled=scripts)
    page = context.new_page()
    asked: list[tuple[str, str]] = []
    said: list[str] = []
    context.on("request", lambda request: asked.append((request.frame.page.url, request.url)))
    page.on("console", lambda message: said.append(message.text))
    to_review(page, "pay?all=1", scripts=scripts)
    expect(page.get_by_role("main")).to_contain_text("$150.25")
    page.get_by_role("button", name="Pay $150.25").click()
    expect(page.get_by_role("main")).to_contain_text("A receipt is on its way to petra@acme.example.")
    assert [charge["amount_minor"] for charge in sandbox.charges()] == [15025]
    # No other origin anywhere (G-3), and what our own paying pages load comes from us alone.
    origins = {f"{urlsplit(url).scheme}://{urlsplit(url).netloc}" for _, url in asked}
    assert origins == {browsing.url, sandbox.url}
    assert not [
        url for _, url in asked if url.startswith(sandbox.url) and url.endswith(".js") and not scripts
    ]
    assert said == []
    context.close()


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_a_double_click_pays_once(
    browsing: Browsing, bill: Bill, sandbox: RunningSandbox, owner: Connection, scripts: bool
):
    bill("100.00")
    context = browsing("petra", java_script_enabled=scripts)
    page = context.new_page()
    to_review(page, "pay?all=1", scripts=scripts)
    posted: list[str] = []
    page.on("request", lambda request: posted.append(request.url) if request.method == "POST" else None)
    sandbox.fail("hang_ms", ms=1500)
    box = page.get_by_role("button", name="Pay $100.00").bounding_box()
    assert box is not None
    with page.expect_request("**/pay/review"):
        page.mouse.click(box["x"] + 10, box["y"] + 10)
    page.mouse.click(box["x"] + 10, box["y"] + 10)
    expect(page.get_by_role("heading", level=1)).to_have_text("Payment of $100.00")
    # Our script spares people the second one; without it both arrive.
    assert len(posted) == (1 if scripts else 2)
    page.goto(f"{page.url}/return")
    expect(page.get_by_role("main")).to_contain_text("$100.00 is paid. Thank you.")
    assert len(sandbox.charges()) == 1
    assert owner.scalar(text("select count(*) from payment")) == 1
    context.close()


def test_two_tabs_and_going_back_show_the_first_result(
    browsing: Browsing, bill: Bill, sandbox: RunningSandbox, owner: Connection
):
    bill("100.00")
    context = browsing("petra")
    page = context.new_page()
    to_review(page, "pay?all=1")
    other = context.new_page()
    other.goto(page.url)
    page.get_by_role("button", name="Pay $100.00").click()
    expect(page.get_by_role("main")).to_contain_text("$100.00 is paid.")
    other.get_by_role("button", name="Pay $100.00").click()
    expect(other.get_by_role("main")).to_contain_text("$100.00 is paid.")
    assert other.url == page.url
    other.go_back()
    expect(other.get_by_role("main")).to_contain_text("You have confirmed this payment before.")
    assert other.url == page.url
    other.reload()
    assert len(sandbox.charges()) == owner.scalar(text("select count(*) from payment")) == 1
    context.close()


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_the_bank_is_asked_where_it_wants_to_be_and_a_decline_leads_to_another_card(
    browsing: Browsing, bill: Bill, sandbox: RunningSandbox, scripts: bool
):
    bill("100.00")
    context = browsing("petra", java_script_enabled=scripts)
    page = context.new_page()
    to_review(page, "pay?all=1", DECLINED, scripts=scripts)
    page.get_by_role("button", name="Pay $100.00").click()
    expect(page.get_by_role("alert")).to_contain_text("The bank declined the card.")
    page.get_by_role("link", name="Pay with another method").click()
    to_review(page, page.url, AUTHENTICATES, scripts=scripts)
    page.get_by_role("button", name="Pay $100.00").click()
    page.wait_for_url(f"{sandbox.url}/authenticate/*")
    page.get_by_role("button", name="Complete authentication").click()
    expect(page.get_by_role("main")).to_contain_text("$100.00 is paid. Thank you.")
    assert [charge["status"] for charge in sandbox.charges()] == ["FAILED", "SUCCEEDED"]
    context.close()


def test_going_back_to_the_card_form_does_not_lead_on_again(browsing: Browsing, sandbox: RunningSandbox):
    context = browsing("petra")
    page = context.new_page()
    page.goto("payment-methods")
    page.get_by_role("button", name="Add card").click()
    type_card(page, VISA, scripts=True)
    expect(page.get_by_role("main")).to_contain_text("Visa ending in 4242 is saved.")
    page.go_back()
    expect(page.get_by_role("main")).to_contain_text("That card is saved already.")
    context.close()


def pages_to_look_at(page: Page, invoice: str) -> Iterator[str]:
    """Walks through the portal, stopping at every page there is."""
    for path in ("invoices", f"invoices/{invoice}", "pay?all=1", "payments", "payment-methods", "tags",
                 "tags/new", "team", "team/invite", "invoices?search=nothing"):  # fmt: skip
        page.goto(path)
        yield path
    page.goto("team/invite")
    press(page, page.get_by_role("button", name="Send the invite"))
    yield "a wrong form"
    page.goto("payment-methods")
    page.get_by_role("button", name="Add card").click()
    page.frame_locator("iframe").get_by_label("Card number").wait_for()
    yield "card form"
    type_card(page, VISA, scripts=True)
    page.wait_for_url("**/payment-methods")
    yield "payment methods"
    press(page, page.get_by_role("link", name="Remove Visa"))
    yield "remove"
    page.goto(f"pay?pay={invoice}~40.00")
    yield "choose"
    page.get_by_label("Amount for invoice").fill("nonsense")
    press(page, page.get_by_role("button", name="Continue to review"))
    yield "wrong amount"
    page.get_by_label("Amount for invoice").fill("40.00")
    press(page, page.get_by_role("button", name="Continue to review"))
    yield "review"
    press(page, page.get_by_role("button", name="Pay $40.00"))
    yield "result"
    for path in ("payments", "invoices?status=all", f"invoices/{invoice}", "tags"):
        page.goto(path)
        yield f"{path} afterwards"


@pytest.mark.prove
@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_axe_finds_nothing_and_nothing_sticks_out(browsing: Browsing, bill: Bill, width: int, scheme: str):
    bill("50.25", due_in=-5)
    invoice = bill("100.00", memo="Thank you.", po_number="PO-7781")
    # axe is put into the page as a script, which our policy rightly refuses.
    context = browsing("carl", viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    checked = 0
    for turn, name in enumerate(pages_to_look_at(page, invoice)):
        checked += check_accessible(page, name, turn)
    assert checked > 20 * 20  # axe did look
    context.close()

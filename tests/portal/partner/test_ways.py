"""Finding one's way with the keyboard alone, and axe's eyes on the pages: Home, search, lists, invites."""

from datetime import datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from billing import customer_users, customers, invoice_sending, invoices, tags
from billing.customer_fields import CustomerInput
from billing.invoice_fields import InvoiceInput, LineInput
from billing.tags import TagInput
from db.session import Database
from tests.accessible import SCREENS, check_accessible
from tests.cast import Cast
from tests.portal.partner.conftest import Browse

PAGES = (
    "",
    "search?q=acme",
    "search",
    "search?q=qqq",
    "invoices",
    "invoices?due_from=2026-01-01&match=all",
    "invites",
    "tags",
)

pytestmark = pytest.mark.browser

# What has the focus: its words, and whether a person can see that it has it.
FOCUSED = """() => {
  const it = document.activeElement;
  const style = getComputedStyle(it);
  const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
  const box = it.getBoundingClientRect();
  const labels = it.labels ? [...it.labels].map((label) => label.innerText).join(" ") : "";
  return {
    tag: it.tagName,
    text: it.getAttribute("aria-label") || (it.innerText || "").trim() || labels.trim(),
    seen: (ring || style.boxShadow !== "none") && box.width > 0 && box.height > 0,
    top: box.top + scrollY,
    main: !!it.closest("main"),
  };
}"""


@pytest.fixture(autouse=True)
def things(database: Database, cast: Cast, now: datetime) -> None:
    """Invoices of several ages, a tag, somebody invited, a customer in set-up."""
    ada, acme = cast.ada, cast.customers["acme"]
    fields = {"address": "1 A", "city": "Peoria", "state": "IL", "postal_code": "61602", "country": "US"}
    with database.transaction(partner_id=ada.partner_id) as db:
        customers.create(db, ada, fields=CustomerInput(company="Zenith", **fields), now=now)
        customer_users.invite(db, ada, customer_id=acme, name="Nora", email="nora@acme.example", now=now)
        tag = tags.create(db, ada, fields=TagInput(name="VIP", colour="#ffe066"), now=now)
        for late, price in ((-9, "40.00"), (9, "1234567.89"), (45, "20.00"), (99, "0.01")):
            due = now.date() - timedelta(days=late)
            about = InvoiceInput(
                issue_on=due - timedelta(days=9), due_on=due,
                lines=[LineInput(description="Visit", quantity="1", unit_price=price)],
            )  # fmt: skip
            draft = invoices.create_draft(db, ada, customer_id=acme, fields=about, now=now)
            invoice_sending.send(db, ada, invoice_id=draft.id, now=now)
            tags.tag_invoices(db, ada, tag_ids=[tag.id], invoice_ids=[draft.id], now=now)


@pytest.mark.prove
@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_axe_finds_nothing_and_nothing_sticks_out(browse: Browse, width: int, scheme: str) -> None:
    # axe is put into the page as a script, which our policy rightly refuses.
    context = browse(viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    checked = 0
    for turn, path in enumerate(PAGES):
        page.goto(path or ".")
        checked += check_accessible(page, path, turn)
    assert checked > 20 * len(PAGES)  # axe did look
    context.close()


@pytest.mark.parametrize("width", [1280, 390])
def test_every_word_of_the_bars_is_inside_the_drawing(browse: Browse, width: int) -> None:
    context = browse(viewport={"width": width, "height": 800})
    page = context.new_page()
    page.goto(".")
    drawing = page.locator("svg.bars").bounding_box()
    assert drawing is not None
    words = page.locator("svg.bars text").all()
    assert len(words) == 10
    boxes = [word.bounding_box() for word in words]
    for box in boxes:
        assert box is not None
        assert box["x"] >= drawing["x"] - 1
        assert box["x"] + box["width"] <= drawing["x"] + drawing["width"] + 1
    bars = page.locator("svg.bars rect").all()
    lengths = [(bar.bounding_box() or {"width": 0.0})["width"] for bar in bars]
    assert lengths[1] == max(lengths)
    assert all(length > 1 for length in (lengths[0], lengths[2], lengths[4]))
    assert lengths[3] == 0
    context.close()


def walk(page: Page) -> list[dict[str, object]]:
    """Everything that Tab reaches, from the top of the page until it leaves it."""
    steps: list[dict[str, object]] = []
    for _ in range(120):
        page.keyboard.press("Tab")
        step = page.evaluate(FOCUSED)
        if step["tag"] == "BODY" or (steps and step["text"] == "Skip to content"):
            return steps
        steps.append(step)
    raise AssertionError(f"Tab never leaves the page: {steps[-5:]}")


# Where nothing is asked yet, the search begins in its field: nobody tabs there from the top.
@pytest.mark.parametrize("path", [path for path in PAGES if path != "search"])
def test_tab_reaches_everything_in_order_and_shows_where_it_is(browse: Browse, path: str) -> None:
    context = browse(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto(path or ".")
    steps = walk(page)
    assert steps[0]["text"] == "Skip to content"
    # A date has several stops in one field, and the field is marked at some of them.
    seen: dict[tuple[object, object], bool] = {}
    for step in steps:
        place = (step["text"], step["top"])
        seen[place] = seen.get(place, False) or bool(step["seen"])
    assert all(seen.values()), seen
    assert all(step["text"] for step in steps), steps
    # Once in the page's own part, it stays there; what stands first is reached first.
    inside = [step["main"] for step in steps]
    assert inside == sorted(inside)
    reachable = page.evaluate(
        "[...document.querySelectorAll('main :is(a[href], button, input, select, summary)')]"
        ".filter((it) => it.checkVisibility() && it.tabIndex >= 0 && it.type !== 'hidden').length"
    )
    radios = page.evaluate(
        "[...document.querySelectorAll('main input[type=radio]')].filter((it) => it.checkVisibility()).length"
    )
    # Of radios that belong together Tab reaches one.
    assert sum(map(bool, inside)) >= reachable - max(0, radios - 1)
    context.close()


def test_the_shortcut_leads_to_the_search_and_enter_to_what_is_found(browse: Browse) -> None:
    context = browse(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto("invoices")
    page.keyboard.press("Control+k")
    expect(page.locator("#site-search")).to_be_focused()
    expect(page.locator("#site-search")).to_have_value("")
    page.keyboard.type("nora/acme")
    expect(page.locator("#site-search")).to_have_value("nora/acme")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search?q=nora%2Facme")
    expect(page.get_by_role("heading", name="Users 1")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("navigation", name="Breadcrumb").get_by_role("link")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#search-all")).to_be_focused()
    context.close()


def test_without_scripts_the_box_the_filters_and_the_boxes_work(browse: Browse) -> None:
    context = browse(viewport={"width": 1280, "height": 800}, java_script_enabled=False)
    page = context.new_page()
    page.goto(".")
    page.locator("#site-search").fill("acme")
    page.locator("#site-search").press("Enter")
    page.get_by_role("link", name="Acme", exact=True).first.click()
    page.goto("invoices")
    page.get_by_text("More filters").click()
    page.get_by_role("group", name="Tags of the invoice").get_by_role("checkbox", name="VIP").check()
    page.get_by_label("Due to").fill("2026-03-01")
    page.get_by_role("button", name="Search").last.click()
    assert page.get_by_role("row").count() == 4  # its head, and three that were due by then
    for box in page.get_by_role("checkbox", name="Choose invoice").all():
        box.check()
    page.get_by_role("button", name="Tag the chosen invoices").click()
    page.get_by_role("checkbox", name="VIP").check()
    page.get_by_role("button", name="Take off").click()
    expect(page.get_by_role("status")).to_have_text("3 invoices lost a tag.")
    context.close()

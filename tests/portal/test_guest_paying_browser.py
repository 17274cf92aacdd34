"""What a guest sees on a phone and on a desk: each page accessible, and nothing sticking out."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import Connection, text

from billing import pay_links
from db import ids
from db.session import Database
from tests.accessible import check_accessible, press
from tests.billing.acting import Acts
from tests.cast import Cast
from tests.journeys import steps
from tests.portal.conftest import Browsing, Clock
from tests.portal.customer.conftest import DECLINED, VISA
from tests.portal.customer.conftest import bill as bill

pytestmark = pytest.mark.browser


def test_every_page_of_paying_by_a_link(
    browsing: Browsing, database: Database, owner: Connection, cast: Cast, clock: Clock,
    bill: Callable[..., str],
) -> None:  # fmt: skip
    invoice_id = ids.parsed(bill("671.18"), "inv")
    made = Acts(database, owner, clock.now)(cast.ada, pay_links.create, invoice_id=invoice_id)
    context = browsing("ada", bypass_csp=True, viewport={"width": 390, "height": 800})
    context.clear_cookies()
    page = context.new_page()
    turn = iter(range(20))

    def fine() -> None:
        check_accessible(page, turn=next(turn))

    page.goto(f"{browsing.url}{pay_links.path_of(made.token)}")
    fine()
    press(page, page.get_by_role("link", name="by card"))
    fine()
    for number, said in ((DECLINED, "did not go through"), (VISA, "is paid")):
        if number == VISA:
            press(page, page.get_by_role("link", name="Pay with another card"))
        press(page, page.get_by_role("button", name="Enter a card"))
        fine()
        steps.type_card(page, number, scripts=True)
        steps.heading(page, "Review your payment")
        fine()
        press(page, page.get_by_role("button", name="Pay $671.18"))
        expect(page.locator("main")).to_contain_text(said)
        fine()
    owner.execute(text("update pay_link set revoked_at = now()"))
    page.goto(f"{browsing.url}{pay_links.path_of(made.token)}")
    fine()
    press(page, page.get_by_role("link", name="Have a fresh link mailed"))
    fine()
    press(page, page.get_by_role("button", name="Mail a fresh link"))
    fine()
    context.close()


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_a_new_link_is_copied_by_a_button_or_by_hand(
    browsing: Browsing, bill: Callable[..., str], scripts: bool
) -> None:
    invoice = bill("100.00")
    context = browsing("ada", java_script_enabled=scripts)
    if scripts:
        context.grant_permissions(["clipboard-read", "clipboard-write"])
    page: Page = context.new_page()
    page.goto(f"invoices/{invoice}")
    page.get_by_role("button", name="Make a pay link").click()
    link = page.get_by_label("Pay link", exact=True)
    assert re.search(r"/pay/[\w-]{43}$", link.input_value())
    button = page.get_by_role("button", name="Copy the link")
    if scripts:
        button.click()
        expect(page.get_by_role("status")).to_have_text("Copied.")
        assert page.evaluate("navigator.clipboard.readText()") == link.input_value()
    else:
        expect(button).to_have_count(0)
    context.close()

"""Somebody without an account pays by the link in the invoice's mail, in a real browser."""

import re

from playwright.sync_api import Page, expect

from tests.cast import Cast
from tests.journeys import steps
from tests.journeys.test_paying import AMOUNT, AUTHENTICATED, DECLINED
from tests.product import Product


def test_a_guest_pays_by_the_mails_link_after_a_decline_and_an_authentication(
    page: Page, product: Product, cast: Cast, scripts: bool
) -> None:
    name, tax_id = ("Soylent Foods", "32-3456789") if scripts else ("Initrode Foods", "33-3456789")
    email = f"dora-{'js' if scripts else 'plain'}@foods.example"
    steps.sign_in(page, cast.emails["ada"])
    number = steps.set_up_customer(page, product, name, tax_id, email)
    body = product.mail(email, f"Invoice {number}").get_body(("plain",))
    assert body is not None
    found = re.search(r"https?://\S+/pay/[\w-]{43}", body.get_content())
    assert found is not None

    page.goto(found[0])
    steps.heading(page, f"Invoice {number}")
    steps.follow(page, f"Pay {AMOUNT} by card")
    assert found[0].rpartition("/")[2] not in page.url
    steps.press(page, "Enter a card")
    steps.type_card(page, DECLINED, scripts=scripts)
    steps.heading(page, "Review your payment")
    steps.press(page, f"Pay {AMOUNT}")
    expect(page.locator("main")).to_contain_text("The payment did not go through")

    steps.follow(page, "Pay with another card")
    steps.press(page, "Enter a card")
    steps.type_card(page, AUTHENTICATED, scripts=scripts)
    steps.heading(page, "Review your payment")
    steps.press(page, f"Pay {AMOUNT}")
    steps.press(page, "Complete authentication")
    page.get_by_role("link", name="Continue to").or_(page.get_by_text("is paid")).first.wait_for()
    if product.gateway_url in page.url:
        page.get_by_role("link", name="Continue to").click()
    expect(page.locator("main")).to_contain_text(f"{AMOUNT} is paid")
    product.mail(email, "Receipt")
    steps.follow(page, "Back to the invoice")
    expect(page.locator("main")).to_contain_text("Paid")

    steps.sign_in(page, cast.emails["ada"])
    page.goto("/partner/northwind/invoices?status=paid")
    expect(page.get_by_role("row", name=number)).to_contain_text("Paid")

"""Paying in a real browser: a card at the gateway's own origin, a decline, an authentication, a receipt."""

from playwright.sync_api import Page, expect

from tests.cast import Cast
from tests.journeys import steps
from tests.product import Product

DECLINED, AUTHENTICATED, GOOD = "4000000000000002", "4000002500003155", "4242424242424242"
AMOUNT = "$671.18"


def test_dora_pays_after_a_decline_and_tags_the_invoice(
    page: Page, product: Product, cast: Cast, scripts: bool
) -> None:
    name, tax_id = ("Tyrell Vision", "20-3456789") if scripts else ("Wonka Vision", "26-3456789")
    email = f"dora-{'js' if scripts else 'plain'}@vision.example"
    steps.sign_in(page, cast.emails["ada"])
    number = steps.set_up_customer(page, product, name, tax_id, email)
    steps.accept_invite(page, product, email)

    steps.pay(page, number)
    steps.press(page, "Add a card")
    steps.type_card(page, DECLINED, scripts=scripts)
    steps.heading(page, "Pay")
    steps.confirm_payment(page, AMOUNT)
    expect(page.locator("main")).to_contain_text("The payment did not go through")
    expect(page.locator("main")).to_contain_text("Nothing was charged")

    steps.follow(page, "Pay with another method")
    steps.press(page, "Use another card")
    steps.type_card(page, GOOD, scripts=scripts)
    steps.heading(page, "Pay")
    page.get_by_label("ending in 4242").or_(page.get_by_label("4242")).first.check()
    steps.confirm_payment(page, AMOUNT)
    expect(page.locator("main")).to_contain_text(f"{AMOUNT} is paid")
    receipt = product.mail(email, "Receipt").get_body(("plain",))
    assert receipt is not None
    assert f"Invoice {number}: {AMOUNT}" in receipt.get_content()

    steps.tag_invoice(page, number, "Hardware")
    steps.sign_out(page)
    steps.sign_in(page, cast.emails["ada"])
    page.goto("/partner/northwind/invoices?status=paid")
    expect(page.get_by_role("row", name=number)).to_contain_text("Paid")
    # What a customer's users call their invoices is their own business.
    expect(page.get_by_role("row", name=number)).not_to_contain_text("Hardware")
    steps.tag_customer(page, name, "Priority" if scripts else "Patient")


def test_a_card_that_asks_for_authentication_gets_it(
    page: Page, product: Product, cast: Cast, scripts: bool
) -> None:
    name, tax_id = ("Cyberdyne Care", "30-3456789") if scripts else ("Stark Care", "31-3456789")
    email = f"dora-{'js' if scripts else 'plain'}@care.example"
    steps.sign_in(page, cast.emails["ada"])
    number = steps.set_up_customer(page, product, name, tax_id, email)
    steps.accept_invite(page, product, email)
    steps.pay(page, number)
    steps.press(page, "Add a card")
    steps.type_card(page, AUTHENTICATED, scripts=scripts)
    steps.confirm_payment(page, AMOUNT)
    steps.press(page, "Complete authentication")
    page.get_by_role("link", name="Continue to").or_(page.get_by_text("is paid")).first.wait_for()
    if product.gateway_url in page.url:
        page.get_by_role("link", name="Continue to").click()
    expect(page.locator("main")).to_contain_text(f"{AMOUNT} is paid")
    product.mail(email, "Receipt")

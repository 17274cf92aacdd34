"""The main job, as the help pages tell it: a partner adds a customer, the invited user signs in and pays."""

from playwright.sync_api import Page, expect

from tests.cast import Cast
from tests.journeys import steps
from tests.product import Product


def test_a_partner_adds_a_customer_and_the_user_comes_in(
    page: Page, product: Product, cast: Cast, scripts: bool
) -> None:
    name, mark = ("Umbrella Dental", "a") if scripts else ("Hooli Dental", "b")
    dora, erik = f"dora-{mark}@umbrella.example", f"erik-{mark}@umbrella.example"
    steps.sign_in(page, cast.emails["ada"])
    steps.add_company(page, name, "12-3456789" if scripts else "13-3456789")
    steps.finish_setup(page, name, [("Dora Diaz", dora), ("Erik Esposito", erik)])
    steps.make_invoice(page, name)
    # 12 x 45.00, and 1.2345 x 100.01 = 123.462345 -> 123.46 with 6.25 % = 7.71625 -> 7.72
    expect(page.locator("tfoot tr.total").first).to_contain_text("$671.18")
    number = steps.send_invoice(page)
    steps.duplicate_invoice(page)
    expect(page.locator("tfoot tr.total").first).to_contain_text("$671.18")
    steps.sign_out(page)

    steps.accept_invite(page, product, dora)
    steps.said(page, "Welcome")
    expect(page.get_by_role("table")).to_contain_text(number)
    steps.sign_out(page)
    steps.reset_password(page, product, dora, "another-lamp-over-dark-water")
    steps.sign_in(page, dora, "another-lamp-over-dark-water")
    steps.heading(page, "Invoices")
    expect(page.get_by_role("table")).to_contain_text(number)

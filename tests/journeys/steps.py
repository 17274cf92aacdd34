"""What people do in the browser, in their own words: each step is a function of the page."""

from playwright.sync_api import Page, expect

from tests.cast import PASSWORD
from tests.product import Product, link_in

NEW_PASSWORD = "seven-lamps-over-quiet-water"
COMPANY = {
    "Company": "Umbrella Dental",
    "Legal Name": "Umbrella Dental Group LLC",
    "EIN": "12-3456789",
    "Address": "120 Main Street",
    "City": "Springfield",
    "ZIP/Postal Code": "62701",
}


def field(page: Page, label: str) -> "object":
    """A form's field by its label, which a required one ends with a star, or by what is seen of a label."""
    labelled = page.get_by_label(label, exact=True).or_(page.get_by_label(f"{label}*", exact=True))
    return labelled.or_(page.get_by_role("textbox", name=label, exact=True)).first


def fill(page: Page, label: str, text: str) -> None:
    field(page, label).fill(text)  # type: ignore[attr-defined]


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).first.click()


def follow(page: Page, name: str) -> None:
    page.get_by_role("link", name=name, exact=True).first.click()


def heading(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_contain_text(text)


def said(page: Page, text: str) -> None:
    expect(page.locator(".flash")).to_contain_text(text)


def sign_in(page: Page, email: str, password: str = PASSWORD) -> None:
    page.goto("/sign-in")
    fill(page, "E-mail", email)
    fill(page, "Password", password)
    press(page, "Sign in")


def sign_out(page: Page) -> None:
    page.locator(".top-bar details.menu > summary").click()
    press(page, "Sign out")
    heading(page, "Sign in")


def add_company(page: Page, name: str, tax_id: str) -> None:
    """Step 1 of the wizard, first with mistakes, which come back at their fields."""
    page.goto("/partner/northwind")
    follow(page, "All customers")
    follow(page, "Add customer")
    for label, text in {**COMPANY, "Company": name, "EIN": tax_id}.items():
        fill(page, label, text)
    field(page, "State/Province").select_option(label="Illinois")  # type: ignore[attr-defined]
    fill(page, "EIN", "12-345")
    fill(page, "ZIP/Postal Code", "A1A 1A1")
    press(page, "Continue")
    expect(page.locator(".error-summary")).to_be_visible()
    expect(page.locator("#error-tax_id")).to_contain_text("Enter the EIN as XX-XXXXXXX.")
    expect(page.locator("#error-postal_code")).to_contain_text("12345")
    expect(field(page, "Company")).to_have_value(name)  # type: ignore[arg-type]
    fill(page, "EIN", tax_id)
    fill(page, "ZIP/Postal Code", "62701")
    press(page, "Continue")


def finish_setup(page: Page, name: str, users: list[tuple[str, str]]) -> None:
    """Leave between the steps, come back, be refused without a user, then add them."""
    page.goto("/partner/northwind/customers")
    page.get_by_role("row", name=name).get_by_role("link", name="Finish setup").click()
    press(page, "Create Customer")
    expect(page.locator(".error-summary")).to_contain_text("Add at least one user.")
    for number, (person, email) in enumerate(users):
        if number:
            press(page, "Add another user")
        page.locator(f"#field-users-{number}-name").fill(person)
        page.locator(f"#field-users-{number}-email").fill(email)
    press(page, "Create Customer")
    heading(page, name)


def make_invoice(page: Page, company: str) -> None:
    """A draft with two lines; the second one's total is rounded half away from zero."""
    page.goto("/partner/northwind/invoices")
    follow(page, "Create invoice")
    follow(page, company)
    lines = [("Managed workstations", "12", "45.00", ""), ("On-site visit", "1.2345", "100.01", "6.25")]
    for number, (description, quantity, price, rate) in enumerate(lines):
        row = f"#field-lines-{number}-"
        page.locator(f"{row}description").fill(description)
        page.locator(f"{row}quantity").fill(quantity)
        page.locator(f"{row}unit_price").fill(price)
        if rate:
            page.locator(f"{row}taxes-0-name").fill("Sales tax")
            page.locator(f"{row}taxes-0-rate").fill(rate)
    press(page, "Save draft")
    heading(page, "Draft invoice")


def send_invoice(page: Page) -> str:
    """Send the draft on screen; its number."""
    follow(page, "Send")
    press(page, "Send")
    said(page, "is on its way")
    return page.get_by_role("heading", level=1).inner_text().removeprefix("Invoice ")


def duplicate_invoice(page: Page) -> None:
    """Make a draft of the invoice on screen, and save it in the editor that opens."""
    page.get_by_text("More", exact=True).click()
    follow(page, "Duplicate")
    expect(page.get_by_text("Nothing is saved yet")).to_be_visible()
    expect(page.locator("#field-lines-1-description")).to_have_value("On-site visit")
    fill(page, "Memo", "As last month")
    press(page, "Save draft")
    heading(page, "Draft invoice")
    expect(page.get_by_text("As last month")).to_be_visible()


def accept_invite(page: Page, product: Product, email: str) -> None:
    """Open the link twice, as scanners do; refuse a weak password; land on the invoices."""
    link = link_in(product.mail(email, "invites you"))
    assert link.startswith(f"{product.url}/invite/")
    page.goto(link)
    page.goto(link)
    assert link.rsplit("/", 1)[1] not in page.url
    fill(page, "Choose a password", "password1234")
    press(page, "Accept the invite")
    expect(page.locator(".error-summary")).to_be_visible()
    fill(page, "Choose a password", NEW_PASSWORD)
    press(page, "Accept the invite")
    heading(page, "Invoices")


def reset_password(page: Page, product: Product, email: str, password: str) -> None:
    page.goto("/sign-in")
    follow(page, "Forgot your password?")
    fill(page, "E-mail", email)
    press(page, "Send the link")
    heading(page, "Check your mail")
    page.goto(link_in(product.mail(email, "Set a new password")))
    fill(page, "New password", password)
    press(page, "Set the password")
    heading(page, "Sign in")


def type_card(page: Page, number: str, *, scripts: bool) -> None:
    """On the gateway's own origin: in its frame with scripts, on its page without."""
    if scripts:
        form = page.frame_locator("iframe")
    else:
        follow(page, "Continue to the card form")
        form = page  # type: ignore[assignment]
    form.get_by_label("Card number").fill(number)
    form.get_by_label("Expiry").fill("12/34")
    form.get_by_label("Security code").fill("123")
    form.get_by_label("Name on card").fill("Dora Diaz")
    form.get_by_label("ZIP").fill("62701")
    form.get_by_role("button", name="Save card").click()
    if not scripts:
        page.get_by_role("link", name="Continue to").or_(
            page.get_by_role("heading", level=1)
        ).first.wait_for()


def pay(page: Page, number: str) -> None:
    """From the invoices: open one, pay, choose the default card, review."""
    page.get_by_role("link", name="Invoices").first.click()
    follow(page, number)
    follow(page, "Pay now")


def confirm_payment(page: Page, amount: str) -> None:
    press(page, "Continue to review")
    heading(page, "Review your payment")
    expect(page.locator("tfoot tr.total")).to_contain_text(amount)
    press(page, f"Pay {amount}")


def set_up_customer(page: Page, product: Product, name: str, tax_id: str, email: str) -> str:
    """Ada adds a company with one user and sends it an invoice over $671.18, whose number comes back."""
    add_company(page, name, tax_id)
    finish_setup(page, name, [("Dora Diaz", email)])
    make_invoice(page, name)
    number = send_invoice(page)
    sign_out(page)
    return number


def tag_invoice(page: Page, number: str, name: str) -> None:
    """A customer's user makes a tag and puts it on an invoice."""
    page.get_by_role("link", name="Invoices").first.click()
    page.get_by_role("link", name="All", exact=True).click()
    follow(page, number)
    page.locator("details > summary", has_text="New tag").click()
    fill(page, "Name", name)
    page.get_by_role("button", name="Create tag").or_(page.get_by_role("button", name="Create")).first.click()
    expect(page.locator(".tag-list, .tags").first).to_contain_text(name)


def tag_customer(page: Page, company: str, name: str) -> None:
    """An admin makes a tag, puts it on a customer, and filters the list by it."""
    page.goto("/partner/northwind/tags")
    page.get_by_role("link", name="Create new tag").or_(
        page.get_by_role("link", name="Create tag")
    ).first.click()
    fill(page, "Name", name)
    page.get_by_role("button", name="Create").first.click()
    page.goto("/partner/northwind/customers")
    follow(page, company)
    page.locator("main").get_by_role("combobox", name="Tag").select_option(label=name)
    page.get_by_role("button", name="Add tag").click()
    page.goto("/partner/northwind/customers")
    page.get_by_text("More filters").click()
    page.locator(".filter-panel").get_by_role("checkbox", name=name).check()
    press(page, "Apply filters")
    expect(page.locator("table.list tbody tr")).to_have_count(1)
    expect(page.locator("table.list tbody")).to_contain_text(company)

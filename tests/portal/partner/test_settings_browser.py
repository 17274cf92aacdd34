"""The settings in Chromium, with scripts and without: a profile, a brand, a policy that shuts people out."""

import io
from collections.abc import Callable
from datetime import timedelta

import pyotp
import pytest
from PIL import Image
from playwright.sync_api import BrowserContext, Page, expect
from sqlalchemy import Connection, text

from db.session import Database
from tests.accessible import SCREENS, check_accessible
from tests.auth.factor_steps import set_up
from tests.cast import Cast
from tests.figures import rounds
from tests.portal.conftest import Browsing, Clock

pytestmark = pytest.mark.browser
# Yellow, nearly black, mid grey, white, and a green that is hard on both grounds.
AWKWARD = ("#ffe600", "#0a0a0a", "#777777", "#ffffff", "#00c853")[: rounds(3, 5)]
BOTH = pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])


def listening(context: BrowserContext) -> tuple[Page, list[str]]:
    """A page, and what the browser says about what it was not allowed to load or run."""
    page, said = context.new_page(), []
    page.on("console", lambda message: said.append(message.text) if "Policy" in message.text else None)
    return page, said


def picture() -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (640, 200), "#1b2a4a").save(made, "PNG")
    return made.getvalue()


@BOTH
def test_ada_fills_the_profile_in(browsing: Browsing, scripts: bool) -> None:
    context = browsing("ada", java_script_enabled=scripts)
    page, said = listening(context)
    page.goto("settings/profile")
    page.get_by_label("Support telephone").fill("(217) 555-0142")
    page.get_by_label("Address", exact=True).fill("1 Main Street")
    page.get_by_label("EIN").fill("12-34")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".error-summary")).to_contain_text("Enter the EIN as XX-XXXXXXX.")
    page.locator(".error-summary").get_by_role("link", name="Enter the city.").click()
    page.get_by_label("City").fill("Springfield")
    page.get_by_label("State/Province").select_option("Illinois")
    page.get_by_label("ZIP/Postal code").fill("62701")
    page.get_by_label("Country").select_option("United States")
    page.get_by_label("EIN").fill("12-3456789")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The business profile is saved.")).to_be_visible()
    expect(page.get_by_label("Support telephone")).to_have_value("(217) 555-0142")
    assert said == []
    context.close()


@BOTH
def test_ada_gives_the_portal_her_logo_and_color(browsing: Browsing, scripts: bool) -> None:
    context = browsing("ada", java_script_enabled=scripts)
    page, said = listening(context)
    page.goto("settings/brand")
    page.get_by_label("Picture").set_input_files(
        {
            "name": "logo.svg",
            "mimeType": "image/svg+xml",
            "buffer": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        }
    )
    page.get_by_role("button", name="Upload").click()
    expect(page.locator("#error-logo")).to_contain_text("SVG files can hold scripts")
    page.get_by_label("Picture").set_input_files(
        {"name": "logo.png", "mimeType": "image/png", "buffer": picture()}
    )
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_text("The logo is saved.")).to_be_visible()
    page.locator("#field-accent").fill("#ffe600")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("Preview of #ffe600, not saved yet")).to_be_visible()
    page.locator("#field-accent").press("Enter")
    expect(page.get_by_text("The color is saved.")).to_be_visible()
    button = page.get_by_role("button", name="Save")
    expect(button).to_have_css("background-color", "rgb(255, 230, 0)")
    expect(button).to_have_css("color", "rgb(0, 0, 0)")
    portal = browsing("petra", java_script_enabled=scripts).new_page()
    portal.goto("invoices")
    logo = portal.locator("img.place-logo")
    expect(logo).to_be_visible()
    expect(logo).to_have_js_property("naturalWidth", 480)
    expect(portal.locator(".site-foot")).to_contain_text("support@northwind.example")
    page.get_by_role("link", name="Remove").click()
    page.get_by_role("button", name="Remove the logo").click()
    expect(page.get_by_text("The logo is removed.")).to_be_visible()
    page.get_by_role("button", name="Back to Remit's color").click()
    expect(page.get_by_text("Remit's own color is back.")).to_be_visible()
    assert said == []
    context.close()
    portal.context.close()


@BOTH
def test_a_color_is_picked_as_well_as_typed(browsing: Browsing, scripts: bool) -> None:
    """Both ways show at once what becomes of it; without scripts there is the field alone, and Preview."""
    context = browsing("ada", java_script_enabled=scripts)
    page, said = listening(context)
    page.goto("settings/brand")
    field, picker = page.locator("#field-accent"), page.locator('input[type="color"]')
    if not scripts:
        expect(picker).to_be_hidden()
        field.fill("#ffe600")
        page.get_by_role("button", name="Preview").click()
    else:
        expect(page.get_by_label("Pick the color")).to_have_value("#3346c4")
        field.fill("#FFE600")
        expect(picker).to_have_value("#ffe600")
    expect(page.get_by_text("Preview of #ffe600, not saved yet")).to_be_visible()
    expect(page.locator(".brand-facts")).to_contain_text("a contrast of 1.3 to 1 against the white surface")
    if scripts:
        picker.fill("#0b7285")
        expect(field).to_have_value("#0b7285")
        expect(page.get_by_text("Preview of #0b7285, not saved yet")).to_be_visible()
        field.fill("#0b7")
        expect(picker).to_have_value("#0b7285")
        picker.fill("#ffe600")
        expect(page.get_by_text("Preview of #ffe600, not saved yet")).to_be_visible()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The color is saved.")).to_be_visible()
    expect(picker).to_have_value("#ffe600")
    if scripts:
        check_accessible(page)
    assert said == []
    context.close()


@BOTH
def test_ada_asks_a_second_step_and_clem_is_led_to_one(
    browsing: Browsing, database: Database, cast: Cast, clock: Clock, scripts: bool
) -> None:
    set_up(database, cast.ada.user_id, clock() - timedelta(minutes=1))
    clem = browsing("clem", java_script_enabled=scripts, bypass_csp=scripts)
    working = clem.new_page()
    working.goto("customers")
    expect(working.get_by_role("heading", name="All customers")).to_be_visible()
    ada = browsing("ada", java_script_enabled=scripts)
    page = ada.new_page()
    page.goto("settings/sign-in")
    page.get_by_label("A second step for your staff").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The sign-in policy is saved.")).to_be_visible()
    ada.close()

    working.reload()
    expect(working.get_by_role("heading", name="One step more to sign in")).to_be_visible()
    expect(working.get_by_role("listitem").filter(has_text="Northwind")).to_be_visible()
    if scripts:
        check_accessible(working)
    working.get_by_role("link", name="Set up an authenticator app").click()
    working.get_by_label("What you call it").fill("Phone")
    working.get_by_role("button", name="Go on").click()
    app = pyotp.TOTP(working.locator(".secret-key").inner_text().replace(" ", ""))
    working.get_by_label("Code").fill(app.at(clock()))
    working.get_by_role("button", name="Add the app").click()
    working.get_by_role("link", name="I have kept them").click()
    expect(working.get_by_role("heading", name="All customers")).to_be_visible()
    clem.close()


def branded(owner: Connection, accent: str, logo: str | None) -> None:
    owner.execute(
        text("update partner set accent = :accent, logo = :logo, support_phone = '(217) 555-0142'"),
        {"accent": accent, "logo": logo},
    )


@pytest.mark.prove
@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_axe_finds_nothing_whatever_the_color(
    browsing: Browsing, owner: Connection, width: int, scheme: str
) -> None:
    look: Callable[..., BrowserContext] = lambda name: browsing(  # noqa: E731
        name, viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True
    )
    staff, customer = look("ada"), look("petra")
    page, portal = staff.new_page(), customer.new_page()
    for turn, accent in enumerate(AWKWARD):
        branded(owner, accent, None)
        for path in ("settings/profile", "settings/brand", "settings/sign-in", "customers", "team"):
            page.goto(path)
            check_accessible(page, turn=turn)
        for path in ("invoices", "payment-methods", "tags/new", "team"):
            portal.goto(path)
            check_accessible(portal, turn=turn)
    page.goto("settings/brand/logo/remove")
    check_accessible(page)
    staff.close()
    customer.close()

"""B-1, B-6 in Chromium with a virtual authenticator: passkeys with scripts; the other ways without."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pyotp
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect
from sqlalchemy import Connection, text
from sqlmodel import select

from auth.invites import Invite
from auth.proofs import RECENT
from billing import partners
from db.session import Database
from tests.auth import steps
from tests.auth.passkey_steps import with_passkey
from tests.cast import PASSWORD, Cast
from tests.gateway import serving
from tests.portal.conftest import Browsing, Clock, make_app, sign_in

pytestmark = pytest.mark.browser
PHONE = {"width": 390, "height": 800}


@pytest.fixture
def browsing(
    chromium: Browser, database: Database, database_url: str, clock: Clock, cast: Cast
) -> Iterator[Browsing]:
    """As everywhere, but under a name: passkeys are bound to one."""
    with serving(lambda url: make_app(database, database_url, clock, None, url), host="localhost") as url:
        yield Browsing(chromium, url, lambda name: sign_in(database, cast, name, clock()))


Phone = Callable[[bool], None]


def authenticator(context: BrowserContext, page: Page) -> Phone:
    """Give the page a phone's own authenticator, whose owner says yes; or says nothing yet: `phone(False)`.

    A passkey that a field suggests is picked at once while the owner says yes.
    """
    session = context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    made = session.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
                "hasUserVerification": True, "isUserVerified": True, "automaticPresenceSimulation": True,
            }
        },
    )  # fmt: skip

    def phone(says_yes: bool) -> None:
        given = {"authenticatorId": made["authenticatorId"], "enabled": says_yes}
        session.send("WebAuthn.setAutomaticPresenceSimulation", given)

    return phone


def fine_on(page: Page) -> Callable[[], None]:
    def fine() -> None:
        found = Axe().run(page)
        assert found.violations_count == 0, f"{page.url}: {found.generate_report()}"
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url

    return fine


def press(page: Page, name: str) -> None:
    with page.expect_navigation():
        page.get_by_role("button", name=name).click()


def use_a_passkey(page: Page, phone: Phone) -> None:
    """Press the button on a page whose field waits too, and have the owner say yes to the button alone.

    Said before, the field's own question would be answered while we click; said after the authenticator was
    asked, nobody would hear it: so the server's answer is held back until it was said.
    """
    held: list[Route] = []
    page.route("**/sign-in/passkey/options", lambda route: held.append(route), times=1)
    with page.expect_navigation():
        with page.expect_request("**/sign-in/passkey/options"):
            page.get_by_role("button", name="Use a passkey").click()
        phone(True)
        held[0].continue_()


def test_a_passkey_is_added_signs_in_proves_again_and_is_removed(
    browsing: Browsing, cast: Cast, clock: Clock
) -> None:
    context = browsing("petra", bypass_csp=True, viewport=PHONE)
    page = context.new_page()
    phone = authenticator(context, page)
    fine = fine_on(page)
    page.goto("/account/factors")
    fine()
    page.get_by_role("link", name="Add a passkey").click()
    expect(page.get_by_role("button", name="Add the passkey")).to_be_visible()
    expect(page.get_by_text("This browser can't make passkeys")).to_be_hidden()
    fine()
    page.get_by_label("What you call it").fill("Laptop")
    press(page, "Add the passkey")
    expect(page.locator(".recovery-codes code")).to_have_count(10)
    fine()
    page.get_by_role("link", name="I have kept them").click()
    expect(page.get_by_text("10 recovery codes are left.")).to_be_visible()
    fine()
    context.clear_cookies()
    phone(False)
    page.goto("/sign-in?next=/account/factors")
    expect(page.get_by_role("button", name="Use a passkey")).to_be_visible()
    fine()
    use_a_passkey(page, phone)
    expect(page.get_by_text("last used")).to_be_visible()
    context.clear_cookies()
    phone(False)
    page.goto("/sign-in?next=/account/factors")
    page.get_by_label("E-mail").fill(cast.emails["petra"])
    page.get_by_label("Password").fill(PASSWORD)
    press(page, "Sign in")
    expect(page.get_by_role("heading", name="One step more")).to_be_visible()
    fine()
    phone(True)
    press(page, "Use a passkey")
    clock.now += RECENT
    page.get_by_role("link", name="Remove Laptop").click()
    expect(page.get_by_role("heading", name="Is it still you?")).to_be_visible()
    fine()
    press(page, "Use a passkey")
    fine()
    press(page, "Remove the passkey")
    expect(page.get_by_text("Your account is protected by its password alone.")).to_be_visible()
    context.close()


def test_a_passkey_that_the_field_suggests_signs_in_without_a_button(
    browsing: Browsing, cast: Cast, clock: Clock, owner: Connection
) -> None:
    context = browsing("petra", bypass_csp=True, viewport=PHONE)
    page = context.new_page()
    phone = authenticator(context, page)
    page.goto("/account/passkeys/new")
    page.get_by_label("What you call it").fill("Laptop")
    press(page, "Add the passkey")
    context.clear_cookies()
    questions = text("select count(*) from passkey_challenge")
    # Picked: nothing was typed and no button pressed, and one goes on where one wanted to.
    page.goto("/sign-in?next=/account/factors")
    expect(page.get_by_text("last used")).to_be_visible()
    assert owner.execute(questions).scalar_one() == 0
    context.clear_cookies()
    # Not picked: the field waits, once, whatever gets the focus meanwhile; the other ways stand.
    phone(False)
    with page.expect_response("**/sign-in/passkey/options"):
        page.goto("/sign-in?next=/account/factors")
    email = page.get_by_label("E-mail")
    expect(email).to_have_attribute("autocomplete", "username webauthn")
    page.get_by_label("Password").focus()
    email.focus()
    email.fill(cast.emails["petra"])
    assert owner.execute(questions).scalar_one() == 1
    expect(page.locator("[data-passkey-failed]")).to_be_hidden()
    # The button ends the waiting: two questions at once the browser would refuse.
    use_a_passkey(page, phone)
    expect(page.get_by_text("last used")).to_be_visible()
    assert owner.execute(questions).scalar_one() == 1
    context.close()


def test_the_field_asks_anew_once_its_question_is_too_old(
    chromium: Browser, browsing: Browsing, owner: Connection
) -> None:
    context = chromium.new_context(base_url=browsing.url, viewport=PHONE)
    page = context.new_page()
    authenticator(context, page)(False)
    page.clock.install()
    with page.expect_response("**/sign-in/passkey/options"):
        page.goto("/sign-in")
    page.clock.fast_forward("05:00")
    page.get_by_label("Password").focus()
    with page.expect_response("**/sign-in/passkey/options"):
        page.get_by_label("E-mail").focus()
    assert owner.execute(text("select count(*) from passkey_challenge")).scalar_one() == 2
    context.close()


def test_a_browser_that_suggests_no_passkeys_is_not_asked(
    chromium: Browser, browsing: Browsing, owner: Connection
) -> None:
    context = chromium.new_context(base_url=browsing.url, viewport=PHONE)
    context.add_init_script(
        "PublicKeyCredential.isConditionalMediationAvailable = async () => !(window.asked = true)"
    )
    page = context.new_page()
    authenticator(context, page)
    page.goto("/sign-in")
    page.wait_for_function("window.asked")
    page.get_by_label("E-mail").fill("ada@northwind.example")
    expect(page.get_by_role("button", name="Use a passkey")).to_be_visible()
    assert owner.execute(text("select count(*) from passkey_challenge")).scalar_one() == 0
    context.close()


def test_an_invite_offers_a_passkey_first(
    chromium: Browser, browsing: Browsing, database: Database, cast: Cast, clock: Clock
) -> None:
    nia = steps.invite(database, cast.ada, customer_id=cast.customers["acme"], now=clock())
    context = chromium.new_context(base_url=browsing.url, bypass_csp=True, viewport=PHONE)
    page = context.new_page()
    authenticator(context, page)
    fine = fine_on(page)
    page.goto(f"/invite/{nia.token}")
    fine()
    buttons = page.get_by_role("button").all_inner_texts()
    assert buttons == ["Accept with a passkey", "Accept the invite"]
    press(page, "Accept with a passkey")
    expect(page.locator(".recovery-codes code")).to_have_count(10)
    fine()
    page.get_by_role("link", name="I have kept them").click()
    expect(page.get_by_role("heading", name="Invoices")).to_be_visible()
    context.close()


def first_invite(database: Database, clock: Clock) -> str:
    """Start a partner as `remit partner create` does; the address of its first Admin's invite."""
    with database.transaction() as db:
        made = partners.create(
            db, name="Fabrikam IT", admin_name="Fay", admin_email="fay@fabrikam.example", now=clock()
        )
        issued = db.exec(select(Invite).where(Invite.membership_id == made.admin.id)).one()
    return f"/invite/{steps.token_of_invite(database, issued)}"


def test_a_new_partners_first_admin_comes_in_with_a_passkey_alone(
    chromium: Browser, browsing: Browsing, database: Database, clock: Clock
) -> None:
    context = chromium.new_context(base_url=browsing.url, bypass_csp=True, viewport=PHONE)
    page = context.new_page()
    authenticator(context, page)
    page.goto(first_invite(database, clock))
    press(page, "Accept with a passkey")
    page.get_by_role("link", name="I have kept them").click()
    expect(page).to_have_url(f"{browsing.url}/partner/fabrikam-it")
    expect(page.get_by_role("heading", name="Welcome to Remit")).to_be_visible()
    fine_on(page)()
    context.close()


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_a_new_partners_first_admin_with_a_password_is_led_to_a_second_step_first(
    chromium: Browser, browsing: Browsing, database: Database, clock: Clock, scripts: bool
) -> None:
    context = chromium.new_context(
        base_url=browsing.url, java_script_enabled=scripts, bypass_csp=scripts, viewport=PHONE
    )
    page = context.new_page()
    page.goto(first_invite(database, clock))
    page.get_by_label("Choose a password").fill(steps.NEW_PASSWORD)
    press(page, "Accept the invite")
    expect(page.get_by_role("heading", name="One step more to sign in")).to_be_visible()
    expect(page.get_by_role("listitem").filter(has_text="Fabrikam IT")).to_be_visible()
    if scripts:
        fine_on(page)()
    page.goto("/partner/fabrikam-it/customers")
    expect(page.get_by_role("heading", name="One step more to sign in")).to_be_visible()
    page.get_by_role("link", name="Set up an authenticator app").click()
    page.get_by_label("What you call it").fill("Phone")
    press(page, "Go on")
    app = pyotp.TOTP(page.locator(".secret-key").inner_text().replace(" ", ""))
    page.get_by_label("Code").fill(app.at(clock()))
    press(page, "Add the app")
    page.get_by_role("link", name="I have kept them").click()
    expect(page.get_by_role("heading", name="All customers")).to_be_visible()
    context.close()


def test_calling_it_off_leaves_the_page_and_the_other_way(
    chromium: Browser, browsing: Browsing, cast: Cast
) -> None:
    context = chromium.new_context(base_url=browsing.url, bypass_csp=True, viewport=PHONE)
    page = context.new_page()
    # It holds no passkey, so the browser gives up by itself, as it does when its owner calls it off.
    authenticator(context, page)
    page.goto("/sign-in?next=/account/password")
    page.get_by_label("E-mail").fill(cast.emails["ada"])
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_text("No passkey was used. Try again, or choose another way.")).to_be_visible()
    fine_on(page)()
    page.get_by_label("Password").fill(PASSWORD)
    press(page, "Sign in")
    expect(page.get_by_role("heading", name="Change your password")).to_be_visible()
    context.close()


def test_what_the_server_refuses_is_said_on_its_page(browsing: Browsing, clock: Clock) -> None:
    context = browsing("petra", bypass_csp=True)
    page = context.new_page()
    authenticator(context, page)
    page.goto("/account/passkeys/new")
    page.get_by_label("What you call it").fill("Laptop")
    clock.now += RECENT
    press(page, "Add the passkey")
    expect(page.get_by_role("heading", name="Is it still you?")).to_be_visible()
    page.get_by_role("textbox", name="Password").fill(PASSWORD)
    press(page, "Go on")
    page.get_by_role("button").first.click()
    expect(page.get_by_text("No passkey was made, or it took too long. Try again.")).to_be_visible()
    expect(page.get_by_label("What you call it")).to_have_value("Laptop")
    press(page, "Add the passkey")
    expect(page.locator(".recovery-codes code")).to_have_count(10)
    context.close()


def test_without_scripts_the_other_ways_stand_and_no_button_does_nothing(
    chromium: Browser, browsing: Browsing, database: Database, cast: Cast, clock: Clock
) -> None:
    context = chromium.new_context(base_url=browsing.url, java_script_enabled=False, viewport=PHONE)
    page = context.new_page()
    nia = steps.invite(database, cast.ada, customer_id=cast.customers["acme"], now=clock())
    page.goto(f"/invite/{nia.token}")
    assert page.get_by_role("button").all_inner_texts() == ["Accept the invite"]
    page.get_by_label("Choose a password").fill(steps.NEW_PASSWORD)
    page.get_by_role("button", name="Accept the invite").click()
    expect(page.get_by_role("heading", name="Invoices")).to_be_visible()
    page.goto("/account/passkeys/new")
    expect(page.get_by_text("This browser can't make passkeys")).to_be_visible()
    expect(page.get_by_role("button", name="Add the passkey")).to_be_hidden()
    context.clear_cookies()
    with_passkey(database, cast.petra.user_id, clock())
    clock.now += timedelta(minutes=1)
    page.goto("/sign-in")
    assert page.get_by_role("button").all_inner_texts() == ["Sign in"]
    page.get_by_label("E-mail").fill(cast.emails["petra"])
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_label("Recovery code")).to_be_visible()
    assert page.get_by_role("button").all_inner_texts() == ["Sign in"]
    context.close()

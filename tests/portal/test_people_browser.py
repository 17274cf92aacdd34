"""People looking after themselves and each other, in Chromium, with scripts and without."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, expect

from auth.personal_tokens import Purpose
from db.session import Database
from tests.accessible import check_accessible
from tests.billing.access_steps import ZOE, mailed_link
from tests.billing.profile_steps import NEW, mailed
from tests.cast import Cast
from tests.portal.conftest import Browsing

pytestmark = [
    pytest.mark.browser,
    pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"]),
]
Fine = Callable[[], None]


@contextmanager
def looking(browsing: Browsing, name: str, scripts: bool) -> Iterator[tuple[Page, Fine]]:
    """A browser on a phone, and a look whether the page is accessible and fits."""
    context = browsing(
        name, java_script_enabled=scripts, bypass_csp=scripts, viewport={"width": 390, "height": 800}
    )
    page = context.new_page()

    def fine() -> None:
        if scripts:
            check_accessible(page)

    yield page, fine
    context.close()


def test_petra_changes_her_name_and_her_address(
    browsing: Browsing, database: Database, cast: Cast, scripts: bool
) -> None:
    with looking(browsing, "petra", scripts) as (page, fine):
        page.goto("/account/profile")
        fine()
        page.get_by_label("Name").fill("Petra Nova")
        page.get_by_label("Time zone").select_option("America/Denver")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("status")).to_have_text("Your profile is saved.")
        page.get_by_role("link", name="Change the e-mail address").click()
        fine()
        page.get_by_label("New e-mail").fill("nonsense")
        page.get_by_role("button", name="Send the link").click()
        expect(page.get_by_role("alert")).to_contain_text("Enter the e-mail address like")
        fine()
        page.get_by_label("New e-mail").fill(NEW)
        page.get_by_role("button", name="Send the link").click()
        expect(page.get_by_text(f"{NEW} waits to be confirmed")).to_be_visible()
        fine()
        page.goto(f"/email-change/{mailed(database, cast, Purpose.EMAIL_CHANGE)}")
        fine()
        page.get_by_role("button", name=f"Use {NEW}").click()
        expect(page.get_by_text(f"You sign in with {NEW}, and mail goes there.")).to_be_visible()
        page.goto(f"/email-undo/{mailed(database, cast, Purpose.EMAIL_UNDO)}")
        fine()
        page.get_by_role("button", name="Keep this address").click()
        expect(
            page.get_by_text("You sign in with petra@acme.example. Everybody is signed out.")
        ).to_be_visible()
        fine()
        page.goto("/account/profile")
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_petra_reads_french(browsing: Browsing, scripts: bool) -> None:
    with looking(browsing, "petra", scripts) as (page, fine):
        page.goto("/account/profile")
        page.get_by_label("Language").select_option("Français")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("status")).to_have_text("Votre profil est enregistré.")
        fine()
        for path in ("invoices", "payments", "payment-methods", "tags", "team", "pay?all=1"):
            page.goto(f"/portal/acme-1a2b3c/{path}")
            expect(page.locator("html")).to_have_attribute("lang", "fr")
            fine()
        page.get_by_label("Compte de Petra").click()
        page.get_by_role("button", name="Se déconnecter").click()
        expect(page.get_by_role("heading", name="Se connecter")).to_be_visible()
        fine()
        page.get_by_role("link", name="English").click()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_carl_looks_after_his_team(browsing: Browsing, scripts: bool) -> None:
    with looking(browsing, "carl", scripts) as (page, fine):
        page.goto("team")
        fine()
        page.get_by_role("link", name="Change role of Petra").click()
        fine()
        page.get_by_label("Viewer").check()
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("status")).to_contain_text("Petra is Viewer now.")
        page.get_by_role("link", name="Disable Petra").click()
        fine()
        page.get_by_role("button", name="Disable").click()
        expect(page.get_by_role("status")).to_contain_text("Petra is disabled")
        page.get_by_role("button", name="Enable Petra").click()
        page.get_by_role("link", name="Remove Petra").click()
        fine()
        page.get_by_role("button", name="Remove from the team").click()
        expect(page.get_by_role("status")).to_contain_text("Petra is removed from the team.")
        fine()


def test_zoe_asks_for_access_and_ada_lets_her_in(
    browsing: Browsing, database: Database, cast: Cast, scripts: bool
) -> None:
    with looking(browsing, "ada", scripts) as (page, fine):
        page.goto("/billing/northwind")
        fine()
        page.get_by_label("E-mail").fill(ZOE)
        page.get_by_role("button", name="Go on").click()
        expect(page.get_by_role("heading", name="Look into your mail")).to_be_visible()
        fine()
        page.goto(f"/access/{mailed_link(database, cast)}")
        fine()
        page.get_by_label("Your name").fill("Zoe")
        page.get_by_label("Your company").fill("Zoe's Bakery")
        page.get_by_role("button", name="Ask for access").click()
        fine()
        page.goto("access-requests")
        fine()
        page.get_by_role("link", name="Zoe").click()
        expect(page.get_by_text("No customer matches “Zoe's Bakery”.")).to_be_visible()
        fine()
        page.get_by_role("link", name="Make a new customer").click()
        expect(page.get_by_label("Company")).to_have_value("Zoe's Bakery")
        for label, text in (("Address", "1 Main Street"), ("City", "Austin"), ("ZIP/Postal Code", "73301")):
            page.get_by_label(label, exact=False).first.fill(text)
        page.get_by_label("State/Province").select_option("TX")
        page.get_by_role("button", name="Continue").click()
        expect(page.get_by_text("becomes active with this first user")).to_be_visible()
        fine()
        page.get_by_role("button", name="Send the invite").click()
        expect(page.get_by_role("status")).to_contain_text(f"An invite is on its way to {ZOE}.")
        page.get_by_role("link", name="Resolved").click()
        fine()
        page.get_by_role("link", name="Zoe").click()
        expect(page.get_by_role("main")).to_contain_text("Invited to Zoe's Bakery")
        fine()

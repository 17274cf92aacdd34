"""The dashboard's pages for customers in a real Chromium: the wizard with and without scripts; axe's eyes."""

import re
from collections.abc import Iterator
from datetime import datetime

import pytest
from playwright.sync_api import Page, expect

from billing import customer_users, customers, staff, tags
from billing.customer_fields import CustomerInput
from billing.tags import TagInput
from db import ids
from db.session import Database
from tests.accessible import SCREENS, check_accessible, press
from tests.cast import Cast
from tests.portal.conftest import customer_id, user_id
from tests.portal.partner.conftest import Browse

pytestmark = pytest.mark.browser


@pytest.fixture
def things(database: Database, cast: Cast, now: datetime) -> dict[str, str]:
    """A tag on Acme, an invited user, a customer in set-up, an archived one: their ids."""
    ada, acme = cast.ada, cast.customers["acme"]
    fields = {
        "address": "1 A Street",
        "city": "Peoria",
        "state": "IL",
        "postal_code": "61602",
        "country": "US",
    }
    with database.transaction(partner_id=ada.partner_id) as db:
        tag = tags.create(db, ada, fields=TagInput(name="VIP", colour="#0b7285"), now=now)
        other = tags.create(db, ada, fields=TagInput(name="Other", colour="#ffe066"), now=now)
        tags.tag_customers(db, ada, tag_ids=[tag.id], customer_ids=[acme], now=now)
        customer_users.invite(db, ada, customer_id=acme, name="Nora", email="nora@acme.example", now=now)
        customer_users.disable(db, ada, membership_id=cast.vera.id, now=now)
        staff.remove(db, ada, membership_id=cast.rita.id, now=now)
        setup = customers.create(db, ada, fields=CustomerInput(company="Zenith", **fields), now=now).customer
        gone = customers.create(db, ada, fields=CustomerInput(company="Gone", **fields), now=now).customer
        customers.archive(db, ada, customer_id=gone.id, now=now)
    return {
        "tag": ids.shown("tag", tag.id),
        "other": ids.shown("tag", other.id),
        "former": ids.shown("usr", cast.rita.id),
        "setup": ids.shown("cus", setup.id),
        "gone": ids.shown("cus", gone.id),
    }


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_ada_adds_a_customer(browse: Browse, scripts: bool) -> None:
    context = browse(java_script_enabled=scripts)
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto("customers")
    page.get_by_role("link", name="Add customer").click()
    expect(page.get_by_label("Company*")).to_be_focused()
    page.get_by_label("Company*").fill("Umbrella Dental")
    page.keyboard.press("Enter")  # as good as Continue
    summary = page.get_by_role("alert")
    expect(summary).to_be_focused()
    summary.get_by_role("link", name="Enter the address.").click()
    expect(page.get_by_label("Address*", exact=True)).to_be_focused()
    page.keyboard.type("120 Main Street")
    page.get_by_label("City").fill("Toronto")
    page.get_by_label("State/Province").select_option("Ontario")
    page.get_by_label("ZIP/Postal Code").fill("m5v 3l9")
    page.get_by_label("Country").select_option("Canada")
    page.get_by_text("More details").click()
    page.get_by_label("Payment terms").fill("45")
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Name").fill("Dora Diaz")
    page.get_by_label("E-mail").fill("dora@umbrella.example")
    page.get_by_role("button", name="Add another user").click()
    second = page.get_by_role("group", name="User 2")
    second.get_by_label("Name").fill("Erik")
    second.get_by_label("E-mail").fill("erik@umbrella.example")
    expect(second.get_by_label("Role")).to_have_value("PAYER")
    page.keyboard.press("Enter")  # as good as Create Customer: no row is removed by it
    expect(page.get_by_role("status")).to_contain_text("dora@umbrella.example and erik@umbrella.example")
    expect(page.get_by_role("heading", level=1)).to_have_text("Umbrella Dental")
    expect(page.get_by_text("Active", exact=True)).to_be_visible()
    expect(page.get_by_text("M5V 3L9")).to_be_visible()
    # Refused forms come with a status that browsers note; nothing else may be said.
    assert [text for text in said if "422" not in text] == []
    context.close()


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_the_tax_id_is_called_what_it_is_where_the_company_is(browse: Browse, scripts: bool) -> None:
    context = browse(java_script_enabled=scripts)
    page = context.new_page()
    page.goto("customers/new")
    field = page.locator("#field-tax_id")
    expect(field).to_have_accessible_name("EIN")
    expect(field).to_have_accessible_description("United States: 9 digits, like 12-3456789.")
    page.get_by_label("Country").select_option("Canada")
    expect(field).to_have_accessible_name("Business Number")
    expect(field).to_have_accessible_description("Canada: 9 digits, like 123456782.")
    page.goto("customers")
    expect(page.get_by_role("columnheader", name="Tax ID")).to_be_visible()
    page.goto("/language/fr")
    page.goto("customers")
    expect(page.get_by_role("columnheader", name="Numéro fiscal")).to_be_visible()
    page.goto("customers/new")
    page.locator("#field-country").select_option("CA")
    expect(field).to_have_accessible_name("Numéro d’entreprise")
    context.close()


def pages_to_look_at(page: Page, cast: Cast, things: dict[str, str]) -> Iterator[str]:
    """Walks through the pages for customers, users and tags, stopping at every one there is."""
    acme = f"customers/{customer_id(cast, 'acme')}"
    petra = f"{acme}/users/{user_id(cast, 'petra')}"
    tabs = [
        acme + tab
        for tab in ("", "/users", "/invoices", "/payments", "/payment-methods", "/notes", "/activity")
    ]
    for path in (
        ".", "customers", "customers?search=zzz", "customers/new", f"customers/{things['setup']}",
        f"customers/{things['setup']}/finish-setup", f"customers/{things['gone']}", *tabs, f"{acme}/edit",
        f"{acme}/archive", f"{acme}/users/new", f"{petra}/role", f"{petra}/remove", "tags", "tags/new",
        f"tags/{things['tag']}/edit", f"tags/{things['tag']}/delete", f"tags/{things['tag']}/merge",
        f"tags/{things['tag']}/merge?into={things['other']}", "audit",
        f"audit?who=users&customer={acme[10:]}", "team/former", "team/former?of=staff",
        f"team/former/{things['former']}/erase", f"team/former/{user_id(cast, 'petra')}/erase", f"{acme}0",
    ):  # fmt: skip
        page.goto(path)
        yield path
    page.goto(f"customers?status=all&balance=none&from=x&tag={things['tag']}")
    yield "filters, chips and a wrong amount"
    page.goto(f"{acme}/notes")
    page.get_by_label("New note").fill("Call Carl first")
    press(page, page.get_by_role("button", name="Add note"))
    yield "a note"
    press(page, page.get_by_role("link", name="Edit the note"))
    yield "editing a note"
    page.go_back()
    press(page, page.get_by_role("link", name="Delete the note"))
    yield "deleting a note"
    for button in ("Archive", "Add tag"):
        page.goto("customers")
        page.get_by_label("With which customers").select_option("page")
        press(page, page.get_by_role("button", name=button))
        yield f"asking: {button}"
    page.goto("customers/new")
    press(page, page.get_by_role("button", name="Continue"))
    yield "a wrong company"
    page.get_by_label("Company*").fill("Acme")
    page.get_by_label("Address*", exact=True).fill("1 Main Street")
    page.get_by_label("City").fill("Springfield")
    page.get_by_label("State/Province").select_option("Illinois")
    page.get_by_label("ZIP/Postal Code").fill("62701")
    press(page, page.get_by_role("button", name="Continue"))
    expect(page.get_by_role("alert")).to_be_focused()
    yield "warnings"
    press(page, page.get_by_role("button", name="Continue"))
    press(page, page.get_by_role("button", name="Create Customer"))
    yield "no user"


@pytest.mark.prove
@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_axe_finds_nothing_and_nothing_sticks_out(
    browse: Browse, cast: Cast, things: dict[str, str], width: int, scheme: str
) -> None:
    # axe is put into the page as a script, which our policy rightly refuses.
    context = browse(viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    checked = 0
    for turn, name in enumerate(pages_to_look_at(page, cast, things)):
        checked += check_accessible(page, name, turn)
    assert checked > 20 * 25  # axe did look
    context.close()


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_ada_archives_all_on_the_page_and_takes_it_back(browse: Browse, scripts: bool) -> None:
    context = browse(java_script_enabled=scripts)
    page = context.new_page()
    page.goto("customers?country=us")
    if scripts:
        page.get_by_label("Choose all on this page").check()
        expect(page.get_by_label("Choose Globex")).to_be_checked()
        page.get_by_label("Choose Acme").uncheck()
        expect(page.get_by_label("Choose all on this page")).not_to_be_checked()
        page.get_by_label("Choose Acme").check()
    else:
        expect(page.get_by_label("Choose all on this page")).to_be_hidden()
        page.get_by_label("With which customers").select_option("page")
    page.get_by_role("button", name="Archive").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Archive 2 customers?")
    page.get_by_role("button", name="Archive").click()
    expect(page.get_by_role("status")).to_contain_text("2 customers are archived.")
    expect(page.get_by_text("No customer fits")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("status")).to_contain_text("2 customers are restored.")
    expect(page.get_by_role("link", name="Globex")).to_be_visible()
    context.close()


def test_a_stale_edit_comes_back_with_both(
    browse: Browse, database: Database, cast: Cast, now: datetime
) -> None:
    context = browse(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"customers/{customer_id(cast, 'acme')}/edit")
    page.get_by_label("Legal Name").fill("Mine Inc.")
    with database.transaction(partner_id=cast.clem.partner_id) as db:
        theirs = CustomerInput(legal_name="Theirs Inc.", city="Peoria")
        customers.update(db, cast.clem, customer_id=cast.customers["acme"], fields=theirs, now=now)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("is now “Theirs Inc.”. You typed “Mine Inc.”")
    expect(page.get_by_label("City")).to_have_value("Peoria")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_have_text("Acme is saved.")
    expect(page.get_by_text("Mine Inc.")).to_be_visible()
    context.close()


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_ada_merges_a_tag_into_another(browse: Browse, things: dict[str, str], scripts: bool) -> None:
    context = browse(java_script_enabled=scripts)
    page = context.new_page()
    page.goto("tags")
    page.get_by_role("link", name="Merge VIP into another tag").click()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_contain_text("Choose the tag that stays.")
    page.get_by_label("The tag that stays").select_option("Other")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Merge VIP into Other?")
    expect(page.get_by_text("The tag Other goes on 1 customer.")).to_be_visible()
    page.get_by_role("button", name="Merge the tags").click()
    expect(page.get_by_role("status")).to_contain_text("which 1 customer gained")
    expect(page.get_by_role("row")).to_have_count(2)
    context.close()


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_ada_asks_the_log_for_a_person_and_takes_that_off(
    browse: Browse, things: dict[str, str], scripts: bool
) -> None:
    context = browse(java_script_enabled=scripts)
    page = context.new_page()
    page.goto("audit")
    page.get_by_label("Who").select_option("Clem")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("Nothing of the kind")).to_be_visible()
    page.get_by_role("link", name="Remove the filter By: Clem").click()
    page.get_by_role("link", name="Ada (only what they did)").first.click()
    expect(page.get_by_label("Who")).to_have_value(re.compile("usr_"))
    expect(page.get_by_role("link", name="Remove the filter By: Ada")).to_be_visible()
    context.close()


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_ada_erases_a_former_colleague(
    browse: Browse, database: Database, cast: Cast, now: datetime, scripts: bool
) -> None:
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        staff.remove(db, cast.ada, membership_id=cast.clem.id, now=now)
    context = browse(java_script_enabled=scripts)
    page = context.new_page()
    page.goto("team")
    page.get_by_role("link", name="Former users").click()
    page.get_by_role("link", name="Erase Clem").click()
    expect(page.get_by_role("heading", name="What stays")).to_be_visible()
    page.get_by_role("button", name="Erase this person").click()
    expect(page.get_by_role("status")).to_contain_text("The person is erased.")
    context.close()


def test_a_shortcut_that_no_typing_is_leads_to_the_search(browse: Browse, things: dict[str, str]) -> None:
    """WCAG 2.1.4: a single character is nobody's shortcut, so that speaking or slipping triggers nothing."""
    page = browse().new_page()
    page.goto("customers")
    box = page.get_by_role("searchbox", name="Search", exact=True)
    expect(page.get_by_text("Ctrl K", exact=True)).to_be_visible()
    page.locator("main input[type=checkbox][name]").first.focus()
    page.keyboard.press("/")
    expect(box).not_to_be_focused()
    page.keyboard.press("Control+k")
    expect(box).to_be_focused()
    expect(page.get_by_text("Ctrl K", exact=True)).to_be_hidden()


def test_the_shortcut_leads_to_the_search_on_a_phone(browse: Browse, things: dict[str, str]) -> None:
    page = browse(viewport={"width": 390, "height": 844}).new_page()
    page.goto("customers")
    expect(page.get_by_text("Ctrl K", exact=True)).to_be_hidden()
    page.keyboard.press("Control+k")
    page.wait_for_url("**/search")
    box = page.get_by_placeholder("Customer, user, invoice number, tax ID or e-mail")
    expect(box).to_be_focused()
    page.goto("search?q=acme")
    page.keyboard.press("Control+k")
    expect(box).to_be_focused()
    page.keyboard.type("zen")
    expect(box).to_have_value("zen")

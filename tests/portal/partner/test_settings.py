"""The business profile: editing it, two people at once, who only looks, and what customers see of it."""

from datetime import datetime

from sqlalchemy import Connection, text

from billing import partner_profile
from billing.partner_profile import PartnerInput
from db.session import Database
from tests.cast import Cast
from tests.portal.conftest import Person, text_of
from tests.portal.partner.test_customer_changes import form_on
from tests.world import nothing_changes

PROFILE = "/settings/profile"


def northwind(owner: Connection, *columns: str) -> tuple:
    asked = f"select {', '.join(columns)} from partner where slug = 'northwind'"
    return tuple(owner.execute(text(asked)).one())


def saved_by_sue(database: Database, cast: Cast, now: datetime, **given: str) -> None:
    with database.transaction(partner_id=cast.sue.partner_id) as db:
        partner_profile.update(db, cast.sue, fields=PartnerInput.read(given), now=now)


def test_ada_edits_the_profile(ada: Person, owner: Connection) -> None:
    form = form_on(ada.get(PROFILE).text)
    assert (form["name"], form["time_zone"], form["version"]) == ("Northwind", "America/New_York", "1")
    changed = {
        **form, "address": "1 Main Street", "city": "Springfield", "state": "IL", "postal_code": "62701",
        "country": "US", "ein": "123456789", "gst_hst_number": "123456782rt0001",
        "support_phone": "(217) 555-0142", "support_url": "northwind.example",
    }  # fmt: skip
    answer = ada.post(PROFILE, changed)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{ada.home}{PROFILE}")
    page = ada.get(PROFILE)
    assert "The business profile is saved." in text_of(page)
    again = form_on(page.text)
    assert [again[name] for name in ("state", "ein", "gst_hst_number", "support_url", "version")] == [
        "IL", "12-3456789", "123456782 RT0001", "https://northwind.example", "2",
    ]  # fmt: skip
    log = text_of(ada.get("/audit?about=partner"))
    assert "changed in the business profile: Address from nothing to “1 Main Street”" in log


def test_a_wrong_field_is_told_and_what_was_typed_stays(ada: Person, owner: Connection) -> None:
    form = form_on(ada.get(PROFILE).text)
    with nothing_changes(owner):
        answer = ada.post(PROFILE, {**form, "qst_number": "12", "city": "Peoria", "name": "Two"})
    assert answer.status_code == 422
    assert 'id="error-qst_number"' in answer.text
    assert 'id="error-state"' in answer.text
    again = form_on(answer.text)
    assert (again["name"], again["city"], again["version"], again["shown-name"]) == (
        "Two", "Peoria", "1", "Northwind",
    )  # fmt: skip


def test_what_is_odd_is_said_after_saving(ada: Person) -> None:
    form = form_on(ada.get(PROFILE).text)
    assert ada.post(PROFILE, {**form, "ein": "07-1234567"}).status_code == 303
    assert "is saved. The IRS has not issued EINs that start with 07." in text_of(ada.get(PROFILE))


def test_a_stale_save_shows_what_changed_and_keeps_what_was_typed(
    ada: Person, owner: Connection, database: Database, cast: Cast, now: datetime
) -> None:
    form = form_on(ada.get(PROFILE).text)
    saved_by_sue(
        database, cast, now, name="Theirs", support_phone="(217) 555-0100", time_zone="America/Denver",
        locale="fr",
    )  # fmt: skip
    with nothing_changes(owner):
        answer = ada.post(PROFILE, {**form, "name": "Mine", "support_url": "https://mine.example"})
    assert answer.status_code == 409
    shown = text_of(answer)
    assert (
        "Display name was “Northwind” and is now “Theirs”. You typed “Mine”; saving replaces theirs." in shown
    )
    assert "Time zone was “Eastern (New York)” and is now “Mountain (Denver)”." in shown
    assert "Language was “English” and is now “Français”." in shown
    assert "America/" not in text_of(ada.get("/audit?about=partner"))
    assert "Support telephone was “” and is now “(217) 555-0100”." in shown
    again = form_on(answer.text)
    assert [again[name] for name in ("name", "support_phone", "support_url", "version")] == [
        "Mine", "(217) 555-0100", "https://mine.example", "2",
    ]  # fmt: skip
    assert ada.post(PROFILE, again).status_code == 303
    assert northwind(owner, "name", "support_phone", "support_url", "version") == (
        "Mine", "(217) 555-0100", "https://mine.example", 3,
    )  # fmt: skip


def test_a_colour_chosen_meanwhile_is_in_nobodys_way(
    ada: Person, owner: Connection, database: Database, cast: Cast, now: datetime
) -> None:
    form = form_on(ada.get(PROFILE).text)
    saved_by_sue(database, cast, now, accent="#0b7285")
    assert ada.post(PROFILE, {**form, "name": "Mine"}).status_code == 303
    assert northwind(owner, "name", "accent", "version") == ("Mine", "#0b7285", 3)


def test_who_may_not_change_it_sees_it_and_changes_nothing(
    ada: Person, clem: Person, rita: Person, owner: Connection
) -> None:
    form = form_on(ada.get(PROFILE).text)
    for person in (clem, rita):
        page = person.get(PROFILE)
        assert page.status_code == 200
        assert "support@northwind.example" in text_of(page)
        assert "An Admin or Sub-admin can change it." in text_of(page)
        assert ("Eastern (New York)" in text_of(page), "America/" in page.text) == (True, False)
        assert ("English" in text_of(page), "<dd>en</dd>" in page.text) == (True, False)
        assert "<form" not in page.text.partition("<main")[2].partition("</main>")[0]
        with nothing_changes(owner):
            assert person.post(PROFILE, {**form, "name": "Mine"}).status_code == 403


def test_strangers_and_customers_find_nothing(signed_in, mallory: Person, owner: Connection) -> None:
    carl = signed_in("carl")
    with nothing_changes(owner):
        for person in (mallory, carl):
            there = f"/partner/northwind{PROFILE}"
            assert person.get(there).status_code == 404
            assert person.post(there, {"name": "Mine"}).status_code == 404


def test_a_form_of_another_site_or_with_a_slipped_in_field_changes_nothing(
    ada: Person, owner: Connection
) -> None:
    form = form_on(ada.get(PROFILE).text)
    with nothing_changes(owner):
        assert ada.post(PROFILE, {**form, "name": "Mine"}, forged=True).status_code == 403
        for slipped in ("slug", "logo", "staff_need_factor", "partner_id"):
            assert ada.post(PROFILE, {**form, slipped: "x"}).status_code == 422


def test_customers_find_the_support_contact_at_the_foot_of_every_page(
    signed_in, database: Database, cast: Cast, now: datetime
) -> None:
    petra = signed_in("petra")
    foot = petra.get("/invoices").text.partition("<footer")[2]
    assert 'href="mailto:support@northwind.example"' in foot
    assert "tel:" not in foot
    saved_by_sue(
        database, cast, now, support_phone="+1 (217) 555-0142 ext. 7",
        support_url="https://northwind.example/help?a=1&b=2", name="<b>North</b>",
    )  # fmt: skip
    for path in ("/invoices", "/payments", "/payment-methods", "/tags", "/team"):
        foot = petra.get(path).text.partition("<footer")[2]
        assert 'href="tel:+12175550142"' in foot
        assert 'href="https://northwind.example/help?a=1&amp;b=2"' in foot
        assert "&lt;b&gt;North&lt;/b&gt;" in foot


def test_the_bare_address_leads_to_the_profile(ada: Person) -> None:
    assert str(ada.get("/settings").url).endswith(PROFILE)

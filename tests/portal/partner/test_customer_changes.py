"""Editing, archiving, restoring and tagging a customer."""

import re
from datetime import datetime
from html import unescape

import pytest
from sqlalchemy import Connection, text

from billing import customers, tags
from billing.customer_fields import CustomerInput
from billing.tags import TagInput
from db import ids
from db.session import Database
from tests.cast import Cast
from tests.portal.conftest import Person, customer_id, text_of
from tests.world import nothing_changes

NOBODY = f"cus_{'0' * 32}"
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')
FIELD = re.compile(r'<input id="field-([^"]+)" [^>]*?value="([^"]*)"')
CHOSEN = re.compile(
    r'<select id="field-([^"]+)"(?:(?!</select>).)*?<option value="([^"]*)" selected>', re.DOTALL
)


def form_on(page: str) -> dict[str, str]:
    """The edit form as a browser would send it, without its token."""
    main = page.partition("<main")[2]
    found = {
        name: unescape(value) for pattern in (HIDDEN, FIELD, CHOSEN) for name, value in pattern.findall(main)
    }
    return {name: value for name, value in found.items() if name != "csrf_token"}


def acme(owner: Connection, *columns: str) -> tuple:
    return tuple(
        owner.execute(text(f"select {', '.join(columns)} from customer where company_key = 'acme'")).one()
    )


@pytest.fixture
def page(ada: Person, cast: Cast) -> str:
    """Where Acme has its pages."""
    return f"/customers/{customer_id(cast, 'acme')}"


@pytest.fixture
def tag(database: Database, cast: Cast, now: datetime) -> str:
    """The id of Northwind's tag VIP."""
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        made = tags.create(db, cast.ada, fields=TagInput(name="VIP", colour="#0b7285"), now=now)
    return ids.shown("tag", made.id)


def test_ada_edits_the_company(ada: Person, page: str, owner: Connection) -> None:
    form = form_on(ada.get(f"{page}/edit").text)
    assert (form["company"], form["state"], form["country"], form["currency"]) == ("Acme", "IL", "US", "USD")
    changed = {**form, "legal_name": "Acme Holdings Inc.", "tax_id": "123456789", "terms_days": "15"}
    answer = ada.post(f"{page}/edit", changed)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{ada.home}{page}")
    assert acme(owner, "legal_name", "tax_id", "terms_days", "version") == (
        "Acme Holdings Inc.", "123456789", 15, 2,
    )  # fmt: skip
    assert "Acme is saved." in text_of(ada.get(page))


def test_what_is_odd_is_said_after_saving(ada: Person, page: str, owner: Connection) -> None:
    form = form_on(ada.get(f"{page}/edit").text)
    assert ada.post(f"{page}/edit", {**form, "tax_id": "07-1234567"}).status_code == 303
    shown = ada.get(page)
    assert "Acme is saved. The IRS has not issued EINs that start with 07. Check the number." in text_of(
        shown
    )
    assert '<p class="flash" data-tone="warning"' in shown.text
    assert acme(owner, "tax_id") == ("071234567",)


def test_a_possible_duplicate_is_pointed_out_before_saving(
    ada: Person, page: str, owner: Connection, cast: Cast
) -> None:
    form = form_on(ada.get(f"{page}/edit").text)
    globex = owner.execute(text("select postal_code from customer where company = 'Globex'")).scalar_one()
    alike = {**form, "company": "Globex", "postal_code": globex}
    with nothing_changes(owner):
        asked = ada.post(f"{page}/edit", alike)
    assert asked.status_code == 200
    assert "Globex already has this name and ZIP or postal code." in text_of(asked)
    assert f'href="{ada.home}/customers/{customer_id(cast, "globex")}" target="_blank"' in asked.text
    assert "choose Save again" in text_of(asked)
    again = form_on(asked.text)
    assert (again["company"], again["version"]) == ("Globex", form["version"])
    assert ada.post(f"{page}/edit", again).status_code == 303
    assert owner.execute(text("select count(*) from customer where company = 'Globex'")).scalar_one() == 2


def test_a_wrong_field_is_told_and_what_was_typed_stays(ada: Person, page: str, owner: Connection) -> None:
    form = form_on(ada.get(f"{page}/edit").text)
    with nothing_changes(owner):
        answer = ada.post(f"{page}/edit", {**form, "city": "", "legal_name": "Acme Two", "state": "ON"})
    assert answer.status_code == 422
    assert 'id="error-city"' in answer.text
    assert "Ontario is in Canada." in text_of(answer)
    again = form_on(answer.text)
    assert (again["legal_name"], again["state"]) == ("Acme Two", "ON")
    # Sent once more, it still stands on the version that was opened.
    assert (again["version"], again["shown-city"]) == (form["version"], form["shown-city"])


def test_a_stale_save_shows_what_changed_and_keeps_what_was_typed(
    ada: Person, page: str, owner: Connection, database: Database, cast: Cast, now: datetime
) -> None:
    form = form_on(ada.get(f"{page}/edit").text)
    with database.transaction(partner_id=cast.clem.partner_id) as db:
        theirs = CustomerInput(legal_name="Theirs Inc.", address="9 New Street")
        customers.update(db, cast.clem, customer_id=cast.customers["acme"], fields=theirs, now=now)
    mine = {**form, "legal_name": "Mine Inc.", "city": "Chicago"}
    with nothing_changes(owner):
        answer = ada.post(f"{page}/edit", mine)
    assert answer.status_code == 409
    shown = text_of(answer)
    assert (
        "Legal Name was “” and is now “Theirs Inc.”. You typed “Mine Inc.”; saving replaces theirs." in shown
    )
    assert "Address was “1 Main Street” and is now “9 New Street”." in shown
    assert "City was" not in shown
    again = form_on(answer.text)
    assert [again[name] for name in ("legal_name", "city", "address", "version")] == [
        "Mine Inc.", "Chicago", "9 New Street", "2",
    ]  # fmt: skip
    assert ada.post(f"{page}/edit", again).status_code == 303
    assert acme(owner, "legal_name", "city", "address", "version") == (
        "Mine Inc.", "Chicago", "9 New Street", 3,
    )  # fmt: skip


@pytest.mark.parametrize("version", ["", "0", "999", "x", "١", "9" * 30])
def test_a_made_up_version_saves_nothing(ada: Person, page: str, owner: Connection, version: str) -> None:
    form = form_on(ada.get(f"{page}/edit").text)
    with nothing_changes(owner):
        assert ada.post(f"{page}/edit", {**form, "company": "Other", "version": version}).status_code == 409


def test_archiving_asks_first_and_can_be_undone(ada: Person, page: str, owner: Connection) -> None:
    assert "Archive Acme?" in text_of(ada.get(f"{page}/archive"))
    assert acme(owner, "status") == ("ACTIVE",)
    assert ada.post(f"{page}/archive").status_code == 303
    assert acme(owner, "status") == ("ARCHIVED",)
    shown = ada.get(page)
    assert "Acme is archived." in text_of(shown)
    assert f'action="{ada.home}{page}/restore"' in shown.text
    assert "Edit" not in text_of(shown)
    assert "Acme" not in text_of(ada.get("/customers"))
    assert ada.post(f"{page}/restore").status_code == 303
    assert acme(owner, "status") == ("ACTIVE",)
    assert "Acme is restored." in text_of(ada.get(page))


def test_an_archived_customer_is_not_edited(ada: Person, page: str, owner: Connection) -> None:
    form = form_on(ada.get(f"{page}/edit").text)
    ada.post(f"{page}/archive")
    with nothing_changes(owner):
        answer = ada.post(f"{page}/edit", {**form, "company": "Other"})
    assert answer.status_code == 409
    assert "This customer is archived. Restore it first." in text_of(answer)


def test_a_tag_is_put_on_and_taken_off(ada: Person, page: str, tag: str, owner: Connection) -> None:
    assert f'<option value="{tag}">VIP</option>' in ada.get(page).text
    assert ada.post(f"{page}/tags", {"tag": tag}).headers["location"] == f"{ada.home}{page}"
    assert owner.scalar(text("select count(*) from customer_tag")) == 1
    worn = ada.get(page).text
    assert f'<option value="{tag}">' not in worn
    assert f'href="{ada.home}/customers?tag={tag}"' in worn
    assert "Acme" in text_of(ada.get(f"/customers?tag={tag}"))
    assert ada.post(f"{page}/tags/remove", {"tag": tag}).status_code == 303
    assert owner.scalar(text("select count(*) from customer_tag")) == 0


def test_a_tag_that_is_not_ones_own_looks_like_none(
    mallory: Person, cast: Cast, tag: str, owner: Connection
) -> None:
    initech = f"/customers/{customer_id(cast, 'initech')}/tags"
    with nothing_changes(owner):
        answers = [mallory.post(initech, {"tag": given}) for given in (tag, f"tag_{'0' * 32}", "tag_1", "")]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1


@pytest.mark.parametrize("path", ["/edit", "/archive", "/restore", "/tags", "/tags/remove"])
def test_strangers_and_read_only_staff_change_nothing(
    mallory: Person, rita: Person, cast: Cast, tag: str, owner: Connection, path: str
) -> None:
    fields = {"company": "Theirs", "version": "1"} if path == "/edit" else {"tag": tag}
    with nothing_changes(owner):
        answers = [
            mallory.post(f"/customers/{of}{path}", fields) for of in (customer_id(cast, "acme"), NOBODY)
        ]
        assert rita.post(f"/customers/{customer_id(cast, 'acme')}{path}", fields).status_code == 403
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].text == answers[1].text


@pytest.mark.parametrize("path", ["/edit", "/archive", "/restore", "/tags", "/tags/remove"])
def test_a_form_of_another_site_changes_nothing(
    ada: Person, page: str, tag: str, owner: Connection, path: str
) -> None:
    with nothing_changes(owner):
        assert ada.post(f"{page}{path}", {"company": "X", "tag": tag}, forged=True).status_code == 403

"""Adding a customer in two steps, without scripts."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection, text

from tests.cast import Cast
from tests.portal.conftest import Clock, Person, customer_id, text_of
from tests.world import nothing_changes

COMPANY = {
    "company": "Umbrella Dental",
    "legal_name": "Umbrella Dental Group LLC",
    "tax_id": "123456789",
    "address": "120 Main Street",
    "city": "Springfield",
    "state": "IL",
    "postal_code": "62701",
    "country": "US",
    "address2": "",
    "currency": "",
    "time_zone": "",
    "terms_days": "",
    "external_id": "",
}
DORA = {"users-0-name": "Dora Diaz", "users-0-email": "dora@umbrella.example", "users-0-role": "MANAGER"}
ERIK = {"users-1-name": "Erik Esposito", "users-1-email": "erik@umbrella.example", "users-1-role": "PAYER"}
CREATE = {"_pressed": "create"}


def stored(owner: Connection, company: str, *columns: str) -> list[tuple]:
    found = owner.execute(
        text(f"select {', '.join(columns)} from customer where company = :company"), {"company": company}
    )
    return [tuple(row) for row in found]


def in_setup(ada: Person) -> str:
    """A customer after step 1; the address of step 2."""
    answer = ada.post("/customers/new", COMPANY)
    assert answer.status_code == 303
    return answer.headers["location"]


def test_ada_adds_a_customer_and_its_users(ada: Person, owner: Connection) -> None:
    step_2 = in_setup(ada)
    columns = ("status", "legal_name", "tax_id", "address", "state", "postal_code", "country", "currency")
    assert stored(owner, "Umbrella Dental", *columns) == [
        ("SETUP", "Umbrella Dental Group LLC", "123456789", "120 Main Street", "IL", "62701", "US", "USD")
    ]
    page = ada.get(step_2)
    assert "Umbrella Dental is saved. Add at least one user to finish." in text_of(page)
    done = ada.post(step_2, {**DORA, **ERIK, **CREATE})
    assert (done.status_code, done.headers["location"]) == (303, step_2.removesuffix("/finish-setup"))
    assert stored(owner, "Umbrella Dental", "status") == [("ACTIVE",)]
    members = text(
        "select m.name, m.email, m.role, m.status from membership m join customer c on c.id = m.customer_id "
        "where c.company = 'Umbrella Dental' order by m.name"
    )
    assert [tuple(row) for row in owner.execute(members)] == [
        ("Dora Diaz", "dora@umbrella.example", "MANAGER", "INVITED"),
        ("Erik Esposito", "erik@umbrella.example", "PAYER", "INVITED"),
    ]
    assert owner.scalar(text("select count(*) from mail where kind = 'INVITE'")) == 2
    said = text_of(ada.get(done.headers["location"]))
    assert "Umbrella Dental is active." in said
    assert "An invite is on its way to dora@umbrella.example and erik@umbrella.example." in said


def test_leaving_between_the_steps_loses_nothing(ada: Person) -> None:
    step_2 = in_setup(ada)
    assert f'href="{step_2}"' in ada.get("/customers").text
    assert f'href="{step_2}"' in ada.get().text
    assert f'href="{step_2}"' in ada.get(step_2.removesuffix("/finish-setup")).text
    assert "Add users for Umbrella Dental" in text_of(ada.get(step_2))


def test_a_canadian_customer_takes_every_field(ada: Person, owner: Connection) -> None:
    canadian = {
        **COMPANY, "company": "Érablière du Nord", "tax_id": "123456782", "state": "QC",
        "postal_code": "g1r4s9", "country": "CA", "address2": "Suite 4", "time_zone": "America/Toronto",
        "terms_days": "45", "external_id": "CW-1881",
    }  # fmt: skip
    assert ada.post("/customers/new", canadian).status_code == 303
    columns = ("state", "postal_code", "currency", "address2", "time_zone", "terms_days", "external_id")
    assert stored(owner, "Érablière du Nord", *columns) == [
        ("QC", "G1R 4S9", "CAD", "Suite 4", "America/Toronto", 45, "CW-1881")
    ]


def test_every_wrong_field_is_told_and_what_was_typed_stays(ada: Person, owner: Connection) -> None:
    wrong = {**COMPANY, "company": "", "tax_id": "12-345", "postal_code": "A1A 1A1", "terms_days": "soon"}
    with nothing_changes(owner):
        answer = ada.post("/customers/new", wrong)
    assert answer.status_code == 422
    for name, message in {
        "company": "Enter the company name.",
        "tax_id": "Enter the EIN as XX-XXXXXXX.",
        "postal_code": "Enter the ZIP code as 12345 or 12345-6789.",
        "terms_days": "Enter the payment terms as whole days, from 0 to 365.",
    }.items():
        assert f'<a href="#field-{name}">{message}</a>' in answer.text
        assert f'id="error-{name}"' in answer.text
    told = [answer.text.index(f'href="#field-{name}"') for name in ("company", "tax_id", "postal_code")]
    assert told == sorted(told)
    assert 'value="12-345"' in answer.text
    assert '<option value="IL" selected>Illinois</option>' in answer.text
    # What is wrong must not be folded away.
    assert '<details class="more-fields" open>' in answer.text


def test_oddities_are_pointed_out_once_and_refuse_nothing(ada: Person, owner: Connection, cast: Cast) -> None:
    odd = {**COMPANY, "company": "acme", "tax_id": "07-1234567"}
    never_issued = "The IRS has not issued EINs that start with 07. Check the number."
    duplicate = "Acme already has this name and ZIP or postal code. Check that this is not the same company."
    with nothing_changes(owner):
        answer = ada.post("/customers/new", odd)
    assert answer.status_code == 200
    assert f'<a href="#field-tax_id">{never_issued}</a>' in answer.text
    assert f'<a href="#field-company">{duplicate}</a>' in answer.text
    assert 'value="07-1234567"' in answer.text
    with nothing_changes(owner):  # seen one of two
        assert ada.post("/customers/new", {**odd, "seen": never_issued}).status_code == 200
    assert ada.post("/customers/new", {**odd, "seen": [never_issued, duplicate]}).status_code == 303
    assert stored(owner, "acme", "status", "tax_id") == [("SETUP", "071234567")]


def test_rows_come_and_go_without_scripts(ada: Person, owner: Connection) -> None:
    step_2 = in_setup(ada)
    with nothing_changes(owner):
        grown = ada.post(step_2, {**DORA, "_pressed": "add-users"})
        shrunk = ada.post(step_2, {**DORA, **ERIK, "_pressed": "remove-users-0"})
    assert (grown.status_code, shrunk.status_code) == (200, 200)
    assert 'name="users-1-email"' in grown.text
    assert 'value="dora@umbrella.example"' in grown.text
    assert "dora@umbrella.example" not in shrunk.text
    assert 'name="users-0-email" type="email" value="erik@umbrella.example"' in shrunk.text


def test_a_customer_without_a_user_is_not_created(ada: Person, owner: Connection) -> None:
    step_2 = in_setup(ada)
    blank = {"users-0-name": " ", "users-0-email": "", "users-0-role": "MANAGER"}
    with nothing_changes(owner):
        answer = ada.post(step_2, {**blank, **CREATE})
    assert answer.status_code == 422
    assert "Add at least one user." in text_of(answer)


def test_a_wrong_row_is_told_at_its_field_and_nobody_is_invited(ada: Person, owner: Connection) -> None:
    step_2 = in_setup(ada)
    with nothing_changes(owner):
        answer = ada.post(step_2, {**DORA, **ERIK, "users-1-email": "erik", **CREATE})
    assert answer.status_code == 422
    assert 'id="error-users-1-email"' in answer.text
    assert 'value="Erik Esposito"' in answer.text


def test_create_pressed_twice_invites_once(ada: Person, owner: Connection) -> None:
    step_2 = in_setup(ada)
    assert ada.post(step_2, {**DORA, **CREATE}).status_code == 303
    with nothing_changes(owner):
        again = ada.post(step_2, {**DORA, **CREATE})
    assert again.headers["location"] == step_2.replace("/finish-setup", "/users")
    assert "This customer is set up already." in text_of(ada.get(again.headers["location"]))
    # Opened again, the step leads to the users as well.
    assert "Dora Diaz" in text_of(ada.get(step_2))


@pytest.mark.parametrize("slipped", ["partner_id", "status", "slug", "role", "open_minor", "users"])
def test_no_other_field_slips_in(ada: Person, owner: Connection, slipped: str) -> None:
    with nothing_changes(owner):
        answer = ada.post("/customers/new", {**COMPANY, slipped: "ACTIVE"})
    assert answer.status_code == 422
    with nothing_changes(owner):
        contradicting = ada.post("/customers/new", {**COMPANY, "company-name": "x"})
    assert contradicting.status_code == 422


@pytest.mark.parametrize(
    "row", ["users", "users-x-name", "users-0-customer_id", "users-0-name-first", "users-0"]
)
def test_no_other_field_slips_into_a_row(ada: Person, owner: Connection, row: str) -> None:
    step_2 = in_setup(ada)
    with nothing_changes(owner):
        assert ada.post(step_2, {row: "x", **CREATE}).status_code == 422


def test_read_only_staff_add_nothing(rita: Person, owner: Connection) -> None:
    with nothing_changes(owner):
        assert rita.post("/customers/new", COMPANY).status_code == 403
    assert "Add customer" not in text_of(rita.get("/customers"))


def test_a_form_of_another_site_adds_nothing(ada: Person, owner: Connection) -> None:
    with nothing_changes(owner):
        assert ada.post("/customers/new", COMPANY, forged=True).status_code == 403


def test_what_was_typed_outlives_the_session(ada: Person, owner: Connection, clock: Clock) -> None:
    clock.now += timedelta(minutes=31)
    answer = ada.post("/customers/new", COMPANY)
    assert answer.status_code == 401
    assert 'name="kept-company" value="Umbrella Dental"' in answer.text
    assert f'name="next" value="{ada.home}/customers/new"' in answer.text
    assert stored(owner, "Umbrella Dental", "id") == []


def test_another_partner_cannot_finish_the_setup(ada: Person, mallory: Person, owner: Connection) -> None:
    path = in_setup(ada).removeprefix(ada.home)
    nobody = f"/customers/cus_{'0' * 32}/finish-setup"
    with nothing_changes(owner):
        for fields in ({**DORA, **CREATE}, {"_pressed": "add-users"}):
            answers = [mallory.post(at, fields) for at in (path, nobody)]
            assert [answer.status_code for answer in answers] == [404, 404]
            assert answers[0].text == answers[1].text
        pages = [mallory.get(at) for at in (path, nobody)]
    assert [page.status_code for page in pages] == [404, 404]
    assert pages[0].text == pages[1].text


def test_a_customer_that_is_set_up_has_no_second_step(ada: Person, cast: Cast) -> None:
    page = ada.get(f"/customers/{customer_id(cast, 'acme')}/finish-setup")
    assert str(page.url).endswith("/users")

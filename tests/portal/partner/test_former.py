"""Former users in the dashboard: who was removed, and erasing them."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, text

from auth.memberships import Role
from billing import customer_users, staff
from db.session import Database
from tests.auth import steps
from tests.cast import Cast
from tests.portal.conftest import Clock, Person, text_of, user_id
from tests.world import nothing_changes


@pytest.fixture
def petra(database: Database, cast: Cast, now: datetime) -> str:
    """The id of Petra, whom Ada removed from Acme."""
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        customer_users.remove(db, cast.ada, membership_id=cast.petra.id, now=now)
    return user_id(cast, "petra")


def test_the_list_names_who_was_removed_on_either_side(
    ada: Person, database: Database, cast: Cast, petra: str, now: datetime
) -> None:
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        staff.remove(db, cast.ada, membership_id=cast.clem.id, now=now)
    users, team = ada.get("/team/former"), ada.get("/team/former?of=staff")
    assert f'href="{ada.home}/team/former/{petra}/erase"' in users.text
    assert "Petra petra@acme.example Payer Acme Erase Petra" in text_of(users)
    assert "Clem" not in users.text
    assert "Clem clem@northwind.example Member Northwind Erase Clem" in text_of(team)
    assert f'href="{ada.home}/team/former"' in ada.get(f"/customers/{customer(cast)}/users").text
    assert f'href="{ada.home}/team/former?of=staff"' in ada.get("/team").text


def customer(cast: Cast) -> str:
    return f"cus_{cast.customers['acme'].hex}"


def test_erasing_asks_first_and_takes_them_off_the_list(ada: Person, petra: str, owner: Connection) -> None:
    with nothing_changes(owner):
        asked = text_of(ada.get(f"/team/former/{petra}/erase"))
    assert "Erase Petra?" in asked
    assert "Invoices, payments, payment methods and the books, as they are." in asked
    answer = ada.post(f"/team/former/{petra}/erase")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{ada.home}/team/former")
    shown = text_of(ada.get("/team/former"))
    assert "The person is erased." in shown
    assert "Nobody was removed" in shown
    assert owner.scalar(text("select count(*) from person where name = 'Petra'")) == 0
    with nothing_changes(owner):
        assert ada.get(f"/team/former/{petra}/erase").status_code == 404
        assert ada.post(f"/team/former/{petra}/erase").status_code == 404


def test_erasing_wants_a_fresh_proof(ada: Person, petra: str, clock: Clock, owner: Connection) -> None:
    clock.now += timedelta(minutes=16)
    answer = ada.post(f"/team/former/{petra}/erase")
    assert (answer.status_code, 'action="/account/prove"' in answer.text) == (403, True)
    assert owner.scalar(text("select count(*) from person where name = 'Petra'")) == 1


def test_who_still_has_a_place_is_offered_to_be_removed(ada: Person, cast: Cast, owner: Connection) -> None:
    carl = user_id(cast, "carl")
    with nothing_changes(owner):
        answers = [ada.get(f"/team/former/{carl}/erase"), ada.post(f"/team/former/{carl}/erase")]
    for answer in answers:
        assert answer.status_code == 409
        assert "They still have a place here." in text_of(answer)
        assert f'href="{ada.home}/customers/{customer(cast)}/users/{carl}/remove"' in answer.text
        assert "Erase this person" not in answer.text


def test_who_is_elsewhere_too_is_not_erased_and_nobody_says_where(
    ada: Person, database: Database, cast: Cast, petra: str, owner: Connection, now: datetime
) -> None:
    invited = steps.invite(
        database, cast.mallory, customer_id=None, email=cast.emails["petra"], name="Petra", role=Role.MEMBER,
        now=now,
    )  # fmt: skip
    steps.accept_as(database, invited.token, cast.petra.user_id, now)
    with nothing_changes(owner):
        answers = [ada.get(f"/team/former/{petra}/erase"), ada.post(f"/team/former/{petra}/erase")]
    for answer in answers:
        assert answer.status_code == 409
        assert "This account is not yours alone" in text_of(answer)
        assert "contoso" not in answer.text.lower()


@pytest.mark.parametrize("name", ["sue", "clem", "rita"])
def test_only_an_admin_sees_and_erases_them(
    signed_in: Callable[[str], Person], petra: str, owner: Connection, name: str
) -> None:
    person = signed_in(name)
    with nothing_changes(owner):
        assert person.get("/team/former").status_code == 403
        assert person.get(f"/team/former/{petra}/erase").status_code == 403
        assert person.post(f"/team/former/{petra}/erase").status_code == 403
    assert "/team/former" not in person.get("/team").text


def test_a_stranger_and_a_form_of_another_site_erase_nobody(
    ada: Person, mallory: Person, petra: str, owner: Connection
) -> None:
    with nothing_changes(owner):
        assert mallory.get(f"/team/former/{petra}/erase").status_code == 404
        assert mallory.post(f"/team/former/{petra}/erase").status_code == 404
        assert ada.post(f"/team/former/{petra}/erase", forged=True).status_code == 403


def test_an_erased_colleague_is_nobody_to_choose_in_the_log_but_stays_in_it(
    ada: Person, database: Database, cast: Cast, now: datetime
) -> None:
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        staff.remove(db, cast.ada, membership_id=cast.clem.id, now=now)
    clem = user_id(cast, "clem")
    assert f'<option value="{clem}">Clem</option>' in ada.get("/audit").text
    assert ada.post(f"/team/former/{clem}/erase").status_code == 303
    shown = ada.get("/audit")
    assert f'<option value="{clem}">' not in shown.text
    assert "erased a user" in text_of(shown)
    assert "Clem" not in shown.text

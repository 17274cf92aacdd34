"""A customer's users in the dashboard."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, text

from billing import customer_users
from db import ids
from db.session import Database
from tests.cast import Cast
from tests.portal.conftest import Clock, Person, customer_id, text_of, user_id
from tests.world import nothing_changes

ACTS = ("resend", "revoke", "role", "correct", "disable", "enable", "remove")
NORA = {"name": "Nora New", "email": "nora@acme.example", "role": "VIEWER"}


@pytest.fixture
def users(cast: Cast) -> str:
    """Where Acme's users are."""
    return f"/customers/{customer_id(cast, 'acme')}/users"


@pytest.fixture
def invited(database: Database, cast: Cast, now: datetime) -> str:
    """The id of Olaf, who is invited to Acme."""
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        member = customer_users.invite(
            db, cast.ada, customer_id=cast.customers["acme"], name="Olaf", email="olaf@acme.example", now=now
        )
    return ids.shown("usr", member.id)


def member(owner: Connection, name: str) -> tuple[str, str]:
    return tuple(
        owner.execute(text("select role, status from membership where name = :n"), {"n": name}).one()
    )


def open_invites(owner: Connection) -> int:
    found = owner.scalar(text("select count(*) from invite where revoked_at is null and accepted_at is null"))
    assert isinstance(found, int)
    return found


def test_ada_adds_a_user(ada: Person, users: str, owner: Connection) -> None:
    assert "Add a user to Acme" in text_of(ada.get(f"{users}/new"))
    answer = ada.post(f"{users}/new", NORA)
    assert (answer.status_code, answer.headers["location"]) == (303, ada.home + users)
    assert member(owner, "Nora New") == ("VIEWER", "INVITED")
    assert owner.scalar(text("select count(*) from mail where kind = 'INVITE'")) == 1
    shown = text_of(ada.get(users)).replace("\xa0", " ")
    assert "An invite is on its way to nora@acme.example." in shown
    good_until = "The invite is good until Mar 13, 2026, 1:00 PM EDT"
    assert f"Nora New nora@acme.example Viewer Invited {good_until}" in shown


def test_ada_corrects_who_was_mistyped_and_nobody_who_accepted(
    ada: Person, users: str, invited: str, owner: Connection, cast: Cast
) -> None:
    address = f"{users}/{invited}/correct"
    assert f"{ada.home}{address}" in ada.get(users).text
    form = ada.get(address).text
    assert 'value="Olaf"' in form
    assert 'value="olaf@acme.example"' in form
    with nothing_changes(owner):
        for wrong in ({"name": "", "email": "nonsense"}, {"name": "Olav", "email": "petra@acme.example"}):
            answer = ada.post(address, wrong)
            assert answer.status_code == 422
            assert 'id="error-email"' in answer.text
        there = f"{users}/{user_id(cast, 'petra')}/correct"
        assert f"{ada.home}{there}" not in ada.get(users).text
        assert ada.get(there).status_code == 409
        assert ada.post(there, {"name": "X", "email": "x@acme.example"}).status_code == 409
    done = ada.post(address, {"name": "Olav", "email": "olav@acme.example"})
    assert (done.status_code, done.headers["location"]) == (303, ada.home + users)
    shown = text_of(ada.get(users))
    assert "A new invite is on its way to olav@acme.example. Earlier links are dead." in shown
    assert "Olav olav@acme.example" in shown
    assert open_invites(owner) == 1
    ada.post(address, {"name": "Olaf", "email": "olav@acme.example"})
    assert "Olaf is saved." in text_of(ada.get(users))


def test_a_wrong_user_is_told_at_the_field(ada: Person, users: str, owner: Connection) -> None:
    with nothing_changes(owner):
        wrong = ada.post(f"{users}/new", {**NORA, "name": "", "email": "nora", "role": "ADMIN"})
        twice = ada.post(f"{users}/new", {**NORA, "email": "Petra@acme.example"})
    assert (wrong.status_code, twice.status_code) == (422, 422)
    for name in ("name", "email", "role"):
        assert f'id="error-{name}"' in wrong.text
    assert 'value="nora"' in wrong.text
    assert "This address has a user here already." in text_of(twice)


def test_the_first_user_of_a_customer_in_set_up_makes_it_active(
    ada: Person, owner: Connection, cast: Cast
) -> None:
    owner.execute(text("update customer set status = 'SETUP' where slug = :s"), {"s": cast.slugs["globex"]})
    users = f"/customers/{customer_id(cast, 'globex')}/users"
    assert '<option value="MANAGER" selected>' in ada.get(f"{users}/new").text
    assert ada.post(f"{users}/new", {**NORA, "role": "MANAGER"}).status_code == 303
    assert "Active" in text_of(ada.get(users))


def test_an_invite_is_sent_again_and_revoked(
    ada: Person, users: str, invited: str, owner: Connection
) -> None:
    assert ada.post(f"{users}/{invited}/resend").headers["location"] == ada.home + users
    assert "A new invite is on its way to olaf@acme.example." in text_of(ada.get(users))
    assert owner.scalar(text("select count(*) from mail where kind = 'INVITE'")) == 2
    assert open_invites(owner) == 1
    assert ada.post(f"{users}/{invited}/revoke").status_code == 303
    assert open_invites(owner) == 0
    shown = text_of(ada.get(users))
    assert "The invite of Olaf is revoked." in shown
    assert "No open invite: send a new one" in shown
    assert "Revoke invite" not in shown


def test_an_expired_invite_says_so(
    signed_in: Callable[[str], Person], users: str, invited: str, clock: Clock
) -> None:
    clock.now += timedelta(hours=72)
    shown = text_of(signed_in("ada").get(users)).replace("\xa0", " ")
    assert "The invite expired Mar 13, 2026, 1:00 PM EDT" in shown


def test_a_role_is_changed(ada: Person, users: str, cast: Cast, owner: Connection) -> None:
    address = f"{users}/{user_id(cast, 'petra')}/role"
    assert 'value="PAYER" checked' in ada.get(address).text
    assert ada.post(address, {"role": "MANAGER"}).status_code == 303
    assert member(owner, "Petra") == ("MANAGER", "ACTIVE")
    assert "Petra is Manager now." in text_of(ada.get(users))


@pytest.mark.parametrize("role", ["", "ADMIN", "SUB_ADMIN", "nonsense"])
def test_no_other_role_is_given(ada: Person, users: str, cast: Cast, owner: Connection, role: str) -> None:
    with nothing_changes(owner):
        answer = ada.post(f"{users}/{user_id(cast, 'petra')}/role", {"role": role})
    assert answer.status_code == 422
    assert "Choose Manager, Payer or Viewer as the role." in text_of(answer)


def test_a_user_is_disabled_enabled_and_removed(
    ada: Person, users: str, cast: Cast, owner: Connection
) -> None:
    petra = f"{users}/{user_id(cast, 'petra')}"
    assert ada.post(f"{petra}/disable").status_code == 303
    assert member(owner, "Petra") == ("PAYER", "DISABLED")
    assert f'formaction="{ada.home}{petra}/enable"' in ada.get(users).text
    assert ada.post(f"{petra}/enable").status_code == 303
    assert member(owner, "Petra") == ("PAYER", "ACTIVE")
    assert "Remove Petra?" in text_of(ada.get(f"{petra}/remove"))
    assert member(owner, "Petra") == ("PAYER", "ACTIVE")
    assert ada.post(f"{petra}/remove").status_code == 303
    assert member(owner, "Petra") == ("PAYER", "REMOVED")
    shown = text_of(ada.get(users))
    assert "Petra is removed." in shown
    assert "petra@acme.example" not in shown


@pytest.mark.parametrize(("act", "fields"), [("disable", {}), ("remove", {}), ("role", {"role": "VIEWER"})])
def test_the_last_manager_stays(
    ada: Person, users: str, cast: Cast, owner: Connection, act: str, fields: dict[str, str]
) -> None:
    with nothing_changes(owner):
        answer = ada.post(f"{users}/{user_id(cast, 'carl')}/{act}", fields)
    assert answer.status_code == 409
    assert "This is the last Manager. Make somebody else Manager first." in text_of(answer)


def test_an_archived_customers_users_are_only_shown(
    ada: Person, users: str, cast: Cast, owner: Connection
) -> None:
    ada.post(f"{users.removesuffix('/users')}/archive")
    assert "Add user" not in text_of(ada.get(users))
    with nothing_changes(owner):
        assert ada.post(f"{users}/new", NORA).status_code == 409


@pytest.mark.parametrize("act", ACTS)
def test_siblings_strangers_and_read_only_staff_reach_nobody(
    ada: Person,
    mallory: Person,
    rita: Person,
    users: str,
    cast: Cast,
    invited: str,
    owner: Connection,
    act: str,
) -> None:
    fields = {"role": "PAYER"}
    initech = f"/customers/{customer_id(cast, 'initech')}/users"
    nobody = f"usr_{'0' * 32}"
    with nothing_changes(owner):
        # A user of the sibling at Acme's address, staff at Acme's address, Acme's user at the sibling's.
        answers = [
            ada.post(f"{users}/{user_id(cast, 'gus')}/{act}", fields),
            ada.post(f"{users}/{user_id(cast, 'clem')}/{act}", fields),
            ada.post(f"/customers/{customer_id(cast, 'globex')}/users/{invited}/{act}", fields),
            ada.post(f"{users}/{user_id(cast, 'ines')}/{act}", fields),
            ada.post(f"{users}/{nobody}/{act}", fields),
        ]
        strangers = [
            mallory.post(f"{users}/{invited}/{act}", fields),
            mallory.post(f"{initech}/{invited}/{act}", fields),
            mallory.post(f"{initech}/{nobody}/{act}", fields),
        ]
        assert rita.post(f"{users}/{invited}/{act}", fields).status_code == 403
    for several in (answers, strangers):
        assert {answer.status_code for answer in several} == {404}, [answer.status_code for answer in several]
        assert len({answer.text for answer in several}) == 1


@pytest.mark.parametrize("page", ["role", "remove"])
def test_pages_about_somebody_elses_user_look_like_none(
    ada: Person, users: str, cast: Cast, page: str
) -> None:
    of = [user_id(cast, name) for name in ("gus", "clem", "ines")] + [f"usr_{'0' * 32}", "x"]
    answers = [ada.get(f"{users}/{one}/{page}") for one in of]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1


@pytest.mark.parametrize("act", ["role", "disable", "enable", "remove"])
def test_changing_a_user_takes_a_fresh_proof_and_inviting_does_not(
    ada: Person, users: str, cast: Cast, owner: Connection, clock: Clock, act: str
) -> None:
    clock.now += timedelta(minutes=16)
    with nothing_changes(owner, without=("session",)):
        answer = ada.post(f"{users}/{user_id(cast, 'petra')}/{act}", {"role": "VIEWER"})
    assert (answer.status_code, 'action="/account/prove"' in answer.text) == (403, True)
    assert ada.post(f"{users}/new", NORA).status_code == 303


def test_a_form_of_another_site_invites_nobody(ada: Person, users: str, owner: Connection) -> None:
    with nothing_changes(owner):
        assert ada.post(f"{users}/new", NORA, forged=True).status_code == 403

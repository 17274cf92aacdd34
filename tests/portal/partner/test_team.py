"""The partner's own people in the dashboard."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Connection, text

from auth.actors import RIGHTS
from auth.roles import Role
from billing import staff
from db import ids
from db.session import Database
from portal.partner.team import OFFERED, TOLD
from tests.cast import Cast
from tests.portal.conftest import Clock, Person, text_of, user_id
from tests.world import nothing_changes

TEAM = "/team"
ACTS = ("resend", "revoke", "role", "disable", "enable", "remove")
NORA = {"name": "Nora New", "email": "nora@northwind.example", "role": "SUB_ADMIN"}


@pytest.fixture
def invited(database: Database, cast: Cast, now: object) -> str:
    """The id of Olaf, who is invited to Northwind's team."""
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        member = staff.invite(
            db, cast.ada, name="Olaf", email="olaf@northwind.example", role="MEMBER", now=now
        )  # type: ignore[arg-type]
    return ids.shown("usr", member.id)


def member(owner: Connection, name: str) -> tuple[str, str]:
    return tuple(
        owner.execute(text("select role, status from membership where name = :n"), {"n": name}).one()
    )


def test_ada_invites_a_colleague(ada: Person, owner: Connection) -> None:
    assert "Invite a colleague" in text_of(ada.get(f"{TEAM}/invite"))
    answer = ada.post(f"{TEAM}/invite", NORA)
    assert (answer.status_code, answer.headers["location"]) == (303, ada.home + TEAM)
    assert member(owner, "Nora New") == ("SUB_ADMIN", "INVITED")
    assert owner.scalar(text("select count(*) from mail where kind = 'INVITE' and customer_id is null")) == 1
    shown = text_of(ada.get(TEAM)).replace("\xa0", " ")
    assert "An invite is on its way to nora@northwind.example." in shown
    assert "Nora New nora@northwind.example Sub-admin Invited The invite is good until Mar 13, 2026" in shown
    assert "Ada (you) ada@northwind.example Admin Active" in shown


@pytest.mark.parametrize("role", ["", "MANAGER", "nonsense"])
def test_a_wrong_colleague_is_told_at_the_field(ada: Person, owner: Connection, role: str) -> None:
    with nothing_changes(owner):
        wrong = ada.post(f"{TEAM}/invite", {"name": " ", "email": "nora", "role": role})
        twice = ada.post(f"{TEAM}/invite", {**NORA, "email": "Clem@northwind.example"})
    assert (wrong.status_code, twice.status_code) == (422, 422)
    for name in ("name", "email", "role"):
        assert f'id="error-{name}"' in wrong.text
    assert 'value="nora"' in wrong.text
    assert "Choose Admin, Sub-admin, Member or Read-only as the role." in text_of(wrong)
    assert "This address has a user here already." in text_of(twice)


def test_an_invite_is_sent_again_and_revoked(ada: Person, invited: str, owner: Connection) -> None:
    still_open = text("select count(*) from invite where revoked_at is null and accepted_at is null")
    assert ada.post(f"{TEAM}/{invited}/resend").headers["location"] == ada.home + TEAM
    assert "A new invite is on its way to olaf@northwind.example." in text_of(ada.get(TEAM))
    assert owner.scalar(text("select count(*) from mail where kind = 'INVITE'")) == 2
    assert owner.scalar(still_open) == 1
    assert ada.post(f"{TEAM}/{invited}/revoke").status_code == 303
    assert owner.scalar(still_open) == 0
    assert "No open invite: send a new one" in text_of(ada.get(TEAM))


def test_a_role_is_changed_and_an_open_invite_is_mailed_again(
    ada: Person, invited: str, cast: Cast, owner: Connection
) -> None:
    address = f"{TEAM}/{user_id(cast, 'clem')}/role"
    assert 'value="MEMBER" checked' in ada.get(address).text
    assert ada.post(address, {"role": "READ_ONLY"}).status_code == 303
    assert member(owner, "Clem") == ("READ_ONLY", "ACTIVE")
    assert "Clem is Read-only now." in text_of(ada.get(TEAM))
    assert ada.post(f"{TEAM}/{invited}/role", {"role": "ADMIN"}).status_code == 303
    assert owner.scalar(text("select count(*) from mail where kind = 'INVITE'")) == 2


@pytest.mark.parametrize("role", ["", "MANAGER", "PAYER", "nonsense"])
def test_no_other_role_is_given(ada: Person, cast: Cast, owner: Connection, role: str) -> None:
    with nothing_changes(owner):
        answer = ada.post(f"{TEAM}/{user_id(cast, 'clem')}/role", {"role": role})
    assert answer.status_code == 422
    assert "Choose Admin, Sub-admin, Member or Read-only as the role." in text_of(answer)


def test_a_colleague_is_disabled_enabled_and_removed(ada: Person, cast: Cast, owner: Connection) -> None:
    clem = f"{TEAM}/{user_id(cast, 'clem')}"
    assert "Disable Clem?" in text_of(ada.get(f"{clem}/disable"))
    assert member(owner, "Clem") == ("MEMBER", "ACTIVE")
    assert ada.post(f"{clem}/disable").status_code == 303
    assert member(owner, "Clem") == ("MEMBER", "DISABLED")
    assert ada.post(f"{clem}/enable").status_code == 303
    assert member(owner, "Clem") == ("MEMBER", "ACTIVE")
    assert "Remove Clem?" in text_of(ada.get(f"{clem}/remove"))
    assert ada.post(f"{clem}/remove").status_code == 303
    assert member(owner, "Clem") == ("MEMBER", "REMOVED")
    assert "clem@northwind.example" not in text_of(ada.get(TEAM))


def test_who_is_disabled_is_out_at_the_next_click(
    ada: Person, signed_in: Callable[[str], Person], cast: Cast
) -> None:
    clem = signed_in("clem")
    assert clem.get("/customers").status_code == 200
    ada.post(f"{TEAM}/{user_id(cast, 'clem')}/disable")
    assert clem.get("/customers").status_code == 404


@pytest.mark.parametrize(("act", "fields"), [("disable", {}), ("remove", {}), ("role", {"role": "MEMBER"})])
def test_the_last_admin_stays(
    ada: Person, cast: Cast, owner: Connection, act: str, fields: dict[str, str]
) -> None:
    with nothing_changes(owner):
        answer = ada.post(f"{TEAM}/{user_id(cast, 'ada')}/{act}", fields)
    assert answer.status_code == 409
    told = text_of(answer)
    assert "This can't be done now This is the last Admin. Make somebody else Admin first." in told
    assert "meantime" not in told


def test_beside_the_last_admin_stands_why_nothing_can_be_done(
    ada: Person, invited: str, cast: Cast, owner: Connection
) -> None:
    address = f"{ada.home}{TEAM}/{user_id(cast, 'ada')}"
    ada.post(f"{TEAM}/{invited}/role", {"role": "ADMIN"})  # who has not accepted can let nobody in
    alone = ada.get(TEAM)
    assert "Ada (you) ada@northwind.example Admin Active The last active Admin stays" in text_of(alone)
    assert not any(f'"{address}/{act}"' in alone.text for act in ("role", "disable", "remove"))
    assert f'"{ada.home}{TEAM}/{invited}/remove"' in alone.text
    ada.post(f"{TEAM}/{user_id(cast, 'clem')}/role", {"role": "ADMIN"})
    two = ada.get(TEAM)
    assert "The last active Admin stays" not in two.text
    assert all(f'"{address}/{act}"' in two.text for act in ("role", "disable", "remove"))


@pytest.mark.parametrize("act", ACTS)
def test_customers_users_and_strangers_are_no_colleagues(
    ada: Person, mallory: Person, cast: Cast, invited: str, owner: Connection, act: str
) -> None:
    fields = {"role": "MEMBER"}
    nobody = f"usr_{'0' * 32}"
    with nothing_changes(owner):
        of_ada = [ada.post(f"{TEAM}/{one}/{act}", fields) for one in (user_id(cast, "petra"), nobody, "x")]
        of_mallory = [
            mallory.post(f"{TEAM}/{one}/{act}", fields) for one in (invited, user_id(cast, "clem"), nobody)
        ]
    for answers in (of_ada, of_mallory):
        assert {answer.status_code for answer in answers} == {404}
        assert len({answer.text for answer in answers}) == 1


@pytest.mark.parametrize("name", ["sue", "clem", "rita"])
@pytest.mark.parametrize("act", ACTS)
def test_only_admins_manage_the_team(
    signed_in: Callable[[str], Person], cast: Cast, owner: Connection, name: str, act: str
) -> None:
    person = signed_in(name)
    shown = text_of(person.get(TEAM))
    assert "Admins invite, change and remove people here." in shown
    assert "Change role" not in shown
    with nothing_changes(owner):
        assert person.get(f"{TEAM}/invite").status_code == 403
        assert person.post(f"{TEAM}/invite", NORA).status_code == 403
        answer = person.post(f"{TEAM}/{user_id(cast, 'clem')}/{act}", {"role": "ADMIN"})
        assert answer.status_code == 403


def test_changing_the_team_takes_a_fresh_proof(
    ada: Person, invited: str, owner: Connection, clock: Clock
) -> None:
    clock.now += timedelta(minutes=16)
    with nothing_changes(owner, without=("session",)):
        for address in (f"{TEAM}/invite", *(f"{TEAM}/{invited}/{act}" for act in ACTS)):
            answer = ada.post(address, NORA)
            assert answer.status_code == 403
            assert 'action="/account/prove"' in answer.text
    assert 'name="kept-email" value="nora@northwind.example"' in answer.text


def test_a_form_of_another_site_invites_nobody(ada: Person, owner: Connection) -> None:
    with nothing_changes(owner):
        assert ada.post(f"{TEAM}/invite", NORA, forged=True).status_code == 403


def test_the_page_tells_what_the_rules_ask(ada: Person) -> None:
    shown = text_of(ada.get(TEAM))
    for words, action in TOLD:
        marks = " ".join("yes" if action in RIGHTS[Role(role)] else "– no" for role, _, _ in OFFERED)
        assert f"{words} {marks}" in shown

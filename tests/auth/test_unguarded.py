"""A-2, from the rules' side: with row-level security switched off, their own predicates keep people apart.

Contoso gets a twin of everything Northwind has, under the same ids: whatever forgets to say whose it means
finds two, or changes the wrong one. And everybody else has open links and sessions while Petra acts.
"""

from datetime import datetime
from uuid import UUID

import pytest
from sqlalchemy import Connection, text

from auth import accepting, erasing, resets, sessions, signin, users
from auth.actors import Actor
from auth.authority import NoLongerHere
from auth.invites import Invite, token_of
from auth.memberships import LastOne
from auth.passwords import NewPassword
from auth.sessions import Door
from auth.tokens import digest_of
from db import ids
from db.session import Database
from errors import Invalid
from tests.auth import steps
from tests.auth.steps import accept, accept_as, ask_for_reset, invite, knock, start_session
from tests.auth.test_replays import ask
from tests.auth.test_strangers import RULES, Ids, run
from tests.auth.test_strangers import acme as acme
from tests.cast import PASSWORD, Cast
from tests.world import difference, world

TWINNED = ("customer", "membership", "invite", "api_key", "portal_token", "stored_answer")
OTHERWISE = {"partner_id": ":other", "slug": "slug || '-twin'", "token_hash": "sha256(token_hash)"}


def plant_twins(owner: Connection, cast: Cast) -> None:
    """Everything of Northwind's, once more as Contoso's, under the same ids."""
    partners = {"own": cast.partners["northwind"], "other": cast.partners["contoso"]}
    for table in TWINNED:
        columns = list(
            owner.scalars(
                text("select column_name from information_schema.columns where table_name = :table"),
                {"table": table},
            )
        )
        values = ", ".join(OTHERWISE.get(column, column) for column in columns)
        owner.execute(
            text(
                f"insert into {table} ({', '.join(columns)}) "
                f"select {values} from {table} where partner_id = :own"
            ),
            partners,
        )


def rows_of(owner: Connection, partner_id: UUID) -> dict[str, list[str]]:
    """Every row that names the partner."""
    return {table: [row for row in rows if str(partner_id) in row] for table, rows in world(owner).items()}


@pytest.mark.parametrize("name", RULES)
def test_a_rule_tells_twins_apart(
    unguarded: Database, owner: Connection, cast: Cast, acme: Ids, name: str, now: datetime
) -> None:
    plant_twins(owner, cast)
    before = rows_of(owner, cast.partners["contoso"])
    key = name == "api_keys.create_portal_token"
    assert run(unguarded, RULES[name], cast.northwind_key if key else cast.ada, acme, now)
    assert difference(before, rows_of(owner, cast.partners["contoso"])) == {}


@pytest.mark.parametrize("person", ["ada", "gus"])
def test_a_twin_does_not_count_as_the_last_head(
    unguarded: Database, owner: Connection, cast: Cast, person: str, now: datetime
) -> None:
    """Contoso's twin of Gus manages Contoso's twin of Globex: that keeps nobody at Northwind's."""
    plant_twins(owner, cast)
    head: Actor = getattr(cast, person)
    ids = Ids(*(head.id,) * 5)  # type: ignore[arg-type]
    for rule in ("memberships.remove", "memberships.disable", "memberships.change_role"):
        with pytest.raises((LastOne, Invalid)):
            run(unguarded, RULES[rule], cast.ada, ids, now)


def test_whoever_is_gone_is_gone_though_a_twin_is_there(
    unguarded: Database, owner: Connection, cast: Cast, acme: Ids, now: datetime
) -> None:
    plant_twins(owner, cast)
    for table, change, actor in (
        ("membership", "status = 'DISABLED'", cast.carl),
        ("api_key", "revoked_at = now()", cast.northwind_key),
    ):
        owner.execute(
            text(f"update {table} set {change} where id = :id and partner_id = :own"),
            {"id": actor.id, "own": actor.partner_id},
        )
        with pytest.raises(NoLongerHere):
            run(unguarded, RULES["memberships.add"], actor, acme, now)


def test_a_first_user_is_first_though_a_twin_has_users(
    unguarded: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    plant_twins(owner, cast)
    owner.execute(
        text("update membership set status = 'REMOVED' where customer_id = :globex and partner_id = :own"),
        {"globex": cast.customers["globex"], "own": cast.ada.partner_id},
    )
    first = invite(unguarded, cast.ada, customer_id=cast.customers["globex"], role=None, now=now)
    role = text("select role from membership where id = :id")
    assert owner.execute(role, {"id": first.membership_id}).scalar_one() == "MANAGER"


def test_an_invite_opens_its_own_place_though_a_twin_is_there(
    unguarded: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    nia = invite(unguarded, cast.ada, customer_id=cast.customers["acme"], now=now)
    ned = invite(unguarded, cast.ada, customer_id=cast.customers["acme"], email=cast.emails["gus"], now=now)
    plant_twins(owner, cast)
    owner.execute(
        text(
            "update membership set name = 'Twin', role = 'VIEWER' "
            "where partner_id = :other and role = 'PAYER'"
        ),
        {"other": cast.partners["contoso"]},
    )
    before = rows_of(owner, cast.partners["contoso"])
    with unguarded.transaction() as db:
        offer = accepting.look(db, token=nia.token, now=now)
    assert (offer.name, offer.partner_name) == ("Nia", "Northwind")
    accept(unguarded, nia.token, now)
    accept_as(unguarded, ned.token, cast.gus.user_id, now)
    assert difference(before, rows_of(owner, cast.partners["contoso"])) == {}
    active = owner.scalars(
        text(
            "select name from membership where status = 'ACTIVE' and user_id is not null and id in (:a, :b)"
        ),
        {"a": nia.membership_id, "b": ned.membership_id},
    ).all()
    assert active == ["Nia", "Nia"]


def test_the_worker_derives_the_link_of_the_right_twin(
    unguarded: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    nia = invite(unguarded, cast.ada, customer_id=cast.customers["acme"], now=now)
    plant_twins(owner, cast)
    owner.execute(
        text("update membership set role = 'VIEWER' where partner_id = :other and role = 'PAYER'"),
        {"other": cast.partners["contoso"]},
    )
    with unguarded.transaction() as db:
        row = db.get(Invite, (cast.partners["northwind"], nia.invite_id))
        assert row is not None
        assert token_of(db, row) == nia.token


def test_answers_of_twins_are_kept_apart(
    unguarded: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    ask(unguarded, cast.ada, now)
    plant_twins(owner, cast)
    other = {"other": cast.partners["contoso"]}
    owner.execute(text("update stored_answer set answer = 'twin' where partner_id = :other"), other)
    assert ask(unguarded, cast.ada, now) != "twin"


def test_erasing_a_place_leaves_everybody_elses_alone(
    unguarded: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    nia, ned = (
        invite(unguarded, cast.ada, customer_id=cast.customers["acme"], email=email, name=name, now=now)
        for name, email in (("Nia", "nia@acme.example"), ("Ned", "ned@acme.example"))
    )
    told = {
        "address": '{"name":"Nia","email":"nia@acme.example"}',
        "id": f'{{"id":"{ids.shown("usr", nia.membership_id)}","name":"Nia"}}',
        "another Nia": '{"name":"Nia","email":"nia@globex.example"}',
    }
    for key, answer in told.items():
        ask(unguarded, cast.ada, now, key=key, answer=answer)
    plant_twins(owner, cast)
    before = rows_of(owner, cast.partners["contoso"])
    with unguarded.transaction(partner_id=cast.ada.partner_id) as db:
        (seat,) = erasing.invited_as(db, partner_id=cast.partners["northwind"], email_key="nia@acme.example")
        assert seat.id == nia.membership_id
        erasing.erase_seat(db, cast.ada, membership_id=seat.id, now=now)
    assert difference(before, rows_of(owner, cast.partners["contoso"])) == {}
    mine = {"own": cast.partners["northwind"]}
    keys = owner.execute(text("select membership_id, email_key from invite where partner_id = :own"), mine)
    address = f"{nia.membership_id.hex}@erased.invalid"
    assert dict(map(tuple, keys)) == {nia.membership_id: address, ned.membership_id: "ned@acme.example"}
    kept = owner.execute(
        text("select idempotency_key, answer from stored_answer where partner_id = :own"), mine
    )
    assert dict(map(tuple, kept)) == {
        "address": f'{{"name":"Erased user","email":"{address}"}}',
        "id": told["id"].replace("Nia", "Erased user"),
        "another Nia": told["another Nia"],
    }


# People.


@pytest.fixture
def others(unguarded: Database, owner: Connection, cast: Cast, now: datetime) -> dict[str, list[str]]:
    """Carl and Gus have sessions, devices and open resets; and what of theirs there is."""
    for person in (cast.carl, cast.gus):
        start_session(unguarded, person.user_id, now)
        assert ask_for_reset(unguarded, owner, cast.emails[person.name.lower()], now)
    return theirs(owner, cast)


def theirs(owner: Connection, cast: Cast) -> dict[str, list[str]]:
    """The personal rows of everybody but Petra."""
    petra = str(cast.petra.user_id)
    return {
        table: [row for row in rows if petra not in row]
        for table, rows in world(owner).items()
        if table in ("person", "session", "device", "personal_token", "personal_event")
    }


def test_what_petra_does_is_hers_alone(
    unguarded: Database, owner: Connection, cast: Cast, others: dict[str, list[str]], now: datetime
) -> None:
    mine, other = (start_session(unguarded, cast.petra.user_id, now) for _ in range(2))
    first = steps.sign_in(unguarded, cast.emails["petra"], now, password="wrong")
    assert first is None
    signed_in = steps.sign_in(unguarded, cast.emails["petra"], now, device_token=other.device_token)
    assert signed_in is not None
    assert difference(others, theirs(owner, cast)) == {}

    for act in ("step_up", "change_password"):
        with unguarded.transaction() as db:
            attempt = signin.begin(db, email=cast.emails["petra"], address=steps.HOME, now=now)
        checked = signin.check(attempt, PASSWORD)
        given = {"new": steps.CHOSEN} if act == "change_password" else {}
        with unguarded.transaction() as db:
            assert getattr(signin, act)(db, checked, session_id=mine.session_id, agent="", now=now, **given)
        assert difference(others, theirs(owner, cast)) == {}

    token = ask_for_reset(unguarded, owner, cast.emails["petra"], now)
    assert token is not None
    with unguarded.transaction() as db:
        assert resets.look(db, token=token, now=now).email == cast.emails["petra"]
    new = NewPassword("another hash")
    steps.finish_reset(unguarded, token, now, new=new)
    assert difference(others, theirs(owner, cast)) == {}
    with unguarded.transaction(user_id=cast.petra.user_id) as db:
        assert users.one(db, user_id=cast.petra.user_id).password_hash == "another hash"
        assert sessions.live_of(db, user_id=cast.petra.user_id, now=now) == []


def test_a_weak_hash_is_renewed_for_its_owner_alone(
    unguarded: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    weak = steps.weak_hash(PASSWORD)
    owner.execute(text("update person set password_hash = :weak"), {"weak": weak})
    assert steps.sign_in(unguarded, cast.emails["petra"], now) is not None
    renewed = owner.scalars(
        text("select name from person where password_hash <> :weak"), {"weak": weak}
    ).all()
    assert renewed == ["Petra"]


def test_replacing_a_session_ends_that_one_alone(
    unguarded: Database, owner: Connection, cast: Cast, others: dict[str, list[str]], now: datetime
) -> None:
    old, other = (start_session(unguarded, cast.petra.user_id, now) for _ in range(2))
    again = steps.sign_in(unguarded, cast.emails["petra"], now, replaces=digest_of(old.session_token))
    assert again is not None
    alive = [
        knock(unguarded, one.session_token, Door.PORTAL, "acme-1a2b3c", now) is not None
        for one in (old, other, again)
    ]
    assert alive == [False, True, True]
    assert difference(others, theirs(owner, cast)) == {}

"""Impersonation: who may begin to look at a portal, how it ends, and that nothing is written meanwhile."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from auth import audit
from auth import impersonations as grants
from auth.actors import READS, RIGHTS, Action, Actor, ActorKind, MissingRight, ViewOnly
from auth.impersonations import LIFE, Impersonation, View, ViewOver
from auth.roles import CUSTOMER_ROLES, Role
from auth.sessions import FactorNeeded
from auth.tokens import digest_of
from billing import impersonations
from billing.impersonations import NoPortal, StaffOnly
from db.session import Database
from errors import Invalid, NotFound
from tests.cast import Cast
from tests.portal.conftest import sign_in
from tests.world import nothing_changes

SECOND = timedelta(seconds=1)


class Desk:
    """Somebody of the staff, signed in: begins to look, and knocks."""

    def __init__(self, database: Database, cast: Cast, name: str, now: datetime) -> None:
        home, session = sign_in(database, cast, name, now)
        self.database, self.now, self.slug = database, now, home.rpartition("/")[2]
        self.actor = replace(cast.actors[name], session_id=session.session_id, proved_at=now)
        self.token_hash = digest_of(session.session_token)

    def run(self, rule: Callable[..., Any], *, now: datetime | None = None, **what: Any) -> Any:
        with self.database.transaction(partner_id=self.actor.partner_id) as db:
            return rule(db, self.actor, now=now or self.now, **what)

    def start(self, customer_id: UUID, **what: Any) -> Impersonation:
        grant: Impersonation = self.run(impersonations.start, customer_id=customer_id, **what)
        return grant

    def knock(self, grant_id: UUID, now: datetime | None = None, slug: str = "") -> View | None:
        with self.database.transaction() as db:
            return grants.knock(
                db, token_hash=self.token_hash, slug=slug or self.slug, grant_id=grant_id,
                now=now or self.now,
            )  # fmt: skip

    def actor_of(self, grant_id: UUID, now: datetime | None = None) -> Actor:
        view = self.knock(grant_id, now)
        assert view is not None
        return view.admitted()


@pytest.fixture
def ada(database: Database, cast: Cast, now: datetime) -> Desk:
    return Desk(database, cast, "ada", now)


@pytest.fixture
def acme(cast: Cast) -> UUID:
    return cast.customers["acme"]


def log(owner: Connection) -> list[tuple[Any, ...]]:
    rows = owner.execute(
        text(
            "select action, actor_kind, actor_name, customer_id, subject_kind, subject_id, details"
            " from audit_event where action like 'impersonation%' order by id"
        )
    )
    return [tuple(row) for row in rows]


def test_ada_looks_as_petra_and_both_sides_log_it(
    ada: Desk, acme: UUID, cast: Cast, owner: Connection, database: Database
) -> None:
    grant = ada.start(acme, viewed_id=cast.petra.id, reason="  ticket  4711 ")
    assert (grant.expires_at, grant.role) == (ada.now + LIFE, None)
    actor = ada.actor_of(grant.id)
    assert actor == Actor(
        ActorKind.IMPERSONATION, cast.ada.partner_id, grant.id, acme, Role.PAYER, name="Petra",
        session_id=ada.actor.session_id, viewed_id=cast.petra.id,
    )  # fmt: skip
    ada.run(impersonations.note_refused, grant_id=grant.id, tried="/tags/new")
    ada.run(impersonations.end, grant_id=grant.id)
    ada.run(impersonations.end, grant_id=grant.id)
    said = ("STAFF", "Ada", acme, "user", cast.petra.id)
    assert log(owner) == [
        ("impersonation.started", *said, {"reason": "ticket 4711"}),
        ("impersonation.refused", *said, {"tried": "/tags/new"}),
        ("impersonation.ended", *said, {}),
    ]
    with database.transaction(partner_id=cast.carl.partner_id, customer_id=acme) as db:
        assert db.execute(text("select count(*) from audit_event")).scalar_one() == 3
        assert db.execute(text("select count(*) from impersonation")).scalar_one() == 0


@pytest.mark.parametrize(("role", "name"), [("MANAGER", "Any Manager"), ("VIEWER", "Any Viewer")])
def test_ada_looks_as_nobody_in_particular(
    ada: Desk, acme: UUID, owner: Connection, role: str, name: str
) -> None:
    actor = ada.actor_of(ada.start(acme, role=role).id)
    assert (actor.role, actor.name, actor.viewed_id) == (Role(role), name, None)
    assert log(owner)[0][-3:] == ("customer", acme, {"role": role})


@pytest.mark.parametrize("role", sorted(CUSTOMER_ROLES))
def test_it_reads_what_the_role_reads_and_may_nothing_else(role: Role) -> None:
    actor = Actor(ActorKind.IMPERSONATION, uuid4(), uuid4(), uuid4(), role)
    for action in Action:
        assert actor.may(action) is (action in READS and action in RIGHTS[role]), action
        if action not in READS:
            with pytest.raises(ViewOnly):
                actor.require(action)
    assert {action for action in READS if not action.value.endswith(":read")} == set()


@pytest.mark.parametrize("name", ["rita", "carl", "petra"])
def test_whose_role_lacks_it_does_not_begin(
    database: Database, cast: Cast, acme: UUID, owner: Connection, now: datetime, name: str
) -> None:
    desk = Desk(database, cast, name, now)
    with nothing_changes(owner), pytest.raises(MissingRight):
        desk.start(acme)


def test_keys_and_the_system_never_begin(
    ada: Desk, database: Database, cast: Cast, acme: UUID, owner: Connection
) -> None:
    key = replace(cast.northwind_key, scopes=frozenset(action.value for action in Action))
    system = Actor(ActorKind.SYSTEM, cast.ada.partner_id)
    without_session = replace(ada.actor, session_id=None)
    for actor, refusal in ((key, MissingRight), (system, StaffOnly), (without_session, StaffOnly)):
        with (
            nothing_changes(owner),
            pytest.raises(refusal),
            database.transaction(partner_id=actor.partner_id) as db,
        ):
            impersonations.start(db, actor, customer_id=acme, now=ada.now)


def test_what_cannot_be_seen_is_not_opened(ada: Desk, acme: UUID, cast: Cast, owner: Connection) -> None:
    owner.execute(text("update membership set status = 'DISABLED' where name = 'Vera'"))
    owner.execute(
        text("update customer set status = 'ARCHIVED', archived_at = now() where company = 'Globex'")
    )
    with nothing_changes(owner):
        for what, path, code in (
            ({"viewed_id": cast.vera.id}, "whose", "CANNOT_SIGN_IN"),
            ({"role": "ADMIN"}, "whose", "UNKNOWN_ROLE"),
            ({"role": ""}, "whose", "UNKNOWN_ROLE"),
            ({"reason": "x" * 201}, "reason", "TOO_LONG"),
            ({"reason": "card 4242 4242 4242 4242"}, "reason", "CARD_NUMBER"),
        ):
            with pytest.raises(Invalid) as refused:
                ada.start(acme, **what)
            assert [(wrong.code, wrong.path) for wrong in refused.value.problems] == [(code, (path,))]
        with pytest.raises(NoPortal):
            ada.start(cast.customers["globex"])


@pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "unguarded"])
def test_strangers_find_nothing_to_look_at(
    database: Database, unguarded: Database, cast: Cast, acme: UUID, owner: Connection, now: datetime,
    guarded: bool,
) -> None:  # fmt: skip
    either = database if guarded else unguarded
    ada = Desk(database, cast, "ada", now)
    grant = ada.start(acme, viewed_id=cast.petra.id)
    mallory, clem = Desk(either, cast, "mallory", now), Desk(either, cast, "clem", now)
    mine = Desk(either, cast, "ada", now)
    with nothing_changes(owner):
        for desk, what in (
            (mallory, {"customer_id": acme}),
            (mallory, {"customer_id": acme, "viewed_id": cast.petra.id}),
            (mallory, {"customer_id": cast.customers["initech"], "viewed_id": cast.petra.id}),
            (mine, {"customer_id": acme, "viewed_id": cast.gus.id}),
            (mine, {"customer_id": acme, "viewed_id": cast.clem.id}),
            (mine, {"customer_id": acme, "viewed_id": uuid4()}),
            (mine, {"customer_id": uuid4()}),
        ):
            with pytest.raises(NotFound):
                desk.start(**what)
        for desk in (mallory, clem):
            with pytest.raises(NotFound):
                desk.run(impersonations.end, grant_id=grant.id)
            with pytest.raises(NotFound):
                desk.run(impersonations.note_refused, grant_id=grant.id, tried="/x")
    for desk, slug, called in (
        (mallory, "contoso", "Mallory"), (mallory, "northwind", ""), (clem, "northwind", "Clem"),
        (ada, "contoso", ""),
    ):  # fmt: skip
        view = desk.knock(grant.id, slug=slug)
        assert view is not None
        assert view.staff_name == called
        assert (view.actor, view.customer_id) == (None, None)
        with pytest.raises(NotFound):
            view.admitted()


def test_it_ends_after_thirty_minutes_to_the_second(ada: Desk, acme: UUID) -> None:
    grant = ada.start(acme)
    assert ada.actor_of(grant.id, ada.now + LIFE - SECOND).customer_id == acme
    for moment in (LIFE, LIFE + SECOND):
        # The session itself is idle by then: somebody else's tab kept it alive.
        with ada.database.transaction(user_id=ada.actor.user_id) as db:
            db.execute(text("update session set last_seen_at = :now"), {"now": ada.now + moment})
        with pytest.raises(ViewOver) as over:
            ada.actor_of(grant.id, ada.now + moment)
        assert over.value.customer_id == acme
        assert str(over.value) == ViewOver.message
    with pytest.raises(ViewOver):
        ada.run(impersonations.note_refused, grant_id=grant.id, tried="/x", now=ada.now + LIFE)


ENDS = {
    "ended": "update impersonation set ended_at = now()",
    "archived": "update customer set status = 'ARCHIVED', archived_at = now() where company = 'Acme'",
    "user disabled": "update membership set status = 'DISABLED' where name = 'Petra'",
    "user removed": "update membership set status = 'REMOVED' where name = 'Petra'",
    "another session": "update impersonation set session_id = gen_random_uuid()",
}
REFUSED = {
    "member removed": ("update membership set status = 'REMOVED' where name = 'Ada'", NotFound),
    "member disabled": ("update membership set status = 'DISABLED' where name = 'Ada'", NotFound),
    "role lost it": ("update membership set role = 'READ_ONLY' where name = 'Ada'", MissingRight),
    "second factor": ("update partner set staff_need_factor = true", FactorNeeded),
}


@pytest.mark.parametrize("how", [*ENDS, *REFUSED])
def test_what_ends_it_is_felt_at_the_next_request(
    ada: Desk, acme: UUID, cast: Cast, owner: Connection, how: str
) -> None:
    grant = ada.start(acme, viewed_id=cast.petra.id)
    assert ada.actor_of(grant.id).role is Role.PAYER
    statement, refusal = (ENDS[how], ViewOver) if how in ENDS else REFUSED[how]
    owner.execute(text(statement))
    with nothing_changes(owner), pytest.raises(refusal):
        ada.actor_of(grant.id)
    if how in ENDS:
        # Nothing is entered: whatever ran in this transaction would see no row.
        with ada.database.transaction() as db:
            grants.knock(db, token_hash=ada.token_hash, slug="northwind", grant_id=grant.id, now=ada.now)
            assert db.execute(text("select count(*) from customer")).scalar_one() == 0


def test_whoever_has_no_role_at_the_partner_looks_at_nothing(ada: Desk, acme: UUID) -> None:
    """No grant is found for them. If one were, it would open nothing."""
    view = ada.knock(ada.start(acme).id)
    assert view is not None
    with pytest.raises(MissingRight):
        replace(view, staff_role=None).admitted()


@pytest.mark.parametrize("how", ["ended_at = now()", "expires_at = created_at"])
def test_with_the_session_goes_the_view(ada: Desk, acme: UUID, owner: Connection, how: str) -> None:
    grant = ada.start(acme)
    owner.execute(text(f"update session set {how}"))
    assert ada.knock(grant.id) is None


def test_the_role_is_the_users_own_at_the_moment(
    ada: Desk, acme: UUID, cast: Cast, owner: Connection
) -> None:
    grant = ada.start(acme, viewed_id=cast.petra.id)
    owner.execute(text("update membership set role = 'VIEWER' where name = 'Petra'"))
    assert ada.actor_of(grant.id).role is Role.VIEWER


def test_the_database_writes_nothing_behind_a_grant_and_takes_no_way_back(
    ada: Desk, acme: UUID, cast: Cast, owner: Connection
) -> None:
    grant = ada.start(acme, viewed_id=cast.carl.id)
    tables = owner.scalars(
        text(
            "select table_name from information_schema.table_privileges"
            " where grantee = 'remit_app' and privilege_type = 'DELETE' and table_schema = 'public'"
        )
    ).all()
    assert len(tables) > 20
    tried = [*(f'delete from "{table}"' for table in tables), "set transaction read write",
             "select set_config('transaction_read_only', 'off', true)"]  # fmt: skip
    with nothing_changes(owner, without=("session",)):
        for statement in tried:
            with pytest.raises(DBAPIError, match=r"read-only transaction|read-write mode"):
                _behind(ada, grant.id, statement)


def _behind(desk: Desk, grant_id: UUID, statement: str) -> None:
    with desk.database.transaction() as db:
        grants.knock(db, token_hash=desk.token_hash, slug=desk.slug, grant_id=grant_id, now=desk.now)
        db.execute(text(statement))


def test_it_sees_the_customers_world_and_no_other(ada: Desk, acme: UUID, cast: Cast) -> None:
    grant = ada.start(acme)
    with ada.database.transaction() as db:
        grants.knock(db, token_hash=ada.token_hash, slug="northwind", grant_id=grant.id, now=ada.now)
        assert db.execute(text("select company from customer")).scalars().all() == ["Acme"]
        people = set(db.execute(text("select name from membership")).scalars())
    assert people == {"Carl", "Petra", "Vera"}


def test_a_rule_that_forgets_to_ask_is_stopped_at_the_log(
    database: Database, cast: Cast, owner: Connection, now: datetime
) -> None:
    """The third net: whatever changes something is written down, and this actor writes nothing down."""
    actor = Actor(ActorKind.IMPERSONATION, cast.ada.partner_id, uuid4(), cast.customers["acme"], Role.MANAGER)

    def tried(db: Session) -> None:
        audit.record(db, actor, action="tag.created", subject_kind="tag", subject_id=None, now=now)

    def tried_many(db: Session) -> None:
        audit.record_many(db, actor, action="tag.created", subject_kind="tag", subjects=[], now=now)

    for attempt in (tried, tried_many):
        with (
            nothing_changes(owner),
            pytest.raises(ViewOnly),
            database.transaction(partner_id=actor.partner_id, customer_id=actor.customer_id) as db,
        ):
            attempt(db)

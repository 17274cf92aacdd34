"""G-8, O2: what the audit log keeps, and what it refuses to."""

from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from auth import audit
from auth.actors import Actor, ActorKind, MissingRight, ViewOnly, system
from auth.memberships import Role
from db.session import Database, enter
from tests.cast import Cast
from tests.world import nothing_changes


def record(database: Database, actor: Actor, now: datetime, **given: object) -> None:
    subject = {"action": "tag.created", "subject_kind": "tag", "subject_id": None, **given}
    with database.transaction(partner_id=actor.partner_id, customer_id=actor.customer_id) as db:
        audit.record(db, actor, now=now, **subject)  # type: ignore[arg-type]


def test_an_event_says_who_did_what_to_what_and_when(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    assert cast.petra.id is not None
    record(
        database, cast.clem, now, subject_id=cast.petra.id, customer_id=cast.customers["acme"],
        role=Role.PAYER, fields=["name", Role.PAYER, 1], many=3, none=None, yes=True, on=date(2026, 1, 2),
        id_of=cast.petra.id,
    )  # fmt: skip
    row = owner.execute(text("select * from audit_event")).one()
    assert (row.partner_id, row.customer_id, row.at) == (cast.clem.partner_id, cast.customers["acme"], now)
    assert (row.actor_kind, row.actor_id, row.actor_name) == ("STAFF", cast.clem.id, "Clem")
    assert (row.action, row.subject_kind, row.subject_id) == ("tag.created", "tag", cast.petra.id)
    assert row.details == {
        "role": "PAYER", "fields": ["name", "PAYER", 1], "many": 3, "none": None, "yes": True,
        "on": "2026-01-02", "id_of": str(cast.petra.id),
    }  # fmt: skip


def test_a_customer_users_acts_are_its_own_customers(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    record(database, cast.petra, now)
    row = owner.execute(text("select customer_id, actor_kind from audit_event")).one()
    assert tuple(row) == (cast.customers["acme"], "CUSTOMER_USER")


def test_a_customer_user_writes_into_no_other_log(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    with nothing_changes(owner), pytest.raises(DBAPIError, match="row-level security"):
        record(database, cast.petra, now, customer_id=cast.customers["globex"])


def test_the_system_is_an_actor_too(database: Database, owner: Connection, cast: Cast, now: datetime) -> None:
    record(database, system(cast.partners["contoso"]), now)
    row = owner.execute(text("select actor_kind, actor_id, actor_name from audit_event")).one()
    assert tuple(row) == ("SYSTEM", None, "Remit")


@pytest.mark.parametrize(
    "name", ["token", "session_token", "password", "new_password", "token_hash", "client_secret"]
)
def test_a_detail_that_smells_of_a_secret_is_a_mistake(
    database: Database, owner: Connection, cast: Cast, name: str, now: datetime
) -> None:
    with nothing_changes(owner), pytest.raises(ValueError, match=name):
        record(database, cast.ada, now, **{name: "x"})


def test_an_event_is_written_at_once_so_that_no_other_tenant_gets_it(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        audit.record(db, cast.ada, action="a.b", subject_kind="a", subject_id=None, now=now)
        enter(db, partner_id=cast.mallory.partner_id)
    assert owner.execute(text("select partner_id from audit_event")).scalar_one() == cast.ada.partner_id


def test_each_side_reads_what_is_its_own(database: Database, cast: Cast, now: datetime) -> None:
    record(database, cast.ada, now, action="for.acme", customer_id=cast.customers["acme"])
    record(database, cast.ada, now, action="for.globex", customer_id=cast.customers["globex"])
    record(database, cast.ada, now, action="for.staff")
    record(database, cast.mallory, now, action="of.contoso")
    seen = {}
    for actor in (cast.ada, cast.carl, cast.gus, cast.mallory, cast.ines):
        with database.transaction(partner_id=actor.partner_id, customer_id=actor.customer_id) as db:
            seen[actor.name] = set(db.execute(text("select action from audit_event")).scalars())
    assert seen == {
        "Ada": {"for.acme", "for.globex", "for.staff"},
        "Carl": {"for.acme"},
        "Gus": {"for.globex"},
        "Mallory": {"of.contoso"},
        "Ines": set(),
    }


def test_a_personal_event_is_kept_for_the_person_entered_alone(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    given = {"action": "sign_in", "address": "192.0.2.1", "agent": "Fire\nfox", "now": now.astimezone(UTC)}
    petra = cast.petra.user_id
    with database.transaction(user_id=petra) as db:
        kept = audit.record_personal(db, user_id=petra, **given)  # type: ignore[arg-type]
        lost = audit.record_personal(db, user_id=UUID(int=1), **given)  # type: ignore[arg-type]
    assert kept != lost
    row = owner.execute(text("select * from personal_event")).one()
    assert (row.id, row.user_id, row.at) == (kept, petra, now)
    assert (row.action, row.address, row.agent) == ("sign_in", "192.0.2.1", "Fire fox")


def test_the_log_that_leaves_as_a_file_is_written_down_with_what_was_asked(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    assert cast.ada.id is not None
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        audit.begin_export(db, cast.ada, asked={"action": "tag.", "from": "2026-01-01"}, now=now)
    row = owner.execute(text("select action, subject_id, details from audit_event")).one()
    assert (row.action, row.subject_id) == ("audit.export_started", cast.partners["northwind"])
    assert row.details == {"asked": ["action: tag.", "from: 2026-01-01"]}


def test_the_log_is_not_handed_to_who_may_not_read_it(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    with (
        nothing_changes(owner),
        pytest.raises(MissingRight),
        database.transaction(partner_id=cast.petra.partner_id, customer_id=cast.petra.customer_id) as db,
    ):
        audit.begin_export(db, cast.petra, asked={}, now=now)


def test_many_subjects_are_written_down_at_once_each_with_whose_it_is(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    acme, globex = cast.customers["acme"], cast.customers["globex"]
    given = {"action": "customer.archived", "subject_kind": "customer", "now": now}
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        audit.record_many(db, cast.ada, subjects=[(acme, acme), (globex, None)], **given)  # type: ignore[arg-type]
    columns = "partner_id, actor_kind, actor_id, actor_name, action, at, subject_id, customer_id"
    rows = owner.execute(text(f"select {columns} from audit_event")).all()
    who = (cast.ada.partner_id, "STAFF", cast.ada.id, "Ada", "customer.archived", now)
    assert {tuple(row) for row in rows} == {(*who, acme, acme), (*who, globex, None)}
    assert len(rows) == 2


def test_whoever_only_looks_has_nothing_to_write_down(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    acme = cast.customers["acme"]
    looks = Actor(ActorKind.IMPERSONATION, cast.ada.partner_id, id=cast.ada.id, customer_id=acme)
    with nothing_changes(owner), pytest.raises(ViewOnly):
        record(database, looks, now)
    with (
        nothing_changes(owner),
        pytest.raises(ViewOnly),
        database.transaction(partner_id=looks.partner_id, customer_id=acme) as db,
    ):
        audit.record_many(
            db, looks, action="tag.created", subject_kind="tag", subjects=[(acme, acme)], now=now
        )


def test_ones_history_is_ones_own_and_of_the_kinds_that_are_asked_for(
    unguarded: Database, cast: Cast, now: datetime
) -> None:
    """Past row-level security too."""
    petra, carl = cast.petra.user_id, cast.carl.user_id
    assert petra is not None
    happened = ((petra, "sign_in"), (carl, "sign_in"), (petra, "step_up"), (petra, "device.forgotten"))
    with unguarded.transaction(user_id=petra) as db:
        for user_id, action in happened:
            audit.record_personal(db, user_id=user_id, action=action, address="", agent="", now=now)  # type: ignore[arg-type]
        recent = audit.recent_of(db, user_id=petra, actions=["sign_in", "step_up"], limit=5)
        assert [(event.user_id, event.action) for event in recent] == [(petra, "step_up"), (petra, "sign_in")]
        (latest,) = audit.recent_of(db, user_id=petra, actions=["sign_in", "step_up"], limit=1)
        assert latest.action == "step_up"

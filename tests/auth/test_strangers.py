"""A-1, A-2 at the rules of identity: a stranger at every rule, with row-level security and without it.

Without it the rules' own predicates stand alone; a rule that takes an actor and is missing here fails.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from types import ModuleType
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection
from sqlmodel import Session

from auth import accepting, api_keys, audit, authority, companies, invites, memberships, replays
from auth.actors import Actor
from auth.emails import parse_email
from auth.memberships import Role
from db.session import Database
from errors import NotFound
from tests.auth.steps import Newcomer, invite
from tests.auth.team_steps import strike
from tests.cast import Cast
from tests.world import difference, nothing_changes, world

MODULES: tuple[ModuleType, ...] = (
    accepting, api_keys, audit, authority, companies, invites, memberships, replays,
)  # fmt: skip


@dataclass
class Ids:
    """Whose things are asked for: an invited and an active user, a company, a key."""

    customer: UUID
    invited: UUID
    active: UUID
    disabled: UUID
    key: UUID


X = parse_email("x@x.example")
Rule = Callable[[Session, Actor, Ids, datetime], object]


def by_membership(rule: Callable[..., object], which: str, **given: object) -> Rule:
    return lambda db, actor, ids, now: rule(db, actor, membership_id=getattr(ids, which), now=now, **given)


RULES: dict[str, Rule] = {
    "memberships.add": lambda db, actor, ids, now: memberships.add(
        db, actor, customer_id=ids.customer, name="X", email=X, role=Role.PAYER, now=now
    ),
    "memberships.change_role": by_membership(memberships.change_role, "active", role=Role.VIEWER),
    "memberships.correct": by_membership(memberships.correct, "invited", name="X", email=X, locale=None),
    "memberships.disable": by_membership(memberships.disable, "active"),
    "memberships.enable": by_membership(memberships.enable, "disabled"),
    "memberships.remove": by_membership(memberships.remove, "active"),
    "invites.resend": by_membership(invites.resend, "invited"),
    "invites.revoke": by_membership(invites.revoke, "invited"),
    "authority.scoped": lambda db, actor, ids, now: authority.scoped(db, actor, membership_id=ids.active),
    "authority.managed": lambda db, actor, ids, now: authority.managed(db, actor, membership_id=ids.active),
    "authority.lock_place": lambda db, actor, ids, now: authority.lock_place(
        db, actor, customer_id=ids.customer
    ),
    "companies.lock": lambda db, actor, ids, now: companies.lock(db, actor, customer_id=ids.customer),
    "api_keys.rotate": lambda db, actor, ids, now: api_keys.rotate(db, actor, key_id=ids.key, now=now),
    "api_keys.revoke": lambda db, actor, ids, now: api_keys.revoke(db, actor, key_id=ids.key, now=now),
    "api_keys.create_portal_token": lambda db, actor, ids, now: api_keys.create_portal_token(
        db, actor, customer_id=ids.customer, origins=["https://a.example"], now=now
    ),
}  # fmt: skip
# These are given records, not ids, or make something of the actor's own.
OTHERWISE = {
    "audit.record": "tests/auth/test_audit.py",
    "audit.record_many": "tests/billing/test_customer_imports.py",
    "audit.begin_export": "tests/auth/test_audit.py",
    "api_keys.create": "tests/auth/test_api_keys.py",
    "authority.require_place": "tests/auth/test_memberships.py",
    "authority.require_managing": "tests/auth/test_memberships.py",
    "authority.require_not_above": "tests/auth/test_memberships.py",
    "invites.issue": "tests/auth/test_invites.py",
    "memberships.place": "memberships.add, which it is the first half of",
    "memberships.invite": "memberships.add, which it is the second half of",
    "invites.kill_of_customers": "test_nobody_kills_another_partners_invites, below",
    "replays.claim": "tests/auth/test_replays.py",
    "replays.store": "tests/auth/test_replays.py",
    "replays.release": "tests/auth/test_replays.py",
    "replays.drop_old": "tests/auth/test_replays.py",
}


def test_every_rule_that_takes_an_actor_is_tried_with_strangers() -> None:
    found = {
        f"{module.__name__.removeprefix('auth.')}.{name}"
        for module in MODULES
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__
        and not name.startswith("_")
        and "actor" in inspect.signature(function).parameters
    }
    assert found == RULES.keys() | OTHERWISE.keys()


@pytest.fixture
def acme(database: Database, cast: Cast, now: datetime) -> Ids:
    """Acme's: Nia invited, Petra active, Vera disabled; and Northwind's key."""
    nia: Newcomer = invite(database, cast.ada, customer_id=cast.customers["acme"], now=now)
    strike(database, cast.ada, "disable", cast.vera, now)
    ids = (cast.customers["acme"], nia.membership_id, cast.petra.id, cast.vera.id, cast.northwind_key.id)
    return Ids(*ids)  # type: ignore[arg-type]


def run(database: Database, rule: Rule, actor: Actor, ids: Ids, now: datetime) -> object:
    with database.transaction(partner_id=actor.partner_id, customer_id=actor.customer_id) as db:
        return rule(db, actor, ids, now)


@pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "unguarded"])
@pytest.mark.parametrize("name", RULES)
def test_a_stranger_is_told_what_a_made_up_id_is_told(
    database: Database,
    unguarded: Database,
    owner: Connection,
    cast: Cast,
    acme: Ids,
    name: str,
    guarded: bool,
    now: datetime,
) -> None:
    either = database if guarded else unguarded
    strangers = (
        ["mallory", "contoso_key"] if name.startswith("api_keys") else ["mallory", "gus", "contoso_key"]
    )
    if name in {"api_keys.revoke", "api_keys.rotate"}:
        strangers = ["mallory"]
    if name == "api_keys.create_portal_token":
        strangers = ["contoso_key"]
    made_up = Ids(*(uuid4() for _ in range(5)))
    answers = set()
    with nothing_changes(owner):
        for person in strangers:
            for ids in (acme, made_up):
                with pytest.raises(NotFound) as refusal:
                    run(either, RULES[name], getattr(cast, person), ids, now)
                answers.add((type(refusal.value), refusal.value.code, str(refusal.value)))
    assert len(answers) == 1


@pytest.mark.parametrize("name", RULES)
def test_the_same_rule_works_for_whoever_it_is_meant_for(
    database: Database, cast: Cast, acme: Ids, name: str, now: datetime
) -> None:
    """Else the refusals above would show nothing."""
    key = name == "api_keys.create_portal_token"
    assert run(database, RULES[name], cast.northwind_key if key else cast.ada, acme, now)


@pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "unguarded"])
def test_nobody_kills_another_partners_invites(
    database: Database,
    unguarded: Database,
    owner: Connection,
    cast: Cast,
    acme: Ids,
    guarded: bool,
    now: datetime,
) -> None:
    either = database if guarded else unguarded
    kill = partial(invites.kill_of_customers, customer_ids=[acme.customer], now=now)
    with nothing_changes(owner), either.transaction(partner_id=cast.mallory.partner_id) as db:
        assert kill(db, cast.mallory) == 0
    with either.transaction(partner_id=cast.ada.partner_id) as db:
        assert kill(db, cast.ada) == 1


@pytest.mark.parametrize("name", RULES)
def test_a_rule_changes_nothing_of_anybody_elses(
    unguarded: Database, owner: Connection, cast: Cast, acme: Ids, name: str, now: datetime
) -> None:
    """Past row-level security, what Ada does to Acme leaves every row of the others as it was."""
    others = [str(cast.partners["contoso"]), str(cast.customers["globex"])]
    before = world(owner)
    key = name == "api_keys.create_portal_token"
    run(unguarded, RULES[name], cast.northwind_key if key else cast.ada, acme, now)
    for table, change in difference(before, world(owner)).items():
        for row in change["gone"] + change["new"]:
            assert not any(other in row for other in others), (table, row)

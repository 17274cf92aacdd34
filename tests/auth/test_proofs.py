"""D-4: who is asked for a fresh proof, by which rules, and how long one lasts."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any

import pytest
from sqlalchemy import Connection

from auth import api_keys
from auth.actors import system
from auth.proofs import RECENT, ProofRequired
from billing import customer_users, erasing_former, impersonations, sign_in_policy, staff
from db.columns import new_id
from db.session import Database
from errors import Refusal
from tests.cast import Cast
from tests.world import nothing_changes

# What is done to somebody who is there, and what lets somebody in.
TO_ONE = ("change_role", "disable", "enable", "remove")
INVITING = ("invite", "resend_invite", "revoke_invite", "correct")
# Who is asked by which rules of which module.
ASKED: list[tuple[str, ModuleType, str]] = [
    *(("ada", staff, name) for name in (*TO_ONE, *INVITING)),
    *(("ada", customer_users, name) for name in TO_ONE),
    *(("carl", customer_users, name) for name in (*TO_ONE, *INVITING)),
    *(("ada", api_keys, name) for name in ("create", "rotate", "revoke")),
    ("ada", sign_in_policy, "require_factors"),
    ("ada", impersonations, "start"),
    ("ada", erasing_former, "erase_former"),
]
NOT_ASKED = [("ada", customer_users, name) for name in INVITING]
GIVEN: dict[str, dict[str, Any]] = {
    "change_role": {"role": "READ_ONLY"},
    "correct": {"name": "Una", "email": None},
    "create": {"name": "Shop", "scopes": ["tags:read"]},
    "require_factors": {"staff": False, "users": True},
}


def given(cast: Cast, module: ModuleType, name: str) -> dict[str, Any]:
    """What the rule is told, beside who acts and when."""
    if name == "invite":
        where = {} if module is staff else {"customer_id": cast.customers["acme"]}
        return {"name": "Una", "email": "una@acme.example", "role": "PAYER" if where else "MEMBER", **where}
    if module is impersonations:
        return {"customer_id": cast.customers["acme"]}
    if name in ("rotate", "revoke"):
        return {"key_id": cast.northwind_key.id}
    if name in ("create", "require_factors"):
        return GIVEN[name]
    member = cast.clem if module is staff else cast.petra
    return {"membership_id": member.id, **GIVEN.get(name, {})}


def ask(
    database: Database,
    cast: Cast,
    who: str,
    module: ModuleType,
    name: str,
    proved_at: datetime,
    now: datetime,
) -> Refusal | None:
    """What the rule refuses a session that was proved then; everything is undone."""
    actor = replace(cast.actors[who], session_id=new_id(), proved_at=proved_at)
    rule: Callable[..., Any] = getattr(module, name)
    with database.transaction(partner_id=actor.partner_id, customer_id=actor.customer_id) as db:
        try:
            rule(db, actor, **given(cast, module, name), now=now)
        except Refusal as refusal:
            return refusal
        finally:
            db.rollback()
    return None


@pytest.mark.parametrize(
    ("who", "module", "name"), [*ASKED, *NOT_ASKED], ids=lambda part: getattr(part, "__name__", part)
)
def test_these_rules_ask_for_one_and_inviting_customers_does_not(
    database: Database, owner: Connection, cast: Cast, now: datetime, who: str, module: ModuleType, name: str
) -> None:
    with nothing_changes(owner):
        stale = ask(database, cast, who, module, name, now - RECENT, now)
        fresh = ask(database, cast, who, module, name, now - RECENT + timedelta(seconds=1), now)
    assert isinstance(stale, ProofRequired) is ((who, module, name) in ASKED)
    assert not isinstance(fresh, ProofRequired)


def test_a_proof_lasts_a_quarter_of_an_hour(cast: Cast, now: datetime) -> None:
    assert timedelta(minutes=15) == RECENT
    signed_in = replace(cast.ada, session_id=new_id(), proved_at=now)
    signed_in.require_proof(now + RECENT - timedelta(microseconds=1))
    with pytest.raises(ProofRequired):
        signed_in.require_proof(now + RECENT)


def test_a_session_without_any_proof_is_asked(cast: Cast, now: datetime) -> None:
    with pytest.raises(ProofRequired):
        replace(cast.ada, session_id=new_id()).require_proof(now)


def test_whoever_has_no_session_is_not_asked(cast: Cast, now: datetime) -> None:
    cast.northwind_key.require_proof(now)
    system(cast.ada.partner_id).require_proof(now)

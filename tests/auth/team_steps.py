"""Adding people and taking them away, as a door does it: one transaction, as the actor."""

from datetime import datetime
from uuid import UUID

from auth import invites, memberships
from auth.actors import Actor
from auth.emails import parse_email
from auth.memberships import Added, Changed, Role
from db.session import Database
from tests.auth.steps import Newcomer


def add(
    database: Database,
    actor: Actor,
    now: datetime,
    *,
    customer_id: UUID | None = None,
    name: str = "Nia",
    email: str = "nia@acme.example",
    role: Role | None = None,
    path: tuple[str | int, ...] = (),
) -> Added:
    with database.transaction(partner_id=actor.partner_id, customer_id=actor.customer_id) as db:
        return memberships.add(
            db,
            actor,
            customer_id=customer_id,
            name=name,
            email=parse_email(email),
            role=role,
            path=path,
            now=now,
        )


def change(
    database: Database, actor: Actor, target: Actor | UUID | None, role: Role, now: datetime
) -> Changed:
    membership_id = target.id if isinstance(target, Actor) else target
    assert membership_id is not None
    with database.transaction(partner_id=actor.partner_id, customer_id=actor.customer_id) as db:
        return memberships.change_role(db, actor, membership_id=membership_id, role=role, now=now)


def strike(database: Database, actor: Actor, how: str, target: Actor | UUID | None, now: datetime) -> str:
    membership_id = target.id if isinstance(target, Actor) else target
    with database.transaction(partner_id=actor.partner_id, customer_id=actor.customer_id) as db:
        act = getattr(memberships, how)
        return str(act(db, actor, membership_id=membership_id, now=now).status)


def resend(database: Database, actor: Actor, newcomer: Newcomer, now: datetime) -> str:
    with database.transaction(partner_id=actor.partner_id, customer_id=actor.customer_id) as db:
        again = invites.resend(db, actor, membership_id=newcomer.membership_id, now=now)
        return invites.token_of(db, again)


def revoke(database: Database, actor: Actor, newcomer: Newcomer, now: datetime) -> None:
    with database.transaction(partner_id=actor.partner_id, customer_id=actor.customer_id) as db:
        invites.revoke(db, actor, membership_id=newcomer.membership_id, now=now)

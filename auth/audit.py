"""The audit log: who did what to what, when. Rows are added, never changed.

Surprise: the customer's side sees the rows with its own `customer_id`, the partner sees all of them. What a
customer must not learn of, a draft for one, has no `customer_id`, and `concerns_id` says whose it is.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, insert, literal, select, text
from sqlmodel import Field, Session, SQLModel, col

from auth.actors import Action, Actor
from auth.users import User
from db.arrays import uuids
from db.columns import document, instant, key, new_id, tenant
from db.policies import Guard, guarded

# What a detail must not be called: the log is read by both sides and kept for years.
_SECRET = re.compile(r"token|secret|password|hash")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
LONGEST_AGENT = 200
# A list a column instead of thousands of rows: binding each row's values costs more than writing it.
_MANY = text("""
    insert into audit_event (partner_id, id, customer_id, concerns_id, at, actor_kind, actor_id, actor_name,
      action, subject_kind, subject_id, details)
    select :partner_id, one.id, one.customer_id, coalesce(one.concerns_id, one.customer_id), :at, :kind,
      cast(:actor_id as uuid), :name, :action, :subject_kind, one.subject_id, coalesce(one.details, '{}')
    from rows from (unnest(cast(:ids as uuid[])), unnest(cast(:subjects as uuid[])),
      unnest(cast(:customers as uuid[])), unnest(cast(:concerned as uuid[])),
      jsonb_array_elements(cast(:details as jsonb)))
      as one(id, subject_id, customer_id, concerns_id, details)
""")


class AuditEvent(SQLModel, table=True):
    """One act. `actor_name` is what the actor was called at the time."""

    __tablename__ = "audit_event"
    __table_args__ = (
        ForeignKeyConstraint(["partner_id"], ["partner.id"]),
        Index("ix_audit_event_at", "partner_id", "at", "id"),
        Index("ix_audit_event_customer", "partner_id", "customer_id", "at", "id"),
        Index("ix_audit_event_concerns", "partner_id", "concerns_id", "at", "id"),
        Index("ix_audit_event_subject", "partner_id", "subject_id", "at", "id"),
        Index("ix_audit_event_actor", "partner_id", "actor_id", "at", "id"),
        Index("ix_audit_event_actor_kind", "partner_id", "actor_kind", "at", "id"),
        guarded(Guard.CUSTOMER, append_only=True),
    )

    partner_id: UUID = tenant()
    id: UUID = key()
    customer_id: UUID | None = None
    at: datetime = instant()
    actor_kind: str
    actor_id: UUID | None = None
    actor_name: str
    action: str
    subject_kind: str
    subject_id: UUID | None = None
    details: dict[str, Any] = document(default_factory=dict)
    concerns_id: UUID | None = None


class PersonalEvent(SQLModel, table=True):
    """What happened to a person's credentials: signing in, failing to, resets. Tenantless."""

    __tablename__ = "personal_event"
    __table_args__ = (guarded(Guard.PERSONAL, append_only=True),)

    id: UUID = key()
    user_id: UUID = Field(foreign_key="person.id", index=True)
    at: datetime = instant()
    action: str
    address: str
    agent: str


class Unseen(NamedTuple):
    """A customer that an act concerns and that must not see it."""

    customer_id: UUID


def record(
    db: Session,
    actor: Actor,
    *,
    action: str,
    subject_kind: str,
    subject_id: UUID | None,
    customer_id: UUID | Unseen | None = None,
    now: datetime,
    **details: object,
) -> None:
    """Write down that `actor` did `action` (`user.invited`) to the subject.

    `customer_id` says whose side sees it too, or, `Unseen`, in whose log the partner alone finds it; a
    customer user's acts are always its own customer's.
    `details` are small and plain (texts, numbers, ids, lists of them); a name that smells of a secret is a
    programming error (ValueError), because rows here can never be cleaned. Refuses (ViewOnly) an
    impersonation: what is worth a line here changes something, and it only looks.
    """
    actor.require_writer()
    for name in details:
        if _SECRET.search(name):
            raise ValueError(f"the audit log takes no secrets: {name}")
    concerned = customer_id.customer_id if isinstance(customer_id, Unseen) else customer_id
    seen = None if isinstance(customer_id, Unseen) else customer_id
    # Written at once: what waits for the commit could be written under another tenant.
    db.execute(
        insert(AuditEvent).values(
            partner_id=actor.partner_id,
            id=new_id(),
            customer_id=seen or actor.customer_id,
            concerns_id=concerned or actor.customer_id,
            at=now,
            actor_kind=actor.kind.value,
            actor_id=actor.id,
            actor_name=actor.name,
            action=action,
            subject_kind=subject_kind,
            subject_id=subject_id,
            details={name: _plain(value) for name, value in details.items()},
        )
    )


def record_many(
    db: Session,
    actor: Actor,
    *,
    action: str,
    subject_kind: str,
    subjects: Sequence[tuple[UUID, UUID | None]],
    details: Sequence[Mapping[str, object]] = (),
    concerned: Sequence[UUID] = (),
    now: datetime,
) -> None:
    """As `record`, for many subjects at once: each with the customer that sees it too, and, if there are any,
    its details and the customer it concerns.
    """
    actor.require_writer()
    for name in {name for one in details for name in one}:
        if _SECRET.search(name):
            raise ValueError(f"the audit log takes no secrets: {name}")
    given = {
        "partner_id": actor.partner_id, "kind": actor.kind.value, "actor_id": actor.id, "name": actor.name,
        "action": action, "subject_kind": subject_kind, "at": now, "ids": uuids(new_id() for _ in subjects),
        "subjects": uuids(id_ for id_, _ in subjects),
        "customers": uuids(customer_id for _, customer_id in subjects), "concerned": uuids(concerned),
        "details": json.dumps([{name: _plain(value) for name, value in one.items()} for one in details]),
    }  # fmt: skip
    db.execute(_MANY, given)


def begin_export(db: Session, actor: Actor, *, asked: Mapping[str, str], now: datetime) -> None:
    """Write down that the log leaves the house as a file, and what was asked for. Refuses MissingRight."""
    actor.require(Action.VIEW_AUDIT)
    record(
        db, actor, action="audit.export_started", subject_kind="partner", subject_id=actor.partner_id,
        now=now, asked=[f"{name}: {text}" for name, text in asked.items()],
    )  # fmt: skip


def record_personal(
    db: Session, *, user_id: UUID, action: str, address: str, agent: str, now: datetime
) -> UUID:
    """Write down what happened to a person's credentials; the id of the event, whether or not it was kept.

    Nobody has `user_id`: the same statement runs and writes nothing (GUARANTEES B-4).
    """
    event_id = new_id()
    values = select(
        literal(event_id), col(User.id), literal(now), literal(action), literal(address),
        literal(shown(agent)),
    ).where(col(User.id) == user_id)  # fmt: skip
    db.execute(
        insert(PersonalEvent).from_select(["id", "user_id", "at", "action", "address", "agent"], values)
    )
    return event_id


def recent_of(db: Session, *, user_id: UUID, actions: Sequence[str], limit: int) -> list[PersonalEvent]:
    """The entered person's latest events of these kinds, the latest first."""
    mine = (
        select(PersonalEvent)
        .where(col(PersonalEvent.user_id) == user_id, col(PersonalEvent.action).in_(actions))
        .order_by(col(PersonalEvent.at).desc(), col(PersonalEvent.id).desc())
        .limit(limit)
    )
    return list(db.scalars(mine))


def shown(agent: str) -> str:
    """A browser's name for itself, short and without characters that would write into a log."""
    return _UNPRINTABLE.sub(" ", agent)[:LONGEST_AGENT].strip()


def _plain(value: object) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, bool | int):
        return value
    return str(value)

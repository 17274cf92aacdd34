"""What lines of invoices are filled from, and how it is kept: products, services and tax rates alike.

Surprise: archiving one takes it from no product and no invoice; it is only offered no more. What each of them
is made of, and what is wrong with it, stands in its own module.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from sqlmodel import Session, select

from auth import audit
from auth.actors import Action, Actor
from billing.unique import unique
from errors import Conflict, NotFound, Refusal


class Preset(Protocol):
    """What every one of them has."""

    id: UUID
    name: str
    version: int
    updated_at: datetime
    archived_at: datetime | None


P = TypeVar("P", bound=Preset)


@dataclass(frozen=True)
class Kind(Generic[P]):
    """One kind of them. `name` is what the audit log calls it, and stands in its unique index.

    `told` is what the log says of one; `in_use` refuses to restore one whose name another has by now.
    """

    name: str
    table: type[P]
    told: Callable[[P], Mapping[str, Any]]
    in_use: type[Conflict]


def enter(actor: Actor) -> None:
    """Refuses whoever may not edit invoices, and customers."""
    actor.require(Action.EDIT_INVOICES)
    if not actor.is_staff_side:
        raise NotFound


def held(db: Session, actor: Actor, kind: Kind[P], *, preset_id: UUID, version: int | None = None) -> P:
    """One of the partner's, locked. Refuses NotFound, and Conflict if `version` is not the one it has."""
    t = kind.table.__table__.c  # type: ignore[attr-defined]
    mine = (t.partner_id == actor.partner_id, t.id == preset_id)
    wanted = select(kind.table).where(*mine, t.owner_id.is_(None)).with_for_update(key_share=True)
    preset = db.exec(wanted.execution_options(populate_existing=True)).one_or_none()
    if preset is None:
        raise NotFound
    if version is not None and version != preset.version:
        raise Conflict
    return preset


def add(db: Session, kind: Kind[P], preset: P, *, taken: Refusal) -> P:
    """Write a new one. Refuses with `taken` if one that is not archived has its name."""
    with unique(db, _index(kind), taken):
        db.add(preset)
    return preset


def change(
    db: Session, kind: Kind[P], preset: P, values: Mapping[str, Any], *, taken: Refusal, now: datetime
) -> None:
    """Write what is another than it was, and count the version up. Refuses as `add`."""
    with unique(db, _index(kind), taken):
        for name, value in values.items():
            setattr(preset, name, value)
        preset.version += 1
        preset.updated_at = now


def archive(db: Session, actor: Actor, kind: Kind[P], *, preset_id: UUID, now: datetime) -> P:
    """Offer it no more; twice changes nothing. Refuses NotFound."""
    enter(actor)
    preset = held(db, actor, kind, preset_id=preset_id)
    if preset.archived_at is None:
        preset.archived_at, preset.updated_at, preset.version = now, now, preset.version + 1
        note(db, actor, kind, preset, "archived", now)
    return preset


def restore(db: Session, actor: Actor, kind: Kind[P], *, preset_id: UUID, now: datetime) -> P:
    """Offer it again; twice changes nothing. Refuses NotFound, and with the kind's `in_use`."""
    enter(actor)
    preset = held(db, actor, kind, preset_id=preset_id)
    if preset.archived_at is not None:
        change(db, kind, preset, {"archived_at": None}, taken=kind.in_use(), now=now)
        note(db, actor, kind, preset, "restored", now)
    return preset


def note(db: Session, actor: Actor, kind: Kind[P], preset: P, done: str, now: datetime) -> None:
    """Write down in the audit log what was done, like "created"."""
    audit.record(
        db, actor, action=f"{kind.name}.{done}", subject_kind=kind.name, subject_id=preset.id, now=now,
        **kind.told(preset),
    )  # fmt: skip
    db.flush()


def _index(kind: Kind[P]) -> str:
    return f"uq_{kind.name}_name"

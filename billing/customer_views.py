"""Saved views of the list of customers: a name for a narrowing, kept for oneself or shared with the team.

Surprise: nobody but whoever made it sees what is not shared, not even an Admin, and the database keeps to it
(`Guard.SHARED`). So the audit log tells of shared views only.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, func
from sqlalchemy import delete as delete_rows
from sqlmodel import Session, SQLModel, col, select

from auth import audit
from auth.actors import Action, Actor
from auth.authority import NoLongerHere
from auth.roles import Membership, MembershipStatus
from billing.addresses import Country
from billing.customer_fields import key_of
from billing.customer_narrowing import (
    PLAIN,
    CustomerSort,
    NarrowingInput,
    TagMatch,
    WantedBalance,
    WantedStatus,
    read_narrowing,
)
from billing.partners import Partner
from billing.texts import Checks
from billing.unique import unique
from db.columns import choice, count, instant, key, minor, references, sort_key, tenant
from db.policies import Guard, guarded
from db.session import as_member
from errors import Conflict, Forbidden, Invalid, NotFound
from languages import say

LONGEST = 60
MOST_SHARED, MOST_OWN = 50, 50
"""All that one person sees fits into one page of the API."""


class CustomerView(SQLModel, table=True):
    """A name and a narrowing. `created_by` is null for a key's, which always are shared."""

    __tablename__ = "customer_view"
    __table_args__ = (
        ForeignKeyConstraint(["partner_id"], ["partner.id"]),
        ForeignKeyConstraint(["partner_id", "created_by"], ["membership.partner_id", "membership.id"]),
        CheckConstraint("is_shared or created_by is not null", name="somebodys"),
        CheckConstraint("balance_from_minor <= balance_to_minor", name="bounds"),
        Index(
            "uq_customer_view_shared", "partner_id", "name_key", unique=True, postgresql_where="is_shared"
        ),
        Index(
            "uq_customer_view_own", "partner_id", "created_by", "name_key",
            unique=True, postgresql_where="not is_shared",
        ),
        Index("ix_customer_view_name", "partner_id", "name_key", "id"),
        guarded(Guard.SHARED),
    )  # fmt: skip

    partner_id: UUID = tenant()
    id: UUID = key()
    name: str
    name_key: str = sort_key()
    is_shared: bool
    created_by: UUID | None = None
    search: str | None = None
    tag_ids: list[UUID] = references()
    tag_match: TagMatch = choice(TagMatch)
    status: WantedStatus = choice(WantedStatus)
    country: Country | None = choice(Country, default=None)
    balance: WantedBalance = choice(WantedBalance)
    balance_from_minor: int | None = minor(default=None)
    balance_to_minor: int | None = minor(default=None)
    is_overdue: bool
    sort: CustomerSort = choice(CustomerSort)
    version: int = count(default=1)
    created_at: datetime = instant()
    updated_at: datetime = instant()


class ViewInput(NarrowingInput):
    """A view as it was asked for. For a change, what is not given stays as it is."""

    name: str | None = None
    is_shared: bool | None = None


class SomebodyElsesView(Forbidden):
    """A shared view is changed by whoever made it, and by those who manage views."""

    message = (
        "Only whoever shared this view, or an administrator, may change it. Save it as a view of your own."
    )


def create(db: Session, actor: Actor, *, fields: ViewInput, now: datetime) -> CustomerView:
    """Save a view: for the actor alone, or shared with the team. Keys only share.

    Refuses: MissingRight, at the field REQUIRED, TOO_LONG, TAKEN for a name in use, NOT_FOR_KEYS, what
    `read_narrowing` notes, and TOO_MANY when there are enough.
    """
    actor.require(Action.SEE_VIEWS)
    shared = bool(fields.is_shared)
    if shared:
        actor.require(Action.SHARE_VIEWS)
    checks = Checks()
    _require_person(checks, actor, shared)
    values = _named(checks, fields) | read_narrowing(db, actor, checks, fields, PLAIN)
    checks.done()
    _require_room(db, actor, shared)
    view = CustomerView(
        partner_id=actor.partner_id, is_shared=shared, created_by=actor.member_id, created_at=now,
        updated_at=now, **values,
    )  # fmt: skip
    with unique(db, _constraint(shared), _taken(shared)):
        db.add(view)
    if shared:
        _record(db, actor, view, "view.shared", now)
    return view


def update(
    db: Session,
    actor: Actor,
    *,
    view_id: UUID,
    fields: ViewInput,
    version: int | None = None,
    now: datetime,
) -> CustomerView:
    """Change the given fields. `version` is the one that was shown: another one by now is a Conflict.

    Refuses: MissingRight, NotFound, SomebodyElsesView (also whoever would take a shared view for themselves
    that they did not make), Conflict, and at the field as `create`. Nothing different: nothing written.
    """
    view = _changeable(db, actor, view_id)
    if version is not None and version != view.version:
        raise Conflict
    shared = bool(fields.is_shared) if fields.gives("is_shared") else view.is_shared
    if shared:
        actor.require(Action.SHARE_VIEWS)
    elif view.created_by != actor.member_id:
        raise SomebodyElsesView
    checks, before = Checks(), view.model_dump()
    _require_person(checks, actor, shared)
    values = read_narrowing(db, actor, checks, fields, before) | {"is_shared": shared}
    if fields.gives("name"):
        values |= _named(checks, fields)
    checks.done()
    changed = {name: value for name, value in values.items() if value != before[name]}
    if not changed:
        return view
    if shared is not view.is_shared:
        _require_room(db, actor, shared)
    with unique(db, _constraint(shared), _taken(shared)):
        for name, value in changed.items():
            setattr(view, name, value)
        view.version += 1
        view.updated_at = now
    _record_change(db, actor, view, before["is_shared"], changed, now)
    return view


def delete(db: Session, actor: Actor, *, view_id: UUID, now: datetime) -> CustomerView:
    """Delete a view; nothing else ends with it. Refuses: MissingRight, NotFound, SomebodyElsesView."""
    view = _changeable(db, actor, view_id)
    if view.is_shared:
        _record(db, actor, view, "view.deleted", now)
    db.delete(view)
    db.flush()
    return view


def drop_own(db: Session, *, member: Membership) -> None:
    """Delete what a member who is gone kept for themselves; what they shared stays."""
    mine = (col(CustomerView.partner_id) == member.partner_id, col(CustomerView.created_by) == member.id)
    with as_member(db, member.id):
        db.execute(delete_rows(CustomerView).where(*mine, ~col(CustomerView.is_shared)))


def _changeable(db: Session, actor: Actor, view_id: UUID) -> CustomerView:
    actor.require(Action.SEE_VIEWS)
    seen = col(CustomerView.is_shared) | (col(CustomerView.created_by) == actor.member_id)
    wanted = select(CustomerView).where(
        CustomerView.partner_id == actor.partner_id, CustomerView.id == view_id, seen
    )
    held = wanted.with_for_update().execution_options(populate_existing=True)
    view = db.exec(held).one_or_none()
    if view is None:
        raise NotFound
    if view.is_shared:
        actor.require(Action.SHARE_VIEWS)
        # What a key made belongs to no person: to keys it is their own.
        if view.created_by != actor.member_id and not actor.may(Action.MANAGE_VIEWS):
            raise SomebodyElsesView
    return view


def _named(checks: Checks, fields: ViewInput) -> dict[str, str]:
    name = checks.line("name", fields.name, required=True, limit=LONGEST)
    return {"name": name, "name_key": key_of(name)}


def _require_person(checks: Checks, actor: Actor, shared: bool) -> None:
    if not shared and actor.member_id is None:
        message = "An API key acts for the whole team. Share the view."
        checks.refuse("is_shared", code="NOT_FOR_KEYS", message=message)


def _require_room(db: Session, actor: Actor, shared: bool) -> None:
    """Refuse one more than there may be; two who save the last one come one after the other.

    So do a member's removal and what they save: nothing is kept for somebody who is gone (NoLongerHere).
    """
    there = (
        select(func.count())
        .select_from(CustomerView)
        .where(CustomerView.partner_id == actor.partner_id, col(CustomerView.is_shared).is_(shared))
    )
    if shared:
        held = select(Partner.id).where(Partner.id == actor.partner_id)
    else:
        place = (Membership.partner_id == actor.partner_id, Membership.id == actor.member_id)
        held = select(Membership.id).where(*place, Membership.status == MembershipStatus.ACTIVE)
        there = there.where(CustomerView.created_by == actor.member_id)
    if db.exec(held.with_for_update(key_share=True)).one_or_none() is None:
        raise NoLongerHere
    most = MOST_SHARED if shared else MOST_OWN
    if db.exec(there).one() >= most:
        message = say("There are {most} such views already. Delete one that nobody needs.", most=most)
        raise Invalid.at("name", code="TOO_MANY", message=message)


def _constraint(shared: bool) -> str:
    return "uq_customer_view_shared" if shared else "uq_customer_view_own"


def _taken(shared: bool) -> Invalid:
    message = (
        "Your team shares a view of this name already. Choose another name."
        if shared
        else "You have a view of this name already. Choose another name."
    )
    return Invalid.at("name", code="TAKEN", message=message)


def _record_change(
    db: Session, actor: Actor, view: CustomerView, was_shared: bool, changed: dict[str, Any], now: datetime
) -> None:
    """The team's log tells what the team had, has, or has no longer."""
    if view.is_shared and was_shared:
        fields = sorted(name.removesuffix("_minor") for name in changed.keys() - {"name_key"})
        _record(db, actor, view, "view.changed", now, fields=fields)
    elif view.is_shared:
        _record(db, actor, view, "view.shared", now)
    elif was_shared:
        _record(db, actor, view, "view.unshared", now)


def _record(
    db: Session, actor: Actor, view: CustomerView, action: str, now: datetime, **details: list[str]
) -> None:
    audit.record(
        db, actor, action=action, subject_kind="view", subject_id=view.id, customer_id=None, now=now,
        name=view.name, **details,
    )  # fmt: skip
    db.flush()  # whoever reads next in this transaction, also past the session, finds it done

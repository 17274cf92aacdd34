"""Many customers at once: archived, restored, and an archiving taken back.

Surprise: a customer remembers the act that archived it (`archiving_id`), so that Undo finds exactly those:
one that somebody restored since, or archived again, is no longer among them.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, update
from sqlmodel import Session, col, select

from auth import audit, invites
from auth.actors import Action, Actor
from auth.authority import LIVE
from auth.roles import Membership
from billing.chosen import require_some
from billing.customers import Customer, CustomerStatus
from db.columns import new_id
from errors import Conflict, NotFound


class Archived(NamedTuple):
    """What an archiving did: the act, for Undo, and the customers it changed."""

    archiving_id: UUID
    customers: tuple[Customer, ...]


class NothingToUndo(Conflict):
    """All that an act archived was restored, or archived again, since."""

    code = "NOTHING_TO_UNDO"
    message = (
        "There is nothing left to undo: these customers were changed since. Restore them on their pages."
    )


def archive(
    db: Session,
    actor: Actor,
    *,
    customer_ids: Sequence[UUID],
    archiving_id: UUID | None = None,
    now: datetime,
) -> Archived:
    """Close each of these customers, as `customers.archive` does one; archived ones stay as they are.

    All or nothing. `archiving_id` makes it a part of an act that began before. Refuses NotFound if any of
    them is not the partner's, and no customer at all or more than 500 of them.
    """
    act = archiving_id or new_id()
    _hold(db, actor, customer_ids)
    wanted = (col(Customer.id).in_(customer_ids), col(Customer.status) != CustomerStatus.ARCHIVED)
    values = {"status": CustomerStatus.ARCHIVED, "archived_at": now, "archiving_id": act}
    done = _changed(db, actor, wanted, values, now)
    if done:
        invites.kill_of_customers(db, actor, customer_ids=[one.id for one in done], now=now)
    _told(db, actor, "customer.archived", done, now)
    return Archived(act, done)


def restore(
    db: Session, actor: Actor, *, customer_ids: Sequence[UUID], now: datetime
) -> tuple[Customer, ...]:
    """Open each of these customers again, as `customers.restore` does one; the answer is those it changed.

    All or nothing. Refuses as `archive`.
    """
    _hold(db, actor, customer_ids)
    return _reopened(db, actor, col(Customer.id).in_(customer_ids), now)


def archived_in(db: Session, actor: Actor, *, archiving_id: UUID, most: int | None = None) -> Sequence[UUID]:
    """Those that one act archived and that nobody touched the archiving of since, `most` of them at most."""
    actor.require(Action.EDIT_CUSTOMERS)
    mine = (col(Customer.partner_id) == actor.partner_id, col(Customer.archiving_id) == archiving_id)
    return db.exec(select(Customer.id).where(*mine).limit(most)).all()


def undo_archiving(
    db: Session, actor: Actor, *, archiving_id: UUID, customer_ids: Sequence[UUID] | None = None,
    now: datetime,
) -> tuple[Customer, ...]:  # fmt: skip
    """Restore exactly those that one act archived and that nobody touched the archiving of since.

    `customer_ids`: only these of them, if they still are. Without, refuses NothingToUndo, which is also what
    another partner's act comes to.
    """
    actor.require(Action.EDIT_CUSTOMERS)
    which: ColumnElement[bool] = col(Customer.archiving_id) == archiving_id
    if customer_ids is not None:
        # Not by the index of archivings, which finds all of the act again for each part of it.
        of_the_act = col(Customer.archiving_id).is_not_distinct_from(archiving_id)
        which = and_(col(Customer.id).in_(customer_ids), of_the_act)
    if not _locked(db, actor, which) and customer_ids is None:
        raise NothingToUndo
    return _reopened(db, actor, which, now)


def _hold(db: Session, actor: Actor, customer_ids: Sequence[UUID]) -> None:
    actor.require(Action.EDIT_CUSTOMERS)
    require_some(customer_ids=customer_ids)
    if len(_locked(db, actor, col(Customer.id).in_(customer_ids))) != len(set(customer_ids)):
        raise NotFound


def _locked(db: Session, actor: Actor, which: ColumnElement[bool]) -> Sequence[UUID]:
    """Customers, locked in one order for all, so that two at once never wait in a circle."""
    mine = select(Customer.id).where(Customer.partner_id == actor.partner_id, which)
    return db.exec(mine.order_by(col(Customer.id)).with_for_update(key_share=True)).all()


def _reopened(db: Session, actor: Actor, which: ColumnElement[bool], now: datetime) -> tuple[Customer, ...]:
    """Those of them that are archived are open again: ACTIVE with a user, else in SETUP."""
    users = select(Membership.id).where(
        Membership.partner_id == actor.partner_id,
        Membership.customer_id == Customer.id,
        col(Membership.status).in_(LIVE),
    )
    status = case((users.exists(), CustomerStatus.ACTIVE), else_=CustomerStatus.SETUP)
    values = {"status": status, "archived_at": None, "archiving_id": None}
    wanted = (which, col(Customer.status) == CustomerStatus.ARCHIVED)
    done = _changed(db, actor, wanted, values, now)
    _told(db, actor, "customer.restored", done, now)
    return done


def _changed(
    db: Session, actor: Actor, which: Iterable[ColumnElement[bool]], values: Mapping[str, Any], now: datetime
) -> tuple[Customer, ...]:
    """Customers that are held, after the change: one statement, however many they are."""
    change = (
        update(Customer)
        .where(col(Customer.partner_id) == actor.partner_id, *which)
        .values(version=col(Customer.version) + 1, updated_at=now, **values)
        .returning(Customer)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    return tuple(sorted(db.scalars(change).all(), key=lambda one: one.id))


def _told(db: Session, actor: Actor, action: str, done: Sequence[Customer], now: datetime) -> None:
    if done:
        subjects = [(one.id, one.id) for one in done]
        audit.record_many(db, actor, action=action, subject_kind="customer", subjects=subjects, now=now)

"""Many customers at once: archived, restored, and an archiving taken back.

Surprise: a customer remembers the act that archived it (`archiving_id`), so that Undo finds exactly those:
one that somebody restored since, or archived again, is no longer among them.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlmodel import Session, col, select

from auth.actors import Action, Actor
from billing.chosen import require_some
from billing.customers import Customer, close, reopen
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
    customers = _locked(db, actor, customer_ids)
    done = [one for one in customers if close(db, actor, customer=one, archiving_id=act, now=now)]
    return Archived(act, tuple(done))


def restore(
    db: Session, actor: Actor, *, customer_ids: Sequence[UUID], now: datetime
) -> tuple[Customer, ...]:
    """Open each of these customers again, as `customers.restore` does one; the answer is those it changed.

    All or nothing. Refuses as `archive`.
    """
    customers = _locked(db, actor, customer_ids)
    return tuple(one for one in customers if reopen(db, actor, customer=one, now=now))


def undo_archiving(db: Session, actor: Actor, *, archiving_id: UUID, now: datetime) -> tuple[Customer, ...]:
    """Restore exactly those that one act archived and that nobody touched the archiving of since.

    Refuses NothingToUndo, which is also what another partner's act comes to.
    """
    actor.require(Action.EDIT_CUSTOMERS)
    mine = (Customer.partner_id == actor.partner_id, col(Customer.archiving_id) == archiving_id)
    wanted = select(Customer).where(*mine).order_by(col(Customer.id)).with_for_update(key_share=True)
    customers = db.exec(wanted.execution_options(populate_existing=True)).all()
    if not customers:
        raise NothingToUndo
    return tuple(one for one in customers if reopen(db, actor, customer=one, now=now))


def _locked(db: Session, actor: Actor, customer_ids: Sequence[UUID]) -> Sequence[Customer]:
    """These customers, locked in one order for all, so that two at once never wait in a circle."""
    actor.require(Action.EDIT_CUSTOMERS)
    require_some(customer_ids=customer_ids)
    mine = (Customer.partner_id == actor.partner_id, col(Customer.id).in_(customer_ids))
    wanted = select(Customer).where(*mine).order_by(col(Customer.id)).with_for_update(key_share=True)
    found = db.exec(wanted.execution_options(populate_existing=True)).all()
    if len(found) != len(set(customer_ids)):
        raise NotFound
    return found

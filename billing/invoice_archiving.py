"""Archiving invoices: what is done with leaves the dashboard's lists, and can be taken back.

Surprise: the customer never notices. It is the partner's own tidying: the portal, the books and the statement
of account are as before. An invoice that is owed again (a payment that came back, a write-off taken up) is no
longer archived, and the database refuses one that is both.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, and_, update
from sqlmodel import Session, col, select

from auth import audit
from auth.actors import Action, Actor
from billing.chosen import require_some
from billing.customer_bulk import NothingToUndo
from billing.customers import Customer
from billing.invoices import Invoice, InvoiceStatus
from db.columns import new_id
from errors import Conflict, NotFound
from languages import mark, say

# Nothing more is to be done about these. A draft is deleted, and an open one is owed.
ENDED = frozenset({InvoiceStatus.PAID, InvoiceStatus.VOID, InvoiceStatus.UNCOLLECTIBLE})


class Archived(NamedTuple):
    """What an archiving did: the act, for Undo, and the invoices it changed."""

    archiving_id: UUID
    invoices: tuple[Invoice, ...]


class NotEnded(Conflict):
    """It is a draft, or still owed."""

    code = "INVOICE_NOT_ENDED"

    def __init__(self, number: str) -> None:
        said = say(
            "Invoice {number} can't be archived. Only paid, void and uncollectible ones can.",
            number=number or "–",
        )
        super().__init__(said)


def archive(
    db: Session,
    actor: Actor,
    *,
    invoice_ids: Sequence[UUID],
    archiving_id: UUID | None = None,
    now: datetime,
) -> Archived:
    """Put these invoices out of the dashboard's lists, in one act; archived ones stay as they are.

    All or nothing. `archiving_id` makes it a part of an act that began before. Refuses NotFound if any of
    them is not the partner's, NotEnded, and no invoice at all or more than 500 of them.
    """
    act = archiving_id or new_id()
    for number, status in _held(db, actor, invoice_ids):
        if status not in ENDED:
            raise NotEnded(number)
    wanted = (col(Invoice.id).in_(invoice_ids), col(Invoice.archived_at).is_(None))
    done = _changed(db, actor, wanted, {"archived_at": now, "archiving_id": act}, now)
    _told(db, actor, "invoice.archived", done, now)
    return Archived(act, done)


def restore(db: Session, actor: Actor, *, invoice_ids: Sequence[UUID], now: datetime) -> tuple[Invoice, ...]:
    """Put these invoices into the lists again; the answer is those that were archived.

    All or nothing. Refuses as `archive`, but for NotEnded.
    """
    _held(db, actor, invoice_ids)
    return _restored(db, actor, col(Invoice.id).in_(invoice_ids), now)


def archived_in(db: Session, actor: Actor, *, archiving_id: UUID, most: int | None = None) -> Sequence[UUID]:
    """Those that one act archived and that nobody restored, or archived again, since; `most` at most."""
    actor.require(Action.EDIT_INVOICES)
    mine = (col(Invoice.partner_id) == actor.partner_id, col(Invoice.archiving_id) == archiving_id)
    return db.exec(select(Invoice.id).where(*mine).limit(most)).all()


def undo_archiving(
    db: Session, actor: Actor, *, archiving_id: UUID, invoice_ids: Sequence[UUID] | None = None,
    now: datetime,
) -> tuple[Invoice, ...]:  # fmt: skip
    """Restore exactly those that one act archived and that nobody restored, or archived again, since.

    `invoice_ids`: only these of them, if they still are. Without, refuses NothingToUndo, which is also what
    another partner's act comes to.
    """
    actor.require(Action.EDIT_INVOICES)
    which: ColumnElement[bool] = col(Invoice.archiving_id) == archiving_id
    if invoice_ids is not None:
        # Not by the index of archivings, which finds all of the act again for each part of it.
        of_the_act = col(Invoice.archiving_id).is_not_distinct_from(archiving_id)
        which = and_(col(Invoice.id).in_(invoice_ids), of_the_act)
    if not _locked(db, actor, which) and invoice_ids is None:
        raise NothingToUndo(mark("There is nothing left to undo: these invoices were changed since."))
    return _restored(db, actor, which, now)


def _restored(db: Session, actor: Actor, which: ColumnElement[bool], now: datetime) -> tuple[Invoice, ...]:
    wanted = (which, col(Invoice.archived_at).is_not(None))
    done = _changed(db, actor, wanted, {"archived_at": None, "archiving_id": None}, now)
    _told(db, actor, "invoice.restored", done, now)
    return done


def _changed(
    db: Session, actor: Actor, which: Iterable[ColumnElement[bool]], values: Mapping[str, Any], now: datetime
) -> tuple[Invoice, ...]:
    """Invoices that are held, after the change: one statement, however many they are."""
    change = (
        update(Invoice)
        .where(col(Invoice.partner_id) == actor.partner_id, *which)
        .values(updated_at=now, **values)
        .returning(Invoice)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    return tuple(sorted(db.scalars(change).all(), key=lambda one: one.id))


def _told(db: Session, actor: Actor, action: str, done: Sequence[Invoice], now: datetime) -> None:
    if done:
        audit.record_many(
            db, actor, action=action, subject_kind="invoice", now=now,
            subjects=[(one.id, one.customer_id) for one in done],
            details=[{"number": one.number, "total_minor": one.total_minor} for one in done],
        )  # fmt: skip


def _held(db: Session, actor: Actor, invoice_ids: Sequence[UUID]) -> Sequence[tuple[str, str]]:
    """The number and status of each."""
    actor.require(Action.EDIT_INVOICES)
    require_some(invoice_ids=invoice_ids)
    found = _locked(db, actor, col(Invoice.id).in_(invoice_ids))
    if len(found) != len(set(invoice_ids)):
        raise NotFound
    return found


def _locked(db: Session, actor: Actor, which: ColumnElement[bool]) -> Sequence[tuple[str, str]]:
    """Invoices, their customers' rows locked before them, each in one order for all, so that two at once
    never wait in a circle."""
    mine = (Invoice.partner_id == actor.partner_id, which)
    owners = select(Invoice.customer_id).where(*mine)
    theirs = (Customer.partner_id == actor.partner_id, col(Customer.id).in_(owners))
    db.exec(select(Customer.id).where(*theirs).order_by(col(Customer.id)).with_for_update(key_share=True))
    wanted = select(Invoice.number, Invoice.status).where(*mine).order_by(col(Invoice.id))
    return db.exec(wanted.with_for_update(key_share=True)).all()

"""Archiving invoices: what is done with leaves the dashboard's lists, and can be taken back.

Surprise: the customer never notices. It is the partner's own tidying: the portal, the books and the statement
of account are as before. An invoice that is owed again (a payment that came back, a write-off taken up) is no
longer archived, and the database refuses one that is both.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlmodel import Session, col, select

from auth.actors import Action, Actor
from billing import invoices
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

    def __init__(self, invoice: Invoice) -> None:
        said = say(
            "Invoice {number} can't be archived. Only paid, void and uncollectible ones can.",
            number=invoice.number or "–",
        )
        super().__init__(said)


def archive(db: Session, actor: Actor, *, invoice_ids: Sequence[UUID], now: datetime) -> Archived:
    """Put these invoices out of the dashboard's lists, in one act; archived ones stay as they are.

    All or nothing. Refuses NotFound if any of them is not the partner's, NotEnded, and no invoice at all or
    more than 500 of them.
    """
    act = new_id()
    held = _locked(db, actor, invoice_ids)
    for one in held:
        if one.status not in ENDED:
            raise NotEnded(one)
    done = [one for one in held if one.archived_at is None]
    for one in done:
        one.archived_at, one.archiving_id, one.updated_at = now, act, now
    db.flush()
    for one in done:
        invoices.record(db, actor, one, "invoice.archived", now)
    return Archived(act, tuple(done))


def restore(db: Session, actor: Actor, *, invoice_ids: Sequence[UUID], now: datetime) -> tuple[Invoice, ...]:
    """Put these invoices into the lists again; the answer is those that were archived.

    All or nothing. Refuses as `archive`, but for NotEnded.
    """
    return _restored(db, actor, _locked(db, actor, invoice_ids), now)


def undo_archiving(db: Session, actor: Actor, *, archiving_id: UUID, now: datetime) -> tuple[Invoice, ...]:
    """Restore exactly those that one act archived and that nobody restored, or archived again, since.

    Refuses NothingToUndo, which is also what another partner's act comes to.
    """
    actor.require(Action.EDIT_INVOICES)
    mine = (Invoice.partner_id == actor.partner_id, col(Invoice.archiving_id) == archiving_id)
    found = db.exec(select(Invoice.id).where(*mine)).all()
    held = _locked(db, actor, found) if found else ()
    done = [one for one in held if one.archiving_id == archiving_id]
    if not done:
        raise NothingToUndo(mark("There is nothing left to undo: these invoices were changed since."))
    return _restored(db, actor, done, now)


def _restored(db: Session, actor: Actor, held: Sequence[Invoice], now: datetime) -> tuple[Invoice, ...]:
    done = [one for one in held if one.archived_at is not None]
    for one in done:
        one.archived_at, one.archiving_id, one.updated_at = None, None, now
    db.flush()
    for one in done:
        invoices.record(db, actor, one, "invoice.restored", now)
    return tuple(done)


def _locked(db: Session, actor: Actor, invoice_ids: Sequence[UUID]) -> Sequence[Invoice]:
    """These invoices, their customers' rows locked before them, each in one order for all, so that two at
    once never wait in a circle."""
    actor.require(Action.EDIT_INVOICES)
    require_some(invoice_ids=invoice_ids)
    mine = (Invoice.partner_id == actor.partner_id, col(Invoice.id).in_(invoice_ids))
    owners = db.exec(select(Invoice.customer_id).where(*mine)).all()
    theirs = (Customer.partner_id == actor.partner_id, col(Customer.id).in_(set(owners)))
    db.exec(select(Customer.id).where(*theirs).order_by(col(Customer.id)).with_for_update(key_share=True))
    wanted = select(Invoice).where(*mine).order_by(col(Invoice.id)).with_for_update(key_share=True)
    found = db.exec(wanted.execution_options(populate_existing=True)).all()
    if len(found) != len(set(invoice_ids)):
        raise NotFound
    return found

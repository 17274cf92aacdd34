"""Reading conversations: each member marks for themselves what they have read, and what they have not.

Surprise: nothing of it is in the log, and it is nobody else's to see. API keys, portal tokens and staff who
only look at a portal are no members: they read and leave no mark.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete as delete_rows
from sqlalchemy import func, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from auth.actors import Action, Actor
from billing.invoice_threads import TICK, InvoiceThread, ThreadMessage
from billing.unread_threads import UnreadThread
from errors import Conflict, NotFound


class NotForKeys(Conflict):
    """Whoever is no member has nothing to mark."""

    code = "NOT_FOR_KEYS"
    message = "Only people mark conversations as read: an API key or a portal token reads for nobody."


class NothingToRead(Conflict):
    """Only the own side has written: there is nothing that could be unread."""

    code = "NOTHING_TO_READ"
    message = "The other side has not written in this conversation yet."


def mark_read(db: Session, actor: Actor, *, thread_id: UUID, until: datetime | None = None) -> None:
    """The member has read a conversation, up to what was written at `until`, or all of it. Twice is once.

    What came later stays unread. Refuses MissingRight, ViewOnly, NotFound, NotForKeys.
    """
    thread, member_id = _found(db, actor, thread_id)
    mine = (
        col(UnreadThread.partner_id) == actor.partner_id, col(UnreadThread.member_id) == member_id,
        col(UnreadThread.thread_id) == thread.id,
    )  # fmt: skip
    last = thread.last_message_at if until is None else until
    db.execute(delete_rows(UnreadThread).where(*mine, col(UnreadThread.until) <= last))
    # A message that came in between is left: from there on it goes on being unread.
    db.execute(update(UnreadThread).where(*mine, col(UnreadThread.since) <= last).values(since=last + TICK))


def mark_unread(db: Session, actor: Actor, *, thread_id: UUID) -> None:
    """The member will come back to the other side's last message. One that is unread stays as it is.

    Refuses MissingRight, ViewOnly, NotFound, NotForKeys, NothingToRead.
    """
    thread, member_id = _found(db, actor, thread_id)
    theirs = select(func.max(col(ThreadMessage.created_at))).where(
        ThreadMessage.partner_id == actor.partner_id, ThreadMessage.thread_id == thread.id,
        col(ThreadMessage.is_from_partner).is_not(actor.is_staff_side),
    )  # fmt: skip
    last = db.exec(theirs).one()
    if last is None:
        raise NothingToRead
    row = {
        "partner_id": actor.partner_id, "member_id": member_id, "thread_id": thread.id,
        "customer_id": thread.customer_id, "since": last, "until": last,
    }  # fmt: skip
    db.execute(insert(UnreadThread).values(**row).on_conflict_do_nothing())


def mark_all_read(db: Session, actor: Actor, *, until: datetime | None = None) -> int:
    """The member has read what was written up to `until`, or all there is; how many that was unread.

    A conversation that somebody writes in just now is left out. Refuses MissingRight, ViewOnly, NotForKeys.
    """
    member_id = _member(actor)
    mine = [col(UnreadThread.partner_id) == actor.partner_id, col(UnreadThread.member_id) == member_id]
    if until is not None:
        mine.append(col(UnreadThread.until) <= until)
    # Rows are taken as they are free: nobody who writes is waited for, in whatever order.
    free = select(UnreadThread.thread_id).where(*mine)
    gone = delete_rows(UnreadThread).where(
        *mine, col(UnreadThread.thread_id).in_(free.with_for_update(skip_locked=True))
    )
    return len(db.execute(gone.returning(col(UnreadThread.thread_id))).all())


def _found(db: Session, actor: Actor, thread_id: UUID) -> tuple[InvoiceThread, UUID]:
    """The conversation, and who marks it: one that is not there is told before anything else."""
    actor.require(Action.VIEW_INVOICES)
    actor.require_writer()
    mine = [col(InvoiceThread.partner_id) == actor.partner_id, col(InvoiceThread.id) == thread_id]
    if actor.customer_id is not None:
        mine.append(col(InvoiceThread.customer_id) == actor.customer_id)
    thread = db.exec(select(InvoiceThread).where(*mine)).one_or_none()
    if thread is None:
        raise NotFound
    return thread, _member(actor)


def _member(actor: Actor) -> UUID:
    actor.require(Action.VIEW_INVOICES)
    actor.require_writer()
    if actor.member_id is None:
        raise NotForKeys
    return actor.member_id

"""Which conversations a member has not read: a row for each of them, and none for what was read.

Surprise: the row is there for whoever has *not* read. So a count looks at no more than it counts, and what
was read leaves nothing behind. A message makes the rows of the other side's people in its own transaction; a
customer's does not see the partner's staff, so a function of the database does it.
"""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, func
from sqlalchemy import delete as delete_rows
from sqlmodel import Session, SQLModel, col, select

from auth.actors import Actor
from auth.roles import Membership
from db.columns import instant, linked, tenant
from db.policies import Guard, guarded
from db.session import as_member

KEPT = timedelta(days=180)
"""What nobody opened for so long is news no longer: the rows of those who never look come to an end."""
MOST_KEPT = 1_000
"""Of one member. What lies deeper nobody comes to, and a list of what is unread begins with all of them."""
MOST_COUNTED = 100
"""Counts go no further: more are shown as 99+."""


class UnreadThread(SQLModel, table=True):
    """A conversation in which a member has not read what the other side wrote from `since` on.

    `until` is when the last of it was written.
    """

    __tablename__ = "unread_thread"
    __table_args__ = (
        ForeignKeyConstraint(["partner_id", "member_id"], ["membership.partner_id", "membership.id"]),
        ForeignKeyConstraint(
            ["partner_id", "customer_id", "thread_id"],
            ["invoice_thread.partner_id", "invoice_thread.customer_id", "invoice_thread.id"],
        ),
        CheckConstraint("since <= until", name="in_order"),
        Index("ix_unread_thread_until", "partner_id", "until"),
        guarded(Guard.MEMBER),
    )

    partner_id: UUID = tenant()
    member_id: UUID = linked()
    thread_id: UUID = linked()
    customer_id: UUID
    since: datetime = instant()
    until: datetime = instant()


def note(db: Session, *, message_id: UUID) -> None:
    """A message is there, in this transaction: everybody of the other side has it to read."""
    db.execute(select(func.note_unread_thread(message_id)))


def drop_own(db: Session, *, member: Membership) -> None:
    """Forget what a member who is gone has not read."""
    mine = (col(UnreadThread.partner_id) == member.partner_id, col(UnreadThread.member_id) == member.id)
    with as_member(db, member.id):
        db.execute(delete_rows(UnreadThread).where(*mine))


def drop_old(db: Session, actor: Actor, *, now: datetime) -> int:
    """Forget what nobody opened for `KEPT`, and of each member of the partner what is beyond the latest
    `MOST_KEPT`; how many rows. For the worker.
    """
    old = func.drop_old_unread_threads(now.astimezone(UTC) - KEPT, MOST_KEPT)
    return int(db.execute(select(old)).scalar_one())

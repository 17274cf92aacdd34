"""Stored answers: the same idempotency key with the same input gets the same bytes again.

Surprise: the row is written before the work, in the same transaction, so a crash leaves neither. Who else
uses the key at that moment is told by an advisory lock, because an uncommitted row can only be waited for.
Only work that asks another system commits the row first; should it die, whoever asks again takes over.
"""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, ForeignKeyConstraint, Index, and_, delete, func, or_, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Field, Session, SQLModel, col, select

from auth.actors import Actor
from auth.tokens import keyed_digest
from db.columns import instant, tenant
from db.policies import Guard, guarded
from errors import Conflict, Invalid
from languages import say

KEPT = timedelta(days=30)
# Longer than anybody works on one request, and than one try of a payment is left alone.
ABANDONED = timedelta(minutes=3)
LONGEST_KEY = 255


class StoredAnswer(SQLModel, table=True):
    """One actor's one use of a key for one operation. Kept 30 days."""

    __tablename__ = "stored_answer"
    __table_args__ = (
        ForeignKeyConstraint(["partner_id"], ["partner.id"]),
        Index("ix_stored_answer_created", "created_at"),
        guarded(Guard.CUSTOMER),
    )

    partner_id: UUID = tenant()
    actor_id: UUID = Field(primary_key=True)
    operation: str = Field(primary_key=True)
    idempotency_key: str = Field(primary_key=True)
    customer_id: UUID | None = None
    input_hash: bytes
    answer: str | None = None
    created_at: datetime = instant()


class KeyConflict(Conflict):
    """The key was used for something else."""

    code = "IDEMPOTENCY_CONFLICT"
    message = "This idempotency key was used with another input. Use a new key for a new request."


class InProgress(Conflict):
    """The first request with this key has not been answered yet."""

    code = "IN_PROGRESS"
    message = "The first request with this idempotency key is still at work. Ask again in a moment."


def claim(
    db: Session, actor: Actor, *, operation: str, key: str, input_hash: bytes, now: datetime
) -> StoredAnswer | None:
    """None: the key is this transaction's, do the work and `store` its answer. Else the answer to give again.

    The scope is actor x operation. Check the actor's rights before: a replay is not given to somebody who may
    no longer act (API.md). Refuses: KeyConflict (same key, other input), InProgress (somebody is at work, or
    committed the claim up to three minutes ago and has no answer yet), Invalid at ("idempotency_key",): 1 to
    255 printable characters.
    """
    if not 1 <= len(key) <= LONGEST_KEY or not key.isprintable():
        message = say(
            "Give an idempotency key of 1 to {longest_key} printable characters.", longest_key=LONGEST_KEY
        )
        raise Invalid.at("idempotency_key", code="BAD_IDEMPOTENCY_KEY", message=message)
    actor_id = _id_of(actor)
    name = keyed_digest(db, "replay", actor.partner_id, actor_id, operation, key)
    lock = int.from_bytes(name[:8], "big", signed=True)
    if not db.execute(text("select pg_try_advisory_xact_lock(:lock)"), {"lock": lock}).scalar_one():
        return _earlier(db, actor, operation, key, input_hash)  # at work, or being answered again
    at = now.astimezone(UTC)
    fresh = {"customer_id": actor.customer_id, "input_hash": input_hash, "answer": None, "created_at": now}
    taken = (
        insert(StoredAnswer)
        .values(
            partner_id=actor.partner_id, actor_id=actor_id, operation=operation, idempotency_key=key, **fresh
        )
        .on_conflict_do_update(
            constraint="pk_stored_answer",
            set_=fresh,
            where=or_(
                # Older than it is kept: as good as gone, whether or not it was swept already.
                col(StoredAnswer.created_at) <= at - KEPT,
                # Whose it was died at it.
                and_(
                    col(StoredAnswer.created_at) <= at - ABANDONED,
                    col(StoredAnswer.answer).is_(None),
                    col(StoredAnswer.input_hash) == input_hash,
                ),
            ),
        )
        .returning(col(StoredAnswer.operation))
    )  # fmt: skip
    if db.execute(taken).one_or_none() is not None:
        return None
    return _earlier(db, actor, operation, key, input_hash)


def store(db: Session, actor: Actor, *, operation: str, key: str, answer: str) -> str:
    """Keep the answer to a claimed key, to the byte; the one that is kept. Never one that shows a secret.

    Of two who came to an end, because one was believed dead, the first one's answer stays.
    """
    kept = (
        update(StoredAnswer)
        .where(*_mine(actor, operation, key))
        .values(answer=func.coalesce(col(StoredAnswer.answer), answer))
        .returning(col(StoredAnswer.answer))
    )
    return str(db.execute(kept).scalar_one())


def release(db: Session, actor: Actor, *, operation: str, key: str) -> None:
    """Give back a claim that was committed and came to nothing: the key can be used again."""
    db.execute(delete(StoredAnswer).where(*_mine(actor, operation, key), col(StoredAnswer.answer).is_(None)))


def drop_old(db: Session, actor: Actor, *, now: datetime) -> int:
    """Forget the partner's answers that were kept for 30 days; how many there were."""
    old = (
        col(StoredAnswer.partner_id) == actor.partner_id,
        col(StoredAnswer.created_at) <= now.astimezone(UTC) - KEPT,
    )
    gone = db.execute(delete(StoredAnswer).where(*old).returning(col(StoredAnswer.operation)))
    return len(gone.all())


def _earlier(db: Session, actor: Actor, operation: str, key: str, input_hash: bytes) -> StoredAnswer:
    earlier = db.exec(select(StoredAnswer).where(*_mine(actor, operation, key))).one_or_none()
    if earlier is not None and earlier.input_hash != input_hash:
        raise KeyConflict
    if earlier is None or earlier.answer is None:
        raise InProgress
    return earlier


def _mine(actor: Actor, operation: str, key: str) -> tuple[ColumnElement[bool], ...]:
    return (
        col(StoredAnswer.partner_id) == actor.partner_id,
        col(StoredAnswer.actor_id) == _id_of(actor),
        col(StoredAnswer.operation) == operation,
        col(StoredAnswer.idempotency_key) == key,
    )


def _id_of(actor: Actor) -> UUID:
    if actor.id is None:
        raise ValueError("only somebody who can ask twice has idempotency keys")
    return actor.id

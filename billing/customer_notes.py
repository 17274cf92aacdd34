"""Internal notes on a customer: what staff tell each other, and no customer ever sees.

Surprise: `owner_id` is always null. The guard that keeps a partner's tags from customers keeps the notes too;
and the audit log names no customer for them, because a customer's managers read what concerns their company.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index
from sqlmodel import Session, SQLModel, col, select

from auth import audit
from auth.actors import Action, Actor
from billing.customers import Customer
from billing.texts import Checks
from db.columns import instant, key, tenant
from db.policies import Guard, guarded
from errors import Forbidden, NotFound

LONGEST = 5_000


class CustomerNote(SQLModel, table=True):
    """A text about a customer, with who wrote it when; the name is what the author was called then."""

    __tablename__ = "customer_note"
    __table_args__ = (
        ForeignKeyConstraint(
            ["partner_id", "customer_id"], ["customer.partner_id", "customer.id"], ondelete="CASCADE"
        ),
        CheckConstraint("owner_id is null", name="partners_only"),
        Index("ix_customer_note_customer", "partner_id", "customer_id", "created_at", "id"),
        guarded(Guard.OWN),
    )

    partner_id: UUID = tenant()
    id: UUID = key()
    customer_id: UUID
    owner_id: UUID | None = None
    text: str
    author_kind: str
    author_id: UUID | None = None
    author_name: str
    created_at: datetime = instant()
    updated_at: datetime = instant()


class SomebodyElses(Forbidden):
    """Notes are changed by who wrote them."""

    message = "Only whoever wrote this note may change it. Add a note of your own."


def add(db: Session, actor: Actor, *, customer_id: UUID, text: str | None, now: datetime) -> CustomerNote:
    """Write a note on a customer, archived too. Refuses NotFound; REQUIRED, TOO_LONG at ("text",)."""
    _enter(actor)
    mine = (Customer.partner_id == actor.partner_id, Customer.id == customer_id)
    # Held, so that it is still there when the note is; notes never wait for each other.
    held = select(Customer.id).where(*mine).with_for_update(read=True, key_share=True)
    if db.exec(held).one_or_none() is None:
        raise NotFound
    note = CustomerNote(
        partner_id=actor.partner_id, customer_id=customer_id, text=_read(text),
        author_kind=actor.kind.value, author_id=actor.id, author_name=actor.name, created_at=now,
        updated_at=now,
    )  # fmt: skip
    db.add(note)
    _record(db, actor, note, "customer.note_added", now)
    return note


def update(db: Session, actor: Actor, *, note_id: UUID, text: str | None, now: datetime) -> CustomerNote:
    """Change the text of an own note. Refuses NotFound, SomebodyElses, and the text as `add`."""
    _enter(actor)
    note = _own(db, actor, note_id)
    changed = _read(text)
    if changed != note.text:
        note.text = changed
        note.updated_at = now
        _record(db, actor, note, "customer.note_changed", now)
    return note


def delete(db: Session, actor: Actor, *, note_id: UUID, now: datetime) -> CustomerNote:
    """Delete an own note. Refuses NotFound, SomebodyElses."""
    _enter(actor)
    note = _own(db, actor, note_id)
    _record(db, actor, note, "customer.note_deleted", now)
    db.delete(note)
    db.flush()
    return note


def _enter(actor: Actor) -> None:
    actor.require(Action.EDIT_CUSTOMERS)
    if not actor.is_staff_side:
        raise NotFound


def _own(db: Session, actor: Actor, note_id: UUID) -> CustomerNote:
    mine = (CustomerNote.partner_id == actor.partner_id, CustomerNote.id == note_id)
    wanted = select(CustomerNote).where(*mine, col(CustomerNote.owner_id).is_(None)).with_for_update()
    note = db.exec(wanted.execution_options(populate_existing=True)).one_or_none()
    if note is None:
        raise NotFound
    if (note.author_kind, note.author_id) != (actor.kind.value, actor.id):
        raise SomebodyElses
    return note


def _read(text: str | None) -> str:
    checks = Checks()
    read = checks.block("text", text, required=True, limit=LONGEST, name="note")
    checks.done()
    return read


def _record(db: Session, actor: Actor, note: CustomerNote, action: str, now: datetime) -> None:
    about = note.customer_id
    audit.record(
        db,
        actor,
        action=action,
        subject_kind="customer",
        subject_id=about,
        customer_id=audit.Unseen(about),
        now=now,
    )
    db.flush()  # whoever reads next in this transaction, also past the session, finds it done

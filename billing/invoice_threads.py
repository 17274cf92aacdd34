"""Questions on an invoice, or on one of its lines: who asked, what was answered, and whether it is settled.

Surprise: an open dispute is no state of the invoice. It is paid as before; whatever acts by itself asks
`derived.is_disputed` first.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint
from sqlmodel import Session, SQLModel, col, select

from auth import audit, throttle
from auth.actors import Action, Actor
from auth.throttle import Limit
from billing import invoice_words, search
from billing.invoices import Invoice, InvoiceLine, InvoiceStatus
from billing.texts import Checks
from billing.unread_threads import note
from db.columns import choice, instant, key, tenant
from db.policies import Guard, guarded
from db.session import defer
from errors import Conflict, NotFound
from languages import mark

SEARCHED_AS = "invoice_thread"
LONGEST = 4_000
TICK = timedelta(microseconds=1)
"""No two messages of a conversation are nearer."""
AUTHOR = Limit(
    "thread messages", 60, timedelta(hours=1),
    mark("You wrote many messages within an hour. Wait a while, then go on."),
)  # fmt: skip


class ThreadKind(StrEnum):
    """A DISPUTE says that the invoice is wrong: until it is settled, nothing is done about it unasked."""

    QUESTION = "QUESTION"
    DISPUTE = "DISPUTE"


class ThreadState(StrEnum):
    """OPEN until either side says that it is settled."""

    OPEN = "OPEN"
    RESOLVED = "RESOLVED"


class InvoiceThread(SQLModel, table=True):
    """A conversation between a customer and the partner. The names are what people were called then.

    `updated_at` is when the last message or change of state was; the last message was `last_from_partner`, or
    from the customer.
    """

    __tablename__ = "invoice_thread"
    __table_args__ = (
        ForeignKeyConstraint(
            ["partner_id", "customer_id", "invoice_id"],
            ["invoice.partner_id", "invoice.customer_id", "invoice.id"],
        ),
        ForeignKeyConstraint(
            ["partner_id", "customer_id", "invoice_id", "line_id"],
            [f"invoice_line.{name}" for name in ("partner_id", "customer_id", "invoice_id", "id")],
        ),
        # Target of the messages' foreign key.
        UniqueConstraint("partner_id", "customer_id", "id"),
        CheckConstraint("(state = 'RESOLVED') = (resolved_at is not null)", name="resolved_has_time"),
        CheckConstraint("(resolved_at is null) = (resolved_by is null)", name="resolved_has_name"),
        Index("ix_invoice_thread_invoice", "partner_id", "invoice_id", "updated_at", "id"),
        Index("ix_invoice_thread_updated", "partner_id", "updated_at", "id"),
        Index("ix_invoice_thread_state", "partner_id", "state", "updated_at", "id"),
        Index("ix_invoice_thread_message_at", "partner_id", "last_message_at", "id"),
        Index("ix_invoice_thread_turn", "partner_id", "state", "last_from_partner", "updated_at", "id"),
        Index("ix_invoice_thread_customer", "partner_id", "customer_id", "updated_at", "id"),
        guarded(Guard.CUSTOMER),
    )

    partner_id: UUID = tenant()
    id: UUID = key()
    customer_id: UUID
    invoice_id: UUID
    line_id: UUID | None = None
    kind: ThreadKind = choice(ThreadKind)
    state: ThreadState = choice(ThreadState)
    created_at: datetime = instant()
    updated_at: datetime = instant()
    last_message_at: datetime = instant()
    last_from_partner: bool
    resolved_at: datetime | None = instant(default=None)
    resolved_by: str | None = None
    resolver_id: UUID | None = None


class ThreadMessage(SQLModel, table=True):
    """What somebody wrote, never changed. `is_from_partner`: by the partner's side."""

    __tablename__ = "invoice_thread_message"
    __table_args__ = (
        ForeignKeyConstraint(
            ["partner_id", "customer_id", "thread_id"],
            ["invoice_thread.partner_id", "invoice_thread.customer_id", "invoice_thread.id"],
        ),
        Index("ix_invoice_thread_message_thread", "partner_id", "thread_id", "created_at", "id"),
        guarded(Guard.CUSTOMER),
    )

    partner_id: UUID = tenant()
    id: UUID = key()
    customer_id: UUID
    thread_id: UUID
    text: str
    is_from_partner: bool
    author_kind: str
    author_id: UUID | None = None
    author_name: str
    created_at: datetime = instant()


class Settled(Conflict):
    """A settled conversation takes no more messages."""

    code = "THREAD_RESOLVED"
    message = "This conversation is settled. Open it again to go on."


@dataclass(frozen=True)
class Opening:
    """What a conversation begins with: what kind it is, the line it is about if it is one, the first text."""

    kind: ThreadKind
    text: str | None
    line_id: UUID | None = None


def open_thread(
    db: Session, actor: Actor, *, invoice_id: UUID, fields: Opening, now: datetime
) -> InvoiceThread:
    """Begin a conversation on an issued invoice. Refuses NotFound, also of a draft and of another's line;
    REQUIRED, TOO_LONG, CARD_NUMBER at ("text",); TooMany.
    """
    actor.require(Action.DISCUSS)
    mine = [col(Invoice.partner_id) == actor.partner_id, col(Invoice.id) == invoice_id]
    if actor.customer_id is not None:
        mine.append(col(Invoice.customer_id) == actor.customer_id)
    wanted = select(Invoice).where(*mine, col(Invoice.status) != InvoiceStatus.DRAFT)
    invoice = db.exec(wanted.with_for_update(read=True, key_share=True)).one_or_none()
    if invoice is None or (fields.line_id is not None and not _has_line(db, invoice, fields.line_id)):
        raise NotFound
    text = _read(fields.text)
    thread = InvoiceThread(
        partner_id=actor.partner_id, customer_id=invoice.customer_id, invoice_id=invoice.id,
        line_id=fields.line_id, kind=fields.kind, state=ThreadState.OPEN, created_at=now, updated_at=now,
        last_message_at=now, last_from_partner=actor.is_staff_side,
    )  # fmt: skip
    db.add(thread)
    db.flush()
    # What an issued invoice is found by never changes: its words are the conversation's own, and one look-up
    # finds both.
    search.add_those_of(
        db, partner_id=thread.partner_id, customer_id=thread.customer_id, kind=SEARCHED_AS,
        subject_id=thread.id, other=(invoice_words.SEARCHED_AS, invoice.id),
    )  # fmt: skip
    _write(db, actor, thread, text, now, at=now)
    _record(db, actor, thread, "disputed" if fields.kind is ThreadKind.DISPUTE else "asked", now)
    return thread


def reply(db: Session, actor: Actor, *, thread_id: UUID, text: str | None, now: datetime) -> InvoiceThread:
    """Write into an open conversation. Refuses NotFound, Settled; the text as `open_thread`; TooMany."""
    actor.require(Action.DISCUSS)
    thread = _locked(db, actor, thread_id)
    if thread.state is ThreadState.RESOLVED:
        raise Settled
    # Whoever waited for the row may come with an earlier clock: messages follow each other all the same.
    _write(db, actor, thread, _read(text), now, at=max(now, thread.last_message_at + TICK))
    _record(db, actor, thread, "replied", now)
    return thread


def resolve(db: Session, actor: Actor, *, thread_id: UUID, now: datetime) -> InvoiceThread:
    """Say that it is settled, or withdraw it: either side may. One that is stays so. Refuses NotFound."""
    actor.require(Action.DISCUSS)
    thread = _locked(db, actor, thread_id)
    if thread.state is ThreadState.OPEN:
        thread.state, thread.updated_at = ThreadState.RESOLVED, now
        thread.resolved_at, thread.resolved_by, thread.resolver_id = now, actor.name, actor.id
        _record(db, actor, thread, "settled", now)
    return thread


def reopen(db: Session, actor: Actor, *, thread_id: UUID, now: datetime) -> InvoiceThread:
    """Take a settled one up again; an open one stays so. Refuses NotFound."""
    actor.require(Action.DISCUSS)
    thread = _locked(db, actor, thread_id)
    if thread.state is ThreadState.RESOLVED:
        thread.state, thread.updated_at = ThreadState.OPEN, now
        thread.resolved_at = thread.resolved_by = thread.resolver_id = None
        _record(db, actor, thread, "reopened", now)
    return thread


def _has_line(db: Session, invoice: Invoice, line_id: UUID) -> bool:
    mine = (InvoiceLine.partner_id == invoice.partner_id, InvoiceLine.invoice_id == invoice.id)
    return db.exec(select(InvoiceLine.id).where(*mine, InvoiceLine.id == line_id)).one_or_none() is not None


def _locked(db: Session, actor: Actor, thread_id: UUID) -> InvoiceThread:
    mine = [col(InvoiceThread.partner_id) == actor.partner_id, col(InvoiceThread.id) == thread_id]
    if actor.customer_id is not None:
        mine.append(col(InvoiceThread.customer_id) == actor.customer_id)
    wanted = select(InvoiceThread).where(*mine).with_for_update()
    thread = db.exec(wanted.execution_options(populate_existing=True)).one_or_none()
    if thread is None:
        raise NotFound
    return thread


def _read(text: str | None) -> str:
    checks = Checks()
    read = checks.block("text", text, required=True, limit=LONGEST, name="message")
    checks.done()
    return read


def _write(
    db: Session, actor: Actor, thread: InvoiceThread, text: str, now: datetime, *, at: datetime
) -> None:
    throttle.count_all(db, [throttle.bucket_of(db, AUTHOR, actor.id or actor.kind.value)], now=now)
    thread.updated_at = thread.last_message_at = at
    thread.last_from_partner = actor.is_staff_side
    message = ThreadMessage(
        partner_id=thread.partner_id, customer_id=thread.customer_id, thread_id=thread.id, text=text,
        is_from_partner=actor.is_staff_side, author_kind=actor.kind.value, author_id=actor.id,
        author_name=actor.name, created_at=at,
    )  # fmt: skip
    db.add(message)
    db.flush()
    search.add(
        db, partner_id=thread.partner_id, customer_id=thread.customer_id, kind=SEARCHED_AS,
        subject_id=thread.id, text=text,
    )  # fmt: skip
    note(db, message_id=message.id)
    defer(db, "announce_message", partner_id=message.partner_id, message_id=message.id)


def _record(db: Session, actor: Actor, thread: InvoiceThread, what: str, now: datetime) -> None:
    db.flush()
    audit.record(
        db, actor, action=f"invoice.{what}", subject_kind="invoice", subject_id=thread.invoice_id,
        customer_id=thread.customer_id, now=now,
    )  # fmt: skip

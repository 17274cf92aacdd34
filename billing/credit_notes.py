"""Credit notes and applied credit: what need not be paid any more of an invoice, and why.

Surprise: neither is ever changed or taken back. A note lowers what is open of its invoice; what there is no
room for there is kept as the customer's credit, which is applied to that customer's open invoices.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, func
from sqlmodel import Session, SQLModel, col, select

from auth.actors import Action, Actor
from billing.invoices import Invoice
from billing.money import Currency
from db.columns import choice, count, day, instant, key, minor, minors, sort_key, tenant
from db.policies import Guard, guarded
from errors import NotFound

SEARCHED_AS = "credit_note"


class CreditNote(SQLModel, table=True):
    """A claim taken back, in full or in part. `applied_minor` of it was taken off its invoice at once; the
    rest became the customer's credit."""

    __tablename__ = "credit_note"
    __table_args__ = (
        ForeignKeyConstraint(
            ["partner_id", "customer_id", "invoice_id"],
            ["invoice.partner_id", "invoice.customer_id", "invoice.id"],
        ),
        # Target of the lines' foreign key.
        UniqueConstraint("partner_id", "customer_id", "invoice_id", "id"),
        # The same form sent twice is the same note (GUARANTEES M-3).
        Index(
            "uq_credit_note_request", "partner_id", "created_by", "request_key",
            unique=True, postgresql_nulls_not_distinct=True,
        ),
        Index("uq_credit_note_number", "partner_id", "number", unique=True),
        CheckConstraint("total_minor > 0 and net_minor >= 0 and tax_minor >= 0", name="amounts_positive"),
        CheckConstraint("total_minor = net_minor + tax_minor", name="adds_up"),
        CheckConstraint("applied_minor between 0 and total_minor", name="applied_within_total"),
        Index("ix_credit_note_invoice", "partner_id", "invoice_id", "created_at", "id"),
        Index("ix_credit_note_customer", "partner_id", "customer_id", "created_at", "id"),
        Index("ix_credit_note_created", "partner_id", "created_at", "id"),
        Index("ix_credit_note_number", "partner_id", "number", "id"),
        Index("ix_credit_note_total", "partner_id", "total_minor", "id"),
        Index("ix_credit_note_issue", "partner_id", "issue_on", "id"),
        guarded(Guard.CUSTOMER, append_only=True),
    )  # fmt: skip

    partner_id: UUID = tenant()
    id: UUID = key()
    customer_id: UUID
    invoice_id: UUID
    number: str = sort_key()
    currency: Currency = choice(Currency)
    net_minor: int = minor()
    tax_minor: int = minor()
    total_minor: int = minor()
    applied_minor: int = minor()
    reason: str
    issue_on: date = day()
    created_by: UUID | None = None
    request_key: str = sort_key()
    created_at: datetime = instant()
    updated_at: datetime = instant()


class CreditNoteLine(SQLModel, table=True):
    """What is taken back of an invoice's line. `taxes_minor` are the parts of its taxes, in their order."""

    __tablename__ = "credit_note_line"
    __table_args__ = (
        ForeignKeyConstraint(
            ["partner_id", "customer_id", "invoice_id", "credit_note_id"],
            [f"credit_note.{name}" for name in ("partner_id", "customer_id", "invoice_id", "id")],
        ),
        ForeignKeyConstraint(
            ["partner_id", "customer_id", "invoice_id", "line_id"],
            [f"invoice_line.{name}" for name in ("partner_id", "customer_id", "invoice_id", "id")],
        ),
        CheckConstraint("total_minor > 0 and net_minor >= 0 and tax_minor >= 0", name="amounts_positive"),
        CheckConstraint("total_minor = net_minor + tax_minor", name="adds_up"),
        Index("ix_credit_note_line_position", "partner_id", "credit_note_id", "position", unique=True),
        Index("ix_credit_note_line_line", "partner_id", "line_id"),
        guarded(Guard.CUSTOMER, append_only=True),
    )

    partner_id: UUID = tenant()
    id: UUID = key()
    customer_id: UUID
    invoice_id: UUID
    credit_note_id: UUID
    line_id: UUID
    position: int = count()
    net_minor: int = minor()
    tax_minor: int = minor()
    taxes_minor: list[int] = minors()
    total_minor: int = minor()


class CreditApplication(SQLModel, table=True):
    """A part of the customer's credit that was taken off an invoice."""

    __tablename__ = "credit_application"
    __table_args__ = (
        ForeignKeyConstraint(
            ["partner_id", "customer_id", "invoice_id"],
            ["invoice.partner_id", "invoice.customer_id", "invoice.id"],
        ),
        Index(
            "uq_credit_application_request", "partner_id", "applied_by", "request_key",
            unique=True, postgresql_nulls_not_distinct=True,
        ),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        Index("ix_credit_application_invoice", "partner_id", "invoice_id", "created_at", "id"),
        Index("ix_credit_application_customer", "partner_id", "customer_id", "created_at", "id"),
        Index("ix_credit_application_created", "partner_id", "created_at", "id"),
        guarded(Guard.CUSTOMER, append_only=True),
    )  # fmt: skip

    partner_id: UUID = tenant()
    id: UUID = key()
    customer_id: UUID
    invoice_id: UUID
    amount_minor: int = minor()
    currency: Currency = choice(Currency)
    applied_by: UUID | None = None
    request_key: str = sort_key()
    created_at: datetime = instant()
    updated_at: datetime = instant()


class Parts(NamedTuple):
    """A line's cents: before tax, and each tax in its order."""

    net_minor: int
    taxes_minor: tuple[int, ...]

    @property
    def total_minor(self) -> int:
        """All together."""
        return self.net_minor + sum(self.taxes_minor)


def noted_minor(db: Session, invoice: Invoice) -> int:
    """What credit notes say of an invoice altogether, wherever it went."""
    mine = (CreditNote.partner_id == invoice.partner_id, CreditNote.invoice_id == invoice.id)
    return int(db.exec(select(func.coalesce(func.sum(CreditNote.total_minor), 0)).where(*mine)).one())


def parts_noted(db: Session, invoice: Invoice) -> Mapping[UUID, Parts]:
    """What credit notes took back of each line so far, by the line's id; lines without are left out."""
    mine = (CreditNoteLine.partner_id == invoice.partner_id, CreditNoteLine.invoice_id == invoice.id)
    noted: dict[UUID, Parts] = {}
    for line in db.exec(select(CreditNoteLine).where(*mine)):
        before = noted.get(line.line_id, Parts(0, (0,) * len(line.taxes_minor)))
        taxes = tuple(a + b for a, b in zip(before.taxes_minor, line.taxes_minor, strict=True))
        noted[line.line_id] = Parts(before.net_minor + line.net_minor, taxes)
    return noted


def note_of(db: Session, actor: Actor, *, note_id: UUID) -> CreditNote:
    """One of them, as the actor may see it; else NotFound."""
    actor.require(Action.VIEW_INVOICES)
    mine = [col(CreditNote.partner_id) == actor.partner_id, col(CreditNote.id) == note_id]
    if actor.customer_id is not None:
        mine.append(col(CreditNote.customer_id) == actor.customer_id)
    note = db.exec(select(CreditNote).where(*mine)).one_or_none()
    if note is None:
        raise NotFound
    return note


def with_invoice(db: Session, actor: Actor, *, note_id: UUID) -> tuple[CreditNote, Invoice]:
    """A note, as `note_of`, and the invoice it takes back."""
    note = note_of(db, actor, note_id=note_id)
    mine = (Invoice.partner_id == note.partner_id, Invoice.id == note.invoice_id)
    return note, db.exec(select(Invoice).where(*mine)).one()


def lines_of(db: Session, note: CreditNote) -> Sequence[CreditNoteLine]:
    """A note's lines from the top."""
    mine = (CreditNoteLine.partner_id == note.partner_id, CreditNoteLine.credit_note_id == note.id)
    return db.exec(select(CreditNoteLine).where(*mine).order_by(col(CreditNoteLine.position))).all()

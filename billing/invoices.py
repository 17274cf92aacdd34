"""Invoices: draft, open, paid, void.

Surprise: overdue and partially paid are never stored, they are derived; `paid_minor` and the status are
functions of the ledger, moved only together with a posting. An issued invoice is never changed (the
database refuses it): it is paid or voided.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, delete, insert
from sqlmodel import Session, SQLModel, col, select

from auth import audit
from auth.actors import Action, Actor
from billing import customers, invoice_words, recurring_words
from billing.customers import Customer
from billing.invoice_changes import changes
from billing.invoice_fields import Draft, InvoiceInput, read_draft
from billing.invoice_refusals import (
    ONE_EXTERNAL_ID,
    NotADraft,
    NotDeleted,
    Repeated,
    SendRefusal,
    external_id_taken,
)
from billing.money import Currency
from billing.recurrences import RecurringInvoice
from billing.unique import unique
from db.columns import choice, count, day, instant, key, minor, new_id, references, sort_key, tenant
from db.policies import Guard, guarded
from errors import Conflict, NotFound

_RECURS = "recurring_id is not null"


class InvoiceStatus(StrEnum):
    """What is stored. OVERDUE and PARTIALLY_PAID are what an OPEN one may also be."""

    DRAFT = "DRAFT"
    OPEN = "OPEN"
    PAID = "PAID"
    VOID = "VOID"
    UNCOLLECTIBLE = "UNCOLLECTIBLE"


class Invoice(SQLModel, table=True):
    """A claim. `number` is '' until finalized: then it is the partner's next, without gaps.

    `credited_minor` is what credit notes and a customer's credit took off it. `reserved_minor` is what
    payments under way are for: nobody else can pay that part meanwhile. `send_on`
    is the day a draft is to be sent by itself, `send_to` whom it then goes to (nobody: the managers and
    payers); both are gone once it is issued. `left_out`
    are those of them who could get no mail by then, until somebody has seen that. `recurring_id` made it
    for the day `recurs_on`. `archiving_id` names the act that archived it (`invoice_archiving.py`).
    """

    __tablename__ = "invoice"
    __table_args__ = (
        ForeignKeyConstraint(["partner_id", "customer_id"], ["customer.partner_id", "customer.id"]),
        ForeignKeyConstraint(
            ["partner_id", "customer_id", "recurring_id"],
            [f"recurring_invoice.{name}" for name in ("partner_id", "customer_id", "id")],
        ),
        # Target of the children's composite foreign keys: a line can't belong to another customer.
        UniqueConstraint("partner_id", "customer_id", "id"),
        UniqueConstraint("partner_id", "external_id"),
        # Whatever the code does: nobody is billed twice for one day of an order.
        Index(
            "uq_invoice_recurring",
            "partner_id",
            "recurring_id",
            "recurs_on",
            unique=True,
            postgresql_where=_RECURS,
        ),
        CheckConstraint("(recurring_id is null) = (recurs_on is null)", name="recurs_on_a_day"),
        Index("uq_invoice_number", "partner_id", "number", unique=True, postgresql_where="number <> ''"),
        CheckConstraint("(status = 'DRAFT') = (number = '')", name="numbered_when_issued"),
        CheckConstraint("due_on >= issue_on", name="due_not_before_issue"),
        CheckConstraint("total_minor >= 0", name="total_not_negative"),
        CheckConstraint("paid_minor between 0 and total_minor", name="paid_within_total"),
        CheckConstraint("credited_minor >= 0", name="credited_not_negative"),
        # Whatever the code does: open attempts and payments together never exceed the claim (GUARANTEES M-4).
        CheckConstraint(
            "reserved_minor >= 0 and paid_minor + credited_minor + reserved_minor <= total_minor",
            name="reserved_within_rest",
        ),
        CheckConstraint("status = 'OPEN' or reserved_minor = 0", name="only_open_reserved"),
        CheckConstraint("status <> 'PAID' or paid_minor + credited_minor = total_minor", name="paid_in_full"),
        CheckConstraint("status <> 'DRAFT' or paid_minor + credited_minor = 0", name="draft_unpaid"),
        CheckConstraint("send_on is null or status = 'DRAFT'", name="only_drafts_planned"),
        CheckConstraint("send_refusal is null or send_on is not null", name="only_planned_refused"),
        CheckConstraint("send_to = '{}' or send_on is not null", name="only_planned_addressed"),
        CheckConstraint("(left_out = '{}') = (left_out_at is null)", name="left_out_at_a_time"),
        CheckConstraint("(archived_at is null) = (archiving_id is null)", name="archived_in_an_act"),
        CheckConstraint(
            "archived_at is null or status in ('PAID', 'VOID', 'UNCOLLECTIBLE')", name="only_ended_archived"
        ),
        Index(
            "ix_invoice_archived", "partner_id", "due_on", "id", postgresql_where="archived_at is not null"
        ),
        Index(
            "ix_invoice_archiving", "partner_id", "archiving_id", postgresql_where="archiving_id is not null"
        ),
        Index(
            "ix_invoice_left_out", "partner_id", "due_on", "id", postgresql_where="left_out_at is not null"
        ),
        Index("ix_invoice_send", "partner_id", "send_on", "id", postgresql_where="send_on is not null"),
        Index(
            "ix_invoice_customer_due",
            "partner_id",
            "customer_id",
            "due_on",
            "id",
            postgresql_include=["status"],  # row-level security asks it: lists are counted from the index
        ),
        Index("ix_invoice_recurring", "partner_id", "recurring_id", "due_on", "id", postgresql_where=_RECURS),
        Index("ix_invoice_due", "partner_id", "due_on", "id"),
        Index("ix_invoice_status_due", "partner_id", "status", "due_on", "id"),
        Index("ix_invoice_created", "partner_id", "created_at", "id"),
        Index("ix_invoice_updated", "partner_id", "updated_at", "id"),
        Index("ix_invoice_total", "partner_id", "total_minor", "id"),
        Index("ix_invoice_number", "partner_id", "number", "id"),
        Index("ix_invoice_issue", "partner_id", "issue_on", "id"),
        guarded(Guard.ISSUED),
    )  # fmt: skip

    partner_id: UUID = tenant()
    id: UUID = key()
    customer_id: UUID
    number: str = sort_key(default="")
    status: InvoiceStatus = choice(InvoiceStatus)
    currency: Currency = choice(Currency)
    net_minor: int = minor(default=0)
    tax_minor: int = minor(default=0)
    total_minor: int = minor(default=0)
    paid_minor: int = minor(default=0)
    credited_minor: int = minor(default=0)
    reserved_minor: int = minor(default=0)
    issue_on: date = day()
    due_on: date = day()
    memo: str | None = None
    internal_note: str | None = None
    po_number: str | None = None
    external_id: str | None = sort_key(default=None)
    version: int = count(default=1)
    created_at: datetime = instant()
    updated_at: datetime = instant()
    finalized_at: datetime | None = instant(default=None)
    sent_at: datetime | None = instant(default=None)
    paid_at: datetime | None = instant(default=None)
    voided_at: datetime | None = instant(default=None)
    void_reason: str | None = None
    send_on: date | None = day(default=None)
    send_refusal: SendRefusal | None = choice(SendRefusal, default=None)
    send_to: list[UUID] = references(default_factory=list)
    scheduled_by: UUID | None = None
    scheduled_by_name: str | None = None
    left_out: list[UUID] = references(default_factory=list)
    left_out_at: datetime | None = instant(default=None)
    recurring_id: UUID | None = None
    recurs_on: date | None = day(default=None)
    archived_at: datetime | None = instant(default=None)
    archiving_id: UUID | None = None


class InvoiceLine(SQLModel, table=True):
    """One line. `quantity_e4` is in ten-thousandths; `discount_rate_e4` in ten-thousandths of a percent.

    The rate is what the discount was given as, null where it was given in cents; the cents count. `tax_minor`
    is the sum of the line's taxes. `issued` is false while the invoice is a draft, so that row-level security
    can hide it.
    """

    __tablename__ = "invoice_line"
    __table_args__ = (
        ForeignKeyConstraint(
            ["partner_id", "customer_id", "invoice_id"],
            ["invoice.partner_id", "invoice.customer_id", "invoice.id"],
            ondelete="CASCADE",
        ),
        # Target of the taxes' foreign key.
        UniqueConstraint("partner_id", "customer_id", "invoice_id", "id"),
        CheckConstraint("quantity_e4 > 0", name="quantity_positive"),
        CheckConstraint("total_minor = net_minor + tax_minor", name="adds_up"),
        Index("ix_invoice_line_position", "partner_id", "invoice_id", "position", unique=True),
        guarded(Guard.ISSUED_CHILD),
    )

    partner_id: UUID = tenant()
    id: UUID = key()
    customer_id: UUID
    invoice_id: UUID
    position: int = count()
    description: str
    quantity_e4: int = minor()
    unit_price_minor: int = minor()
    discount_minor: int = minor(default=0)
    discount_rate_e4: int | None = None
    net_minor: int = minor()
    tax_minor: int = minor()
    total_minor: int = minor()
    issued: bool = False


class InvoiceLineTax(SQLModel, table=True):
    """A tax on a line: its rate in ten-thousandths of a percent, and its own rounded cents."""

    __tablename__ = "invoice_line_tax"
    __table_args__ = (
        ForeignKeyConstraint(
            ["partner_id", "customer_id", "invoice_id", "line_id"],
            [f"invoice_line.{name}" for name in ("partner_id", "customer_id", "invoice_id", "id")],
            ondelete="CASCADE",
        ),
        CheckConstraint("rate_e4 between 0 and 1000000", name="rate_is_a_percentage"),
        Index("ix_invoice_line_tax_position", "partner_id", "line_id", "position", unique=True),
        Index("ix_invoice_line_tax_invoice", "partner_id", "invoice_id"),
        guarded(Guard.ISSUED_CHILD),
    )

    partner_id: UUID = tenant()
    id: UUID = key()
    customer_id: UUID
    invoice_id: UUID
    line_id: UUID
    position: int = count()
    name: str
    rate_e4: int = count()
    tax_minor: int = minor()
    issued: bool = False


def create_draft(
    db: Session, actor: Actor, *, customer_id: UUID, fields: InvoiceInput, now: datetime
) -> Invoice:
    """Make a draft, which only the partner sees. Left out: issued today (partner's zone), due by the terms.

    Refuses NotFound, a customer in SETUP or ARCHIVED, and all wrong fields at once (`read_invoice`).
    """
    actor.require(Action.EDIT_INVOICES)
    customer = customers.billable(db, actor, customer_id=customer_id)
    draft = read_draft(db, actor, customer=customer, fields=fields, now=now)
    return add_draft(db, actor, customer, draft, "invoice.created", now)


def add_draft(
    db: Session, actor: Actor, customer: Customer, draft: Draft, action: str, now: datetime, **more: str
) -> Invoice:
    """Store what was checked, for a customer that is held; `action` and `more` are for the audit log."""
    invoice = Invoice(
        partner_id=actor.partner_id, customer_id=customer.id, status=InvoiceStatus.DRAFT,
        currency=customer.currency, created_at=now, updated_at=now, **draft.values,
    )  # fmt: skip
    with unique(db, ONE_EXTERNAL_ID, external_id_taken()):
        db.add(invoice)
    _write_lines(db, invoice, draft)
    invoice_words.keep(db, invoice.model_dump(), customer)
    record(db, actor, invoice, action, now, **more)
    return invoice


def update_draft(
    db: Session,
    actor: Actor,
    *,
    invoice_id: UUID,
    fields: InvoiceInput,
    version: int | None = None,
    now: datetime,
) -> Invoice:
    """Change the given fields of a draft; lines are replaced all together.

    `version` is the one that was shown: another one by now is a Conflict. Refuses NotADraft and as
    `create_draft` does.
    """
    actor.require(Action.EDIT_INVOICES)
    customer, invoice = locked(db, actor, invoice_id=invoice_id, billable=True, draft=NotADraft)
    if version is not None and version != invoice.version:
        raise Conflict
    draft = read_draft(db, actor, customer=customer, fields=fields, before=invoice.model_dump(), now=now)
    recurring_words.require_known(db, actor, invoice.id, draft)
    told = changes(invoice.model_dump(), draft, lines_of(db, invoice), taxes_of(db, invoice))
    with unique(db, ONE_EXTERNAL_ID, external_id_taken()):
        for name, value in draft.values.items():
            setattr(invoice, name, value)
        invoice.version += 1
        invoice.updated_at = now
    _write_lines(db, invoice, draft)
    invoice_words.keep(db, invoice.model_dump(), customer)
    record(db, actor, invoice, "invoice.updated", now, **told)
    return invoice


def delete_draft(db: Session, actor: Actor, *, invoice_id: UUID, now: datetime) -> None:
    """Delete a draft for good; it never had a number. Refuses NotFound, NotDeleted and Repeated."""
    actor.require(Action.EDIT_INVOICES)
    _, invoice = locked(db, actor, invoice_id=invoice_id, draft=NotDeleted)
    repeats = select(RecurringInvoice.id).where(
        RecurringInvoice.partner_id == actor.partner_id, RecurringInvoice.invoice_id == invoice.id
    )
    if db.exec(repeats.limit(1)).one_or_none() is not None:
        raise Repeated
    invoice_words.forget(db, invoice.model_dump())
    record(db, actor, invoice, "invoice.deleted", now)
    db.delete(invoice)
    db.flush()


def locked(
    db: Session,
    actor: Actor,
    *,
    invoice_id: UUID,
    billable: bool = False,
    draft: type[NotADraft] | None = None,
) -> tuple[Customer, Invoice]:
    """The actor's invoice, its customer's row locked before its own, as everywhere; else NotFound.

    `billable` refuses customers that are not; `draft` is how an invoice that is none is refused.
    """
    mine = [col(Invoice.partner_id) == actor.partner_id, col(Invoice.id) == invoice_id]
    if actor.customer_id is not None:
        mine += [col(Invoice.customer_id) == actor.customer_id, col(Invoice.status) != InvoiceStatus.DRAFT]
    customer_id = db.exec(select(Invoice.customer_id).where(*mine)).one_or_none()
    if customer_id is None:
        raise NotFound
    lock = customers.billable if billable else customers.locked
    customer = lock(db, actor, customer_id=customer_id)
    wanted = select(Invoice).where(*mine).with_for_update(key_share=True)
    invoice = db.exec(wanted.execution_options(populate_existing=True)).one_or_none()
    if invoice is None:  # a draft that was deleted while we waited for the lock
        raise NotFound
    if draft is not None and invoice.status is not InvoiceStatus.DRAFT:
        raise draft
    return customer, invoice


def lines_of(db: Session, invoice: Invoice) -> Sequence[InvoiceLine]:
    """An invoice's lines from the top."""
    mine = (InvoiceLine.partner_id == invoice.partner_id, InvoiceLine.invoice_id == invoice.id)
    return db.exec(select(InvoiceLine).where(*mine).order_by(col(InvoiceLine.position))).all()


def taxes_of(db: Session, invoice: Invoice) -> Mapping[UUID, Sequence[InvoiceLineTax]]:
    """The taxes of an invoice's lines, by the line's id, each line's in their order."""
    mine = (InvoiceLineTax.partner_id == invoice.partner_id, InvoiceLineTax.invoice_id == invoice.id)
    found: dict[UUID, list[InvoiceLineTax]] = defaultdict(list)
    for tax in db.exec(select(InvoiceLineTax).where(*mine).order_by(col(InvoiceLineTax.position))):
        found[tax.line_id].append(tax)
    return found


def _write_lines(db: Session, invoice: Invoice, draft: Draft) -> None:
    if draft.lines is None:
        return
    place: dict[str, Any] = {
        "partner_id": invoice.partner_id, "customer_id": invoice.customer_id, "invoice_id": invoice.id,
        "issued": False,
    }  # fmt: skip
    db.execute(delete(InvoiceLine).filter_by(partner_id=invoice.partner_id, invoice_id=invoice.id))
    lines, taxes = [], []
    for line in draft.lines:
        line_id = new_id()
        lines.append({**place, **line.values, "id": line_id})
        taxes += [{**place, **tax, "id": new_id(), "line_id": line_id} for tax in line.taxes]
    db.execute(insert(InvoiceLine), lines)
    if taxes:
        db.execute(insert(InvoiceLineTax), taxes)


def record(db: Session, actor: Actor, invoice: Invoice, action: str, now: datetime, **more: object) -> None:
    """Write an act on an invoice into the audit log, with its number, total and currency as they are now."""
    # Of a draft the customer's side learns nothing, not even that there is one.
    whose = invoice.customer_id
    customer_id = audit.Unseen(whose) if invoice.status is InvoiceStatus.DRAFT else whose
    audit.record(
        db, actor, action=action, subject_kind="invoice", subject_id=invoice.id,
        customer_id=customer_id, now=now, number=invoice.number, total_minor=invoice.total_minor,
        currency=invoice.currency.value, **more,
    )  # fmt: skip

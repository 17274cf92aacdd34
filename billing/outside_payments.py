"""Payments that came in past Remit: a check, a wire, cash, written down by the partner's staff.

Surprise: nothing is charged here, so there is no attempt and no gateway; what is written down is believed.
A mistake is reversed by an entry of its own, never deleted, and the invoice is owed again.
"""

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index
from sqlmodel import Session, SQLModel, col, select

from auth import audit
from auth.actors import Action, Actor
from billing import invoice_balances, invoice_life, invoices, ledger, mails, search
from billing.inputs import Input
from billing.invoice_fields import AmountInput, read_amount, read_day, terms_of
from billing.invoices import Invoice, InvoiceStatus
from billing.ledger import Account, EntryCause, Leg
from billing.mails import MailKind
from billing.money import Currency, Money
from billing.payment_orders import LessIsLeft, OtherRequest
from billing.telling import first_to_tell
from billing.texts import Checks
from db.columns import choice, day, instant, key, minor, new_id, sort_key, tenant
from db.policies import Guard, guarded
from errors import Conflict, NotFound
from languages import mark

SEARCHED_AS = "outside_payment"


class OutsideKind(StrEnum):
    """How the money came."""

    CHECK = "CHECK"
    WIRE = "WIRE"
    CASH = "CASH"
    OTHER = "OTHER"


WAYS: Mapping[OutsideKind, str] = {
    OutsideKind.CHECK: mark("Check"),
    OutsideKind.WIRE: mark("Wire transfer"),
    OutsideKind.CASH: mark("Cash"),
    OutsideKind.OTHER: mark("Other"),
}


class OutsidePayment(SQLModel, table=True):
    """Money for one invoice that came in past Remit. Only its reversal is ever added.

    `reference` is a check's or a transfer's number; `note` is the partner's own.
    """

    __tablename__ = "outside_payment"
    __table_args__ = (
        ForeignKeyConstraint(
            ["partner_id", "customer_id", "invoice_id"],
            ["invoice.partner_id", "invoice.customer_id", "invoice.id"],
        ),
        # The same form sent twice is the same payment (GUARANTEES M-3).
        Index(
            "uq_outside_payment_request", "partner_id", "recorded_by", "request_key",
            unique=True, postgresql_nulls_not_distinct=True,
        ),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint("(reversed_at is null) = (reversal_reason is null)", name="reversed_for_a_reason"),
        Index("ix_outside_payment_invoice", "partner_id", "invoice_id", "created_at", "id"),
        Index("ix_outside_payment_customer", "partner_id", "customer_id", "created_at", "id"),
        Index("ix_outside_payment_created", "partner_id", "created_at", "id"),
        Index("ix_outside_payment_amount", "partner_id", "amount_minor", "id"),
        Index("ix_outside_payment_received", "partner_id", "received_on", "id"),
        guarded(Guard.CUSTOMER),
    )  # fmt: skip

    partner_id: UUID = tenant()
    id: UUID = key()
    customer_id: UUID
    invoice_id: UUID
    kind: OutsideKind = choice(OutsideKind)
    reference: str | None = None
    note: str | None = None
    received_on: date = day()
    amount_minor: int = minor()
    currency: Currency = choice(Currency)
    recorded_by: UUID | None = None
    request_key: str = sort_key()
    created_at: datetime = instant()
    updated_at: datetime = instant()
    reversed_at: datetime | None = instant(default=None)
    reversal_reason: str | None = None


class OutsideInput(Input):
    """What was received. The amount left out is all that is left; the day left out is today."""

    kind: str | None = None
    amount: str | AmountInput | None = None
    received_on: date | str | None = None
    reference: str | None = None
    note: str | None = None
    send_receipt: bool = True


class _Blank(NamedTuple):
    """What the fields stand for that are left out."""

    amount: Money
    received_on: date


class NothingLeft(Conflict):
    """All of it is paid, or payments under way are for the rest."""

    code = "NOTHING_LEFT"
    message = "Nothing of this invoice is left to pay, or a payment for it is under way."


def record(
    db: Session, actor: Actor, *, invoice_id: UUID, fields: OutsideInput, request_key: str, now: datetime
) -> OutsidePayment:
    """Write down money received for an open invoice; in full, the invoice is PAID.

    The same actor's same `request_key` is the same payment again. A part that a payment under way is for
    stays reserved: both together never exceed the claim (GUARANTEES M-4). Refuses NotFound, NotOpen,
    NothingLeft, LessIsLeft, OtherRequest, and at the field UNKNOWN_KIND, NOT_POSITIVE, OTHER_CURRENCY,
    BAD_DATE and those of clean_line and read_decimal.
    """
    actor.require(Action.EDIT_INVOICES)
    customer, invoice = invoices.locked(db, actor, invoice_id=invoice_id)
    earlier = db.exec(
        select(OutsidePayment).where(
            OutsidePayment.partner_id == actor.partner_id,
            col(OutsidePayment.recorded_by).is_not_distinct_from(actor.id),
            OutsidePayment.request_key == request_key,
        )
    ).one_or_none()
    today = terms_of(db, actor, customer=customer, now=now).today
    if earlier is not None:
        if earlier.invoice_id != invoice.id or not _is_said_again(
            actor, earlier, fields, invoice, today, now
        ):
            raise OtherRequest
        return earlier
    if invoice.status is not InvoiceStatus.OPEN:
        raise invoice_life.NotOpen(invoice)
    left = Money(invoice_balances.left_minor(invoice), invoice.currency)
    if not left.minor:
        raise NothingLeft
    made = _read(actor, fields, invoice, _Blank(left, today), today, now)
    if made.amount_minor > left.minor:
        raise LessIsLeft(invoice, left)
    made.request_key = request_key
    db.add(made)
    db.flush()
    search.keep(
        db, partner_id=made.partner_id, customer_id=customer.id, kind=SEARCHED_AS, subject_id=made.id,
        texts=(customer.company, invoice.number, made.reference),
    )  # fmt: skip
    invoice_balances.settle(db, actor, shares={invoice.id: made.amount_minor}, now=now)
    _post(db, actor, EntryCause.OUTSIDE_PAYMENT_RECORDED, made, made.amount_minor, now)
    _write_down(db, actor, made, invoice, "outside_payment.recorded", now)
    if fields.send_receipt:
        _tell(db, made, MailKind.OUTSIDE_RECEIPT, now)
    return made


def reverse(db: Session, actor: Actor, *, payment_id: UUID, reason: str, now: datetime) -> OutsidePayment:
    """Take back what was written down: the check bounced, or it was a mistake. The invoice is owed again, and
    the customer is told.

    Reversing twice changes nothing. Refuses NotFound, WrittenOff, and at ("reason",) REQUIRED, TOO_LONG.
    """
    actor.require(Action.VOID_INVOICES)
    mine = (OutsidePayment.partner_id == actor.partner_id, OutsidePayment.id == payment_id)
    invoice_id = db.exec(select(OutsidePayment.invoice_id).where(*mine)).one_or_none()
    if invoice_id is None:
        raise NotFound
    _, invoice = invoices.locked(db, actor, invoice_id=invoice_id)
    wanted = select(OutsidePayment).where(*mine).with_for_update(key_share=True)
    payment = db.exec(wanted.execution_options(populate_existing=True)).one()
    if payment.reversed_at is not None:
        return payment
    if invoice.status is InvoiceStatus.UNCOLLECTIBLE:
        raise invoice_life.WrittenOff
    checks = Checks()
    why = checks.line("reason", reason, required=True, limit=300)
    checks.done()
    invoice_balances.give_back(db, actor, shares={invoice.id: payment.amount_minor}, now=now)
    payment.reversed_at = payment.updated_at = now
    payment.reversal_reason = why
    db.flush()
    _post(db, actor, EntryCause.OUTSIDE_PAYMENT_REVERSED, payment, -payment.amount_minor, now)
    _write_down(db, actor, payment, invoice, "outside_payment.reversed", now)
    _tell(db, payment, MailKind.OUTSIDE_REVERSED, now)
    return payment


def of_invoice(db: Session, actor: Actor, *, payment_id: UUID) -> tuple[OutsidePayment, Invoice]:
    """One of them with its invoice, as the actor may see it; else NotFound."""
    actor.require(Action.VIEW_PAYMENTS)
    mine = [col(OutsidePayment.partner_id) == actor.partner_id, col(OutsidePayment.id) == payment_id]
    if actor.customer_id is not None:
        mine.append(col(OutsidePayment.customer_id) == actor.customer_id)
    joined = (col(Invoice.partner_id) == col(OutsidePayment.partner_id)) & (
        col(Invoice.id) == col(OutsidePayment.invoice_id)
    )
    found = db.exec(select(OutsidePayment, Invoice).join(Invoice, joined).where(*mine)).one_or_none()
    if found is None:
        raise NotFound
    return found


def _is_said_again(
    actor: Actor, earlier: OutsidePayment, fields: OutsideInput, invoice: Invoice, today: date, now: datetime
) -> bool:
    """Whether it is the same payment word for word. What is left out stands for what it stood for then."""
    blank = _Blank(Money(earlier.amount_minor, earlier.currency), earlier.received_on)
    said = _read(actor, fields, invoice, blank, today, now)
    told = ("kind", "amount_minor", "received_on", "reference", "note")
    return all(getattr(said, name) == getattr(earlier, name) for name in told)


def _read(
    actor: Actor, fields: OutsideInput, invoice: Invoice, blank: _Blank, today: date, now: datetime
) -> OutsidePayment:
    """A row of what was typed; every wrong field at once."""
    checks = Checks()
    if fields.kind not in OutsideKind.__members__:
        checks.refuse("kind", code="UNKNOWN_KIND", message="Choose check, wire, cash or other.")
    amount = read_amount(checks, "amount", fields.amount, invoice.currency, required=False)
    given = isinstance(fields.amount, AmountInput) or bool((fields.amount or "").strip())
    if given and amount.minor == 0 and not checks.problems:
        checks.refuse("amount", code="NOT_POSITIVE", message="Enter an amount above zero.")
    received_on = read_day(checks, "received_on", fields.received_on) or blank.received_on
    if received_on > today:
        checks.refuse("received_on", code="BAD_DATE", message="Choose a day that is not in the future.")
    reference = checks.line("reference", fields.reference, required=False, limit=100)
    note = checks.block("note", fields.note, required=False, limit=2000)
    checks.done()
    return OutsidePayment(
        partner_id=actor.partner_id, id=new_id(), customer_id=invoice.customer_id, invoice_id=invoice.id,
        kind=OutsideKind(fields.kind or ""), reference=reference, note=note, received_on=received_on,
        amount_minor=amount.minor if given else blank.amount.minor, currency=invoice.currency,
        recorded_by=actor.id, request_key="", created_at=now, updated_at=now,
    )  # fmt: skip


def _post(
    db: Session, actor: Actor, cause: EntryCause, payment: OutsidePayment, minor_: int, now: datetime
) -> None:
    legs = [
        Leg(Account.OUTSIDE_CLEARING, minor_, payment.currency, invoice_id=payment.invoice_id),
        Leg(Account.RECEIVABLE, -minor_, payment.currency, invoice_id=payment.invoice_id),
    ]
    ledger.post(
        db, actor, cause=cause, subject_id=payment.id, customer_id=payment.customer_id, legs=legs, now=now
    )


def _tell(db: Session, payment: OutsidePayment, kind: MailKind, now: datetime) -> None:
    told = first_to_tell(db, partner_id=payment.partner_id, customer_id=payment.customer_id)
    if told is not None:
        mails.queue(
            db, partner_id=payment.partner_id, kind=kind, membership_id=told.id, subject_id=payment.id,
            customer_id=payment.customer_id, now=now,
        )  # fmt: skip


def _write_down(
    db: Session, actor: Actor, payment: OutsidePayment, invoice: Invoice, action: str, now: datetime
) -> None:
    audit.record(
        db, actor, action=action, subject_kind="invoice", subject_id=invoice.id,
        customer_id=payment.customer_id, now=now, number=invoice.number, amount_minor=payment.amount_minor,
        kind=payment.kind.value,
    )  # fmt: skip

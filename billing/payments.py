"""Payments: one attempt each to move money for one or more invoices.

Surprise: the attempt is committed before the gateway is called, and `settle` is one conditional update
that page, webhook and reconciler all call, in any order, any number of times.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ColumnElement, ForeignKeyConstraint, Index, UniqueConstraint, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, SQLModel, col, select

from auth import audit
from auth.actors import Action, Actor, ActorKind
from billing import customers, invoice_balances, payment_methods, search
from billing.customers import Customer
from billing.money import Currency, Money
from billing.payment_orders import (
    OtherRequest,
    Share,
    TotalChanged,
    digest_of,
    require_guests,
    require_payable,
    require_shape,
)
from db.columns import choice, count, digest, instant, key, minor, new_id, sort_key, tenant
from db.policies import Guard, guarded
from errors import Conflict, NotFound

SEARCHED_AS = "payment"


class PaymentStatus(StrEnum):
    """The life of an attempt. UNKNOWN while a gateway has not answered: never the same as FAILED."""

    SCHEDULED = "SCHEDULED"
    PENDING = "PENDING"
    REQUIRES_ACTION = "REQUIRES_ACTION"
    PROCESSING = "PROCESSING"
    UNKNOWN = "UNKNOWN"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"
    RETURNED = "RETURNED"
    DISPUTED = "DISPUTED"
    REFUNDED = "REFUNDED"
    PARTIALLY_REFUNDED = "PARTIALLY_REFUNDED"


# Money may still move, or has not been asked for yet. Everything else is final.
UNDER_WAY = frozenset({
    PaymentStatus.SCHEDULED, PaymentStatus.PENDING, PaymentStatus.REQUIRES_ACTION, PaymentStatus.PROCESSING,
    PaymentStatus.UNKNOWN,
})  # fmt: skip


# The money came in, whatever became of it later: there is a receipt.
RECEIVED = frozenset({
    PaymentStatus.SUCCEEDED, PaymentStatus.RETURNED, PaymentStatus.DISPUTED, PaymentStatus.REFUNDED,
    PaymentStatus.PARTIALLY_REFUNDED,
})  # fmt: skip


class AllocationStatus(StrEnum):
    """RESERVED while the attempt is open, then APPLIED to the invoice or RELEASED."""

    RESERVED = "RESERVED"
    APPLIED = "APPLIED"
    RELEASED = "RELEASED"


class Payment(SQLModel, table=True):
    """An attempt. `gateway_key` is the one key every try of it carries to the gateway.

    `tries` 0 means that nothing was ever sent. `return_url` is kept because a repeated try must be the same.
    """

    __tablename__ = "payment"
    __table_args__ = (
        ForeignKeyConstraint(["partner_id", "customer_id"], ["customer.partner_id", "customer.id"]),
        ForeignKeyConstraint(
            ["partner_id", "customer_id", "payment_method_id"],
            ["payment_method.partner_id", "payment_method.customer_id", "payment_method.id"],
        ),
        UniqueConstraint("partner_id", "customer_id", "id"),
        UniqueConstraint("gateway_key"),
        UniqueConstraint("partner_id", "gateway", "gateway_ref"),
        # The same person's same request is the same payment, however often it is sent (GUARANTEES M-5).
        Index(
            "uq_payment_request", "partner_id", "asked_by", "request_key",
            unique=True, postgresql_nulls_not_distinct=True,
        ),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        Index("ix_payment_customer_created", "partner_id", "customer_id", "created_at", "id"),
        Index("ix_payment_created", "partner_id", "created_at", "id"),
        Index("ix_payment_updated", "partner_id", "updated_at", "id"),
        Index("ix_payment_amount", "partner_id", "amount_minor", "id"),
        Index("ix_payment_status", "partner_id", "status", "created_at", "id"),
        guarded(Guard.CUSTOMER),
    )  # fmt: skip

    partner_id: UUID = tenant()
    id: UUID = key()
    customer_id: UUID
    status: PaymentStatus = choice(PaymentStatus)
    amount_minor: int = minor()
    currency: Currency = choice(Currency)
    payment_method_id: UUID
    gateway: str = sort_key()
    gateway_account: str
    gateway_key: str = sort_key()
    gateway_ref: str | None = sort_key(default=None)
    return_url: str | None = None
    action_url: str | None = None
    failure_code: str | None = None
    failure_message: str | None = None
    asked_by: UUID | None = None
    asked_by_kind: str
    request_key: str = sort_key()
    request_hash: bytes = digest()
    tries: int = count(default=0)
    tried_at: datetime | None = instant(default=None)
    created_at: datetime = instant()
    updated_at: datetime = instant()
    settled_at: datetime | None = instant(default=None)


class PaymentAllocation(SQLModel, table=True):
    """How much of a payment is for which invoice."""

    __tablename__ = "payment_allocation"
    __table_args__ = (
        ForeignKeyConstraint(
            ["partner_id", "customer_id", "payment_id"],
            ["payment.partner_id", "payment.customer_id", "payment.id"],
        ),
        ForeignKeyConstraint(
            ["partner_id", "customer_id", "invoice_id"],
            ["invoice.partner_id", "invoice.customer_id", "invoice.id"],
        ),
        UniqueConstraint("partner_id", "payment_id", "invoice_id"),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        Index("ix_payment_allocation_invoice", "partner_id", "invoice_id", "payment_id"),
        guarded(Guard.CUSTOMER),
    )

    partner_id: UUID = tenant()
    id: UUID = key()
    customer_id: UUID
    payment_id: UUID
    invoice_id: UUID
    amount_minor: int = minor()
    status: AllocationStatus = choice(AllocationStatus)


class CannotCancel(Conflict):
    """It is at the gateway already, or over."""

    code = "PAYMENT_CANNOT_BE_CANCELED"
    message = "This payment can't be canceled any more."


def review(
    db: Session, actor: Actor, *, customer_id: UUID, shares: Sequence[Share], payment_method_id: UUID
) -> Money:
    """What `begin` would take if it were asked now: shown before anybody is asked to confirm it.

    Changes nothing. Refuses as `begin` does, but for what is about the key and the expected total.
    """
    actor.require(Action.PAY)
    require_shape(shares, None)
    customer = customers.billable(db, actor, customer_id=customer_id)
    ids = [share.invoice_id for share in shares]
    invoices = invoice_balances.find(db, actor, customer_id=customer.id, ids=ids, lock=False)
    require_guests(actor, shares, invoices)
    total = require_payable(shares, invoices, customer.currency)
    payment_methods.usable(db, actor, customer_id=customer.id, method_id=payment_method_id)
    return total


def begin(
    db: Session,
    actor: Actor,
    *,
    customer_id: UUID,
    shares: Sequence[Share],
    payment_method_id: UUID,
    expected_total: Money,
    idempotency_key: str,
    return_url: Callable[[UUID], str] | None = None,
    now: datetime,
) -> Payment:
    """Make an attempt and reserve its part of each invoice; commit it before the gateway is called.

    The same actor's same key is the same payment again (M-5). `return_url` makes, from the payment's id,
    where the payer comes back to; None: nobody is there to confirm. Refuses NotFound, a customer in SETUP
    or ARCHIVED, MethodRemoved, NotOpen, LessIsLeft (M-4), TotalChanged (M-17), OtherRequest, and at
    ("allocations", row, …) what is no amount of that invoice. A guest pays all of the link's one invoice,
    with the card entered for that (C-10).
    """
    actor.require(Action.PAY)
    require_shape(shares, idempotency_key)
    customer = customers.billable(db, actor, customer_id=customer_id)
    asked = digest_of(customer_id, shares, payment_method_id, expected_total)
    earlier = begun_with(db, actor, idempotency_key=idempotency_key)
    if earlier is not None:
        if earlier.request_hash != asked:
            raise OtherRequest
        return earlier
    ids = [share.invoice_id for share in shares]
    invoices = invoice_balances.find(db, actor, customer_id=customer.id, ids=ids, lock=True)
    require_guests(actor, shares, invoices)
    total = require_payable(shares, invoices, customer.currency)
    if total != expected_total:
        raise TotalChanged(total)
    method = payment_methods.usable(db, actor, customer_id=customer.id, method_id=payment_method_id)
    payment_id = new_id()
    made = insert(Payment).values(
        partner_id=actor.partner_id, id=payment_id, customer_id=customer.id, status=PaymentStatus.PENDING,
        amount_minor=total.minor, currency=total.currency, payment_method_id=method.id,
        gateway=method.gateway, gateway_account=method.gateway_account, gateway_key=f"pay_{payment_id.hex}",
        return_url=return_url(payment_id) if return_url else None,
        asked_by=actor.id, asked_by_kind=actor.kind.value, request_key=idempotency_key, request_hash=asked,
        tries=0, created_at=now, updated_at=now,
    )  # fmt: skip
    # The same key for another customer, at this very moment: another request, too.
    if db.execute(made.on_conflict_do_nothing().returning(col(Payment.id))).one_or_none() is None:
        raise OtherRequest
    _reserve(db, actor, payment_id, customer.id, shares, now)
    search.keep(
        db, partner_id=actor.partner_id, customer_id=customer.id, kind=SEARCHED_AS, subject_id=payment_id,
        texts=(customer.company, method.brand, method.last4, *(invoice.number for invoice in invoices)),
    )  # fmt: skip
    payment = db.exec(select(Payment).where(*of(actor), Payment.id == payment_id)).one()
    record(db, actor, payment, "payment.begun", now)
    return payment


def cancel(db: Session, actor: Actor, *, payment_id: UUID, now: datetime) -> Payment:
    """Give up an attempt that was never sent; its invoices can be paid again.

    Canceling twice changes nothing. Refuses NotFound, and CannotCancel once the gateway may have it: only
    the gateway can end it then.
    """
    actor.require(Action.PAY)
    payment = locked(db, actor, payment_id=payment_id)
    if payment.status is PaymentStatus.CANCELED:
        return payment
    if payment.status not in (PaymentStatus.SCHEDULED, PaymentStatus.PENDING) or payment.tries:
        raise CannotCancel
    release(db, actor, payment, now=now)
    payment.status = PaymentStatus.CANCELED
    payment.settled_at = payment.updated_at = now
    db.flush()
    record(db, actor, payment, "payment.canceled", now)
    return payment


def locked(db: Session, actor: Actor, *, payment_id: UUID) -> Payment:
    """The actor's payment, its customer's row locked before its own, as everywhere; else NotFound.

    Also an archived customer's: what was begun must be brought to its end.
    """
    mine = [*of(actor), col(Payment.id) == payment_id]
    customer_id = db.exec(select(Payment.customer_id).where(*mine)).one_or_none()
    if customer_id is None:
        raise NotFound
    customer = select(Customer.id).where(Customer.partner_id == actor.partner_id, Customer.id == customer_id)
    db.exec(customer.with_for_update(key_share=True)).one()
    wanted = select(Payment).where(*mine).with_for_update(key_share=True)
    return db.exec(wanted.execution_options(populate_existing=True)).one()


def find(db: Session, actor: Actor, *, payment_id: UUID) -> Payment:
    """The actor's payment as it stands; else NotFound. For whoever has just begun it or brings its end."""
    wanted = select(Payment).where(*of(actor), Payment.id == payment_id)
    payment = db.exec(wanted.execution_options(populate_existing=True)).one_or_none()
    if payment is None:
        raise NotFound
    return payment


def begun_with(db: Session, actor: Actor, *, idempotency_key: str) -> Payment | None:
    """What this very actor began with this key before, if anything (GUARANTEES M-3, M-5)."""
    wanted = select(Payment).where(
        *of(actor),
        col(Payment.asked_by).is_not_distinct_from(actor.id),
        Payment.request_key == idempotency_key,
    )
    return db.exec(wanted.execution_options(populate_existing=True)).one_or_none()


def shares_of(db: Session, payment: Payment) -> dict[UUID, int]:
    """Minor units by invoice."""
    wanted = select(PaymentAllocation.invoice_id, PaymentAllocation.amount_minor).where(
        PaymentAllocation.partner_id == payment.partner_id, PaymentAllocation.payment_id == payment.id
    )
    return dict(db.exec(wanted).all())


def mark_shares(db: Session, payment: Payment, status: AllocationStatus) -> None:
    """Move all shares of a payment from RESERVED to `status`."""
    db.execute(
        update(PaymentAllocation)
        .where(
            col(PaymentAllocation.partner_id) == payment.partner_id,
            col(PaymentAllocation.payment_id) == payment.id,
            col(PaymentAllocation.status) == AllocationStatus.RESERVED,
        )
        .values(status=status)
    )


def release(db: Session, actor: Actor, payment: Payment, *, now: datetime) -> None:
    """Give back what a payment that is locked and under way has reserved."""
    mark_shares(db, payment, AllocationStatus.RELEASED)
    invoice_balances.release(db, actor, shares=shares_of(db, payment), now=now)


def record(db: Session, actor: Actor, payment: Payment, action: str, now: datetime) -> None:
    """Write an act on a payment into the audit log."""
    audit.record(
        db, actor, action=action, subject_kind="payment", subject_id=payment.id,
        customer_id=payment.customer_id, now=now, amount_minor=payment.amount_minor,
        currency=payment.currency.value, status=payment.status,
    )  # fmt: skip


def of(actor: Actor) -> list[ColumnElement[bool]]:
    """What a statement asks for, so that it finds the actor's payments: a guest's are the link's own."""
    mine = [col(Payment.partner_id) == actor.partner_id]
    if actor.customer_id is not None:
        mine.append(col(Payment.customer_id) == actor.customer_id)
    if actor.is_guest:
        mine += [col(Payment.asked_by) == actor.id, col(Payment.asked_by_kind) == ActorKind.GUEST.value]
    return mine


def _reserve(
    db: Session, actor: Actor, payment_id: UUID, customer_id: UUID, shares: Sequence[Share], now: datetime
) -> None:
    place = {"partner_id": actor.partner_id, "customer_id": customer_id, "payment_id": payment_id}
    rows = [
        {
            **place, "id": new_id(), "invoice_id": share.invoice_id, "amount_minor": share.amount.minor,
            "status": AllocationStatus.RESERVED,
        }
        for share in shares
    ]  # fmt: skip
    db.execute(insert(PaymentAllocation), rows)
    invoice_balances.reserve(
        db, actor, shares={share.invoice_id: share.amount.minor for share in shares}, now=now
    )

"""Bringing a payment to its end: what was heard from the gateway, written down once.

Surprise: page, webhook and reconciler all call `settle`, in any order, any number of times. What is final
stays; older news than what is known changes nothing; news that contradicts it changes nothing and is loud.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlmodel import Session, select

from auth.actors import Actor, ActorKind
from billing import invoice_balances, ledger, mails, payments
from billing.ledger import Account, EntryCause, Leg
from billing.mails import MailKind
from billing.payment_methods import PaymentMethod
from billing.payments import UNDER_WAY, AllocationStatus, Payment, PaymentStatus
from billing.ports import ChargeAnswer, ChargeStatus
from billing.telling import first_to_tell
from errors import Conflict

# Longer than any call to a gateway may take: two processes never send the same attempt at once.
ONE_TRY_LASTS = timedelta(minutes=2)

# An answer only moves a payment on, never back.
_PROGRESS = {
    PaymentStatus.SCHEDULED: 0, PaymentStatus.PENDING: 0, PaymentStatus.UNKNOWN: 0,
    PaymentStatus.REQUIRES_ACTION: 1, PaymentStatus.PROCESSING: 2,
}  # fmt: skip
_WAITING = {
    ChargeStatus.REQUIRES_ACTION: PaymentStatus.REQUIRES_ACTION,
    ChargeStatus.PROCESSING: PaymentStatus.PROCESSING,
}

Reached = Callable[[str], None]


class Differs(Conflict):
    """The gateway speaks of another amount, currency or charge than the attempt. Nothing was applied."""

    code = "CHARGE_DIFFERS"


class Contradicts(Conflict):
    """The gateway says the opposite of what is final here. Nothing was applied; somebody must look."""

    code = "CHARGE_CONTRADICTS"


class Try(NamedTuple):
    """An attempt on its way, and what the gateway calls the method it charges."""

    payment: Payment
    method_ref: str


def nowhere(point: str) -> None:
    """Passing a named point in the course of a payment does nothing, except in tests of crashes (M-7)."""


def start_try(db: Session, actor: Actor, *, payment_id: UUID, now: datetime) -> Try | None:
    """Note that the attempt is about to be sent (commit it); None if it must not be sent now.

    Only what is PENDING or UNKNOWN is sent, and by one process at a time. Every try carries the same key.
    """
    payment = payments.locked(db, actor, payment_id=payment_id)
    if payment.status not in (PaymentStatus.PENDING, PaymentStatus.UNKNOWN):
        return None
    if payment.tried_at is not None and payment.tried_at > now - ONE_TRY_LASTS:
        return None
    payment.tries += 1
    payment.tried_at = payment.updated_at = now
    db.flush()
    method_ref = select(PaymentMethod.gateway_ref).where(
        PaymentMethod.partner_id == payment.partner_id, PaymentMethod.id == payment.payment_method_id
    )
    return Try(payment, db.exec(method_ref).one())


def note_unknown(db: Session, actor: Actor, *, payment_id: UUID, now: datetime) -> Payment:
    """The gateway did not answer: money may have moved. Never the same as failed (GUARANTEES M-8)."""
    payment = payments.locked(db, actor, payment_id=payment_id)
    if payment.status is PaymentStatus.PENDING:
        payment.status = PaymentStatus.UNKNOWN
        payment.updated_at = now
        db.flush()
        payments.record(db, actor, payment, "payment.unknown", now)
    return payment


def note_not_taken(
    db: Session, actor: Actor, *, payment_id: UUID, code: str, message: str, now: datetime
) -> Payment:
    """The gateway certainly has no charge of this attempt: it failed, and its invoices can be paid again."""
    payment = payments.locked(db, actor, payment_id=payment_id)
    if payment.status in (PaymentStatus.PENDING, PaymentStatus.UNKNOWN):
        _fail(db, actor, payment, code, message, now)
    return payment


def settle(
    db: Session,
    actor: Actor,
    *,
    payment_id: UUID,
    answer: ChargeAnswer,
    now: datetime,
    reached: Reached = nowhere,
) -> Payment:
    """Write down what the gateway says of the attempt's charge.

    SUCCEEDED: its shares are applied, invoices paid, the entry posted and the receipt queued, together and
    once. FAILED: its shares are released and the reason kept. Refuses, before anything is written, NotFound,
    Differs (GUARANTEES M-10) and Contradicts (I6).
    """
    payment = payments.locked(db, actor, payment_id=payment_id)
    _compare(db, payment, answer)
    if payment.status not in UNDER_WAY:
        _require_agreement(payment, answer)
        return payment
    payment.gateway_ref = answer.gateway_id
    if answer.status in _WAITING:
        _wait(payment, answer, now)
        db.flush()
    elif answer.status is ChargeStatus.SUCCEEDED:
        _succeed(db, actor, payment, now, reached)
    else:
        code = answer.failure_code or "declined"
        message = answer.failure_message or "The payment was declined. Use another payment method."
        _fail(db, actor, payment, code, message, now)
    return payment


def _compare(db: Session, payment: Payment, answer: ChargeAnswer) -> None:
    said, asked = (answer.amount_minor, answer.currency), (payment.amount_minor, payment.currency)
    if said != asked:
        raise Differs(f"The gateway says {said[0]} {said[1]}, asked for were {asked[0]} {asked[1]}.")
    if payment.gateway_ref not in (None, answer.gateway_id):
        raise Differs(f"The gateway says {answer.gateway_id}, known is {payment.gateway_ref}.")
    if payment.gateway_ref is None:
        taken = select(Payment.id).where(
            Payment.partner_id == payment.partner_id,
            Payment.gateway == payment.gateway,
            Payment.gateway_ref == answer.gateway_id,
        )
        if db.exec(taken).first() is not None:
            raise Differs(f"{answer.gateway_id} is the charge of another payment.")


def _require_agreement(payment: Payment, answer: ChargeAnswer) -> None:
    """An old "still waiting" agrees with every end; an end agrees with the same end only."""
    failed_here = payment.status in (PaymentStatus.FAILED, PaymentStatus.CANCELED)
    opposite = ChargeStatus.SUCCEEDED if failed_here else ChargeStatus.FAILED
    if answer.status is opposite:
        raise Contradicts(f"The gateway says {answer.status}, here it is {payment.status} for good.")


def _wait(payment: Payment, answer: ChargeAnswer, now: datetime) -> None:
    """Older news than what is known changes nothing; the page to confirm on may come later than the state."""
    wanted = _WAITING[answer.status]
    if _PROGRESS[payment.status] > _PROGRESS[wanted]:
        return
    payment.status = wanted
    payment.action_url = answer.action_url or payment.action_url
    payment.updated_at = now


def _succeed(db: Session, actor: Actor, payment: Payment, now: datetime, reached: Reached) -> None:
    shares = payments.shares_of(db, payment)
    payments.mark_shares(db, payment, AllocationStatus.APPLIED)
    invoice_balances.take(db, actor, shares=shares, now=now)
    payment.status = PaymentStatus.SUCCEEDED
    payment.action_url = None
    payment.settled_at = payment.updated_at = now
    db.flush()
    paid = [
        Leg(Account.RECEIVABLE, -minor, payment.currency, invoice_id=invoice_id, payment_id=payment.id)
        for invoice_id, minor in sorted(shares.items())
    ]
    captured = Leg(Account.GATEWAY_CLEARING, payment.amount_minor, payment.currency, payment_id=payment.id)
    ledger.post(
        db, _asker(payment), cause=EntryCause.PAYMENT_SUCCEEDED, subject_id=payment.id,
        customer_id=payment.customer_id, legs=[captured, *paid], now=now,
    )  # fmt: skip
    payments.record(db, actor, payment, "payment.succeeded", now)
    reached("apply")
    _tell(db, payment, MailKind.RECEIPT, now)
    reached("mail")


def _fail(db: Session, actor: Actor, payment: Payment, code: str, message: str, now: datetime) -> None:
    payments.release(db, actor, payment, now=now)
    told_otherwise = payment.status in (PaymentStatus.UNKNOWN, PaymentStatus.PROCESSING)
    payment.status = PaymentStatus.FAILED
    payment.failure_code, payment.failure_message, payment.action_url = code, message, None
    payment.settled_at = payment.updated_at = now
    db.flush()
    payments.record(db, actor, payment, "payment.failed", now)
    if told_otherwise:  # whoever sees the refusal on the page needs no mail about it
        _tell(db, payment, MailKind.PAYMENT_FAILED, now)


def _asker(payment: Payment) -> Actor:
    """Whoever brought the news, the money moved because this actor asked for it."""
    return Actor(ActorKind(payment.asked_by_kind), payment.partner_id, id=payment.asked_by)


def _tell(db: Session, payment: Payment, kind: MailKind, now: datetime) -> None:
    """One mail: to the customer's user who paid, else to whoever is told first."""
    told = first_to_tell(
        db, partner_id=payment.partner_id, customer_id=payment.customer_id, rather=payment.asked_by
    )
    if told is not None:
        mails.queue(
            db, partner_id=payment.partner_id, kind=kind, membership_id=told.id, subject_id=payment.id,
            customer_id=payment.customer_id, now=now,
        )  # fmt: skip

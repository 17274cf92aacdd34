"""Paying: the attempt is committed, the gateway is called, the answer is written down.

Surprise: no transaction is open during the call. Whatever happens in between - a crash, a time-out, a
second click - the attempt stands in the database under its one key, and the reconciler brings it to its end.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

import structlog
from sqlmodel import Session

from auth.actors import Action, Actor
from billing import payments, settling
from billing.money import Money
from billing.payment_orders import Share
from billing.payments import Payment, PaymentStatus
from billing.ports import ChargeAnswer, Gateway, GatewayRefused, GatewayUnreachable
from billing.settling import Reached, Try, nowhere
from db.session import Database
from errors import Limited

KEY_TAKEN = "idempotency_conflict"
NOT_REACHED, NOT_TAKEN = "gateway_unreachable", "gateway_refused"
_NOT_REACHED = "The payment could not be sent, and nothing was charged. Try again in a few minutes."
_NOT_TAKEN = "The payment could not be made, and nothing was charged. Use another payment method."


class GatewayDown(Limited):
    """The gateway can't be asked now."""

    code = "GATEWAY_DOWN"
    message = "The payment can't be canceled just now. Try again in a few minutes."


_log = structlog.get_logger(__name__)


def pay(
    database: Database,
    gateway: Gateway,
    actor: Actor,
    *,
    customer_id: UUID,
    shares: Sequence[Share],
    payment_method_id: UUID,
    expected_total: Money,
    idempotency_key: str,
    return_url: Callable[[UUID], str] | None,
    clock: Callable[[], datetime],
    reached: Reached = nowhere,
) -> Payment:
    """Pay, and give back the payment as it stands then: succeeded, failed, waiting for the payer, or unknown.

    The same key again gives the same payment, and at most one charge. Refuses as `payments.begin` does,
    before anything was sent. Call it outside of any transaction.
    """
    with _transaction(database, actor) as db:
        payment = payments.begin(
            db, actor, customer_id=customer_id, shares=shares, payment_method_id=payment_method_id,
            expected_total=expected_total, idempotency_key=idempotency_key, return_url=return_url,
            now=clock(),
        )  # fmt: skip
    reached("reserve")
    return send(database, gateway, actor, payment_id=payment.id, clock=clock, reached=reached)


def send(
    database: Database,
    gateway: Gateway,
    actor: Actor,
    *,
    payment_id: UUID,
    clock: Callable[[], datetime],
    reached: Reached = nowhere,
) -> Payment:
    """Send a begun attempt under its own key, unless somebody is doing so or it is settled already."""
    with _transaction(database, actor) as db:
        attempt = settling.start_try(db, actor, payment_id=payment_id, now=clock())
        if attempt is None:
            return payments.find(db, actor, payment_id=payment_id)
    try:
        answer = _charge(gateway, attempt)
    except (GatewayUnreachable, GatewayRefused) as trouble:
        reached("send")
        return _without_answer(database, actor, attempt.payment, trouble, clock())
    reached("send")
    return write_down(database, actor, payment_id=payment_id, answer=answer, now=clock(), reached=reached)


def send_and_see(
    database: Database,
    gateway: Gateway,
    actor: Actor,
    *,
    payment_id: UUID,
    clock: Callable[[], datetime],
    reached: Reached = nowhere,
) -> Payment:
    """`send`; if a first click is sending it just now, the payment as the gateway knows it."""
    payment = send(database, gateway, actor, payment_id=payment_id, clock=clock, reached=reached)
    if payment.status is not PaymentStatus.PENDING:
        return payment
    return refresh(database, gateway, actor, payment_id=payment_id, clock=clock)


def refresh(
    database: Database, gateway: Gateway, actor: Actor, *, payment_id: UUID, clock: Callable[[], datetime]
) -> Payment:
    """Ask the gateway how a payment that is under way stands: for the page the payer comes back to.

    No answer: the payment as it is known here.
    """
    with _transaction(database, actor) as db:
        payment = payments.find(db, actor, payment_id=payment_id)
    if payment.status not in payments.UNDER_WAY:
        return payment
    try:
        answer = gateway.find_charge(account=payment.gateway_account, key=payment.gateway_key)
    except (GatewayUnreachable, GatewayRefused) as trouble:
        _log.warning("charge not found out", payment=str(payment.id), reason=str(trouble))
        return payment
    if answer is None:
        return payment
    return write_down(database, actor, payment_id=payment.id, answer=answer, now=clock())


def cancel(
    database: Database, gateway: Gateway, actor: Actor, *, payment_id: UUID, clock: Callable[[], datetime]
) -> Payment:
    """Give up a payment that was never sent, or that waits for its payer to confirm.

    The second is ended at the gateway first, or it could still be confirmed; paid in the meantime, it comes
    back as paid. Refuses NotFound, CannotCancel, and GatewayDown: then nothing is known to have changed.
    """
    actor.require(Action.PAY)
    with _transaction(database, actor) as db:
        payment = payments.find(db, actor, payment_id=payment_id)
        if payment.status is not PaymentStatus.REQUIRES_ACTION:
            return payments.cancel(db, actor, payment_id=payment_id, now=clock())
    try:
        answer = gateway.cancel_charge(account=payment.gateway_account, key=payment.gateway_key)
    except (GatewayUnreachable, GatewayRefused) as trouble:
        _log.warning("charge not canceled", payment=str(payment.id), reason=str(trouble))
        raise GatewayDown from trouble
    if answer is None:
        raise payments.CannotCancel
    return write_down(database, actor, payment_id=payment.id, answer=answer, now=clock())


def write_down(
    database: Database,
    actor: Actor,
    *,
    payment_id: UUID,
    answer: ChargeAnswer,
    now: datetime,
    reached: Reached = nowhere,
) -> Payment:
    """`settle` in a transaction of its own. An answer that can't be right leaves the payment unknown."""
    try:
        with _transaction(database, actor) as db:
            payment = settling.settle(
                db, actor, payment_id=payment_id, answer=answer, now=now, reached=reached
            )
    except (settling.Differs, settling.Contradicts) as wrong:
        _log.error("charge differs", payment=str(payment_id), reason=wrong.message)
        with _transaction(database, actor) as db:
            return settling.note_unknown(db, actor, payment_id=payment_id, now=now)
    reached("commit")
    return payment


@contextmanager
def _transaction(database: Database, actor: Actor) -> Iterator[Session]:
    with database.transaction(**actor.reach) as db:
        yield db


def _charge(gateway: Gateway, attempt: Try) -> ChargeAnswer:
    """The same request at every try, or the gateway would take it for another one."""
    payment = attempt.payment
    return gateway.charge(
        key=payment.gateway_key, account=payment.gateway_account, amount_minor=payment.amount_minor,
        currency=payment.currency.value, method_ref=attempt.method_ref, reference=payment.gateway_key,
        return_url=payment.return_url,
    )  # fmt: skip


def _without_answer(
    database: Database,
    actor: Actor,
    payment: Payment,
    trouble: GatewayUnreachable | GatewayRefused,
    now: datetime,
) -> Payment:
    """Only the first try can be known to have moved nothing: an earlier one may have arrived."""
    refused = isinstance(trouble, GatewayRefused) and trouble.code != KEY_TAKEN
    never_sent = isinstance(trouble, GatewayUnreachable) and not trouble.sent
    _log.warning("charge without answer", payment=str(payment.id), reason=str(trouble))
    with _transaction(database, actor) as db:
        if payment.tries == 1 and (refused or never_sent):
            code, message = (NOT_REACHED, _NOT_REACHED) if never_sent else (NOT_TAKEN, _NOT_TAKEN)
            return settling.note_not_taken(
                db, actor, payment_id=payment.id, code=code, message=message, now=now
            )
        return settling.note_unknown(db, actor, payment_id=payment.id, now=now)

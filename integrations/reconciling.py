"""The reconciler: payments that nobody brought to their end are asked about at the gateway.

Surprise: a payment the gateway has never heard of is sent again, under its own key, for an hour; only then,
and only when nothing can be on its way any more, it is given up as failed.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlmodel import col, func, select

from auth.actors import Actor, system
from billing import payments, settling
from billing.payments import Payment, PaymentStatus
from billing.ports import Gateway, GatewayRefused, GatewayUnreachable
from billing.settling import Reached, nowhere
from db.session import Database
from integrations import paying

# Long enough for whoever began a payment to finish it.
LEFT_ALONE = settling.ONE_TRY_LASTS
SENT_AGAIN_FOR = timedelta(hours=1)
# No request is on its way longer than this, whatever stood between.
LONGEST_WAY = timedelta(minutes=30)
AT_ONCE = 200
# A gateway that is down is asked again at the next run, not two hundred times in this one.
ENOUGH_SILENCE = 3
NEVER_TAKEN = "never_taken"
_NEVER_TAKEN = "The payment could not be sent, and nothing was charged. Pay again."

_log = structlog.get_logger(__name__)


@dataclass
class Found:
    """What a run came to, in payments."""

    settled: int = 0
    sent_again: int = 0
    given_up: int = 0
    left: int = 0
    silences: int = 0


def reconcile(database: Database, gateway: Gateway, *, now: datetime, reached: Reached = nowhere) -> Found:
    """Bring payments under way to their end, partner by partner; running it again changes nothing (I10).

    Waits for nobody: what the gateway doesn't answer now is left for the next run.
    """
    found = Found()
    with database.transaction() as db:
        partner_ids = list(db.scalars(text("select partner_ids()")))
    for partner_id in partner_ids:
        reconcile_partner(database, gateway, partner_id=partner_id, found=found, now=now, reached=reached)
    return found


def reconcile_partner(
    database: Database,
    gateway: Gateway,
    *,
    partner_id: UUID,
    found: Found,
    now: datetime,
    reached: Reached = nowhere,
) -> None:
    """One partner's part of the run; what it comes to is added to `found`."""
    actor = system(partner_id)
    for payment in _left_over(database, gateway, actor, now):
        if found.silences >= ENOUGH_SILENCE:
            return
        try:
            _bring_on(database, gateway, actor, payment, found, now, reached)
        except (GatewayUnreachable, GatewayRefused) as trouble:
            _log.warning("payment left under way", payment=str(payment.id), reason=str(trouble))
            found.left += 1
            found.silences += isinstance(trouble, GatewayUnreachable)


def _left_over(database: Database, gateway: Gateway, actor: Actor, now: datetime) -> list[Payment]:
    """The longest-waiting ones first; a card payment that waits for its payer is asked about, too, but last.

    Many who never come back to their bank must not keep a payment without an answer from its turn.
    """
    latest = func.coalesce(col(Payment.tried_at), col(Payment.created_at))
    with database.transaction(partner_id=actor.partner_id) as db:
        wanted = (
            select(Payment)
            .where(
                Payment.partner_id == actor.partner_id,
                Payment.gateway == gateway.name,
                col(Payment.status).in_(payments.UNDER_WAY - {PaymentStatus.SCHEDULED}),
                latest < now - LEFT_ALONE,
            )
            .order_by(col(Payment.status) == PaymentStatus.REQUIRES_ACTION, latest, col(Payment.id))
            .limit(AT_ONCE)
        )
        return list(db.exec(wanted).all())


def _bring_on(
    database: Database,
    gateway: Gateway,
    actor: Actor,
    payment: Payment,
    found: Found,
    now: datetime,
    reached: Reached,
) -> None:
    answer = gateway.find_charge(account=payment.gateway_account, key=payment.gateway_key)
    if answer is not None:
        after = paying.write_down(
            database, actor, payment_id=payment.id, answer=answer, now=now, reached=reached
        )
    elif payment.status not in (PaymentStatus.PENDING, PaymentStatus.UNKNOWN):
        _log.error("charge gone from the gateway", payment=str(payment.id), status=payment.status.value)
        after = payment
    elif payment.created_at > now - SENT_AGAIN_FOR:
        found.sent_again += 1
        after = paying.send(
            database, gateway, actor, payment_id=payment.id, clock=lambda: now, reached=reached
        )
    elif payment.tried_at is not None and payment.tried_at > now - LONGEST_WAY:
        after = payment
    else:
        found.given_up += 1
        with database.transaction(partner_id=actor.partner_id) as db:
            after = settling.note_not_taken(
                db, actor, payment_id=payment.id, code=NEVER_TAKEN, message=_NEVER_TAKEN, now=now
            )
    found.settled += after.status not in payments.UNDER_WAY
    found.left += after.status in payments.UNDER_WAY

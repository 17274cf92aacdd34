"""The webhook inbox: every genuine event is stored once, then acted on by a job.

Surprise: the answer to the sender is given once the event is stored, never after the work; the same
event may come a hundred times and acts once.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from pydantic import TypeAdapter
from sqlalchemy import ForeignKeyConstraint, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, SQLModel, col, select

from auth.actors import Actor, system
from billing import ports, settling
from billing.payments import Payment
from billing.ports import ChargeAnswer, ChargeStatus, EventKind, Gateway
from db.columns import choice, document, instant, key, new_id, sort_key, tenant
from db.policies import Guard, guarded
from db.session import Database, defer, enter
from errors import NotFound
from integrations import method_setups

_log = structlog.get_logger(__name__)


class EventStatus(StrEnum):
    """IGNORED: genuine, and nothing of ours. REFUSED: contradicts what we know; someone must look."""

    STORED = "STORED"
    APPLIED = "APPLIED"
    IGNORED = "IGNORED"
    REFUSED = "REFUSED"


class GatewayEvent(SQLModel, table=True):
    """One event as the gateway sent it. `body` holds the fields of `ports.GatewayEvent`."""

    __tablename__ = "gateway_event"
    __table_args__ = (
        ForeignKeyConstraint(["partner_id"], ["partner.id"]),
        UniqueConstraint("partner_id", "gateway", "event_ref"),
        guarded(Guard.STAFF),
    )

    partner_id: UUID = tenant()
    id: UUID = key()
    gateway: str = sort_key()
    event_ref: str = sort_key()
    kind: str
    body: dict[str, Any] = document()
    status: EventStatus = choice(EventStatus)
    reason: str | None = None
    received_at: datetime = instant()
    acted_at: datetime | None = instant(default=None)


class UnknownAccount(NotFound):
    """A genuine event for an account that is no partner's here."""

    message = "This gateway account belongs to nobody here."


class Verdict(NamedTuple):
    """What came of an event, and why if nothing did."""

    status: EventStatus
    reason: str | None = None


_EVENT = TypeAdapter(ports.GatewayEvent)
_STATUS_OF = {
    EventKind.CHARGE_SUCCEEDED: ChargeStatus.SUCCEEDED,
    EventKind.CHARGE_FAILED: ChargeStatus.FAILED,
    EventKind.CHARGE_REQUIRES_ACTION: ChargeStatus.REQUIRES_ACTION,
    EventKind.CHARGE_PROCESSING: ChargeStatus.PROCESSING,
}
_APPLIED = Verdict(EventStatus.APPLIED)
_NOT_OURS = Verdict(EventStatus.IGNORED, "It is about nothing that was begun here.")


def receive(db: Session, *, gateway: Gateway, event: ports.GatewayEvent, now: datetime) -> UUID | None:
    """Keep a verified event and have it acted on; its id, or None if it came before.

    Enters the partner whose account it names. Refuses UnknownAccount.
    """
    named = {"gateway": gateway.name, "account": event.account}
    partner_id: UUID | None = db.scalar(text("select find_gateway_account(:gateway, :account)"), named)
    if partner_id is None:
        raise UnknownAccount
    enter(db, partner_id=partner_id)
    made = (
        insert(GatewayEvent)
        .values(
            partner_id=partner_id, id=new_id(), gateway=gateway.name, event_ref=event.id,
            kind=event.kind.value, body=_EVENT.dump_python(event, mode="json"),
            status=EventStatus.STORED, received_at=now,
        )
        .on_conflict_do_nothing()
        .returning(col(GatewayEvent.id))
    )  # fmt: skip
    event_id = db.scalar(made)
    if event_id is not None:
        defer(db, "act_on_event", partner_id=partner_id, event_id=event_id)
    return event_id


def act(
    database: Database, gateway: Gateway, *, partner_id: UUID, event_id: UUID, now: datetime
) -> EventStatus | None:
    """Do once what a stored event asks for; None if there is no such event.

    An event that doesn't fit what was begun here (amount, currency, charge, account, mode) applies nothing
    and is kept as REFUSED with the reason (GUARANTEES M-10). Raises what makes it worth another try.
    """
    actor = system(partner_id)
    wanted = select(GatewayEvent).where(GatewayEvent.partner_id == partner_id, GatewayEvent.id == event_id)
    with database.transaction(partner_id=partner_id) as db:
        event = db.exec(wanted).one_or_none()
    if event is None or event.status is not EventStatus.STORED:
        return None if event is None else event.status
    verdict = _carry_out(database, gateway, actor, _EVENT.validate_python(event.body), now)
    if verdict.status is EventStatus.REFUSED:
        _log.error("event refused", event_id=str(event_id), reason=verdict.reason)
    with database.transaction(partner_id=partner_id) as db:
        event = db.exec(wanted.with_for_update()).one()
        # Whatever was carried out by another process meanwhile was the same, and had an effect once.
        if event.status is EventStatus.STORED:
            event.status, event.reason, event.acted_at = verdict.status, verdict.reason, now
        return event.status


def _carry_out(
    database: Database, gateway: Gateway, actor: Actor, event: ports.GatewayEvent, now: datetime
) -> Verdict:
    if event.live is not gateway.live:
        return _refused("It is of the other mode: test money and real money never mix.")
    if event.kind is EventKind.SETUP_COMPLETED:
        return _keep_method(database, gateway, actor, event, now)
    if event.kind is EventKind.CHARGE_RETURNED:
        return _refused("A charge came back, which can't be booked by itself yet: book it by hand.")
    if event.kind in _STATUS_OF:
        return _settle(database, gateway, actor, event, now)
    return _NOT_OURS


def _keep_method(
    database: Database, gateway: Gateway, actor: Actor, event: ports.GatewayEvent, now: datetime
) -> Verdict:
    try:
        method = method_setups.finish(database, gateway, actor, gateway_setup=event.gateway_id or "", now=now)
    except NotFound:
        return _NOT_OURS
    return _APPLIED if method else _refused("The gateway, when asked, has no method from this entry.")


def _settle(
    database: Database, gateway: Gateway, actor: Actor, event: ports.GatewayEvent, now: datetime
) -> Verdict:
    with database.transaction(partner_id=actor.partner_id) as db:
        payment = db.exec(
            select(Payment).where(
                Payment.partner_id == actor.partner_id,
                Payment.gateway == gateway.name,
                Payment.gateway_key == event.key,
            )
        ).one_or_none()
    if payment is None:
        return _NOT_OURS
    wrong = _mismatch(payment, event)
    if wrong is not None:
        return _refused(wrong)
    answer = _answer(gateway, payment, event)
    if answer is None:
        return _refused("The gateway, when asked, has no such charge.")
    try:
        with database.transaction(partner_id=actor.partner_id) as db:
            settling.settle(db, actor, payment_id=payment.id, answer=answer, now=now)
    except (settling.Differs, settling.Contradicts) as wrong_too:
        return _refused(wrong_too.message)
    return _APPLIED


def _mismatch(payment: Payment, event: ports.GatewayEvent) -> str | None:
    """Why this event can't be about that payment. The rest is compared where it is settled."""
    if event.account != payment.gateway_account:
        return f"It is from account {event.account}, the payment was begun at {payment.gateway_account}."
    if event.status is not _STATUS_OF[event.kind]:
        return f"It is called {event.kind} and says {event.status}."
    if (event.amount_minor, event.currency) != (payment.amount_minor, payment.currency):
        return (
            f"It says {event.amount_minor} {event.currency}, "
            f"asked for were {payment.amount_minor} {payment.currency}."
        )
    return None if event.gateway_id else "It names no charge."


def _answer(gateway: Gateway, payment: Payment, event: ports.GatewayEvent) -> ChargeAnswer | None:
    """The event as an answer. Where to confirm is not in an event: for that the gateway is asked."""
    if event.kind is EventKind.CHARGE_REQUIRES_ACTION:
        return gateway.find_charge(account=payment.gateway_account, key=payment.gateway_key)
    return ChargeAnswer(
        status=_STATUS_OF[event.kind],
        gateway_id=event.gateway_id or "",
        failure_code=event.failure_code,
        failure_message=event.failure_message,
        action_url=None,
        amount_minor=payment.amount_minor,
        currency=payment.currency,
    )


def _refused(reason: str) -> Verdict:
    return Verdict(EventStatus.REFUSED, reason)

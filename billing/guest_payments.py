"""Paying by a pay link: all of one invoice, with a card entered for this once.

Surprise: each entry of a card is good for one payment. Its id is the payment's key, so a second click and a
second tab are the same payment (GUARANTEES M-3), and whoever was declined types a card again. Every try is
counted before the card is charged, and taken back once it was paid (C-10).
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlmodel import Session, select

from auth import throttle
from auth.actors import Actor
from auth.throttle import LONGEST_WINDOW, Bucket, Limit, TooMany, bucket_of, network_of
from billing import customers, invoice_balances, payment_methods, payments
from billing.invoices import Invoice
from billing.money import Money
from billing.partners import GatewayAccount
from billing.payment_methods import PaymentMethod, PaymentMethodSetup
from billing.payment_orders import Share
from billing.payments import Payment, PaymentStatus
from errors import NotFound
from languages import mark

_STOPPED = mark("Too many cards were declined. Have a fresh link mailed, or try again in an hour.")
# Each alone: one link tried from many addresses, and one address that tries many links. Whoever was mailed a
# fresh link reads the company's mail, and has five of their own.
OF_INVOICE = Limit("guest declines of invoice", 5, timedelta(hours=1), _STOPPED)
OF_LINK = Limit("guest declines of link", 5, timedelta(hours=1), _STOPPED)
FROM_ADDRESS = Limit("guest declines from address", 5, timedelta(hours=1), _STOPPED)
# A card can be tried by typing it in, too: some gateways ask its bank at once.
ENTRIES = Limit("guest card entries of invoice", 20, timedelta(hours=1))
_PAID_ONCE = Limit("guest payment paid", 1, LONGEST_WINDOW)


class Due(NamedTuple):
    """What a guest would pay, and with which card."""

    invoice: Invoice
    total: Money
    method: PaymentMethod


def can_pay(db: Session, actor: Actor, *, invoice: Invoice) -> bool:
    """Is something left of it, nobody paying just now, and the partner able to take cards?"""
    if invoice.reserved_minor or not invoice_balances.left_minor(invoice):
        return False
    account = select(GatewayAccount.account).where(GatewayAccount.partner_id == actor.partner_id)
    return db.exec(account).first() is not None


def invoice_of(db: Session, actor: Actor) -> Invoice:
    """The guest's invoice as it stands. Refuses NotFound, and whoever is no guest."""
    if actor.invoice_id is None or actor.customer_id is None:
        raise NotFound
    return invoice_balances.find(
        db, actor, customer_id=actor.customer_id, ids=[actor.invoice_id], lock=False
    )[0]


def under_way(db: Session, actor: Actor) -> Payment | None:
    """The guest's own payment that has not come to its end, so that nobody enters a card in vain."""
    wanted = select(Payment).where(*payments.of(actor))
    return next((found for found in db.exec(wanted).all() if found.status in payments.UNDER_WAY), None)


def is_stopped(db: Session, actor: Actor, *, address: str, now: datetime) -> bool:
    """Were too many cards declined for this invoice, or from this address, to try another one now?"""
    return throttle.is_full(db, _declines(db, actor, address), now=now)


def admit_entry(db: Session, actor: Actor, *, address: str, now: datetime) -> None:
    """Count that a card is about to be typed. Refuses TooMany: `is_stopped`, or 20 entries in an hour."""
    declines = _declines(db, actor, address)
    if throttle.is_full(db, declines, now=now):
        raise TooMany(declines[0])
    throttle.count_all(db, [bucket_of(db, ENTRIES, actor.partner_id, str(actor.invoice_id))], now=now)


def review(db: Session, actor: Actor, *, setup: PaymentMethodSetup) -> Due:
    """What `begin` would charge if it were asked now. Refuses as `begin` does."""
    invoice, method_id = invoice_of(db, actor), _entered(setup)
    total = Money(invoice_balances.left_minor(invoice), invoice.currency)
    payments.review(
        db, actor, customer_id=invoice.customer_id, shares=[Share(invoice.id, total)],
        payment_method_id=method_id,
    )  # fmt: skip
    method = payment_methods.usable(db, actor, customer_id=invoice.customer_id, method_id=method_id)
    return Due(invoice, total, method)


def begun_with(db: Session, actor: Actor, *, setup: PaymentMethodSetup) -> Payment | None:
    """The payment that this entry of a card was for, if it was confirmed before."""
    return payments.begun_with(db, actor, idempotency_key=_key(setup))


def begin(
    db: Session,
    actor: Actor,
    *,
    setup: PaymentMethodSetup,
    expected_minor: int,
    return_url: Callable[[UUID], str],
    address: str,
    now: datetime,
) -> Payment:
    """Make the attempt; commit it before the gateway is called. Again with the same entry: the same payment,
    whatever amount is asked then. Whoever was refused TotalChanged may ask again with the same entry.

    `expected_minor` is what the guest was shown, in the invoice's currency. Refuses NotFound (an entry that
    is not this link's, or has no card), NotOpen, LessIsLeft, TotalChanged, a customer in SETUP or ARCHIVED,
    and TooMany after five declines in an hour for the invoice, or from `address`.
    """
    # First, as in every other way to pay: of two who pay at once, the second one sees what is left.
    customer = customers.billable(db, actor, customer_id=setup.customer_id)
    invoice, method_id = invoice_of(db, actor), _entered(setup)
    earlier = begun_with(db, actor, setup=setup)
    # A tab that still shows another amount is answered with the payment that was confirmed in its place.
    shown = Money(expected_minor if earlier is None else earlier.amount_minor, invoice.currency)
    payment = payments.begin(
        db, actor, customer_id=customer.id, shares=[Share(invoice.id, shown)], payment_method_id=method_id,
        expected_total=shown, idempotency_key=_key(setup), return_url=return_url, now=now,
    )  # fmt: skip
    if earlier is None:
        throttle.count_all(db, _declines(db, actor, address), now=now)
    return payment


def note_paid(db: Session, actor: Actor, *, payment: Payment, address: str, now: datetime) -> None:
    """A payment that succeeded was no decline. To be told any number of times; it counts once."""
    if payment.status is not PaymentStatus.SUCCEEDED:
        return
    if throttle.is_first(db, bucket_of(db, _PAID_ONCE, payment.id), now=now):
        throttle.give_back(db, _declines(db, actor, address), counted_at=payment.created_at)


def _declines(db: Session, actor: Actor, address: str) -> list[Bucket]:
    invoice_id = actor.invoice_id
    if invoice_id is None:
        raise NotFound
    if actor.proved_at is not None and actor.id is not None:
        return [bucket_of(db, OF_LINK, actor.partner_id, actor.id)]
    return [
        bucket_of(db, OF_INVOICE, actor.partner_id, invoice_id),
        bucket_of(db, FROM_ADDRESS, network_of(address)),
    ]


def _key(setup: PaymentMethodSetup) -> str:
    return f"card_{setup.id.hex}"


def _entered(setup: PaymentMethodSetup) -> UUID:
    if setup.payment_method_id is None:
        raise NotFound
    return setup.payment_method_id

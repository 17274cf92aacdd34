"""Paying by a pay link: all of one invoice, with a card entered for this once.

Surprise: each entry of a card is good for one payment. Its id is the payment's key, so a second click and a
second tab are the same payment (GUARANTEES M-3), and whoever was declined types a card again.
"""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlmodel import Session, select

from auth.actors import Actor
from billing import customers, invoice_balances, payment_methods, payments
from billing.invoices import Invoice
from billing.money import Money
from billing.partners import GatewayAccount
from billing.payment_methods import PaymentMethod, PaymentMethodSetup
from billing.payment_orders import Share
from billing.payments import Payment
from errors import NotFound


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
    now: datetime,
) -> Payment:
    """Make the attempt; commit it before the gateway is called. Again with the same entry: the same payment.

    `expected_minor` is what the guest was shown, in the invoice's currency. Refuses NotFound (an entry that
    is not this link's, or has no card), NotOpen, LessIsLeft, TotalChanged, a customer in SETUP or ARCHIVED.
    """
    # First, as in every other way to pay: of two who pay at once, the second one sees what is left.
    customer = customers.billable(db, actor, customer_id=setup.customer_id)
    invoice, method_id = invoice_of(db, actor), _entered(setup)
    shown = Money(expected_minor, invoice.currency)
    return payments.begin(
        db, actor, customer_id=customer.id, shares=[Share(invoice.id, shown)], payment_method_id=method_id,
        expected_total=shown, idempotency_key=_key(setup), return_url=return_url, now=now,
    )  # fmt: skip


def _key(setup: PaymentMethodSetup) -> str:
    return f"card_{setup.id.hex}"


def _entered(setup: PaymentMethodSetup) -> UUID:
    if setup.payment_method_id is None:
        raise NotFound
    return setup.payment_method_id

"""SIGKILL of the paying process at each named point, whatever the gateway does: 0 double, 0 lost (M-7)."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlmodel import select

from billing.invoices import Invoice, InvoiceStatus
from billing.payment_methods import PaymentMethod
from billing.payments import Payment, PaymentStatus
from integrations.crash_points import CrashPoint
from tests.figures import rounds
from tests.money.desk import AUTHENTICATES, DECLINED, VISA, Desk
from tests.money.payer import Payer, payer, spelled

# At the full figures, and on a busy machine.
pytestmark = pytest.mark.timeout(1800)

# Card, and what goes wrong at the gateway besides.
OUTCOMES = {
    "ok": (VISA, None),
    "decline": (DECLINED, None),
    "asks the holder": (AUTHENTICATES, None),
    "timeout": (VISA, "timeout"),
    "500": (VISA, "500"),
    "500 after it was done": (VISA, "500_after"),
    "reset": (VISA, "reset"),
    "reset before it was done": (VISA, "reset_before"),
    "decline without an answer": (DECLINED, "500_after"),
}
KILLED = -9


@pytest.fixture
def other(desk: Desk, database_url: str) -> Iterator[Payer]:
    """The process that is killed."""
    with payer(database_url, desk.sandbox.url) as process:
        yield process


def pay_and_die(desk: Desk, other: Payer, invoice: Invoice, card: PaymentMethod, point: str, key: str) -> int:
    other.ask(
        do="pay", actor=spelled(desk.cast.petra), shares=[[invoice.id, 10_000]], method=card.id, keys=[key],
        now=desk.clock().isoformat(), crash_at=point, timeout_s=1,
    )  # fmt: skip
    return other.result()[0]


def reconcile_and_die(desk: Desk, other: Payer, point: str | None) -> int:
    desk.clock.advance(minutes=3)
    other.ask(do="reconcile", now=desk.clock().isoformat(), crash_at=point)
    return other.result()[0]


@pytest.mark.prove
@pytest.mark.parametrize("point", CrashPoint)
def test_killed_anywhere_nothing_is_charged_twice_or_lost(
    desk: Desk, other: Payer, point: CrashPoint
) -> None:
    cards = {number: desk.card(number) for number in (VISA, DECLINED, AUTHENTICATES)}
    # Everyday, each point meets every third outcome, and every outcome some point.
    met = list(OUTCOMES.values())[rounds(list(CrashPoint).index(point) % 3, 0) :: rounds(3, 1)]
    for _ in range(rounds(1, 5)):
        for number, fault in met:
            card, invoice, key = cards[number], desk.invoice(10_000), uuid4().hex
            if fault:
                desk.sandbox.fail(fault)
            first = pay_and_die(desk, other, invoice, card, point, key)
            assert first == KILLED or point not in (CrashPoint.RESERVE, CrashPoint.SEND)
            assert desk.books() == []
            # The payer comes back and clicks once more: the same form, the same key.
            again = desk.pay(card, (invoice.id, 10_000), key=key)
            second = reconcile_and_die(desk, other, point)
            assert desk.books() == []
            # A death was seen, at the first try or in the reconciler: but a decline passes fewer points.
            assert KILLED in (first, second) or number != VISA
            assert reconcile_and_die(desk, other, None) == 0
            settled_or_waiting(desk, again, invoice)
            assert desk.books() == []


def settled_or_waiting(desk: Desk, payment: Payment, invoice: Invoice) -> None:
    """The end agrees with the gateway's, the invoice with both."""
    (end,) = desk.read(select(Payment).where(Payment.id == payment.id))
    (charge,) = [charge for charge in desk.sandbox.charges() if charge["key"] == end.gateway_key]
    assert end.status == charge["status"]
    now = desk.again(invoice)
    if end.status is PaymentStatus.SUCCEEDED:
        assert (now.status, now.paid_minor) == (InvoiceStatus.PAID, 10_000)
    elif end.status is PaymentStatus.REQUIRES_ACTION:
        desk.sandbox.authenticate(end.action_url, passed=True)
        assert desk.reconcile(after=timedelta(minutes=3)).settled == 1
        assert desk.again(invoice).status is InvoiceStatus.PAID
    else:
        assert (now.status, now.reserved_minor) == (InvoiceStatus.OPEN, 0)
    assert desk.captured() == sum(
        paid.amount_minor
        for paid in desk.read(select(Payment).where(Payment.status == PaymentStatus.SUCCEEDED))
    )

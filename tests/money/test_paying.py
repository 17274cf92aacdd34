"""Paying with a card, the whole way: attempt, gateway, answer, books; and every way a gateway goes wrong."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from billing import payments
from billing.invoices import InvoiceStatus
from billing.payment_orders import LessIsLeft
from billing.payments import Payment, PaymentStatus
from billing.ports import ChargeAnswer, GatewayRefused
from integrations import paying
from integrations.gateways.sandbox.client import SandboxGateway
from tests.figures import PROVING
from tests.money.desk import AUTHENTICATES, DECLINED, Desk


def test_petra_pays_an_invoice_in_full(desk: Desk) -> None:
    invoice, card = desk.invoice(10_000), desk.card()
    payment = desk.pay(card, (invoice.id, 10_000))
    assert payment.status is PaymentStatus.SUCCEEDED
    paid = desk.again(invoice)
    assert (paid.status, paid.paid_minor, paid.reserved_minor) == (InvoiceStatus.PAID, 10_000, 0)
    assert paid.paid_at == payment.settled_at == desk.clock()
    assert desk.captured() == 10_000
    (receipt,) = desk.receipts()
    assert receipt.membership_id == desk.cast.petra.id


def test_several_invoices_in_one_payment_are_one_charge(desk: Desk) -> None:
    first, second, card = desk.invoice(10_000), desk.invoice(5_000), desk.card()
    payment = desk.pay(card, (first.id, 10_000), (second.id, 1_500))
    (charge,) = desk.sandbox.charges()
    assert (charge["amount_minor"], charge["key"], charge["id"]) == (
        11_500, payment.gateway_key, payment.gateway_ref,
    )  # fmt: skip
    assert (desk.again(first).status, desk.again(second).paid_minor) == ("PAID", 1_500)


def test_a_declined_card_says_why_and_leaves_the_invoice_payable(desk: Desk) -> None:
    invoice, declined, card = desk.invoice(), desk.card(DECLINED), desk.card()
    payment = desk.pay(declined, (invoice.id, 10_000))
    assert (payment.status, payment.failure_code) == (PaymentStatus.FAILED, "card_declined")
    assert payment.failure_message == "The bank declined the card. Use another card, or ask the bank why."
    assert desk.captured() == 0
    assert desk.pay(card, (invoice.id, 10_000)).status is PaymentStatus.SUCCEEDED


@pytest.mark.parametrize(("passed", "status"), [(True, "SUCCEEDED"), (False, "FAILED")])
def test_a_card_that_asks_its_holder_gets_its_answer(desk: Desk, passed: bool, status: str) -> None:
    invoice, card = desk.invoice(), desk.card(AUTHENTICATES)
    payment = desk.pay(card, (invoice.id, 10_000))
    assert payment.status is PaymentStatus.REQUIRES_ACTION
    with pytest.raises(LessIsLeft):
        desk.pay(card, (invoice.id, 1))
    answer = desk.sandbox.authenticate(payment.action_url, passed=passed)
    assert answer.headers["location"] == payment.return_url
    assert refreshed(desk, payment).status == status
    assert desk.captured() == (10_000 if passed else 0)


def refreshed(desk: Desk, payment: Payment) -> Payment:
    return paying.refresh(
        desk.database, desk.sandbox.gateway, desk.cast.petra, payment_id=payment.id, clock=desk.clock
    )


def test_coming_back_without_having_answered_changes_nothing(desk: Desk) -> None:
    invoice, card = desk.invoice(), desk.card(AUTHENTICATES)
    payment = desk.pay(card, (invoice.id, 10_000))
    assert refreshed(desk, payment).status is PaymentStatus.REQUIRES_ACTION
    assert refreshed(desk, payment).action_url == payment.action_url


def canceled(desk: Desk, payment: Payment) -> Payment:
    return paying.cancel(
        desk.database, desk.sandbox.gateway, desk.cast.petra, payment_id=payment.id, clock=desk.clock
    )


def test_a_payment_that_waits_for_its_payer_can_be_given_up(desk: Desk) -> None:
    invoice, careful, card = desk.invoice(), desk.card(AUTHENTICATES), desk.card()
    payment = desk.pay(careful, (invoice.id, 10_000))
    desk.sandbox.fail("reset_before", on="cancel")
    with pytest.raises(paying.GatewayDown):
        canceled(desk, payment)
    assert desk.again(payment).status is PaymentStatus.REQUIRES_ACTION
    given_up = canceled(desk, payment)
    assert (given_up.status, given_up.failure_code) == (PaymentStatus.FAILED, "canceled")
    desk.sandbox.authenticate(payment.action_url, passed=True)
    assert desk.captured() == 0
    assert desk.pay(card, (invoice.id, 10_000)).status is PaymentStatus.SUCCEEDED
    with pytest.raises(payments.CannotCancel):
        canceled(desk, payment)


def test_given_up_too_late_it_is_paid(desk: Desk) -> None:
    invoice, card = desk.invoice(), desk.card(AUTHENTICATES)
    payment = desk.pay(card, (invoice.id, 10_000))
    desk.sandbox.authenticate(payment.action_url, passed=True)
    assert canceled(desk, payment).status is PaymentStatus.SUCCEEDED
    assert desk.again(invoice).status is InvoiceStatus.PAID


def test_what_was_never_sent_is_given_up_without_the_gateway(desk: Desk) -> None:
    invoice, card = desk.invoice(), desk.card()
    payment = desk.begin(card, (invoice.id, 10_000))
    assert canceled(desk, payment).status is PaymentStatus.CANCELED
    assert {call["operation"] for call in desk.sandbox.calls()} == {"setup", "read_setup"}


def test_sent_twice_shows_the_first_result(desk: Desk) -> None:
    invoice, card = desk.invoice(), desk.card()
    first = desk.pay(card, (invoice.id, 4_000), key="form-1")
    again = desk.pay(card, (invoice.id, 4_000), key="form-1")
    assert (again.id, again.status) == (first.id, PaymentStatus.SUCCEEDED)
    desk.clock.advance(hours=3)
    assert desk.pay(card, (invoice.id, 4_000), key="form-1").id == first.id
    assert desk.captured() == 4_000
    assert [call["operation"] for call in desk.sandbox.calls()].count("charge") == 1


@contextmanager
def waiting(desk: Desk, *, seconds: float) -> Iterator[None]:
    """The desk's gateway, with that much patience."""
    patient = desk.sandbox.gateway
    desk.sandbox.gateway = SandboxGateway(desk.sandbox.url, accounts=desk.sandbox.accounts, timeout_s=seconds)
    yield
    desk.sandbox.gateway.close()
    desk.sandbox.gateway = patient


# What goes wrong, whether the charge was carried out, and what the payer sees.
FAULTS = [
    ("timeout", True, "UNKNOWN"),
    ("reset", True, "UNKNOWN"),
    ("500_after", True, "UNKNOWN"),
    ("500", False, "UNKNOWN"),
    ("reset_before", False, "UNKNOWN"),
]


@pytest.mark.parametrize(("fault", "carried_out", "seen"), FAULTS)
@pytest.mark.parametrize("number", ["4242424242424242", DECLINED])
def test_without_an_answer_it_is_unknown_and_the_reconciler_finds_out(
    desk: Desk, fault: str, carried_out: bool, seen: str, number: str
) -> None:
    invoice, card, other = desk.invoice(), desk.card(number), desk.card()
    desk.sandbox.fail(fault)
    with waiting(desk, seconds=2 if fault == "timeout" else 20):
        payment = desk.pay(card, (invoice.id, 10_000))
    assert (payment.status, len(desk.sandbox.charges())) == (seen, int(carried_out))
    with pytest.raises(LessIsLeft):
        desk.pay(other, (invoice.id, 1))
    found = desk.reconcile()
    assert (found.settled, found.sent_again) == (1, int(not carried_out))
    settled = desk.again(payment)
    assert settled.status == ("FAILED" if number == DECLINED else "SUCCEEDED")
    assert desk.captured() == (0 if number == DECLINED else 10_000)
    assert {charge["key"] for charge in desk.sandbox.charges()} == {payment.gateway_key}
    assert len(desk.receipts()) == (0 if number == DECLINED else 1)


@pytest.mark.prove
@pytest.mark.parametrize(
    ("wait_s", "answer_s"), [(30.0, 1.0), (30.0, 31.0)] if PROVING else [(10.0, 0.2), (0.2, 1.0)]
)
def test_a_slow_answer_charges_once(desk: Desk, wait_s: float, answer_s: float) -> None:
    invoice, card = desk.invoice(), desk.card()
    desk.sandbox.fail("late_ms", ms=int(answer_s * 1000))
    with waiting(desk, seconds=wait_s):
        payment = desk.pay(card, (invoice.id, 10_000))
    assert payment.status == ("SUCCEEDED" if answer_s < wait_s else "UNKNOWN")
    # Asked while the first request may still be on its way: the same key, so one charge at most.
    desk.reconcile()
    assert desk.again(payment).status is PaymentStatus.SUCCEEDED
    desk.reconcile()
    assert (desk.captured(), len(desk.sandbox.charges())) == (10_000, 1)


def test_with_the_gateway_down_nothing_is_stuck(desk: Desk) -> None:
    invoice, card = desk.invoice(), desk.card()
    up, down = desk.sandbox.gateway, SandboxGateway("http://127.0.0.1:9", accounts=desk.sandbox.accounts)
    for _ in range(5):
        desk.sandbox.gateway = down
        payment = desk.pay(card, (invoice.id, 10_000))
        assert (payment.status, payment.failure_code) == (PaymentStatus.FAILED, paying.NOT_REACHED)
        assert desk.reconcile(after=timedelta(minutes=2)).left == 0
    assert desk.again(invoice).reserved_minor == 0
    desk.sandbox.gateway = up
    assert desk.pay(card, (invoice.id, 10_000)).status is PaymentStatus.SUCCEEDED
    down.close()


class Bent(SandboxGateway):
    """The real client, with answers bent on the way."""

    def __init__(self, desk: Desk, **bend: object) -> None:
        super().__init__(desk.sandbox.url, accounts=desk.sandbox.accounts)
        self.bend = bend

    def charge(self, **order: object) -> ChargeAnswer:
        return replace(super().charge(**order), **self.bend)


@pytest.mark.parametrize("bend", [{"amount_minor": 1}, {"currency": "CAD"}])
def test_an_answer_about_other_money_is_not_believed(desk: Desk, bend: dict) -> None:
    invoice, card = desk.invoice(), desk.card()
    desk.sandbox.gateway = Bent(desk, **bend)
    payment = desk.pay(card, (invoice.id, 10_000))
    assert payment.status is PaymentStatus.UNKNOWN
    assert desk.again(invoice).paid_minor == 0
    desk.sandbox.gateway.close()


def test_what_the_gateway_turns_down_has_failed_at_the_first_try_only(desk: Desk) -> None:
    invoice, card = desk.invoice(), desk.card()

    class Refusing(Bent):
        def charge(self, **order: object) -> ChargeAnswer:
            raise GatewayRefused("method_unknown", "This account has no such method.")

    sound, refusing = desk.sandbox.gateway, Refusing(desk)
    desk.sandbox.gateway = refusing
    payment = desk.pay(card, (invoice.id, 10_000))
    assert (payment.status, payment.failure_code) == (PaymentStatus.FAILED, paying.NOT_TAKEN)
    begun = desk.begin(card, (invoice.id, 10_000))
    desk.sandbox.gateway = sound
    desk.sandbox.fail("500_after")
    paying.send(desk.database, sound, desk.cast.petra, payment_id=begun.id, clock=desk.clock)
    desk.clock.advance(minutes=5)
    late = paying.send(desk.database, refusing, desk.cast.petra, payment_id=begun.id, clock=desk.clock)
    assert late.status is PaymentStatus.UNKNOWN
    desk.reconcile()
    assert desk.again(begun).status is PaymentStatus.SUCCEEDED
    refusing.close()

"""The reconciler: what nobody finished is finished, charged once, and not given up too soon."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection
from sqlmodel import select

from billing import settling
from billing.invoices import InvoiceStatus
from billing.mails import Mail, MailKind
from billing.payments import Payment, PaymentStatus
from integrations import reconciling
from integrations.gateways.sandbox.client import SandboxGateway
from tests.figures import rounds
from tests.money.desk import AUTHENTICATES, DECLINED, VISA, Desk
from tests.money.race import at_once
from tests.world import nothing_changes

SOON, LATER = timedelta(minutes=1), timedelta(minutes=3)


def sent_and_lost(desk: Desk, number: str = VISA, fault: str = "500_after") -> Payment:
    invoice, card = desk.invoice(), desk.card(number)
    desk.sandbox.fail(fault)
    return desk.pay(card, (invoice.id, 10_000))


def test_a_payment_is_left_alone_while_somebody_may_be_finishing_it(desk: Desk) -> None:
    payment = sent_and_lost(desk)
    assert desk.reconcile(after=SOON) == reconciling.Found()
    assert desk.again(payment).status is PaymentStatus.UNKNOWN
    assert desk.reconcile(after=LATER) == reconciling.Found(settled=1)
    assert desk.again(payment).status is PaymentStatus.SUCCEEDED


def test_running_it_again_changes_nothing(desk: Desk, owner: Connection) -> None:
    sent_and_lost(desk)
    desk.reconcile()
    with nothing_changes(owner):
        assert desk.reconcile() == reconciling.Found()


def test_an_attempt_that_was_never_sent_is_sent_with_its_own_key(desk: Desk) -> None:
    invoice, card = desk.invoice(), desk.card()
    begun = desk.begin(card, (invoice.id, 10_000))
    assert desk.reconcile() == reconciling.Found(settled=1, sent_again=1)
    (charge,) = desk.sandbox.charges()
    assert (charge["key"], charge["status"]) == (begun.gateway_key, "SUCCEEDED")
    assert desk.again(invoice).status is InvoiceStatus.PAID


def test_what_the_gateway_never_heard_of_is_given_up_after_an_hour(desk: Desk) -> None:
    invoice, card = desk.invoice(), desk.card()
    begun = desk.begin(card, (invoice.id, 10_000))
    assert desk.reconcile(after=timedelta(minutes=61)) == reconciling.Found(settled=1, given_up=1)
    failed = desk.again(begun)
    assert (failed.status, failed.failure_code) == (PaymentStatus.FAILED, reconciling.NEVER_TAKEN)
    assert (desk.sandbox.charges(), desk.again(invoice).reserved_minor) == ([], 0)


def test_it_is_not_given_up_while_a_request_may_still_be_on_its_way(desk: Desk) -> None:
    payment = sent_and_lost(desk, fault="reset_before")
    desk.sandbox.fail("reset_before", times=2)
    assert desk.reconcile(after=timedelta(minutes=30)).left == 1
    assert desk.reconcile(after=timedelta(minutes=29)).left == 1  # sent once more, 59 minutes old
    assert desk.reconcile(after=timedelta(minutes=29)).left == 1  # 88 minutes old, sent 29 minutes ago
    assert desk.again(payment).status is PaymentStatus.UNKNOWN
    assert desk.reconcile(after=timedelta(minutes=2)).given_up == 1
    (mail,) = desk.read(select(Mail))
    assert (mail.kind, mail.subject_id) == (MailKind.PAYMENT_FAILED, payment.id)


def test_a_payer_who_never_confirmed_sets_the_invoice_free_by_itself(desk: Desk) -> None:
    invoice, card = desk.invoice(), desk.card(AUTHENTICATES)
    payment = desk.pay(card, (invoice.id, 10_000))
    assert desk.reconcile(after=timedelta(minutes=20)) == reconciling.Found(left=1)
    assert desk.reconcile(after=timedelta(minutes=20)) == reconciling.Found(settled=1)
    assert desk.again(payment).failure_code == "authentication_expired"
    assert desk.again(invoice).reserved_minor == 0


def test_all_events_lost_for_three_days_the_end_is_the_same(desk: Desk) -> None:
    paid, declined = sent_and_lost(desk), sent_and_lost(desk, DECLINED)
    assert desk.reconcile(after=timedelta(days=3)) == reconciling.Found(settled=2)
    assert [desk.again(payment).status for payment in (paid, declined)] == ["SUCCEEDED", "FAILED"]
    for body in desk.events():
        desk.deliver(body)
    assert [desk.again(payment).status for payment in (paid, declined)] == ["SUCCEEDED", "FAILED"]
    assert (desk.captured(), len(desk.receipts())) == (10_000, 1)


def test_a_silent_gateway_is_not_asked_about_everybody(desk: Desk) -> None:
    invoice, card = desk.invoice(), desk.card()
    for _ in range(5):
        desk.begin(card, (invoice.id, 1_000))
    up, down = desk.sandbox.gateway, SandboxGateway("http://127.0.0.1:9", accounts=desk.sandbox.accounts)
    desk.sandbox.gateway = down
    assert desk.reconcile() == reconciling.Found(left=3, silences=reconciling.ENOUGH_SILENCE)
    desk.sandbox.gateway = up
    assert desk.reconcile() == reconciling.Found(settled=5, sent_again=5)
    down.close()


def test_one_that_can_not_be_asked_about_does_not_hold_up_the_others(desk: Desk) -> None:
    sent_and_lost(desk)
    sent_and_lost(desk)
    desk.sandbox.fail("500", on="find")
    assert desk.reconcile() == reconciling.Found(settled=1, left=1, silences=1)


def test_payers_who_never_come_back_keep_no_lost_answer_waiting(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciling, "AT_ONCE", 2)
    for _ in range(3):
        invoice, card = desk.invoice(), desk.card(AUTHENTICATES)
        assert desk.pay(card, (invoice.id, 10_000)).status is PaymentStatus.REQUIRES_ACTION
    lost = sent_and_lost(desk)
    desk.reconcile()
    assert desk.again(lost).status is PaymentStatus.SUCCEEDED


@pytest.mark.prove
@pytest.mark.timeout(1800)
def test_page_webhook_and_reconcilers_at_once_settle_once(desk: Desk) -> None:
    card, petra = desk.card(), desk.cast.petra
    for _ in range(rounds(3, 50)):
        invoice = desk.invoice(10_000)
        desk.sandbox.fail("500_after")
        payment = desk.pay(card, (invoice.id, 10_000))
        body = desk.events("charge.succeeded")[-1]
        event_id = desk.receive(body)
        answer = desk.sandbox.gateway.find_charge(account=payment.gateway_account, key=payment.gateway_key)
        desk.clock.now += LATER

        def page(payment=payment, answer=answer) -> None:
            with desk.database.transaction(partner_id=petra.partner_id, customer_id=petra.customer_id) as db:
                settling.settle(db, petra, payment_id=payment.id, answer=answer, now=desk.clock())

        def job() -> None:
            reconciling.reconcile(desk.database, desk.sandbox.gateway, now=desk.clock())

        at_once([page, page, job, job, lambda e=event_id: desk.act(e), lambda e=event_id: desk.act(e)])
        assert desk.again(payment).status is PaymentStatus.SUCCEEDED
    assert len(desk.receipts()) == rounds(3, 50)
    assert desk.captured() == 10_000 * rounds(3, 50)

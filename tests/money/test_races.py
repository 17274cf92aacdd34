"""Many at once: an invoice is never paid twice, numbers have no gap, a click counts once, a void holds."""

import pytest
from sqlalchemy import Connection, text
from sqlmodel import select

from billing import invoice_life, invoice_sending, invoices, outside_payments
from billing.invoice_life import NotOpen, PartlyPaid, PaymentUnderWay
from billing.invoices import Invoice, InvoiceStatus
from billing.outside_payments import OutsideInput, OutsidePayment
from billing.payment_orders import LessIsLeft
from billing.payments import Payment, PaymentStatus
from db.engine import make_engine
from db.session import Database
from errors import Refusal
from integrations.inbox import EventStatus
from tests.conftest import SECRET
from tests.figures import rounds
from tests.money.desk import DECLINED, VISA, Desk, one_line
from tests.money.race import at_once
from worker.queue import defer_job

# At the full figures, and on a busy machine.
pytestmark = pytest.mark.timeout(1800)

PAYERS, CROWD = 50, 100


@pytest.fixture(autouse=True)
def wide(desk: Desk, database_url: str):
    """Enough connections that the database, not the pool, decides who goes first."""
    narrow, desk.database = (
        desk.database,
        Database(make_engine(database_url, pool_size=CROWD), defer_job, secret=SECRET),
    )
    yield
    desk.database.close()
    desk.database = narrow


@pytest.mark.prove
def test_fifty_payers_never_pay_more_than_is_due(desk: Desk) -> None:
    card = desk.card()
    due = 0
    for _ in range(rounds(10, 200)):
        invoice = desk.invoice(10_000)
        due += 10_000
        outcomes = at_once([lambda i=invoice: desk.pay(card, (i.id, 3_000))] * PAYERS)
        won = [outcome for outcome in outcomes if isinstance(outcome, Payment)]
        lost = [outcome for outcome in outcomes if isinstance(outcome, LessIsLeft)]
        assert (len(won), len(lost)) == (3, PAYERS - 3)
        assert {payment.status for payment in won} == {PaymentStatus.SUCCEEDED}
        assert desk.again(invoice).paid_minor == 9_000
        assert desk.pay(card, (invoice.id, 1_000)).status is PaymentStatus.SUCCEEDED
        assert desk.captured() == due
    assert desk.books() == []


@pytest.mark.prove
def test_guests_and_a_user_who_pay_at_once_pay_once(desk: Desk) -> None:
    """Two tabs of one link, twice confirmed, another link, and Petra in the portal."""
    petras = desk.card()
    for _ in range(rounds(3, 100)):
        invoice = desk.invoice(10_000)
        one, other = desk.guest(invoice), desk.guest(invoice)
        cards = [(one, desk.entry(one)), (one, desk.entry(one)), (other, desk.entry(other))]
        outcomes = at_once([
            *[lambda g=guest, s=setup: desk.pay_as_guest(g, s, 10_000) for guest, setup in cards * 2],
            lambda i=invoice: desk.pay(petras, (i.id, 10_000)),
        ])  # fmt: skip
        paid = {outcome.id for outcome in outcomes if isinstance(outcome, Payment)}
        lost = [outcome for outcome in outcomes if isinstance(outcome, Refusal)]
        assert len(paid) == 1
        assert {type(refusal) for refusal in lost} <= {LessIsLeft, NotOpen}
        assert desk.again(invoice).status is InvoiceStatus.PAID
    assert desk.captured() == 10_000 * rounds(3, 100)
    assert desk.books() == []


@pytest.mark.prove
def test_a_guests_click_sent_many_times_at_once_is_one_try_and_given_back_once(
    desk: Desk, owner: Connection
) -> None:
    """Of a card that is declined one try stays counted, of one that pays none."""
    for turn in range(rounds(3, 100)):
        desk.clock.advance(hours=1)
        invoice = desk.invoice(10_000)
        guest = desk.guest(invoice)
        for number, status, counted in (
            (DECLINED, PaymentStatus.FAILED, 1),
            (VISA, PaymentStatus.SUCCEEDED, 1),
        ):
            card = desk.entry(guest, number)
            outcomes = at_once([lambda g=guest, c=card: desk.pay_as_guest(g, c, 10_000)] * 20)
            assert {type(outcome) for outcome in outcomes} == {Payment}, outcomes
            assert len({outcome.id for outcome in outcomes}) == 1
            assert desk.again(outcomes[0]).status is status
            tries = text("select max(tries) from throttle_bucket where began_at = :now")
            assert owner.scalar(tries, {"now": desk.clock()}) == counted, turn


@pytest.mark.prove
def test_two_who_pay_several_invoices_in_opposite_order_do_not_block_each_other(desk: Desk) -> None:
    card = desk.card()
    for _ in range(rounds(5, 200)):
        ids = [desk.invoice(1_000).id for _ in range(4)]
        orders = [[(id_, 500) for id_ in ids], [(id_, 500) for id_ in reversed(ids)]] * 4
        outcomes = at_once([lambda o=order: desk.pay(card, *o) for order in orders])
        assert sorted(type(outcome) is Payment for outcome in outcomes) == [False] * 6 + [True] * 2
        assert [desk.again(desk.read(select(Invoice).where(Invoice.id == id_))[0]).status for id_ in ids] == [
            InvoiceStatus.PAID
        ] * 4


@pytest.mark.prove
def test_a_click_sent_fifty_times_is_one_charge(desk: Desk) -> None:
    card = desk.card()
    for turn in range(rounds(5, 200)):
        invoice = desk.invoice(10_000)
        paying = [lambda i=invoice, t=turn: desk.pay(card, (i.id, 2_000), key=f"form-{t}")] * PAYERS
        outcomes = at_once(paying)
        assert len({payment.id for payment in outcomes}) == 1
        assert desk.again(outcomes[0]).status is PaymentStatus.SUCCEEDED
        assert len(desk.sandbox.charges()) == turn + 1
    assert [call["operation"] for call in desk.sandbox.calls()].count("charge") == rounds(5, 200)


@pytest.mark.prove
def test_numbers_have_no_gap_however_many_are_sent_at_once(desk: Desk) -> None:
    ada, made = desk.cast.ada, 0

    def send(invoice_id, fail: bool) -> None:
        with desk.database.transaction(partner_id=ada.partner_id) as db:
            invoice_sending.send(db, ada, invoice_id=invoice_id, now=desk.clock())
            if fail:
                raise Refusal("changed my mind")

    for _ in range(rounds(3, 50)):
        with desk.database.transaction(partner_id=ada.partner_id) as db:
            drafts = [
                invoices.create_draft(
                    db, ada, customer_id=desk.cast.customers[("acme", "globex")[n % 2]],
                    fields=one_line(100 + n), now=desk.clock(),
                ).id
                for n in range(PAYERS)
            ]  # fmt: skip
        at_once([lambda d=draft, n=n: send(d, n % 5 == 0) for n, draft in enumerate(drafts)])
        made += PAYERS - PAYERS // 5
        numbers = desk.read(select(Invoice.number).where(Invoice.number != "").order_by(Invoice.number))
        assert numbers == [f"NO-{n:05d}" for n in range(1, made + 1)]


@pytest.mark.prove
def test_the_same_event_a_hundred_times_at_once_acts_once(desk: Desk) -> None:
    card = desk.card()
    for turn in range(rounds(2, 50)):
        invoice = desk.invoice(10_000)
        desk.sandbox.fail("500_after")
        desk.pay(card, (invoice.id, 10_000))
        body = desk.events("charge.succeeded")[-1]
        kept = [event_id for event_id in at_once([lambda b=body: desk.receive(b)] * 100) if event_id]
        assert len(kept) == 1
        assert set(at_once([lambda e=kept[0]: desk.act(e)] * 100)) == {EventStatus.APPLIED}
        assert len(desk.receipts()) == turn + 1


@pytest.mark.prove
def test_a_card_and_a_check_at_once_never_pay_more_than_is_owed(desk: Desk) -> None:
    ada, card, check = desk.cast.ada, desk.card(), OutsideInput(kind="CHECK", amount="60.00")
    seen = set()
    for turn in range(rounds(10, 100)):
        invoice = desk.invoice(10_000)

        def note(invoice=invoice, turn=turn) -> OutsidePayment:
            with desk.database.transaction(partner_id=ada.partner_id) as db:
                return outside_payments.record(
                    db, ada, invoice_id=invoice.id, fields=check, request_key=f"{turn}", now=desk.clock()
                )

        paid, noted = at_once([lambda i=invoice: desk.pay(card, (i.id, 7_000)), note])
        by_card, by_check = isinstance(paid, Payment), isinstance(noted, OutsidePayment)
        assert by_card != by_check, (paid, noted)
        assert isinstance(noted if by_card else paid, LessIsLeft)
        assert desk.again(invoice).paid_minor == (7_000 if by_card else 6_000)
        seen.add(by_card)
    assert len(seen) == 2 or rounds(10, 100) == 10


@pytest.mark.prove
def test_voided_while_being_paid_it_is_one_or_the_other(desk: Desk) -> None:
    ada, card = desk.cast.ada, desk.card()
    seen = set()
    for _ in range(rounds(10, 100)):
        invoice = desk.invoice(10_000)

        def void(invoice=invoice) -> Invoice:
            with desk.database.transaction(partner_id=ada.partner_id) as db:
                return invoice_life.void(db, ada, invoice_id=invoice.id, now=desk.clock())

        paid, voided = at_once([lambda i=invoice: desk.pay(card, (i.id, 4_000)), void])
        after = desk.again(invoice)
        if isinstance(paid, Payment):
            assert isinstance(voided, PaymentUnderWay | PartlyPaid)
            assert (after.status, after.paid_minor) == (InvoiceStatus.OPEN, 4_000)
        else:
            assert isinstance(paid, NotOpen)
            assert (after.status, after.paid_minor) == (InvoiceStatus.VOID, 0)
        seen.add(after.status)
    assert desk.captured() == 4_000 * desk.statuses().count(PaymentStatus.SUCCEEDED)
    assert len(seen) == 2 or rounds(10, 100) == 10

"""Payments by rules alone: reserving, settling, canceling; what is refused and what is never done twice."""

from uuid import uuid4

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import select

from auth.actors import MissingRight
from auth.companies import CustomerClosed
from billing import invoice_life, invoices, payment_methods, payments, settling
from billing.invoice_life import NotOpen, PartlyPaid, PaymentUnderWay
from billing.invoices import Invoice
from billing.ledger import LedgerEntry, LedgerPosting
from billing.mails import Mail, MailKind
from billing.money import Currency, Money
from billing.payment_methods import MethodRemoved
from billing.payment_orders import MOST_INVOICES, LessIsLeft, OtherRequest, Share, TotalChanged
from billing.payments import CannotCancel, PaymentAllocation, PaymentStatus
from billing.settling import Contradicts, Differs
from db.session import Database
from errors import NotFound
from tests.billing.acting import Acts, problems_of
from tests.billing.paying import Till, answer_to
from tests.cast import Cast
from tests.money.desk import back, one_line, usd


@pytest.fixture
def till(acts: Acts, cast: Cast) -> Till:
    return Till(acts, cast)


def test_beginning_reserves_and_moves_nothing(till: Till, cast: Cast) -> None:
    invoice, card = till.invoice(10_000), till.card()
    payment = till.begin(card, (invoice.id, 4_000), return_url=back)
    assert (payment.status, payment.amount_minor, payment.tries) == (PaymentStatus.PENDING, 4_000, 0)
    assert (payment.gateway, payment.gateway_account) == ("sandbox", "acct_northwind")
    assert payment.gateway_key == f"pay_{payment.id.hex}"
    assert payment.return_url == back(payment.id)
    assert (payment.asked_by, payment.asked_by_kind) == (cast.petra.id, "CUSTOMER_USER")
    assert till.state(invoice) == ("OPEN", 0, 4_000)
    assert till.books() == []


def test_a_part_under_way_does_not_block_the_rest(till: Till) -> None:
    invoice, card = till.invoice(10_000), till.card()
    till.begin(card, (invoice.id, 4_000))
    till.begin(card, (invoice.id, 6_000))
    with till.acts.nothing_changes(), pytest.raises(LessIsLeft, match=r"Only \$0\.00 of invoice NO-00001"):
        till.begin(card, (invoice.id, 1))
    assert till.state(invoice) == ("OPEN", 0, 10_000)


def test_success_applies_all_shares_at_once(till: Till, cast: Cast) -> None:
    first, second, card = till.invoice(10_000), till.invoice(5_000), till.card()
    payment = till.begin(card, (first.id, 10_000), (second.id, 2_000))
    settled = till.settle(payment, answer_to(payment))
    assert (settled.status, settled.settled_at) == (PaymentStatus.SUCCEEDED, till.acts.now)
    assert till.state(first) == ("PAID", 10_000, 0)
    assert till.state(second) == ("OPEN", 2_000, 0)
    assert (till.again(first).paid_at, till.again(second).paid_at) == (till.acts.now, None)
    legs = till.acts.read(
        cast.ada,
        select(LedgerPosting.account, LedgerPosting.amount_minor, LedgerPosting.invoice_id).where(
            LedgerPosting.payment_id == payment.id
        ),
    )
    assert set(legs) == {
        ("GATEWAY_CLEARING", 12_000, None),
        ("RECEIVABLE", -10_000, first.id), ("RECEIVABLE", -2_000, second.id),
    }  # fmt: skip
    (mail,) = till.acts.read(cast.ada, select(Mail))
    assert (mail.kind, mail.membership_id, mail.subject_id) == (MailKind.RECEIPT, cast.petra.id, payment.id)
    assert till.books() == []


def test_success_heard_again_changes_nothing(till: Till, cast: Cast) -> None:
    invoice, card = till.invoice(), till.card()
    payment = till.begin(card, (invoice.id, 10_000))
    till.settle(payment, answer_to(payment))
    with till.acts.nothing_changes():
        till.settle(payment, answer_to(payment), cast.ada)
        till.settle(payment, answer_to(payment, "REQUIRES_ACTION"))


def test_failure_says_why_and_leaves_the_invoice_payable(till: Till) -> None:
    invoice, card = till.invoice(), till.card()
    payment = till.begin(card, (invoice.id, 10_000))
    failed = till.settle(payment, answer_to(payment, "FAILED"))
    assert (failed.status, failed.failure_code) == (PaymentStatus.FAILED, "card_declined")
    assert failed.failure_message == "The bank declined the card."
    assert till.state(invoice) == ("OPEN", 0, 0)
    assert till.acts.count("mail") == 0
    again = till.begin(card, (invoice.id, 10_000))
    till.settle(again, answer_to(again))
    assert till.state(invoice) == ("PAID", 10_000, 0)
    assert till.books() == []


def test_a_card_that_asks_its_holder_waits_and_keeps_where(till: Till) -> None:
    invoice, card = till.invoice(), till.card()
    payment = till.begin(card, (invoice.id, 10_000))
    waiting = till.settle(payment, answer_to(payment, "REQUIRES_ACTION"))
    assert (waiting.status, waiting.action_url) == (
        PaymentStatus.REQUIRES_ACTION,
        "http://gateway.test/confirm",
    )
    assert till.state(invoice) == ("OPEN", 0, 10_000)
    assert till.settle(payment, answer_to(payment, "PROCESSING")).status is PaymentStatus.PROCESSING
    older = till.settle(payment, answer_to(payment, "REQUIRES_ACTION"))
    assert older.status is PaymentStatus.PROCESSING
    done = till.settle(payment, answer_to(payment))
    assert (done.status, done.action_url) == (PaymentStatus.SUCCEEDED, None)
    assert till.books() == []


def test_unknown_is_not_failed_and_whoever_was_left_waiting_is_told(till: Till, cast: Cast) -> None:
    invoice, card = till.invoice(), till.card()
    payment = till.begin(card, (invoice.id, 10_000))
    unknown = till.acts(cast.petra, settling.note_unknown, payment_id=payment.id)
    assert unknown.status is PaymentStatus.UNKNOWN
    with pytest.raises(LessIsLeft):
        till.begin(card, (invoice.id, 1))
    till.settle(payment, answer_to(payment, "FAILED"))
    (mail,) = till.acts.read(cast.ada, select(Mail))
    assert (mail.kind, mail.membership_id) == (MailKind.PAYMENT_FAILED, cast.petra.id)
    with till.acts.nothing_changes():
        till.acts(cast.petra, settling.note_unknown, payment_id=payment.id)


@pytest.mark.parametrize(
    "change",
    [{"amount_minor": 1}, {"amount_minor": 10_001}, {"currency": "CAD"}, {"currency": "usd"}],
)
@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED", "REQUIRES_ACTION"])
def test_an_answer_about_other_money_applies_nothing(till: Till, status: str, change: dict) -> None:
    invoice, card = till.invoice(), till.card()
    payment = till.begin(card, (invoice.id, 10_000))
    with till.acts.nothing_changes(), pytest.raises(Differs):
        till.settle(payment, answer_to(payment, status, **change))


def test_one_charge_belongs_to_one_payment(till: Till) -> None:
    invoice, card = till.invoice(), till.card()
    first, second = till.begin(card, (invoice.id, 5_000)), till.begin(card, (invoice.id, 5_000))
    till.settle(first, answer_to(first, "REQUIRES_ACTION"))
    with till.acts.nothing_changes():
        with pytest.raises(Differs):
            till.settle(first, answer_to(first, gateway_id="ch_other"))
        with pytest.raises(Differs):
            till.settle(second, answer_to(second, gateway_id=answer_to(first).gateway_id))


@pytest.mark.parametrize(("known", "heard"), [("FAILED", "SUCCEEDED"), ("SUCCEEDED", "FAILED")])
def test_what_is_final_stays_and_the_opposite_is_loud(till: Till, known: str, heard: str) -> None:
    invoice, card = till.invoice(), till.card()
    payment = till.begin(card, (invoice.id, 10_000))
    till.settle(payment, answer_to(payment, known))
    with till.acts.nothing_changes(), pytest.raises(Contradicts):
        till.settle(payment, answer_to(payment, heard))
    assert till.again(payment).status == known


@pytest.mark.parametrize(
    ("final", "turn"), [("FAILED", "SUCCEEDED"), ("SUCCEEDED", "PENDING"), ("CANCELED", "PENDING")]
)
def test_the_database_refuses_to_turn_a_final_state_back(
    till: Till, owner: Connection, final: str, turn: str
) -> None:
    invoice, card = till.invoice(), till.card()
    payment = till.begin(card, (invoice.id, 10_000))
    if final == "CANCELED":
        till.acts(till.cast.petra, payments.cancel, payment_id=payment.id)
    else:
        till.settle(payment, answer_to(payment, final))
    with till.acts.nothing_changes():
        with pytest.raises(DBAPIError, match="for good"):
            owner.execute(text(f"update payment set status = '{turn}'"))
        for change in ("amount_minor = 1", "currency = 'CAD'", "gateway_key = 'x'"):
            with pytest.raises(DBAPIError, match="does not change"):
                owner.execute(text(f"update payment set {change}"))


def test_the_same_key_is_the_same_payment(till: Till, cast: Cast) -> None:
    first, second, card = till.invoice(), till.invoice(), till.card()
    order = till.order(card, (first.id, 10_000), (second.id, 5_000), idempotency_key="k")
    payment = till.acts(cast.petra, payments.begin, **order)
    turned = {**order, "shares": order["shares"][::-1]}
    with till.acts.nothing_changes():
        assert till.acts(cast.petra, payments.begin, **turned).id == payment.id
    till.settle(payment, answer_to(payment))
    with till.acts.nothing_changes():
        assert till.acts(cast.petra, payments.begin, **order).id == payment.id
    assert till.acts(cast.carl, payments.begin, **till.order(card, (second.id, 1), idempotency_key="k"))


def test_the_same_key_for_something_else_is_refused(till: Till, cast: Cast) -> None:
    first, second = till.invoice(), till.invoice(customer="globex")
    card, other = till.card(), till.card("pm_2")
    globex = {
        "customer_id": cast.customers["globex"],
        "payment_method_id": till.card("pm_3", customer="globex").id,
    }
    till.begin(card, (first.id, 100), idempotency_key="k", who=cast.ada)
    with till.acts.nothing_changes():
        for order in (
            till.order(card, (first.id, 101), idempotency_key="k"),
            till.order(other, (first.id, 100), idempotency_key="k"),
            till.order(card, (first.id, 100), idempotency_key="k", expected_total=usd(99)),
            till.order(card, (second.id, 100), idempotency_key="k", **globex),
        ):
            with pytest.raises(OtherRequest):
                till.acts(cast.ada, payments.begin, **order)


def test_wrong_orders_are_refused_with_everything_at_once(till: Till) -> None:
    first, second, card = till.invoice(), till.invoice(), till.card()
    with till.acts.nothing_changes():
        for shares, changes, problems in (
            ([], {}, [("REQUIRED", ("allocations",))]),
            ([(first.id, 1)], {"idempotency_key": ""}, [("BAD_KEY", ("idempotency_key",))]),
            ([(first.id, 1)], {"idempotency_key": "k" * 256}, [("BAD_KEY", ("idempotency_key",))]),
            ([(first.id, 1)], {"idempotency_key": "a\nb"}, [("BAD_KEY", ("idempotency_key",))]),
            (
                [(first.id, 0), (first.id, -1)], {},
                [
                    ("NOT_POSITIVE", ("allocations", 0, "amount")),
                    ("DUPLICATE", ("allocations", 1, "invoice_id")),
                    ("NOT_POSITIVE", ("allocations", 1, "amount")),
                ],
            ),
            ([(uuid4(), 1)] * (MOST_INVOICES + 1), {}, None),
            (
                [(first.id, 1), (second.id, 10_001)], {},
                [("MORE_THAN_INVOICE", ("allocations", 1, "amount"))],
            ),
        ):  # fmt: skip
            found = problems_of(lambda s=shares, c=changes: till.begin(card, *s, **c))
            assert found == problems if problems else found[0] == ("TOO_MANY", ("allocations",))
        other = [Share(first.id, Money(100, Currency.CAD))]
        found = problems_of(lambda: till.begin(card, (first.id, 100), shares=other))
        assert found == [("OTHER_CURRENCY", ("allocations", 0, "amount"))]


def test_what_was_shown_is_what_is_paid_or_nothing_is(till: Till) -> None:
    invoice, card = till.invoice(), till.card()
    with till.acts.nothing_changes():
        for shown in (usd(9_999), Money(10_000, Currency.CAD)):
            with pytest.raises(TotalChanged, match=r"The total is \$100\.00"):
                till.begin(card, (invoice.id, 10_000), expected_total=shown)


def test_a_voided_invoice_is_not_paid_and_one_being_paid_is_not_voided(till: Till, cast: Cast) -> None:
    voided, paying, card = till.invoice(), till.invoice(), till.card()
    till.acts(cast.ada, invoice_life.void, invoice_id=voided.id)
    with till.acts.nothing_changes(), pytest.raises(NotOpen, match="NO-00001 is not open"):
        till.begin(card, (voided.id, 1), (paying.id, 1))
    payment = till.begin(card, (paying.id, 4_000))
    with till.acts.nothing_changes(), pytest.raises(PaymentUnderWay):
        till.acts(cast.ada, invoice_life.void, invoice_id=paying.id)
    till.settle(payment, answer_to(payment))
    with till.acts.nothing_changes(), pytest.raises(PartlyPaid):
        till.acts(cast.ada, invoice_life.void, invoice_id=paying.id)


def test_a_removed_or_strange_method_is_not_charged(till: Till, cast: Cast) -> None:
    invoice, card, strange = till.invoice(), till.card(), till.card("pm_2", customer="globex")
    till.acts(cast.petra, payment_methods.remove, method_id=card.id)
    with till.acts.nothing_changes():
        with pytest.raises(MethodRemoved):
            till.begin(card, (invoice.id, 1))
        for who in (cast.petra, cast.ada):
            with pytest.raises(NotFound):
                till.begin(strange, (invoice.id, 1), who=who)


def test_an_archived_customer_pays_nothing_but_what_was_begun_is_finished(
    till: Till, cast: Cast, owner: Connection
) -> None:
    invoice, card = till.invoice(), till.card()
    payment = till.begin(card, (invoice.id, 4_000))
    owner.execute(text("update customer set status = 'ARCHIVED', archived_at = now()"))
    with till.acts.nothing_changes(), pytest.raises(CustomerClosed):
        till.begin(card, (invoice.id, 1), who=cast.ada)
    till.settle(payment, answer_to(payment))
    assert till.state(invoice) == ("OPEN", 4_000, 0)


def test_only_what_was_never_sent_can_be_canceled(till: Till, cast: Cast) -> None:
    invoice, card = till.invoice(), till.card()
    never, sent = till.begin(card, (invoice.id, 4_000)), till.begin(card, (invoice.id, 6_000))
    canceled = till.acts(cast.petra, payments.cancel, payment_id=never.id)
    assert (canceled.status, canceled.settled_at) == (PaymentStatus.CANCELED, till.acts.now)
    assert till.state(invoice) == ("OPEN", 0, 6_000)
    assert till.acts(cast.petra, settling.start_try, payment_id=sent.id) is not None
    with till.acts.nothing_changes():
        till.acts(cast.petra, payments.cancel, payment_id=never.id)
        assert till.acts(cast.petra, settling.start_try, payment_id=never.id) is None
        with pytest.raises(CannotCancel):
            till.acts(cast.petra, payments.cancel, payment_id=sent.id)
    assert till.books() == []


def test_an_attempt_is_sent_by_one_process_at_a_time_and_not_after_its_end(till: Till, cast: Cast) -> None:
    invoice, card = till.invoice(), till.card()
    payment = till.begin(card, (invoice.id, 10_000))
    first = till.acts(cast.petra, settling.start_try, payment_id=payment.id)
    assert (first.method_ref, first.payment.tries) == ("pm_1", 1)
    with till.acts.nothing_changes():
        assert till.acts(cast.ada, settling.start_try, payment_id=payment.id) is None
    till.acts.now += settling.ONE_TRY_LASTS
    assert till.acts(cast.ada, settling.start_try, payment_id=payment.id).payment.tries == 2
    till.settle(payment, answer_to(payment))
    till.acts.now += settling.ONE_TRY_LASTS
    assert till.acts(cast.ada, settling.start_try, payment_id=payment.id) is None


@pytest.mark.parametrize("who", ["vera", "clem", "rita"])
def test_who_may_not_pay_neither_begins_nor_cancels(till: Till, cast: Cast, who: str) -> None:
    invoice, card = till.invoice(), till.card()
    payment = till.begin(card, (invoice.id, 1))
    with till.acts.nothing_changes():
        with pytest.raises(MissingRight):
            till.begin(card, (invoice.id, 1), who=cast.actors[who])
        with pytest.raises(MissingRight):
            till.acts(cast.actors[who], payments.cancel, payment_id=payment.id)


@pytest.mark.parametrize("who", ["gus", "ines", "mallory"])
def test_another_companys_payments_are_not_found(till: Till, cast: Cast, layers: Database, who: str) -> None:
    invoice, card = till.invoice(), till.card()
    payment, actor = till.begin(card, (invoice.id, 1)), cast.actors[who]
    till.acts.database = layers
    with till.acts.nothing_changes():
        for rule, what in (
            (payments.begin, till.order(card, (invoice.id, 1))),
            (payments.cancel, {"payment_id": payment.id}), (payments.find, {"payment_id": payment.id}),
            (settling.settle, {"payment_id": payment.id, "answer": answer_to(payment)}),
            (settling.start_try, {"payment_id": payment.id}),
            (settling.note_unknown, {"payment_id": payment.id}),
            (settling.note_not_taken, {"payment_id": payment.id, "code": "x", "message": "x"}),
            (payments.cancel, {"payment_id": uuid4()}),
        ):  # fmt: skip
            with pytest.raises(NotFound):
                till.acts(actor, rule, **what)


def test_a_sibling_customers_invoice_cannot_be_slipped_in(till: Till, cast: Cast, layers: Database) -> None:
    mine, theirs, card = till.invoice(), till.invoice(customer="globex"), till.card()
    till.acts.database = layers
    with till.acts.nothing_changes():
        for who in (cast.petra, cast.ada):
            with pytest.raises(NotFound):
                till.begin(card, (mine.id, 1), (theirs.id, 1), who=who)


def test_a_draft_cannot_be_paid(till: Till, cast: Cast) -> None:
    invoice, card = till.invoice(), till.card()
    draft = till.acts(cast.ada, invoices.create_draft, customer_id=till.acme, fields=one_line(500))
    with till.acts.nothing_changes(), pytest.raises(NotFound):
        till.begin(card, (invoice.id, 1), (draft.id, 1), who=cast.ada)


def test_staff_may_charge_and_the_customers_manager_gets_the_receipt(till: Till, cast: Cast) -> None:
    invoice, card = till.invoice(), till.card()
    payment = till.begin(card, (invoice.id, 10_000), who=cast.northwind_key)
    till.settle(payment, answer_to(payment), cast.northwind_key)
    (mail,) = till.acts.read(cast.ada, select(Mail))
    assert mail.membership_id == cast.carl.id
    wanted = select(LedgerEntry.actor_kind, LedgerEntry.actor_id).where(LedgerEntry.subject_id == payment.id)
    assert list(till.acts.read(cast.ada, wanted)) == [("API_KEY", cast.northwind_key.id)]
    assert till.books() == []


def test_the_entry_names_who_asked_whoever_brought_the_news(till: Till, cast: Cast) -> None:
    invoice, card = till.invoice(), till.card()
    payment = till.begin(card, (invoice.id, 10_000))
    till.settle(payment, answer_to(payment), cast.ada)
    wanted = select(LedgerEntry.actor_kind, LedgerEntry.actor_id).where(LedgerEntry.subject_id == payment.id)
    assert list(till.acts.read(cast.ada, wanted)) == [("CUSTOMER_USER", cast.petra.id)]


def test_the_database_itself_refuses_to_reserve_more_than_is_left(till: Till, owner: Connection) -> None:
    invoice, card = till.invoice(), till.card()
    till.begin(card, (invoice.id, 4_000))
    with till.acts.nothing_changes():
        for change in ("reserved_minor = 10001", "paid_minor = 6001", "reserved_minor = -1"):
            with pytest.raises(DBAPIError, match="reserved_within_rest"):
                owner.execute(text(f"update invoice set {change}"))
    assert till.acts.read(till.cast.ada, select(Invoice.reserved_minor)) == [4_000]
    assert till.acts.read(till.cast.ada, select(PaymentAllocation.amount_minor)) == [4_000]

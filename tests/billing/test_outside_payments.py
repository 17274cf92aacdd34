"""Checks, wires and cash written down; invoices given up and taken up again; the books after each."""

from collections.abc import Callable
from datetime import date
from functools import partial

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import select

from auth.actors import MissingRight
from billing import invoice_life, outside_payments, statements
from billing.invoice_life import NotOpen, NotWrittenOff, PaymentUnderWay, WrittenOff
from billing.invoices import Invoice
from billing.ledger import LedgerPosting
from billing.mails import Mail, MailKind
from billing.outside_payments import OutsideInput, OutsidePayment
from billing.outside_shares import NothingLeft
from billing.payment_orders import LessIsLeft, OtherRequest
from errors import Invalid, NotFound, Refusal
from integrations.pdf.statements import words_of
from tests.billing.acting import Acts, problems_of
from tests.billing.paying import Till
from tests.cast import Cast
from tests.figures import rounds
from tests.money.race import at_once


@pytest.fixture
def till(acts: Acts, cast: Cast) -> Till:
    return Till(acts, cast)


def received(
    till: Till,
    invoice: Invoice,
    amount: str | None = None,
    *,
    who: str = "clem",
    key: str = "k1",
    **fields: object,
) -> OutsidePayment:
    typed = OutsideInput(**{"kind": "CHECK", "amount": amount, **fields})
    return till.acts(
        till.cast.actors[who], outside_payments.record, invoice_id=invoice.id, fields=typed, request_key=key
    )


def back(till: Till, payment: OutsidePayment, reason: str = "The check bounced") -> OutsidePayment:
    return till.acts(till.cast.ada, outside_payments.reverse, payment_id=payment.id, reason=reason)


def test_a_part_and_then_the_rest_pays_an_invoice(till: Till) -> None:
    invoice = till.invoice(10_000)
    part = received(till, invoice, "40.00", reference="Check 1042", note="At the front desk")
    assert (part.amount_minor, part.received_on, part.reference) == (4_000, date(2026, 3, 10), "Check 1042")
    assert till.state(invoice) == ("OPEN", 4_000, 0)
    rest = received(till, invoice, kind="WIRE", received_on="2026-03-01", key="k2")
    assert (rest.amount_minor, rest.received_on) == (6_000, date(2026, 3, 1))
    assert till.state(invoice) == ("PAID", 10_000, 0)
    moved = till.acts.read(
        till.cast.ada, select(LedgerPosting).where(LedgerPosting.account == "OUTSIDE_CLEARING")
    )
    assert sorted(leg.amount_minor for leg in moved) == [4_000, 6_000]
    assert till.books() == []


def test_the_customers_first_manager_gets_a_receipt_unless_it_is_not_wanted(till: Till) -> None:
    invoice = till.invoice(10_000)
    made = received(till, invoice, "1.00")
    (mail,) = till.acts.read(till.cast.ada, select(Mail).where(Mail.kind == MailKind.OUTSIDE_RECEIPT))
    assert (mail.subject_id, mail.membership_id) == (made.id, till.cast.carl.id)
    received(till, invoice, "1.00", key="k2", send_receipt=False)
    assert till.books() == []
    fresh = "jsonb_build_object('id', gen_random_uuid())"
    twice = f"insert into mail select (jsonb_populate_record(m, {fresh})).* from mail m"
    till.acts.owner.execute(text(twice))
    assert [line[:2] for line in till.books()] == ["I9"]
    till.acts.owner.execute(text("delete from mail where id <> :id"), {"id": mail.id})
    assert len(till.acts.read(till.cast.ada, select(Mail).where(Mail.kind == MailKind.OUTSIDE_RECEIPT))) == 1


def test_the_same_key_is_the_same_payment_and_never_another_invoices(till: Till) -> None:
    invoice, other = till.invoice(10_000), till.invoice(5_000)
    first = received(till, invoice, "40.00")
    with till.acts.nothing_changes():
        assert received(till, invoice, "40.00").id == first.id
        with pytest.raises(OtherRequest):
            received(till, other, "40.00")
        for changed in (
            {"amount": "41.00"},
            {"amount": "40.00", "kind": "WIRE"},
            {"amount": "40.00", "reference": "1043"},
            {"amount": "40.00", "received_on": "2026-03-09"},
        ):
            with pytest.raises(OtherRequest):
                received(till, invoice, **changed)
    assert received(till, other, "40.00", who="ada").id != first.id


def test_what_a_payment_under_way_is_for_is_not_taken_twice(till: Till) -> None:
    invoice = till.invoice(10_000)
    till.begin(till.card(), (invoice.id, 7_000))
    with till.acts.nothing_changes(), pytest.raises(LessIsLeft, match=r"Only \$30\.00"):
        received(till, invoice, "30.01")
    received(till, invoice)
    assert till.state(invoice) == ("OPEN", 3_000, 7_000)
    with till.acts.nothing_changes(), pytest.raises(NothingLeft):
        received(till, invoice, key="k2")
    assert till.books() == []


def test_every_wrong_field_is_told_at_once(till: Till) -> None:
    invoice = till.invoice(10_000)
    with till.acts.nothing_changes():
        assert problems_of(
            lambda: received(
                till, invoice, "0", kind="GOLD", received_on="2026-03-11", reference="x" * 101,
                note="4242 4242 4242 4242",
            )
        ) == [
            ("UNKNOWN_KIND", ("kind",)), ("NOT_POSITIVE", ("amount",)), ("BAD_DATE", ("received_on",)),
            ("TOO_LONG", ("reference",)), ("CARD_NUMBER", ("note",)),
        ]  # fmt: skip
        assert problems_of(lambda: received(till, invoice, "0")) == [("NOT_POSITIVE", ("amount",))]
        assert problems_of(lambda: received(till, invoice, "1.001")) == [("TOO_MANY_DECIMALS", ("amount",))]


def test_a_bounced_check_is_taken_back_once_and_the_invoice_is_owed_again(till: Till) -> None:
    invoice = till.invoice(10_000)
    paid = received(till, invoice)
    assert till.state(invoice) == ("PAID", 10_000, 0)
    with till.acts.nothing_changes(), pytest.raises(Invalid):
        back(till, paid, " ")
    taken = back(till, paid)
    assert (taken.reversal_reason, taken.reversed_at) == ("The check bounced", till.acts.now)
    assert till.state(invoice) == ("OPEN", 0, 0)
    assert till.again(invoice).paid_at is None
    with till.acts.nothing_changes():
        back(till, paid, "Again")
    assert till.books() == []
    received(till, invoice, key="k2")
    assert till.state(invoice) == ("PAID", 10_000, 0)


def test_drafts_void_and_paid_invoices_take_no_payment(till: Till) -> None:
    void = till.invoice(10_000)
    till.acts(till.cast.ada, invoice_life.void, invoice_id=void.id)
    paid = till.invoice(10_000)
    received(till, paid)
    for invoice in (void, paid):
        with till.acts.nothing_changes(), pytest.raises(NotOpen):
            received(till, invoice, "1.00", key="k9")


def test_writing_off_gives_up_the_rest_and_reopening_takes_it_up(till: Till) -> None:
    invoice, ada, card = till.invoice(10_000), till.cast.ada, till.card()
    part = received(till, invoice, "40.00")
    for _ in range(2):
        till.acts(ada, invoice_life.write_off, invoice_id=invoice.id, reason="Gone out of business")
        assert till.state(invoice) == ("UNCOLLECTIBLE", 4_000, 0)
    assert till.books() == []
    owed = "select open_minor from customer where id = :id"
    assert till.acts.owner.scalar(text(owed), {"id": till.acme}) == 0
    with till.acts.nothing_changes():
        for act in (
            lambda: back(till, part),
            lambda: received(till, invoice, "1.00", key="k2"),
            lambda: till.acts(ada, invoice_life.void, invoice_id=invoice.id),
            lambda: till.begin(card, (invoice.id, 100)),
        ):
            with pytest.raises((WrittenOff, NotOpen)):
                act()
    till.acts(ada, invoice_life.reopen, invoice_id=invoice.id)
    assert till.state(invoice) == ("OPEN", 4_000, 0)
    with till.acts.nothing_changes(), pytest.raises(NotWrittenOff):
        till.acts(ada, invoice_life.reopen, invoice_id=invoice.id)
    till.acts(ada, invoice_life.write_off, invoice_id=invoice.id, reason=None)
    till.acts(ada, invoice_life.reopen, invoice_id=invoice.id)
    back(till, part)
    assert till.state(invoice) == ("OPEN", 0, 0)
    assert till.books() == []


def test_each_of_it_has_its_own_words_on_the_statement_of_account(till: Till) -> None:
    invoice, ada = till.invoice(10_000), till.cast.ada
    back(till, received(till, invoice, "40.00"))
    till.acts(ada, invoice_life.write_off, invoice_id=invoice.id, reason=None)
    till.acts(ada, invoice_life.reopen, invoice_id=invoice.id)
    found = till.acts(ada, statements.statement, customer_id=till.acme, first=None, last=None)
    assert [(words_of(one), one.amount_minor) for one in found.movements[1:]] == [
        ("Payment received for NO-00001", -4_000), ("Payment for NO-00001 taken back", 4_000),
        ("Invoice NO-00001 written off", -10_000), ("Invoice NO-00001 reopened", 10_000),
    ]  # fmt: skip
    assert found.closing_minor == 10_000


def test_nothing_is_written_off_while_money_may_be_moving(till: Till) -> None:
    invoice = till.invoice(10_000)
    till.begin(till.card(), (invoice.id, 100))
    with till.acts.nothing_changes(), pytest.raises(PaymentUnderWay):
        till.acts(till.cast.ada, invoice_life.write_off, invoice_id=invoice.id, reason=None)


def test_who_may(till: Till) -> None:
    invoice = till.invoice(10_000)
    made = received(till, invoice, "1.00")
    with till.acts.nothing_changes():
        for who in ("rita", "carl", "petra", "vera"):
            with pytest.raises(MissingRight):
                received(till, invoice, "1.00", who=who, key="k2")
        for who in ("clem", "rita", "carl"):
            actor = till.cast.actors[who]
            for rule, what in (
                (outside_payments.reverse, {"payment_id": made.id, "reason": "x"}),
                (invoice_life.write_off, {"invoice_id": invoice.id, "reason": None}),
                (invoice_life.reopen, {"invoice_id": invoice.id}),
            ):
                with pytest.raises(MissingRight):
                    till.acts(actor, rule, **what)


def test_a_stranger_finds_nothing(till: Till) -> None:
    invoice = till.invoice(10_000)
    made = received(till, invoice, "1.00")
    mallory = till.cast.mallory
    with till.acts.nothing_changes():
        for rule, what in (
            (outside_payments.reverse, {"payment_id": made.id, "reason": "x"}),
            (invoice_life.write_off, {"invoice_id": invoice.id, "reason": None}),
            (invoice_life.reopen, {"invoice_id": invoice.id}),
        ):
            with pytest.raises(NotFound):
                till.acts(mallory, rule, **what)
        with pytest.raises(NotFound):
            received(till, invoice, "1.00", who="mallory", key="k2")
    for who in ("gus", "mallory"):
        assert till.acts.read(till.cast.actors[who], select(OutsidePayment)) == []


def test_what_was_written_down_is_not_rewritten(till: Till, owner: Connection) -> None:
    received(till, till.invoice(10_000), "1.00")
    given_up = till.invoice(5_000)
    till.acts(till.cast.ada, invoice_life.write_off, invoice_id=given_up.id, reason=None)
    for change in (
        "update outside_payment set amount_minor = 2", "delete from outside_payment",
        "update outside_payment set reference = 'x'", "update invoice_write_off set amount_minor = 2",
        "delete from invoice_write_off",
    ):  # fmt: skip
        with pytest.raises(DBAPIError, match="does not change"):
            owner.execute(text(change))


def test_the_books_are_compared_with_what_was_written_down(till: Till, owner: Connection) -> None:
    invoice = till.invoice(10_000)
    received(till, invoice, "40.00")
    owner.execute(text("alter table outside_payment disable trigger only_ended"))
    owner.execute(text("update outside_payment set amount_minor = 3999"))
    found = till.books()
    assert any("outside payment" in line and "is 4000 in the ledger" in line for line in found)
    assert any("the shares of outside payment" in line and "make 4000, not 3999" in line for line in found)
    owner.execute(text("update outside_payment set amount_minor = 4000"))
    owner.execute(text("alter table outside_payment enable trigger only_ended"))
    assert till.books() == []


@pytest.mark.prove
def test_whoever_writes_down_voids_or_writes_off_at_once_the_claim_is_never_exceeded(till: Till) -> None:
    ada, typed = till.cast.ada, OutsideInput(kind="CASH", amount="60.00", send_receipt=False)

    def act(rule: Callable[..., object], **what: object) -> object:
        try:
            with till.acts.database.transaction(partner_id=ada.partner_id) as db:
                return rule(db, ada, **what, now=till.acts.now)
        except Refusal as refusal:
            return refusal

    for turn in range(rounds(5, 100)):
        place = {"invoice_id": till.invoice(10_000).id}
        acts = [
            partial(act, outside_payments.record, **place, fields=typed, request_key=f"{turn}-{number}")
            for number in range(3)
        ]
        acts += [
            partial(act, invoice_life.void, **place),
            partial(act, invoice_life.write_off, **place, reason=None),
        ]
        recorded = [one for one in at_once(acts) if isinstance(one, OutsidePayment)]
        with till.acts.database.transaction(partner_id=ada.partner_id) as db:
            now = db.get_one(Invoice, (ada.partner_id, place["invoice_id"]))
        assert now.paid_minor == 6_000 * len(recorded) <= 6_000
        assert now.status != "VOID" or not recorded
    assert till.books() == []

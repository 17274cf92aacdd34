"""One check for several invoices, and what of it is above them: recorded, kept as credit, taken back."""

from uuid import uuid4

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import select

from auth.audit import AuditEvent
from billing import crediting, invoice_life, invoices, outside_payments, statements
from billing.crediting import ApplyInput
from billing.customers import Customer
from billing.invoices import Invoice
from billing.ledger import LedgerEntry, LedgerPosting
from billing.mails import Mail, MailKind
from billing.outside_payments import OutsideAllocation, OutsideInput, OutsidePayment
from billing.outside_shares import CreditUsed, OneWrittenOff, OutsideShareInput, share_out
from billing.payment_orders import LessIsLeft, OtherRequest
from billing.payments import Payment
from errors import NotFound, Refusal
from integrations.pdf.receipts import outside_receipt_sheet
from integrations.pdf.statements import words_of
from tests.billing.acting import Acts, problems_of
from tests.billing.paying import Till
from tests.cast import Cast
from tests.figures import rounds
from tests.money.desk import one_line
from tests.money.race import at_once


@pytest.fixture
def till(acts: Acts, cast: Cast) -> Till:
    return Till(acts, cast)


def check(
    till: Till,
    *shares: tuple[Invoice, str],
    amount: str | None = None,
    keep: bool = False,
    key: str = "k1",
    **fields: object,
) -> OutsidePayment:
    """One check, shared out like this."""
    rows = [OutsideShareInput(invoice_id=one.id, amount=share) for one, share in shares]
    typed = OutsideInput(kind="CHECK", amount=amount, allocations=rows, keep_rest=keep, **fields)
    return till.acts(till.cast.ada, outside_payments.record, fields=typed, request_key=key)


def back(till: Till, payment: OutsidePayment) -> OutsidePayment:
    what = {"payment_id": payment.id, "reason": "The check bounced"}
    return till.acts(till.cast.ada, outside_payments.reverse, **what)


def credit_of(till: Till) -> int:
    (credit,) = till.acts.read(till.cast.ada, select(Customer.credit_minor).where(Customer.id == till.acme))
    return credit


def test_one_check_pays_several_invoices_in_one_entry_with_one_receipt(till: Till) -> None:
    one, two, three = (till.invoice(minor) for minor in (10_000, 5_000, 2_000))
    made = check(till, (one, "100.00"), (three, "15.00"), (two, "50"), reference="4711")
    assert (made.amount_minor, made.kept_minor, made.invoice_id) == (16_500, 0, one.id)
    assert [till.state(each) for each in (one, two, three)] == [
        ("PAID", 10_000, 0), ("PAID", 5_000, 0), ("OPEN", 1_500, 0),
    ]  # fmt: skip
    ada, entries = till.cast.ada, select(LedgerEntry).where(LedgerEntry.subject_id == made.id)
    assert len(till.acts.read(ada, entries)) == 1
    assert len(till.acts.read(ada, select(Mail).where(Mail.kind == MailKind.OUTSIDE_RECEIPT))) == 1
    noted = till.acts.read(ada, select(AuditEvent).where(AuditEvent.action == "outside_payment.recorded"))
    assert {(row.subject_id, row.details["amount_minor"]) for row in noted} == {
        (one.id, 10_000), (two.id, 5_000), (three.id, 1_500),
    }  # fmt: skip
    _, shares = till.acts(till.cast.petra, lambda db, who, now: _shown(db, who, made))
    assert shares == [("NO-00001", 10_000), ("NO-00003", 1_500), ("NO-00002", 5_000)]
    assert till.books() == []


def _shown(db, who, made: OutsidePayment) -> tuple[OutsidePayment, list[tuple[str, int]]]:
    found, shares = outside_payments.with_invoices(db, who, payment_id=made.id)
    return found, [(one.number, minor) for one, minor in shares]


def test_what_is_due_first_is_filled_first() -> None:
    assert share_out(1_000, [300, 500, 900]) == [300, 500, 200]
    assert share_out(100, [300, 500]) == [100, 0]
    assert share_out(2_000, [300, 500]) == [300, 500]


def test_what_is_for_no_invoice_is_kept_only_if_somebody_says_so(till: Till) -> None:
    one, two = till.invoice(10_000), till.invoice(5_000)
    shares = (one, "100"), (two, "10")
    with till.acts.nothing_changes():
        assert problems_of(lambda: check(till, *shares, amount="150")) == [("OTHER_TOTAL", ("amount",))]
        assert problems_of(lambda: check(till, *shares, amount="109.99", keep=True)) == [
            ("OTHER_TOTAL", ("amount",))
        ]
    made = check(till, *shares, amount="150", keep=True)
    assert (made.amount_minor, made.kept_minor, credit_of(till)) == (15_000, 4_000, 4_000)
    legs = till.acts.read(
        till.cast.ada, select(LedgerPosting).where(LedgerPosting.account == "CUSTOMER_CREDIT")
    )
    assert [(leg.amount_minor, leg.invoice_id) for leg in legs] == [(-4_000, None)]
    kept = till.acts.read(till.cast.ada, select(AuditEvent).where(AuditEvent.action == "credit.kept"))
    assert [(row.subject_id, row.details["amount_minor"]) for row in kept] == [(till.acme, 4_000)]
    assert till.books() == []


def test_more_than_is_left_of_the_only_invoice_is_kept_too_if_asked(till: Till) -> None:
    invoice = till.invoice(10_000)
    typed = OutsideInput(kind="WIRE", amount="140.00")
    what = {"invoice_id": invoice.id, "request_key": "k"}
    with till.acts.nothing_changes(), pytest.raises(LessIsLeft):
        till.acts(till.cast.ada, outside_payments.record, fields=typed, **what)
    keeping = typed.model_copy(update={"keep_rest": True})
    made = till.acts(till.cast.ada, outside_payments.record, fields=keeping, **what)
    assert (made.kept_minor, till.state(invoice), credit_of(till)) == (4_000, ("PAID", 10_000, 0), 4_000)
    assert till.acts(till.cast.ada, outside_payments.record, fields=keeping, **what).id == made.id
    with pytest.raises(OtherRequest):
        till.acts(till.cast.ada, outside_payments.record, fields=typed, **what)
    assert till.books() == []


def test_one_reversal_takes_all_of_it_back(till: Till) -> None:
    one, two = till.invoice(10_000), till.invoice(5_000)
    made = check(till, (one, "100"), (two, "20"), amount="150", keep=True)
    back(till, made)
    assert [till.state(each) for each in (one, two)] == [("OPEN", 0, 0), ("OPEN", 0, 0)]
    assert credit_of(till) == 0
    with till.acts.nothing_changes():
        back(till, made)
    told = till.acts.read(till.cast.ada, select(Mail).where(Mail.kind == MailKind.OUTSIDE_REVERSED))
    assert len(told) == 1
    gone = till.acts.read(till.cast.ada, select(AuditEvent).where(AuditEvent.action == "credit.kept_back"))
    assert len(gone) == 1
    assert till.books() == []


def test_credit_that_was_applied_since_keeps_its_payment_until_other_money_stands_for_it(till: Till) -> None:
    one, two, three = till.invoice(10_000), till.invoice(3_000), till.invoice(1_000)
    bounced = check(till, (one, "100"), amount="140", keep=True)
    what = {"invoice_id": two.id, "fields": ApplyInput(), "request_key": "a"}
    till.acts(till.cast.ada, crediting.apply, **what)
    with till.acts.nothing_changes(), pytest.raises(CreditUsed, match=r"\$40\.00 .* only \$10\.00"):
        back(till, bounced)
    # The customer sends a wire in its place.
    check(till, (three, "10"), amount="140", keep=True, key="k2")
    back(till, bounced)
    assert (till.state(one), credit_of(till)) == (("OPEN", 0, 0), 10_000)
    till.acts(till.cast.ada, crediting.apply, invoice_id=one.id, fields=ApplyInput(), request_key="b")
    assert till.again(one).status == "PAID"
    assert till.books() == []


def test_a_check_for_an_invoice_that_is_written_off_is_not_taken_back(till: Till) -> None:
    one, two = till.invoice(10_000), till.invoice(5_000)
    made = check(till, (one, "10"), (two, "10"))
    till.acts(till.cast.ada, invoice_life.write_off, invoice_id=two.id, reason=None)
    with till.acts.nothing_changes(), pytest.raises(OneWrittenOff, match="NO-00002"):
        back(till, made)


def test_the_same_key_is_the_same_check_word_for_word(till: Till) -> None:
    one, two = till.invoice(10_000), till.invoice(5_000)
    first = check(till, (one, "40"), (two, "10"), amount="60", keep=True)
    with till.acts.nothing_changes():
        assert check(till, (two, "10.00"), (one, "40.00"), amount="60.00", keep=True).id == first.id
        for shares, how in (
            ([(one, "40")], {"amount": "60", "keep": True}),
            ([(one, "30"), (two, "20")], {"amount": "60", "keep": True}),
            ([(one, "40"), (two, "10")], {"amount": "50"}),
            ([(one, "40"), (two, "10")], {"amount": "60"}),
        ):
            with pytest.raises(OtherRequest):
                check(till, *shares, **how)


def test_what_is_no_sharing_out(till: Till) -> None:
    one, two, globex = till.invoice(10_000), till.invoice(5_000), till.invoice(5_000, customer="globex")
    draft = till.acts(till.cast.ada, invoices.create_draft, customer_id=till.acme, fields=one_line(100))
    with till.acts.nothing_changes():
        assert problems_of(lambda: check(till)) == [("REQUIRED", ("allocations",))]
        assert problems_of(lambda: check(till, (one, "1"), (one, "1"))) == [
            ("DUPLICATE", ("allocations", 1, "invoice_id"))
        ]
        assert problems_of(lambda: check(till, (one, "0"), (two, "1.001"))) == [
            ("NOT_POSITIVE", ("allocations", 0, "amount")),
            ("TOO_MANY_DECIMALS", ("allocations", 1, "amount")),
        ]
        crowd = [OutsideShareInput(invoice_id=uuid4(), amount="1") for _ in range(101)]
        typed = OutsideInput(kind="CHECK", allocations=crowd)
        record = {"fields": typed, "request_key": "k"}
        assert problems_of(lambda: till.acts(till.cast.ada, outside_payments.record, **record)) == [
            ("TOO_MANY", ("allocations",))
        ]
        for strange in (globex, draft):
            with pytest.raises(NotFound):
                check(till, (one, "1"), (strange, "1"))
        with pytest.raises(LessIsLeft, match="NO-00002"):
            check(till, (one, "1"), (two, "50.01"))


def test_the_receipt_and_the_statement_name_all_of_it(till: Till) -> None:
    one, two = till.invoice(10_000), till.invoice(5_000)
    made = check(till, (one, "100"), (two, "20"), amount="150", keep=True, received_on="2026-03-03")
    sheet = till.acts(
        till.cast.petra, lambda db, who, now: outside_receipt_sheet(db, who, payment_id=made.id)
    )
    said = str(sheet.content)
    assert all(part in said for part in ("NO-00001", "NO-00002", "$100.00", "$20.00", "Kept as credit"))
    back(till, made)
    both = "NO-00001, NO-00002"
    found = till.acts(till.cast.ada, statements.statement, customer_id=till.acme, first=None, last=None)
    assert [(words_of(row), row.amount_minor) for row in found.movements[2:]] == [
        (f"Payment received for {both} (received Mar 3, 2026; $30.00 more kept as credit)", -12_000),
        (f"Payment for {both} taken back (received Mar 3, 2026; $30.00 of credit taken back too)", 12_000),
    ]  # fmt: skip
    assert (found.closing_minor, found.credit_minor) == (15_000, 0)


def test_the_database_holds_that_shares_make_the_amount_and_never_change(
    till: Till, owner: Connection
) -> None:
    one, two = till.invoice(10_000), till.invoice(5_000)
    made = check(till, (one, "1"), (two, "1"))
    for change in (
        "update outside_payment_allocation set amount_minor = 2",
        "delete from outside_payment_allocation",
    ):
        with pytest.raises(DBAPIError):
            owner.execute(text(change))

    def forged(db, actor, now) -> None:
        row = OutsidePayment(
            **{**made.model_dump(), "id": uuid4(), "request_key": "forged", "amount_minor": 500}
        )
        db.add(row)
        db.flush()
        db.add(
            OutsideAllocation(
                partner_id=row.partner_id, customer_id=row.customer_id, payment_id=row.id,
                invoice_id=one.id, amount_minor=499,
            )
        )  # fmt: skip

    with pytest.raises(DBAPIError, match="do not make its amount"):
        till.acts(till.cast.ada, forged)


def test_a_process_from_before_says_no_shares_and_all_is_for_its_one_invoice(
    till: Till, owner: Connection
) -> None:
    invoice = till.invoice(10_000)
    made = check(till, (invoice, "1"))
    again = "jsonb_build_object('id', gen_random_uuid(), 'request_key', 'old', 'amount_minor', 700)"
    owner.execute(
        text(
            f"insert into outside_payment select (jsonb_populate_record(p, {again})).* from outside_payment p"
        )
    )
    shares = select(OutsideAllocation).where(OutsideAllocation.payment_id != made.id)
    assert [(row.invoice_id, row.amount_minor) for row in till.acts.read(till.cast.ada, shares)] == [
        (invoice.id, 700)
    ]


@pytest.mark.prove
def test_checks_for_several_a_card_a_void_and_a_write_off_at_once_never_exceed_a_claim(till: Till) -> None:
    ada, card = till.cast.ada, till.card()
    won = 0
    for turn in range(rounds(5, 100)):
        one, two = till.invoice(10_000), till.invoice(5_000)
        credit = credit_of(till)

        def record(key: str, order: tuple[Invoice, Invoice]) -> OutsidePayment:
            amounts = {one.id: "60", two.id: "30"}  # noqa: B023 - called within this turn
            shares = [(each, amounts[each.id]) for each in order]
            return check(till, *shares, amount="100", keep=True, key=key, send_receipt=False)

        def act(rule, **what):
            return lambda: till.acts(ada, rule, **what)

        outcomes = at_once([
            lambda: record(f"{turn}-a", (one, two)), lambda: record(f"{turn}-b", (two, one)),  # noqa: B023
            lambda: till.begin(card, (one.id, 5_000), (two.id, 2_000)),  # noqa: B023
            act(invoice_life.void, invoice_id=one.id),
            act(invoice_life.write_off, invoice_id=two.id, reason=None),
        ])  # fmt: skip
        noted = [each for each in outcomes if isinstance(each, OutsidePayment)]
        assert all(isinstance(each, OutsidePayment | Payment | Invoice | Refusal) for each in outcomes)
        assert len(noted) <= 1
        for each, share in ((one, 6_000), (two, 3_000)):
            now = till.again(each)
            assert now.paid_minor == share * len(noted)
            assert now.paid_minor + now.reserved_minor <= now.total_minor
        assert credit_of(till) == credit + 1_000 * len(noted)
        won += len(noted)
    assert won or rounds(5, 100) == 5
    assert till.books() == []

"""Credit notes and applied credit: what they take off, what they leave, and the books after each."""

from collections.abc import Sequence
from functools import partial

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import select

from auth.actors import MissingRight
from auth.audit import AuditEvent
from billing import credit_notes, crediting, invoice_life, invoices, outside_payments
from billing.credit_notes import CreditApplication, CreditNote
from billing.crediting import (
    ApplyInput,
    CreditLineInput,
    CreditNoteInput,
    LessCredit,
    NoCredit,
    NothingToCredit,
)
from billing.customers import Customer
from billing.invoice_fields import InvoiceInput, LineInput, TaxInput
from billing.invoice_life import Credited, NotOpen, WrittenOff
from billing.invoices import Invoice, InvoiceLine
from billing.outside_payments import OutsideInput, OutsidePayment
from billing.outside_shares import NothingLeft
from billing.payment_orders import LessIsLeft, OtherRequest
from errors import Invalid, NotFound
from tests.billing.acting import Acts, problems_of
from tests.billing.paying import Till, answer_to
from tests.cast import Cast
from tests.figures import rounds
from tests.money.race import at_once


@pytest.fixture
def till(acts: Acts, cast: Cast) -> Till:
    return Till(acts, cast)


def credited(
    till: Till, invoice: Invoice, *parts: tuple[str | None, str | None], key: str = "n1", who: str = "ada"
) -> CreditNote:
    """A note: over the lines that are named with their amounts, or over all."""
    lines = [CreditLineInput(line_id=line, amount=amount) for line, amount in parts] if parts else None
    fields = CreditNoteInput(reason="Never delivered", lines=lines)
    actor = till.cast.actors[who]
    return till.acts(actor, crediting.issue, invoice_id=invoice.id, fields=fields, request_key=key)


def part(till: Till, invoice: Invoice, amount: str, key: str = "n1") -> CreditNote:
    """A note over a part of the only line."""
    return credited(till, invoice, (lines(till, invoice)[0].id, amount), key=key)


def lines(till: Till, invoice: Invoice) -> Sequence[InvoiceLine]:
    return till.acts(till.cast.ada, lambda db, _: invoices.lines_of(db, invoice))


def applied(
    till: Till, invoice: Invoice, amount: str | None = None, *, key: str = "a1", who: str = "clem"
) -> CreditApplication:
    fields, actor = ApplyInput(amount=amount), till.cast.actors[who]
    return till.acts(actor, crediting.apply, invoice_id=invoice.id, fields=fields, request_key=key)


def paid(till: Till, invoice: Invoice, amount: str | None = None, key: str = "p1") -> OutsidePayment:
    fields = OutsideInput(kind="CASH", amount=amount, send_receipt=False)
    record = outside_payments.record
    return till.acts(till.cast.ada, record, invoice_id=invoice.id, fields=fields, request_key=key)


def state(till: Till, invoice: Invoice) -> tuple[str, int, int]:
    (row,) = till.acts.read(till.cast.ada, select(Invoice).where(Invoice.id == invoice.id))
    return row.status.value, row.paid_minor, row.credited_minor


def credit(till: Till) -> int:
    acme = Customer.id == till.cast.customers["acme"]
    (minor,) = till.acts.read(till.cast.ada, select(Customer.credit_minor).where(acme))
    return minor


def taxed(till: Till) -> Invoice:
    """Two lines: 10.01 with GST and QST, and 50.00 without any."""
    taxes = [TaxInput(name="GST", rate="5"), TaxInput(name="QST", rate="9.975")]
    fields = InvoiceInput(
        lines=[
            LineInput(description="Work", quantity="1", unit_price="10.01", taxes=taxes),
            LineInput(description="Parts", quantity="1", unit_price="50.00"),
        ]
    )
    acme = till.cast.customers["acme"]
    draft = till.acts(till.cast.ada, invoices.create_draft, customer_id=acme, fields=fields)
    return till.acts(till.cast.ada, invoice_life.finalize, invoice_id=draft.id)


def test_an_open_invoice_credited_whole_is_settled_and_leaves_no_credit(till: Till) -> None:
    invoice = till.invoice(10_000)
    note = credited(till, invoice)
    assert (note.number, note.total_minor, note.applied_minor) == ("CN-00001", 10_000, 10_000)
    assert (state(till, invoice), credit(till)) == (("PAID", 0, 10_000), 0)
    with till.acts.nothing_changes(), pytest.raises(NothingToCredit):
        credited(till, invoice, key="n2")
    assert till.books() == []


def test_what_is_paid_already_becomes_credit(till: Till) -> None:
    invoice = till.invoice(10_000)
    paid(till, invoice, "40.00")
    note = credited(till, invoice)
    assert (note.total_minor, note.applied_minor) == (10_000, 6_000)
    assert (state(till, invoice), credit(till)) == (("PAID", 4_000, 6_000), 4_000)
    assert till.books() == []


def test_a_paid_invoice_is_credited_to_the_customer_alone(till: Till) -> None:
    invoice = till.invoice(10_000)
    paid(till, invoice)
    assert part(till, invoice, "25.00").applied_minor == 0
    assert (state(till, invoice), credit(till)) == (("PAID", 10_000, 0), 2_500)
    assert credited(till, invoice, key="n2").total_minor == 7_500
    assert (credit(till), till.books()) == (10_000, [])


def test_what_a_payment_under_way_is_for_is_left_to_it(till: Till) -> None:
    invoice = till.invoice(10_000)
    payment = till.begin(till.card(), (invoice.id, 3_000))
    assert credited(till, invoice).applied_minor == 7_000
    assert (state(till, invoice), credit(till)) == (("OPEN", 0, 7_000), 3_000)
    with till.acts.nothing_changes(), pytest.raises(NothingLeft):
        applied(till, invoice)
    till.settle(payment, answer_to(payment))
    assert (state(till, invoice), credit(till), till.books()) == (("PAID", 3_000, 7_000), 3_000, [])


def test_credit_is_applied_in_parts_never_above_what_is_open_or_there(till: Till) -> None:
    first, other = till.invoice(10_000), till.invoice(5_000)
    with till.acts.nothing_changes(), pytest.raises(NoCredit):
        applied(till, other)
    paid(till, first)
    part(till, first, "70.00")
    with till.acts.nothing_changes():
        with pytest.raises(LessIsLeft):
            applied(till, other, "50.01")
        assert problems_of(lambda: applied(till, other, "0")) == [("NOT_POSITIVE", ("amount",))]
        assert problems_of(lambda: applied(till, other, "1.001")) == [("TOO_MANY_DECIMALS", ("amount",))]
        with pytest.raises(NotOpen):
            applied(till, first)
    assert applied(till, other, "20.00").amount_minor == 2_000
    assert (state(till, other), credit(till)) == (("OPEN", 0, 2_000), 5_000)
    assert applied(till, other, key="a2").amount_minor == 3_000
    assert (state(till, other), credit(till)) == (("PAID", 0, 5_000), 2_000)
    third = till.invoice(9_000)
    with till.acts.nothing_changes(), pytest.raises(LessCredit):
        applied(till, third, "20.01", key="a3")
    assert applied(till, third, key="a3").amount_minor == 2_000
    assert (state(till, third), credit(till), till.books()) == (("OPEN", 0, 2_000), 0, [])


def test_parts_of_a_line_split_into_net_and_taxes_and_the_rest_comes_out_even(till: Till) -> None:
    invoice = taxed(till)
    work, parts = lines(till, invoice)
    assert (work.net_minor, work.tax_minor) == (1_001, 150)
    first = credited(till, invoice, (work.id, "3.33"))
    assert (first.net_minor, first.tax_minor) == (290, 43)
    second = credited(till, invoice, (parts.id, "0.01"), (work.id, None), key="n2")
    assert (second.total_minor, second.number) == (1_151 - 333 + 1, "CN-00002")
    rows = till.acts(till.cast.ada, lambda db, _: credit_notes.lines_of(db, second))
    assert [(row.line_id, row.total_minor) for row in rows] == [(work.id, 818), (parts.id, 1)]
    rest = credited(till, invoice, key="n3")
    assert (rest.net_minor, rest.tax_minor) == (4_999, 0)
    assert (state(till, invoice)[::2], till.books()) == (("PAID", 6_151), [])


def test_every_wrong_field_comes_back_at_once(till: Till) -> None:
    invoice, other = taxed(till), till.invoice(100)
    work, parts = lines(till, invoice)
    (strange,) = lines(till, other)
    credited(till, invoice, (parts.id, None))
    with till.acts.nothing_changes():
        with pytest.raises(NotFound):
            credited(till, invoice, (strange.id, None), key="n2")
        wrong = [(work.id, "11.52"), (work.id, "1"), (parts.id, None)]
        found = problems_of(lambda: credited(till, invoice, *wrong, key="n2"))
        assert found == [
            ("TOO_LARGE", ("lines", 0, "amount")), ("DUPLICATE", ("lines", 1, "line_id")),
            ("TOO_LARGE", ("lines", 2, "amount")),
        ]  # fmt: skip
        none = CreditNoteInput(reason=" ", lines=[])
        issue = partial(
            till.acts, till.cast.ada, crediting.issue, invoice_id=invoice.id, fields=none, request_key="n2"
        )
        assert problems_of(issue) == [("REQUIRED", ("reason",)), ("REQUIRED", ("lines",))]


def test_the_same_form_sent_twice_is_one_note_and_one_application(till: Till) -> None:
    invoice, other = till.invoice(10_000), till.invoice(10_000)
    paid(till, invoice)
    note = part(till, invoice, "60.00")
    done = applied(till, other, "10.00")
    with till.acts.nothing_changes():
        assert part(till, invoice, "60.00").id == note.id
        assert applied(till, other, "10.00").id == applied(till, other).id == done.id
        for again in (
            lambda: part(till, invoice, "60.01"),
            lambda: part(till, other, "60.00"),
            lambda: applied(till, other, "10.01"),
            lambda: applied(till, invoice, "10.00"),
        ):
            with pytest.raises(OtherRequest):
                again()


def test_a_credited_invoice_is_not_voided_and_what_is_given_up_is_not_credited(till: Till) -> None:
    invoice, whole, lost = till.invoice(10_000), till.invoice(10_000), till.invoice(10_000)
    part(till, invoice, "10.00")
    payment = paid(till, whole)
    credited(till, whole, key="n2")
    reverse = outside_payments.reverse
    till.acts(till.cast.ada, reverse, payment_id=payment.id, reason="It bounced")
    assert state(till, whole) == ("OPEN", 0, 0)
    till.acts(till.cast.ada, invoice_life.write_off, invoice_id=lost.id, reason=None)
    with till.acts.nothing_changes():
        for one in (invoice, whole):
            with pytest.raises(Credited):
                till.acts(till.cast.ada, invoice_life.void, invoice_id=one.id)
        with pytest.raises(WrittenOff):
            credited(till, lost, key="n3")
    till.acts(till.cast.ada, invoice_life.write_off, invoice_id=invoice.id, reason=None)
    till.acts(till.cast.ada, invoice_life.reopen, invoice_id=invoice.id)
    assert (state(till, invoice), till.books()) == (("OPEN", 0, 1_000), [])
    assert applied(till, whole).amount_minor == 10_000
    assert (state(till, whole), credit(till), till.books()) == (("PAID", 0, 10_000), 0, [])


def test_a_reversal_opens_what_a_note_had_settled(till: Till) -> None:
    invoice = till.invoice(10_000)
    payment = paid(till, invoice, "40.00")
    part(till, invoice, "60.00")
    assert state(till, invoice) == ("PAID", 4_000, 6_000)
    till.acts(till.cast.ada, outside_payments.reverse, payment_id=payment.id, reason="It bounced")
    assert (state(till, invoice), till.books()) == (("OPEN", 0, 6_000), [])
    paid(till, invoice, key="p2")
    assert (state(till, invoice), till.books()) == (("PAID", 4_000, 6_000), [])


def test_who_may_credit_and_who_may_apply(till: Till) -> None:
    invoice = till.invoice(10_000)
    paid(till, invoice)
    with till.acts.nothing_changes():
        for who in ("clem", "petra"):
            with pytest.raises(MissingRight):
                credited(till, invoice, who=who)
        with pytest.raises(NotFound):
            credited(till, invoice, who="mallory")
        with pytest.raises(MissingRight):
            applied(till, invoice, who="petra")
        with pytest.raises(NotFound):
            applied(till, invoice, who="mallory")
    note = credited(till, invoice)
    kept = {
        "amount_minor": 10_000,
        "credit_note": note.number,
        "currency": "USD",
        "kept_minor": 10_000,
        "number": invoice.number,
    }
    wanted = select(AuditEvent.details).where(AuditEvent.action == "credit_note.created")
    assert till.acts.read(till.cast.ada, wanted) == [kept]


@pytest.mark.parametrize("table", ["credit_note", "credit_note_line", "credit_application"])
def test_what_was_credited_stays(till: Till, table: str) -> None:
    invoice, other = till.invoice(10_000), till.invoice(100)
    paid(till, invoice)
    credited(till, invoice)
    applied(till, other)
    for change in (f"update {table} set partner_id = partner_id", f"delete from {table}"):
        with till.acts.nothing_changes(), pytest.raises(DBAPIError, match="append-only"):
            till.acts.owner.execute(text(change))


@pytest.mark.parametrize(
    ("named", "sabotage"),
    [
        ("I2: ", "update invoice set credited_minor = credited_minor + 1 where status = 'OPEN'"),
        ("I3: customer", "update customer set credit_minor = credit_minor + 1 where slug like 'acme%'"),
        ("I3: credit note",
         "update credit_note set net_minor = net_minor + 1, total_minor = total_minor + 1"),
        ("I3: the lines of credit note",
         "update credit_note_line set net_minor = net_minor - 1, total_minor = total_minor - 1"),
        ("I3: the lines of credit note", "update credit_note_line set taxes_minor = '{1}'"),
        ("I3: more is credited",
         "update credit_note_line set net_minor = 2 * net_minor, total_minor = 2 * total_minor"),
        ("I3: applied credit", "update credit_application set amount_minor = amount_minor + 1"),
        ("I8: ", "update ledger_posting set invoice_id = (select id from invoice limit 1)"
         " where account = 'CUSTOMER_CREDIT'"),
        ("M-4: ", "update partner set next_credit_note_number = 7 where slug = 'northwind'"),
    ],
)  # fmt: skip
def test_the_check_finds_what_is_wrong_with_credit(till: Till, named: str, sabotage: str) -> None:
    invoice, other = till.invoice(10_000), till.invoice(5_000)
    paid(till, invoice)
    credited(till, invoice)
    applied(till, other, "20.00")
    assert till.books() == []
    till.acts.owner.execute(text("set session_replication_role = replica"))
    till.acts.owner.execute(text(sabotage))
    assert any(sentence.startswith(named) for sentence in till.books()), till.books()


@pytest.mark.prove
def test_many_at_once_never_credit_or_apply_more_than_there_is(till: Till) -> None:
    for turn in range(rounds(5, 100)):
        invoice, one, two = till.invoice(10_000), till.invoice(8_000), till.invoice(8_000)
        outcomes = at_once(
            [
                partial(part, till, invoice, "60.00", key=f"{turn}-1"),
                partial(part, till, invoice, "60.00", key=f"{turn}-2"),
                partial(paid, till, invoice, "70.00", key=f"{turn}"),
            ]
        )
        assert [isinstance(made, CreditNote) for made in outcomes[:2]].count(True) == 1, outcomes
        assert [isinstance(made, Invalid) for made in outcomes[:2]].count(True) == 1, outcomes
        # Who came first had all of it: the note took 60.00 off, or the check left 30.00 for it.
        first = isinstance(outcomes[2], OutsidePayment)
        had = credit(till)
        assert (had, first) in ((3_000, True), (0, False))
        if first:
            both = at_once(
                [partial(applied, till, to, "30.00", key=f"{turn}-{to.number}") for to in (one, two)]
            )
            assert [isinstance(made, CreditApplication) for made in both].count(True) == 1, both
            assert [isinstance(made, NoCredit) for made in both].count(True) == 1, both
        assert (credit(till), till.books()) == (0, [])
    numbers = till.acts.read(till.cast.ada, select(CreditNote.number).order_by(CreditNote.number))
    assert numbers == [f"CN-{n:05d}" for n in range(1, rounds(5, 100) + 1)]

"""Four processes at once: what holds for threads of one holds for them, too (M-4, R-10)."""

from contextlib import ExitStack
from uuid import uuid4

import pytest
from sqlmodel import select

from billing.invoices import InvoiceStatus
from billing.payments import Payment
from tests.figures import rounds
from tests.money.desk import Desk
from tests.money.payer import payer, spelled

# At the full figures, and on a busy machine.
pytestmark = pytest.mark.timeout(1800)


@pytest.mark.prove
def test_fifty_payers_in_four_processes_never_pay_more_than_is_due(desk: Desk, database_url: str) -> None:
    card, due = desk.card(), 0
    with ExitStack() as stack:
        processes = [stack.enter_context(payer(database_url, desk.sandbox.url)) for _ in range(4)]
        for _ in range(rounds(3, 50)):
            invoice = desk.invoice(10_000)
            due += 10_000
            for process, payers in zip(processes, (13, 13, 12, 12), strict=True):
                process.ask(
                    do="pay", actor=spelled(desk.cast.petra), shares=[[invoice.id, 2_500]], method=card.id,
                    keys=[uuid4().hex for _ in range(payers)], now=desk.clock().isoformat(),
                )  # fmt: skip
            results = [process.result() for process in processes]
            outcomes = [outcome for _, outcomes in results for outcome in outcomes]
            assert [code for code, _ in results] == [0] * 4
            assert outcomes.count("SUCCEEDED") == 4
            assert outcomes.count("LESS_IS_LEFT") + outcomes.count("INVOICE_NOT_OPEN") == 46
            assert desk.again(invoice).status is InvoiceStatus.PAID
            assert desk.captured() == due
    assert desk.books() == []


@pytest.mark.prove
def test_a_click_that_reaches_four_processes_is_one_charge(desk: Desk, database_url: str) -> None:
    card = desk.card()
    with ExitStack() as stack:
        processes = [stack.enter_context(payer(database_url, desk.sandbox.url)) for _ in range(4)]
        for turn in range(rounds(3, 50)):
            invoice, key = desk.invoice(10_000), uuid4().hex
            for process in processes:
                process.ask(
                    do="pay", actor=spelled(desk.cast.petra), shares=[[invoice.id, 2_500]], method=card.id,
                    keys=[key] * 5, now=desk.clock().isoformat(),
                )  # fmt: skip
            assert [process.result()[0] for process in processes] == [0] * 4
            assert len(desk.read(select(Payment))) == len(desk.sandbox.charges()) == turn + 1
            assert desk.again(invoice).paid_minor == 2_500

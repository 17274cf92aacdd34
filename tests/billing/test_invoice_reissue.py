"""Void and reissue: the invoice is void and a draft like it is there, or neither."""

import pytest
from sqlalchemy import Connection, text

from auth.actors import MissingRight
from billing import customers, invoice_duplicates, invoice_life, invoices, ledger
from billing.invoice_life import NotOpen, PartlyPaid
from billing.invoices import Invoice
from billing.outside_payments import OutsideInput, record
from db.session import Database
from errors import NotFound, Refusal
from tests.billing.acting import Acts, acting
from tests.billing.test_recurring_invoices import bill
from tests.cast import Cast
from tests.money.race import at_once
from tests.world import nothing_changes


@pytest.fixture
def issued(acts: Acts, cast: Cast) -> Invoice:
    made: Invoice = acts(cast.ada, invoice_life.finalize, invoice_id=bill(acts, cast).id)
    return made


def states(owner: Connection) -> list[tuple[str, str, str | None]]:
    asked = "select status, number, po_number from invoice order by created_at, id"
    return [tuple(row) for row in owner.execute(text(asked))]


def test_the_draft_is_like_it_and_takes_a_number_of_its_own(
    acts: Acts, cast: Cast, owner: Connection, issued: Invoice, database: Database
) -> None:
    made = acts(cast.ada, invoice_duplicates.reissue, invoice_id=issued.id).invoice
    assert states(owner) == [("VOID", "NO-00001", "PO-7"), ("DRAFT", "", "PO-7")]
    assert (made.total_minor, made.memo) == (issued.total_minor, "Thanks")
    again = acts(cast.ada, invoice_life.finalize, invoice_id=made.id)
    assert again.number == "NO-00002"
    with acting(database, cast.ada) as db:
        assert ledger.check(db) == []


def test_what_is_partly_paid_or_not_open_stays_as_it_is(
    acts: Acts, cast: Cast, owner: Connection, issued: Invoice
) -> None:
    draft = bill(acts, cast)
    cash = OutsideInput(kind="CASH", amount="1.00")
    acts(cast.ada, record, invoice_id=issued.id, fields=cash, request_key="k")
    with nothing_changes(owner):
        with pytest.raises(PartlyPaid):
            acts(cast.ada, invoice_duplicates.reissue, invoice_id=issued.id)
        with pytest.raises(NotOpen):
            acts(cast.ada, invoice_duplicates.reissue, invoice_id=draft.id)


def test_however_often_it_is_asked_there_is_one_draft(
    acts: Acts, cast: Cast, owner: Connection, issued: Invoice
) -> None:
    def go() -> object:
        return acts(cast.ada, invoice_duplicates.reissue, invoice_id=issued.id)

    outcomes = at_once([go] * 4)
    assert sum(isinstance(outcome, Refusal) for outcome in outcomes) == 3
    assert [row[0] for row in states(owner)] == ["VOID", "DRAFT"]


def test_strangers_and_those_who_may_not_void_change_nothing(
    acts: Acts, cast: Cast, owner: Connection, issued: Invoice
) -> None:
    with nothing_changes(owner):
        with pytest.raises(NotFound):
            acts(cast.mallory, invoice_duplicates.reissue, invoice_id=issued.id)
        for actor in (cast.clem, cast.rita, cast.carl):
            with pytest.raises(MissingRight):
                acts(actor, invoice_duplicates.reissue, invoice_id=issued.id)


def test_an_archived_customers_invoice_is_neither_voided_nor_copied(
    acts: Acts, cast: Cast, owner: Connection, issued: Invoice
) -> None:
    acts(cast.ada, customers.archive, customer_id=issued.customer_id)
    with nothing_changes(owner), pytest.raises(Refusal):
        acts(cast.ada, invoice_duplicates.reissue, invoice_id=issued.id)
    assert owner.scalar(text("select status from invoice")) == invoices.InvoiceStatus.OPEN

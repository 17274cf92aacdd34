"""Duplicating an invoice: what a new draft takes over, and what it does not."""

from collections.abc import Callable
from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, text
from sqlmodel import select

from auth.actors import MissingRight
from auth.companies import CustomerClosed, CustomerNotReady
from billing import invoice_duplicates, invoice_life, invoices, ledger, tags
from billing.invoice_duplicates import Duplicate
from billing.invoice_fields import InvoiceInput, LineInput, TaxInput
from billing.invoices import Invoice, InvoiceLine, InvoiceLineTax, InvoiceStatus
from billing.tags import InvoiceTag, TagInput
from errors import NotFound
from tests.billing.acting import Acts
from tests.billing.paying import Till
from tests.cast import Cast

LINES = [
    {
        "description": "Work", "quantity": "1.3333", "unit_price": "99.99",
        "taxes": [TaxInput(name="QST", rate="9.975")],
    },
    {"description": "Parts", "quantity": "2", "unit_price": "10.00", "discount": "5.00"},
]  # fmt: skip
FIELDS = {"memo": "Thanks", "internal_note": "Call first", "po_number": "PO 7"}
COPIED = InvoiceLine.model_fields.keys() - {"id", "invoice_id", "issued"}


def draft(acts: Acts, cast: Cast, **fields: object) -> Invoice:
    lines = [LineInput(**line) for line in LINES]
    typed = InvoiceInput(lines=lines, **{**FIELDS, **fields})
    return acts(cast.ada, invoices.create_draft, customer_id=cast.customers["acme"], fields=typed)


def opened(acts: Acts, cast: Cast) -> Invoice:
    return acts(cast.ada, invoice_life.finalize, invoice_id=draft(acts, cast).id)


def paid(acts: Acts, cast: Cast) -> Invoice:
    till, invoice = Till(acts, cast), opened(acts, cast)
    till.paid(till.card(), (invoice.id, invoice.total_minor))
    return till.again(invoice)


def void(acts: Acts, cast: Cast) -> Invoice:
    return acts(cast.ada, invoice_life.void, invoice_id=opened(acts, cast).id)


def duplicate(acts: Acts, cast: Cast, invoice_id: UUID, who: str = "ada") -> Duplicate:
    return acts(cast.actors[who], invoice_duplicates.duplicate, invoice_id=invoice_id)


def lines_of(acts: Acts, cast: Cast, invoice: Invoice) -> list[dict[str, object]]:
    wanted = select(InvoiceLine).where(InvoiceLine.invoice_id == invoice.id).order_by(InvoiceLine.position)
    taxes = select(InvoiceLineTax).where(InvoiceLineTax.invoice_id == invoice.id)
    return [
        {
            **line.model_dump(include=COPIED),
            "taxes": [
                (tax.position, tax.name, tax.rate_e4, tax.tax_minor)
                for tax in acts.read(cast.ada, taxes.order_by(InvoiceLineTax.position))
                if tax.line_id == line.id
            ],
        }
        for line in acts.read(cast.ada, wanted)
    ]


@pytest.mark.parametrize(
    ("make", "status"), [(draft, "DRAFT"), (opened, "OPEN"), (paid, "PAID"), (void, "VOID")]
)
def test_an_invoice_of_any_status_becomes_a_draft_of_today(
    acts: Acts, cast: Cast, make: Callable[..., Invoice], status: str
) -> None:
    original = make(acts, cast)
    assert original.status == status
    acts.now += timedelta(days=40)
    made, lines = duplicate(acts, cast, original.id)
    assert (made.status, made.number, made.version) == (InvoiceStatus.DRAFT, "", 1)
    assert (made.paid_minor, made.sent_at, made.paid_at, made.voided_at) == (0, None, None, None)
    assert (made.issue_on, made.due_on) == (date(2026, 4, 19), date(2026, 5, 19))
    assert (made.customer_id, made.currency) == (original.customer_id, original.currency)
    assert (made.net_minor, made.tax_minor, made.total_minor) == (14_832, 1_330, 16_162)
    assert (made.memo, made.internal_note, made.po_number) == ("Thanks", "Call first", None)
    assert lines == 2
    assert lines_of(acts, cast, made) == lines_of(acts, cast, original)
    assert lines_of(acts, cast, made)[1]["discount_minor"] == 500
    assert lines_of(acts, cast, made)[0]["taxes"] == [(0, "QST", 99_750, 1_330)]
    with acts.database.transaction(partner_id=cast.ada.partner_id) as db:
        assert db.get_one(Invoice, (original.partner_id, original.id)).status == status
        assert ledger.check(db) == []
    changed = acts(cast.ada, invoices.update_draft, invoice_id=made.id, fields=InvoiceInput(memo="New"))
    assert changed.memo == "New"
    assert acts(cast.ada, invoice_life.finalize, invoice_id=made.id).total_minor == 16_162


def test_it_is_due_as_many_days_later_as_the_other_was(acts: Acts, cast: Cast) -> None:
    original = draft(acts, cast, issue_on="2026-01-01", due_on="2026-01-08")
    acts.now = acts.now.replace(day=11, hour=3, minute=59)  # still the 10th where Northwind is
    made = duplicate(acts, cast, original.id).invoice
    assert (made.issue_on, made.due_on) == (date(2026, 3, 10), date(2026, 3, 17))
    at_once = draft(acts, cast, issue_on="2026-01-01", due_on="2026-01-01")
    assert duplicate(acts, cast, at_once.id).invoice.due_on == date(2026, 3, 10)


def test_days_past_the_last_one_there_is_become_the_customers_terms(acts: Acts, cast: Cast) -> None:
    original = draft(acts, cast, issue_on="2020-01-01", due_on="2099-12-31")
    assert duplicate(acts, cast, original.id).invoice.due_on == date(2026, 4, 9)


def test_the_partners_tags_come_along_and_the_customers_own_do_not(acts: Acts, cast: Cast) -> None:
    original = opened(acts, cast)
    label = TagInput(name="Late", colour="#1f6feb")
    ours, theirs = acts(cast.ada, tags.create, fields=label), acts(cast.carl, tags.create, fields=label)
    acts(cast.ada, tags.tag_invoices, tag_ids=[ours.id], invoice_ids=[original.id])
    acts(cast.carl, tags.tag_invoices, tag_ids=[theirs.id], invoice_ids=[original.id])
    made = duplicate(acts, cast, original.id).invoice
    carried = select(InvoiceTag.tag_id, InvoiceTag.owner_id).where(InvoiceTag.invoice_id == made.id)
    assert [tuple(row) for row in acts.read(cast.ada, carried)] == [(ours.id, None)]
    assert acts.count("invoice_tag") == 3


def test_the_log_says_of_which_it_is_a_copy_and_the_customer_does_not_read_it(
    acts: Acts, cast: Cast, owner: Connection
) -> None:
    original = opened(acts, cast)
    made = duplicate(acts, cast, original.id, who="clem").invoice
    (event,) = owner.execute(
        text("select subject_id, customer_id, actor_id, details from audit_event where action = :action"),
        {"action": "invoice.duplicated"},
    )
    said = {"number": "", "currency": "USD", "total_minor": 16_162, "copy_of": str(original.id)}
    assert tuple(event) == (made.id, None, cast.clem.id, said)


@pytest.mark.parametrize(("status", "refusal"), [("SETUP", CustomerNotReady), ("ARCHIVED", CustomerClosed)])
def test_an_invoice_of_a_customer_that_is_not_active_is_not_duplicated(
    acts: Acts, cast: Cast, owner: Connection, status: str, refusal: type
) -> None:
    original = opened(acts, cast)
    archived = "now()" if status == "ARCHIVED" else "null"
    owner.execute(text(f"update customer set status = '{status}', archived_at = {archived}"))
    with acts.nothing_changes(), pytest.raises(refusal):
        duplicate(acts, cast, original.id)


def test_who_may_not_write_invoices_duplicates_none(acts: Acts, cast: Cast) -> None:
    original = opened(acts, cast)
    with acts.nothing_changes():
        for who in ("rita", "carl", "petra", "vera"):
            with pytest.raises(MissingRight):
                duplicate(acts, cast, original.id, who)


def test_another_partners_invoice_is_not_there(acts: Acts, cast: Cast) -> None:
    original = opened(acts, cast)
    with acts.nothing_changes():
        for who in ("mallory", "contoso_key"):
            for invoice_id in (original.id, uuid4()):
                with pytest.raises(NotFound):
                    duplicate(acts, cast, invoice_id, who)

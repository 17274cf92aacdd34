"""Invoices: typed, added up, numbered, sent, voided; and what must never happen to them."""

from datetime import date

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import select

from auth.actors import MissingRight
from auth.audit import AuditEvent
from auth.companies import CustomerClosed, CustomerNotReady
from billing import customers, invoice_life, invoice_sending, invoices, ledger
from billing.customers import Customer
from billing.invoice_fields import MOST_LINES, InvoiceInput, LineInput, TaxInput
from billing.invoice_life import NotOpen
from billing.invoice_refusals import NotADraft
from billing.invoice_sending import NobodyToTell
from billing.invoices import Invoice, InvoiceLine, InvoiceLineTax, InvoiceStatus
from billing.ledger import Account, LedgerPosting
from billing.mails import Mail, MailKind
from billing.search import SearchToken
from db.session import Database
from errors import Conflict, NotFound
from tests.billing.acting import ACME, Acts, problems_of
from tests.cast import Cast

WORK = {"description": "Work", "quantity": "1", "unit_price": "100.00"}


def typed(*lines: dict[str, str], **fields: object) -> InvoiceInput:
    return InvoiceInput(lines=[LineInput(**line) for line in lines or (WORK,)], **fields)


def draft(
    acts: Acts, cast: Cast, *lines: dict[str, str], customer: str = "acme", **fields: object
) -> Invoice:
    what = {"customer_id": cast.customers[customer], "fields": typed(*lines, **fields)}
    return acts(cast.ada, invoices.create_draft, **what)


def books(acts: Acts, cast: Cast) -> list[str]:
    with acts.database.transaction(partner_id=cast.ada.partner_id) as db:
        return ledger.check(db)


def owed(acts: Acts, cast: Cast, customer: str = "acme") -> int:
    wanted = select(Customer.open_minor).where(Customer.id == cast.customers[customer])
    return acts.read(cast.ada, wanted)[0]


def test_a_draft_is_dated_by_the_partners_day_and_due_by_the_terms(acts: Acts, cast: Cast) -> None:
    made = draft(acts, cast)
    assert (made.status, made.number, made.currency) == (InvoiceStatus.DRAFT, "", "USD")
    assert (made.issue_on, made.due_on) == (date(2026, 3, 10), date(2026, 4, 9))
    assert (made.net_minor, made.tax_minor, made.total_minor) == (10_000, 0, 10_000)
    assert books(acts, cast) == []


def test_late_in_the_evening_it_is_still_the_partners_day(acts: Acts, cast: Cast) -> None:
    acts.now = acts.now.replace(day=11, hour=3, minute=59)
    assert draft(acts, cast).issue_on == date(2026, 3, 10)
    acts.now = acts.now.replace(hour=4, minute=0)
    assert draft(acts, cast).issue_on == date(2026, 3, 11)


def test_the_customers_own_terms_come_before_the_partners(acts: Acts, cast: Cast, owner: Connection) -> None:
    owner.execute(text("update customer set terms_days = 0 where company = 'Acme'"))
    assert draft(acts, cast).due_on == date(2026, 3, 10)


def test_lines_are_rounded_one_by_one_half_away_from_zero(acts: Acts, cast: Cast) -> None:
    made = draft(
        acts, cast,
        {**WORK, "quantity": "1.3333", "unit_price": "99.99", "taxes": [TaxInput(name="QST", rate="9.975")]},
        {**WORK, "quantity": "0.5", "unit_price": "0.01"},
        {
            **WORK, "quantity": "2", "unit_price": "10.00", "discount": "5.00",
            "taxes": [TaxInput(name="Tax", rate="5")],
        },
    )  # fmt: skip
    wanted = select(InvoiceLine).where(InvoiceLine.invoice_id == made.id).order_by(InvoiceLine.position)
    lines = acts.read(cast.ada, wanted)
    assert [(line.net_minor, line.tax_minor, line.total_minor) for line in lines] == [
        (13_332, 1_330, 14_662), (1, 0, 1), (1_500, 75, 1_575),
    ]  # fmt: skip
    assert [(line.position, line.quantity_e4) for line in lines] == [(0, 13_333), (1, 5_000), (2, 20_000)]
    taxes = acts.read(cast.ada, select(InvoiceLineTax).order_by(InvoiceLineTax.tax_minor))
    assert [(tax.line_id, tax.name, tax.rate_e4, tax.tax_minor) for tax in taxes] == [
        (lines[2].id, "Tax", 50_000, 75), (lines[0].id, "QST", 99_750, 1_330),
    ]  # fmt: skip
    assert (made.net_minor, made.tax_minor, made.total_minor) == (14_833, 1_405, 16_238)
    assert (lines[2].discount_minor, lines[2].discount_rate_e4) == (500, None)
    assert books(acts, cast) == []


def test_each_of_a_lines_taxes_is_of_its_net_and_rounded_by_itself(acts: Acts, cast: Cast) -> None:
    taxes = [TaxInput(name="GST", rate="5"), TaxInput(), TaxInput(name="QST", rate="9.975")]
    line = {**WORK, "quantity": "3", "unit_price": "33.35", "discount_percent": "12.5", "taxes": taxes}
    made = draft(acts, cast, line)
    # 100.05 less 12.50625, which is 12.51, is 87.54; 5 % of that 4.377, 9.975 % of it 8.732115.
    assert (made.net_minor, made.tax_minor, made.total_minor) == (8_754, 438 + 873, 8_754 + 1_311)
    found = acts.read(cast.ada, select(InvoiceLineTax).order_by(InvoiceLineTax.position))
    assert [(tax.position, tax.name, tax.rate_e4, tax.tax_minor, tax.issued) for tax in found] == [
        (0, "GST", 50_000, 438, False), (1, "QST", 99_750, 873, False),
    ]  # fmt: skip
    (kept,) = acts.read(cast.ada, select(InvoiceLine))
    assert (kept.discount_minor, kept.discount_rate_e4) == (1_251, 125_000)
    assert acts.read(cast.carl, select(InvoiceLineTax)) == []
    acts(cast.ada, invoice_life.finalize, invoice_id=made.id)
    assert len(acts.read(cast.carl, select(InvoiceLineTax))) == 2
    assert books(acts, cast) == []


def test_taxes_and_discounts_that_make_no_sense_are_refused_at_their_field(acts: Acts, cast: Cast) -> None:
    many = [TaxInput(name=f"T{number}", rate="1") for number in range(6)]
    wrong = [
        {**WORK, "taxes": [TaxInput(name="GST", rate="5"), TaxInput(rate="9"), TaxInput(name="QST")]},
        {**WORK, "taxes": many},
        {**WORK, "discount": "1.00", "discount_percent": "5"},
        {**WORK, "discount_percent": "100.5"},
        {**WORK, "taxes": [TaxInput(name="GST", rate="5"), TaxInput(name="gst", rate="5.0")]},
    ]
    with acts.nothing_changes():
        found = problems_of(lambda: draft(acts, cast, *wrong))
    assert found == [
        ("REQUIRED", ("lines", 0, "taxes", 1, "name")), ("REQUIRED", ("lines", 0, "taxes", 2, "rate")),
        ("TOO_MANY", ("lines", 1, "taxes")), ("TWO_DISCOUNTS", ("lines", 2, "discount_percent")),
        ("OUT_OF_RANGE", ("lines", 3, "discount_percent")), ("DUPLICATE", ("lines", 4, "taxes", 1, "name")),
    ]  # fmt: skip


def test_every_wrong_field_is_refused_at_once_and_nothing_is_written(acts: Acts, cast: Cast) -> None:
    wrong = [
        {"description": "", "quantity": "0", "unit_price": "1,000"},
        {"description": "  ", "quantity": ""},
        {
            "description": "4242 4242 4242 4242",
            "quantity": "1.23456",
            "unit_price": "5",
            "taxes": [TaxInput(name="Tax", rate="101")],
        },
        {"description": "Too cheap", "quantity": "1", "unit_price": "5.00", "discount": "5.01"},
        {"description": "Negative", "quantity": "-1", "unit_price": "-5.00", "discount": "-1"},
    ]
    with acts.nothing_changes():
        found = problems_of(
            lambda: draft(
                acts, cast, *wrong,
                issue_on="2026-02-30", due_on="2026-03-09", currency="CAD", memo="x" * 2001, po_number="\x00",
            )
        )  # fmt: skip
    assert sorted(found, key=str) == sorted([
        ("BAD_DATE", ("issue_on",)), ("DUE_BEFORE_ISSUE", ("due_on",)), ("OTHER_CURRENCY", ("currency",)),
        ("TOO_LONG", ("memo",)), ("BAD_CHARACTERS", ("po_number",)),
        ("REQUIRED", ("lines", 0, "description")), ("OUT_OF_RANGE", ("lines", 0, "quantity")),
        ("BAD_NUMBER", ("lines", 0, "unit_price")),
        ("CARD_NUMBER", ("lines", 2, "description")), ("TOO_MANY_DECIMALS", ("lines", 2, "quantity")),
        ("OUT_OF_RANGE", ("lines", 2, "taxes", 0, "rate")),
        ("DISCOUNT_TOO_LARGE", ("lines", 3, "discount")),
        ("BAD_NUMBER", ("lines", 4, "quantity")), ("BAD_NUMBER", ("lines", 4, "unit_price")),
        ("BAD_NUMBER", ("lines", 4, "discount")),
    ], key=str)  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([{}], "REQUIRED"),
        ([{"description": "Free", "quantity": "1", "unit_price": "0"}], "NOTHING_TO_PAY"),
        ([{"description": "Gift", "quantity": "1", "unit_price": "5", "discount": "5"}], "NOTHING_TO_PAY"),
        ([{"description": "All", "quantity": "1", "unit_price": "10000000000.01"}], "TOO_LARGE"),
        ([WORK] * (MOST_LINES + 1), "TOO_MANY"),
    ],
)
def test_an_invoice_must_come_to_something(acts: Acts, cast: Cast, lines: list, code: str) -> None:
    with acts.nothing_changes():
        assert problems_of(lambda: draft(acts, cast, *lines)) == [(code, ("lines",))]


def test_the_largest_invoice_and_the_longest_can_be_made(acts: Acts, cast: Cast) -> None:
    assert draft(acts, cast, {**WORK, "unit_price": "10000000000"}).total_minor == 10**12
    assert draft(acts, cast, *[WORK] * MOST_LINES).total_minor == 10_000 * MOST_LINES


@pytest.mark.parametrize(
    "day", ["2026-3-1", "20260301", "1999-12-31", "2100-01-01", "tomorrow", "2026-03-01T00:00"]
)
def test_a_day_is_written_in_one_way(acts: Acts, cast: Cast, day: str) -> None:
    assert ("BAD_DATE", ("due_on",)) in problems_of(lambda: draft(acts, cast, due_on=day))


@pytest.mark.parametrize(("status", "refusal"), [("SETUP", CustomerNotReady), ("ARCHIVED", CustomerClosed)])
def test_a_customer_that_is_not_active_is_not_invoiced(
    acts: Acts, cast: Cast, owner: Connection, status: str, refusal: type
) -> None:
    made = draft(acts, cast)
    archived = "now()" if status == "ARCHIVED" else "null"
    owner.execute(text(f"update customer set status = '{status}', archived_at = {archived}"))
    with acts.nothing_changes():
        for act in (
            lambda: draft(acts, cast),
            lambda: acts(cast.ada, invoices.update_draft, invoice_id=made.id, fields=typed()),
            lambda: acts(cast.ada, invoice_life.finalize, invoice_id=made.id),
            lambda: acts(cast.ada, invoice_sending.send, invoice_id=made.id),
        ):
            with pytest.raises(refusal):
                act()


def test_a_draft_changes_field_by_field_and_its_lines_all_together(acts: Acts, cast: Cast) -> None:
    made = draft(acts, cast, memo="Thanks", po_number="PO 7")
    change = {"invoice_id": made.id, "fields": InvoiceInput(memo=" ", due_on=date(2026, 5, 1)), "version": 1}
    changed = acts(cast.ada, invoices.update_draft, **change)
    assert (changed.memo, changed.po_number, changed.due_on) == (None, "PO 7", date(2026, 5, 1))
    assert (changed.total_minor, changed.version) == (10_000, 2)
    with acts.nothing_changes(), pytest.raises(Conflict):
        acts(cast.ada, invoices.update_draft, **change)
    again = acts(cast.ada, invoices.update_draft, invoice_id=made.id, fields=typed({**WORK, "quantity": "3"}))
    lines = acts.read(cast.ada, select(InvoiceLine.quantity_e4))
    assert (again.total_minor, list(lines)) == (30_000, [30_000])
    assert books(acts, cast) == []


def test_moving_only_the_issue_date_past_the_due_date_is_refused(acts: Acts, cast: Cast) -> None:
    made = draft(acts, cast)
    what = {"invoice_id": made.id, "fields": InvoiceInput(issue_on="2026-04-10")}
    assert problems_of(lambda: acts(cast.ada, invoices.update_draft, **what)) == [
        ("DUE_BEFORE_ISSUE", ("due_on",))
    ]


def test_a_deleted_draft_leaves_nothing_but_its_trace(acts: Acts, cast: Cast) -> None:
    made = draft(acts, cast, memo="Forget me")
    acts(cast.ada, invoices.delete_draft, invoice_id=made.id)
    assert (acts.count("invoice"), acts.count("invoice_line"), acts.count("search_token")) == (0, 0, 0)
    actions = acts.read(cast.ada, select(AuditEvent.action).order_by(AuditEvent.at, AuditEvent.id))
    assert list(actions) == ["invoice.created", "invoice.deleted"]


def test_finalizing_takes_the_next_number_and_makes_it_owed(acts: Acts, cast: Cast) -> None:
    made = draft(acts, cast, {**WORK, "taxes": [TaxInput(name="Tax", rate="13")]})
    issued = acts(cast.ada, invoice_life.finalize, invoice_id=made.id)
    assert (issued.number, issued.status, issued.finalized_at) == ("NO-00001", InvoiceStatus.OPEN, acts.now)
    postings = acts.read(cast.ada, select(LedgerPosting.account, LedgerPosting.amount_minor))
    assert dict(postings) == {Account.RECEIVABLE: 11_300, Account.SALES: -10_000, Account.TAX_PAYABLE: -1_300}
    assert owed(acts, cast) == 11_300
    with acts.nothing_changes(), pytest.raises(NotADraft):
        acts(cast.ada, invoice_life.finalize, invoice_id=made.id)
    assert books(acts, cast) == []


def test_numbers_follow_each_other_whatever_is_deleted_or_rolled_back(acts: Acts, cast: Cast) -> None:
    drafts = [draft(acts, cast) for _ in range(4)]
    acts(cast.ada, invoice_life.finalize, invoice_id=drafts[2].id)
    acts(cast.ada, invoices.delete_draft, invoice_id=drafts[0].id)
    with pytest.raises(RuntimeError), acts.database.transaction(partner_id=cast.ada.partner_id) as db:
        invoice_life.finalize(db, cast.ada, invoice_id=drafts[1].id, now=acts.now)
        raise RuntimeError
    acts(cast.ada, invoice_life.finalize, invoice_id=drafts[3].id)
    numbers = acts.read(cast.ada, select(Invoice.number).where(Invoice.number != "").order_by(Invoice.number))
    assert list(numbers) == ["NO-00001", "NO-00002"]
    assert books(acts, cast) == []


def test_sending_issues_and_mails_managers_and_payers(acts: Acts, cast: Cast) -> None:
    made = draft(acts, cast)
    sent = acts(cast.clem, invoice_sending.send, invoice_id=made.id)
    assert (sent.number, sent.sent_at) == ("NO-00001", None)  # until a server takes one
    mails = acts.read(cast.ada, select(Mail))
    assert {mail.membership_id for mail in mails} == {cast.carl.id, cast.petra.id}
    assert {(mail.kind, mail.subject_id) for mail in mails} == {(MailKind.INVOICE, made.id)}
    acts(cast.clem, invoice_sending.send, invoice_id=made.id)
    assert (acts.count("mail"), acts.count("ledger_entry")) == (4, 1)
    assert books(acts, cast) == []


def test_sending_to_nobody_is_refused_and_takes_no_number(acts: Acts, cast: Cast, owner: Connection) -> None:
    made = draft(acts, cast)
    owner.execute(text("update membership set status = 'REMOVED' where role in ('MANAGER', 'PAYER')"))
    with acts.nothing_changes(), pytest.raises(NobodyToTell):
        acts(cast.ada, invoice_sending.send, invoice_id=made.id)


def test_voiding_takes_the_claim_back_and_keeps_the_number(acts: Acts, cast: Cast) -> None:
    made = draft(acts, cast, {**WORK, "taxes": [TaxInput(name="Tax", rate="13")]})
    acts(cast.ada, invoice_life.finalize, invoice_id=made.id)
    voided = acts(cast.ada, invoice_life.void, invoice_id=made.id)
    assert (voided.status, voided.number, voided.voided_at) == (InvoiceStatus.VOID, "NO-00001", acts.now)
    assert owed(acts, cast) == 0
    with acts.nothing_changes():
        acts(cast.ada, invoice_life.void, invoice_id=made.id)
        with pytest.raises(NotOpen):
            acts(cast.ada, invoice_sending.send, invoice_id=made.id)
    assert books(acts, cast) == []


def test_a_draft_is_deleted_not_voided(acts: Acts, cast: Cast) -> None:
    made = draft(acts, cast)
    with acts.nothing_changes(), pytest.raises(NotOpen):
        acts(cast.ada, invoice_life.void, invoice_id=made.id)


def test_an_issued_invoice_never_changes(acts: Acts, cast: Cast, owner: Connection) -> None:
    made = draft(acts, cast, {**WORK, "taxes": [TaxInput(name="GST", rate="5")]})
    acts(cast.ada, invoice_life.finalize, invoice_id=made.id)
    with acts.nothing_changes():
        for rule, what in ((invoices.update_draft, {"fields": typed()}), (invoices.delete_draft, {})):
            with pytest.raises(NotADraft):
                acts(cast.ada, rule, invoice_id=made.id, **what)
        for change in (
            "update invoice set total_minor = 1", "update invoice set number = 'X'", "delete from invoice",
            "update invoice set due_on = due_on + 1", "delete from invoice_line",
            "delete from invoice_line_tax",
            "update invoice_line_tax set tax_minor = 1",
            "update invoice_line set total_minor = 1, net_minor = 1",
        ):  # fmt: skip
            with pytest.raises(DBAPIError, match="does not change"):
                owner.execute(text(change))


def test_the_customer_sees_an_invoice_only_once_it_is_issued(acts: Acts, cast: Cast) -> None:
    made = draft(acts, cast, memo="Secret rebate")
    for what in (Invoice, InvoiceLine, SearchToken, AuditEvent):
        assert acts.read(cast.carl, select(what)) == []
    acts(cast.ada, invoice_life.finalize, invoice_id=made.id)
    assert len(acts.read(cast.carl, select(Invoice))) == len(acts.read(cast.carl, select(InvoiceLine))) == 1
    for what in (Invoice, InvoiceLine, SearchToken, AuditEvent):
        assert acts.read(cast.gus, select(what)) == []


@pytest.mark.parametrize("who", ["rita", "carl", "petra", "vera"])
def test_who_may_not_edit_invoices_makes_and_sends_none(acts: Acts, cast: Cast, who: str) -> None:
    made = draft(acts, cast)
    actor = cast.actors[who]
    with acts.nothing_changes():
        for rule, what in (
            (invoices.create_draft, {"customer_id": cast.customers["acme"], "fields": typed()}),
            (invoices.update_draft, {"invoice_id": made.id, "fields": typed()}),
            (invoices.delete_draft, {"invoice_id": made.id}),
            (invoice_life.finalize, {"invoice_id": made.id}), (invoice_life.void, {"invoice_id": made.id}),
            (invoice_sending.send, {"invoice_id": made.id}),
        ):  # fmt: skip
            with pytest.raises(MissingRight):
                acts(actor, rule, **what)


def test_clem_may_edit_but_not_void(acts: Acts, cast: Cast) -> None:
    made = draft(acts, cast)
    acts(cast.clem, invoice_life.finalize, invoice_id=made.id)
    with acts.nothing_changes(), pytest.raises(MissingRight):
        acts(cast.clem, invoice_life.void, invoice_id=made.id)


def test_another_partners_invoice_is_not_found(acts: Acts, cast: Cast, layers: Database) -> None:
    made = draft(acts, cast)
    acts.database = layers
    with acts.nothing_changes():
        for rule, what in (
            (invoices.create_draft, {"customer_id": cast.customers["acme"], "fields": typed()}),
            (invoices.update_draft, {"invoice_id": made.id, "fields": typed()}),
            (invoices.delete_draft, {"invoice_id": made.id}),
            (invoice_life.finalize, {"invoice_id": made.id}), (invoice_life.void, {"invoice_id": made.id}),
            (invoice_sending.send, {"invoice_id": made.id}),
        ):  # fmt: skip
            with pytest.raises(NotFound):
                acts(cast.mallory, rule, **what)


def test_an_invoice_is_found_by_number_memo_order_and_company_but_not_by_the_note(
    acts: Acts, cast: Cast
) -> None:
    made = draft(acts, cast, memo="Rocket fuel", po_number="PO-77", internal_note="stingy")
    acts(cast.ada, invoice_life.finalize, invoice_id=made.id)
    kept = acts.read(cast.carl, text("select token from search_token where kind = 'invoice'"))
    words = {row[0] for row in kept}
    assert {"00001", "no00001", "rocket", "fuel", "po77", "77", "acme"} <= words
    assert "stingy" not in words


def test_the_currency_is_the_customers(acts: Acts, cast: Cast) -> None:
    canadian = {
        **ACME,
        "company": "Maple",
        "state": "ON",
        "postal_code": "K1A 0B1",
        "country": "CA",
        "tax_id": "",
    }
    users = [customers.UserInput(name="May", email="may@maple.example")]
    fields = customers.CustomerInput.read(canadian)
    maple = acts(cast.ada, customers.create, fields=fields, users=users).customer
    made = acts(cast.ada, invoices.create_draft, customer_id=maple.id, fields=typed(currency="cad"))
    assert made.currency == "CAD"

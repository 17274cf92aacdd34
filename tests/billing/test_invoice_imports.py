"""Invoices from a CSV file: what each invoice comes to, and that nothing is made twice or half."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, text

from billing import (
    customers,
    erasing,
    invoice_import_rows,
    invoice_imports,
    invoice_life,
    invoices,
    ledger,
    tax_rates,
)
from billing.customer_fields import CustomerInput
from billing.import_files import message_of
from billing.import_tables import ImportState
from billing.invoice_fields import InvoiceInput, LineInput, TaxInput
from billing.tax_rates import TaxRateInput
from db.session import Database
from errors import Conflict, Forbidden, Invalid, NotFound
from integrations import rounds
from tests.billing.importing import InvoiceImports
from tests.cast import Cast
from tests.world import difference, nothing_changes, world

ONE = "1001,A-1,2026-03-01,2026-03-31,Work,1.5,100.00,GST 5%,10%"
MORE = "1001,,,,Travel,1,20.00,,"
OWN = "invoice_import", "invoice_import_row"


def invoices_in(owner: Connection) -> list[Any]:
    return list(owner.execute(text("select * from invoice order by external_id, id")).all())


def test_rows_that_share_a_number_are_one_draft_and_a_second_run_changes_nothing(
    bills: InvoiceImports, cast: Cast, owner: Connection, database: Database
) -> None:
    first = bills.run(ONE, MORE, "1002,G-1,2026-03-02,,Work,1,10.00,,")
    assert bills.counts(first) == (2, 0, 0, 0)
    assert (bills.find(first).state, bills.find(first).seen) == (ImportState.DONE, 3)
    made, other = invoices_in(owner)
    assert (made.external_id, made.status, made.number, made.currency) == ("1001", "DRAFT", "", "USD")
    assert (str(made.issue_on), str(made.due_on)) == ("2026-03-01", "2026-03-31")
    # 150.00 less 10 % is 135.00; 5 % of it are 6.75; and 20.00.
    assert (made.net_minor, made.tax_minor, made.total_minor) == (15_500, 675, 16_175)
    assert str(other.due_on) == "2026-04-01"
    assert other.customer_id == cast.customers["globex"]
    kept = world(owner, without=OWN)
    second = bills.run(ONE, MORE, "1002,G-1,2026-03-02,,Work,1,10.00,,")
    assert bills.counts(second) == (0, 0, 2, 0)
    after = world(owner, without=OWN)
    assert set(difference(kept, after)) == {"audit_event", "procrastinate_jobs", "procrastinate_events"}
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        assert ledger.check(db) == []


def test_an_imported_invoice_is_what_the_page_would_have_made(
    bills: InvoiceImports, cast: Cast, owner: Connection
) -> None:
    """O2: the same invoice by the rule and by an import: same columns, lines, taxes, words and log."""
    head = "Invoice number,Customer number,Memo,PO number,Description,Quantity,Unit price,Tax,Discount"
    bills.run("N-7,A-1,Thanks,PO-7,Work,1.3333,99.99,QST 9.975%,5.00", head=head)
    taxes = [TaxInput(name="QST", rate="9.975")]
    work = {"description": "Work", "quantity": "1.3333", "unit_price": "99.99", "discount": "5.00"}
    fields = {"memo": "Thanks", "po_number": "PO-7", "external_id": "N-8"}
    bills.act(
        invoices.create_draft, customer_id=cast.customers["acme"], now=bills.now,
        fields=InvoiceInput(lines=[LineInput(taxes=taxes, **work)], **fields),
    )  # fmt: skip
    for twins in (
        "select to_jsonb(i) - array['id', 'external_id'] from invoice i",
        "select to_jsonb(l) - array['id', 'invoice_id'] from invoice_line l",
        "select to_jsonb(t) - array['id', 'invoice_id', 'line_id'] from invoice_line_tax t",
        "select to_jsonb(a) - array['id', 'subject_id'] from audit_event a where action = 'invoice.created'",
        "select array_agg(to_jsonb(s) - array['subject_id'] order by token) from search_token s"
        " where kind = 'invoice' and token not in ('n7', 'n8', '7', '8') group by subject_id",
    ):
        one, other = owner.scalars(text(twins)).all()
        assert one == other, twins


def test_a_draft_is_updated_where_the_file_differs_and_keeps_what_is_blank(
    bills: InvoiceImports, owner: Connection
) -> None:
    head = "Invoice number,Memo,Description,Quantity,Unit price,Tax"
    bills.run(ONE, MORE)
    line = text("select array_agg(total_minor order by position) from invoice_line")
    assert owner.scalar(line) == [14_175, 2_000]
    owner.rollback()
    changed = bills.run("1001,Hello,,,,", "1001,,,2,,", head=head)
    assert bills.counts(changed) == (0, 1, 0, 0)
    [made] = invoices_in(owner)
    # The first line keeps all it has, the second its description, price and taxes.
    assert (made.memo, made.version, made.total_minor) == ("Hello", 2, 18_175)


def test_blank_lines_cells_keep_the_line_in_the_same_place(bills: InvoiceImports, owner: Connection) -> None:
    head = "Invoice number,Memo,Description,Quantity,Unit price,Tax"
    bills.run(ONE, MORE)
    assert bills.counts(bills.run("1001,,Work,,,", "1001,,Travel,1,,", head=head)) == (0, 0, 1, 0)
    assert bills.counts(bills.run("1001,,Work,2,,0", "1001,,Travel,1,,", head=head)) == (0, 1, 0, 0)
    lines = owner.execute(
        text("select quantity_e4, discount_rate_e4, tax_minor, total_minor from invoice_line"
             " order by position")
    ).all()  # fmt: skip
    assert [tuple(one) for one in lines] == [(20_000, 100_000, 0, 18_000), (10_000, None, 0, 2_000)]


def test_an_issued_invoice_is_never_changed(bills: InvoiceImports, cast: Cast, owner: Connection) -> None:
    bills.run(ONE)
    id_ = owner.scalar(text("select id from invoice"))
    issued = bills.act(invoice_life.finalize, invoice_id=id_, now=bills.now)
    number = issued.number
    assert bills.counts(bills.run(ONE)) == (0, 0, 1, 0)
    with nothing_changes(owner, without=(*OWN, "audit_event", "procrastinate_jobs", "procrastinate_events")):
        refused = bills.run(ONE.replace("Work", "Other"), ONE.replace("1001", number).replace("Work", "X"))
    assert bills.counts(refused) == (0, 0, 0, 2)
    assert bills.problems(refused) == [(2, ["INVOICE_ISSUED"]), (3, ["INVOICE_ISSUED"])]
    told = message_of(bills.act(invoice_imports.report, import_id=refused)[0].problems[0])
    assert number in told


@pytest.mark.parametrize(
    ("row", "codes"),
    [
        (",A-1,,,Work,1,1.00,,", [(2, ["REQUIRED"])]),
        ("1,X-9,,,Work,1,1.00,,", [(2, ["NO_CUSTOMER"])]),
        ("1,,,,Work,1,1.00,,", [(2, ["NO_CUSTOMER"])]),
        ("1,A-1,2026-02-30,,Work,1,1.00,,", [(2, ["BAD_DATE"])]),
        ("1,A-1,2026-03-02,2026-03-01,Work,1,1.00,,", [(2, ["DUE_BEFORE_ISSUE"])]),
        ("1,A-1,,,,,x,Nothing,", [(2, ["UNKNOWN_TAX", "REQUIRED", "REQUIRED", "BAD_NUMBER"])]),
        ("1,A-1,,,Work,1.23456,1.00,,", [(2, ["TOO_MANY_DECIMALS"])]),
        ("1,A-1,,,Work,1,1.00,,2.00", [(2, ["DISCOUNT_TOO_LARGE"])]),
        ("1,A-1,,,Work,1,1.00,GST 200%,", [(2, ["OUT_OF_RANGE"])]),
        ("1,A-1,,,,,,,", [(2, ["REQUIRED"])]),
        ("1,A-1,,,Work,1,1.00,,,,more", [(2, ["TOO_MANY_CELLS"])]),
    ],
)
def test_what_is_wrong_is_told_at_its_row(
    bills: InvoiceImports, owner: Connection, row: str, codes: list[Any]
) -> None:
    found = bills.check(row)
    assert bills.problems(found) == codes
    assert bills.counts(found) == (0, 0, 0, 1)
    with nothing_changes(owner, without=(*OWN, "audit_event", "procrastinate_jobs", "procrastinate_events")):
        bills.go(found)


def test_one_wrong_row_refuses_its_whole_invoice_and_no_other(
    bills: InvoiceImports, owner: Connection
) -> None:
    other = ONE.replace("1001", "9")
    found = bills.run(ONE, "1001,,,,Travel,zero,20.00,,", "1001,G-1,,,More,1,1.00,,", other)
    assert bills.counts(found) == (1, 0, 0, 1)
    assert bills.problems(found) == [(2, ["OTHER_ROW"]), (3, ["BAD_NUMBER"]), (4, ["CONTRADICTS"])]
    assert [one.external_id for one in invoices_in(owner)] == ["9"]


def test_rows_of_one_invoice_that_stand_apart_are_all_refused(
    bills: InvoiceImports, owner: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invoice_import_rows, "BATCH", 2)
    found = bills.run(ONE, "1002,A-1,,,Work,1,1.00,,", MORE)
    assert bills.counts(found) == (1, 0, 0, 2)
    assert bills.problems(found) == [(2, ["REPEATED"]), (4, ["REPEATED"])]
    assert [one.external_id for one in invoices_in(owner)] == ["1002"]


def test_an_invoice_is_read_whole_where_batches_end(
    bills: InvoiceImports, owner: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invoice_import_rows, "BATCH", 3)
    rows = [f"{n // 2},A-1,,,Work {n},1,1.00,," for n in range(11)]
    assert bills.counts(bills.run(*rows)) == (6, 0, 0, 0)
    each = "select count(*) as n from invoice_line group by invoice_id"
    assert owner.scalar(text(f"select array_agg(n order by n) from ({each}) l")) == [1, 2, 2, 2, 2, 2]


def test_more_lines_than_an_invoice_takes_are_refused_also_behind_a_batch(
    bills: InvoiceImports, owner: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invoice_import_rows, "BATCH", 202)
    found = bills.run(*["7,A-1,,,Work,1,1.00,,"] * 205)
    assert bills.counts(found)[0] == 0
    assert {code for _, codes in bills.problems(found) for code in codes} == {"REPEATED"}
    assert bills.problems(bills.check(*["7,A-1,,,Work,1,1.00,,"] * 201))[0] == (2, ["TOO_MANY"])
    assert invoices_in(owner) == []


def test_customers_are_found_by_tax_id_and_by_name_and_zip(
    bills: InvoiceImports, cast: Cast, owner: Connection
) -> None:
    owner.execute(text("update customer set tax_id = '123456789' where company = 'Globex'"))
    owner.commit()
    head = "Invoice number,EIN,Company,ZIP,Description,Quantity,Unit price"
    found = bills.run(
        "1,12-3456789,,,Work,1,1.00", "2,,ACME,62701-1234,Work,1,1.00", "3,,Other,,Work,1,1.00",
        "4,1,,,Work,1,1.00", "5,,Acme,x,Work,1,1.00", head=head,
    )  # fmt: skip
    assert bills.problems(found) == [(4, ["NO_CUSTOMER"]), (5, ["BAD_TAX_ID"]), (6, ["BAD_ZIP"])]
    assert [one.customer_id for one in invoices_in(owner)] == [
        cast.customers["globex"], cast.customers["acme"],
    ]  # fmt: skip


def test_of_several_customers_none_is_guessed_and_none_without_users_is_billed(
    bills: InvoiceImports, owner: Connection
) -> None:
    twin = {"company": "Twin", "address": "1 A St", "city": "Peoria", "state": "IL", "country": "US"}
    for external_id in ("T-1", "T-2"):
        fields = CustomerInput(postal_code="61602", external_id=external_id, **twin)
        bills.act(customers.create, fields=fields, now=bills.now)
    head = "Invoice number,Customer number,Company,ZIP,Description,Quantity,Unit price"
    found = bills.check("1,,Twin,61602,Work,1,1.00", "2,T-1,,,Work,1,1.00", head=head)
    assert bills.problems(found) == [(2, ["SEVERAL_MATCHES"]), (3, ["CUSTOMER_NOT_SET_UP"])]


def test_an_invoice_stays_its_customers_and_in_its_currency(bills: InvoiceImports) -> None:
    bills.run(ONE)
    assert bills.problems(bills.check(ONE.replace("A-1", "G-1"))) == [(2, ["OTHER_CUSTOMER"])]
    head = "Invoice number,Customer number,Currency,Description,Quantity,Unit price"
    assert bills.problems(bills.check("5,A-1,CAD,Work,1,1.00", head=head)) == [(2, ["OTHER_CURRENCY"])]


def test_taxes_are_the_partners_by_name_or_percent(bills: InvoiceImports, owner: Connection) -> None:
    for name, rate in (("GST", "5"), ("QST", "9.975"), ("PST", "7"), ("PST", "8")):
        bills.act(tax_rates.create, fields=TaxRateInput(name=name, rate=rate), now=bills.now)
    head = "Invoice number,Customer number,Description,Quantity,Unit price,Tax,Tax 2"
    found = bills.run(
        "1,A-1,Work,1,100.00,gst,9.975%", "2,A-1,Work,1,100.00,12.5,", "3,A-1,Work,1,100.00,PST,",
        "4,A-1,Work,1,100.00,PST (8%),", "5,A-1,Work,1,100.00,0%,", head=head,
    )  # fmt: skip
    assert bills.problems(found) == [(4, ["SEVERAL_TAXES"])]
    taxes = owner.execute(
        text("select external_id, name, rate_e4 from invoice_line_tax t join invoice i on i.id = t.invoice_id"
             " order by external_id, position")
    ).all()  # fmt: skip
    assert [tuple(one) for one in taxes] == [
        ("1", "GST", 50_000), ("1", "QST", 99_750), ("2", "Tax", 125_000), ("4", "PST", 80_000),
    ]  # fmt: skip


def test_a_worker_killed_half_way_goes_on_where_it_stopped(
    bills: InvoiceImports, owner: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invoice_import_rows, "BATCH", 2)
    found = bills.check(*[f"{n},A-1,,,Work,1,1.00,," for n in range(5)])
    bills.act(invoice_imports.confirm, import_id=found, now=bills.now)

    class Killed(BaseException):
        """What a kill looks like from inside."""

    batches = iter([False, True])
    real = invoice_import_rows._keep

    def killed(*given: Any) -> None:
        real(*given)
        if next(batches):
            raise Killed

    monkeypatch.setattr(invoice_import_rows, "_keep", killed)
    with pytest.raises(Killed):
        bills.work(found)
    before = bills.find(found).seen
    assert 0 < before < 5
    assert len(invoices_in(owner)) == before
    owner.rollback()
    monkeypatch.setattr(invoice_import_rows, "_keep", real)
    bills.work(found)
    bills.work(found)
    assert bills.counts(found) == (5, 0, 0, 0)
    assert len(invoices_in(owner)) == 5


def test_four_workers_at_once_do_it_once(
    bills: InvoiceImports, owner: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invoice_import_rows, "BATCH", 3)
    found = bills.check(*[f"{n},A-1,,,Work,1,1.00,," for n in range(20)])
    bills.act(invoice_imports.confirm, import_id=found, now=bills.now)
    with ThreadPoolExecutor(4) as crowd:
        list(crowd.map(bills.work, [found] * 4))
    assert bills.counts(found) == (20, 0, 0, 0)
    assert len(invoices_in(owner)) == 20


def test_the_same_file_four_times_at_once_makes_each_invoice_once(
    bills: InvoiceImports, owner: Connection
) -> None:
    files = [bills.check(*[f"{n},A-1,,,Work,1,1.00,," for n in range(20)]) for _ in range(4)]
    for one in files:
        bills.act(invoice_imports.confirm, import_id=one, now=bills.now)
    with ThreadPoolExecutor(4) as crowd:
        list(crowd.map(bills.work, files))
    assert sorted(bills.counts(one) for one in files) == [(0, 0, 0, 20)] * 3 + [(20, 0, 0, 0)]
    assert len(invoices_in(owner)) == 20


def test_what_changed_since_the_check_is_refused_not_guessed(
    bills: InvoiceImports, cast: Cast, owner: Connection
) -> None:
    found = bills.check(ONE)
    bills.run(ONE)
    bills.go(found)
    assert bills.problems(found) == [(2, ["CONFLICT"])]
    found = bills.check(ONE.replace("1001", "2"), "1001,,,,Other,1,1.00,,")
    assert bills.counts(found) == (1, 1, 0, 0)
    bills.act(customers.archive, customer_id=cast.customers["acme"], now=bills.now)
    bills.go(found)
    assert bills.problems(found) == [(2, ["CONFLICT"]), (3, ["CUSTOMER_ARCHIVED"])]
    assert len(invoices_in(owner)) == 1


def test_whoever_lost_the_right_gets_nothing_imported(
    bills: InvoiceImports, cast: Cast, owner: Connection
) -> None:
    found = bills.check(ONE)
    bills.act(invoice_imports.confirm, import_id=found, now=bills.now)
    owner.execute(text("update membership set role = 'READ_ONLY' where id = :id"), {"id": cast.ada.id})
    owner.commit()
    bills.work(found)
    assert bills.find(found).state is ImportState.STOPPED
    assert invoices_in(owner) == []


def test_strangers_and_readers_are_refused(bills: InvoiceImports, cast: Cast, owner: Connection) -> None:
    found = bills.check(ONE)
    rules: Any = (
        (invoice_imports.find, {}),
        (invoice_imports.report, {}),
        (invoice_imports.sample, {}),
        (invoice_imports.confirm, {"now": bills.now}),
        (invoice_imports.cancel, {"now": bills.now}),
        (invoice_imports.choose_columns, {"fields": ["external_id"], "now": bills.now}),
    )
    with nothing_changes(owner):
        for rule, what in rules:
            with pytest.raises(NotFound):
                bills.act(rule, who=cast.actors["mallory"], import_id=found, **what)
            for name in ("rita", "carl"):
                with pytest.raises((Forbidden, NotFound)):
                    bills.act(rule, who=cast.actors[name], import_id=found, **what)


def test_columns_and_cancel(bills: InvoiceImports, database: Database, owner: Connection) -> None:
    found = bills.start(ONE)
    for fields, code in (
        (["external_id", "external_id"], "TWICE"), (["nonsense"], "UNKNOWN_FIELD"), (["memo"], "REQUIRED"),
    ):  # fmt: skip
        with nothing_changes(owner), pytest.raises(Invalid) as refused:
            bills.act(invoice_imports.choose_columns, import_id=found, fields=fields, now=bills.now)
        assert code in [one.code for one in refused.value.problems]
    bills.act(invoice_imports.cancel, import_id=found, now=bills.now)
    assert owner.scalar(text("select count(*) from invoice_import_row")) == 0
    with pytest.raises(Conflict):
        bills.act(invoice_imports.confirm, import_id=found, now=bills.now)
    checked = bills.check(ONE)
    assert rounds.clear_imports(database, now=bills.now + timedelta(days=29)) == 0
    assert rounds.clear_imports(database, now=bills.now + timedelta(days=31)) == 2 - 1
    assert bills.find(checked).state is ImportState.CANCELED


def test_the_log_says_who_imported_which_file_and_what_came_of_it(
    bills: InvoiceImports, owner: Connection
) -> None:
    bills.run(ONE)
    told = owner.execute(
        text("select actor_name, action, details from audit_event where subject_kind = 'invoice_import'"
             " order by id")
    ).all()  # fmt: skip
    assert [one.action.partition(".")[2] for one in told] == [
        "uploaded", "checked", "confirmed", "finished",
    ]  # fmt: skip
    assert told[-1].details == {
        "file": "c.csv", "created": 1, "updated": 0, "unchanged": 0, "refused": 0,
    }  # fmt: skip


def test_whom_a_report_quotes_is_erased_there_too(
    bills: InvoiceImports, cast: Cast, owner: Connection, database: Database
) -> None:
    """G-9: of two rows that contradict each other, each says what the other one has."""
    petra = cast.emails["petra"]
    head = "Invoice number,Customer number,Memo,Description,Quantity,Unit price"
    bills.run(f"1,A-1,{petra},Work,1,1.00", "1,,Other,Travel,1,1.00", head=head)
    kept = "select string_agg(to_jsonb(r)::text, ' ') from invoice_import_row r"
    assert (
        owner.scalar(text(kept)).count(petra) == 3
    )  # in a cell, and in the other row's sentence in both languages
    with database.transaction() as db:
        erasing.erase(db, email=petra, now=bills.now)
    assert petra not in owner.scalar(text(kept))

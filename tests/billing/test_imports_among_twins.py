"""A-2: past row-level security, an import reads and writes its own rows, though a twin's are beside them."""

import json
from datetime import datetime

import pytest
from sqlalchemy import text
from sqlmodel import select

from billing import (
    customer_imports,
    customer_rows,
    customers,
    invoice_import_rows,
    invoice_imports,
    tax_rates,
)
from billing.customer_fields import CustomerInput
from billing.customer_import_tables import CustomerImportRow
from billing.import_files import message_of
from billing.tax_rates import TaxRateInput
from db.session import Database
from tests.billing.acting import ACME
from tests.billing.importing import Imports, InvoiceImports
from tests.billing.shelf import Things
from tests.billing.shelf import both as both
from tests.billing.shelf import shelf as shelf
from tests.billing.shelf import things as things
from tests.billing.shelf import twins as twins
from tests.cast import Cast
from tests.twins import TWIN

WREN = "Wren,55-5555555,3 Main St,Peoria,IL,61602,US,W-1"
BILL = "Invoice number,Company,ZIP,Description,Quantity,Unit price"
ROBIN = "Robin,98-7654321,2 Main St,Peoria,IL,61602,US,R-1"


def test_an_import_goes_as_without_a_twin(
    both: tuple[Database, Database], things: Things, cast: Cast, now: datetime
) -> None:
    """Checked, of two rows about one customer the second refused, and run."""
    told = []
    for database in both:
        imports = Imports(database, cast.ada, now)
        import_id = imports.run(WREN, ROBIN, WREN)
        told.append([imports.counts(import_id), imports.problems(import_id), words_of(database, cast)])
    assert told[0] == told[1]
    assert told[0][:2] == [(2, 0, 0, 1), [(4, ["REPEATED"])]]


def test_a_row_that_the_run_judges_anew_is_the_imports_own(
    both: tuple[Database, Database], things: Things, cast: Cast, now: datetime
) -> None:
    """The customer came to be between the check and the run."""
    told = []
    for database in both:
        imports = Imports(database, cast.ada, now)
        import_id = imports.check(WREN)
        fields = CustomerInput(**{**ACME, "company": "Wren", "tax_id": "55-5555555"})
        imports.act(customers.create, fields=fields, now=now)
        imports.act(customer_imports.confirm, import_id=import_id, now=now)
        imports.work(import_id)
        told.append([imports.counts(import_id), imports.problems(import_id)])
    assert told[0] == told[1]
    assert told[0][0] != (1, 0, 0, 0)


def test_an_import_of_invoices_goes_as_without_a_twin(
    both: tuple[Database, Database], things: Things, cast: Cast, now: datetime
) -> None:
    """Made, changed, left as they are, and refused because their rows stand apart."""
    told = []
    for database in both:
        bills = InvoiceImports(database, cast.ada, now)
        bills.act(tax_rates.create, fields=TaxRateInput(name="HST", rate="13"), now=now)
        head = "Invoice number,Company,ZIP,Description,Quantity,Unit price,Tax"
        rows = ["T-1,Acme,62701,Work,1,10.00,HST", "T-1,,,Travel,2,5.00,", "T-2,Globex,62701,Work,1,1.00,"]
        first = bills.check(*rows, "T-3,Globex,62701,Work,1,1.00,HST", "T-2,,,More,1,1.00,", head=head)
        checked = bills.counts(first)
        bills.go(first)
        second = bills.run(rows[0], "T-1,,,Travel,3,5.00,", "T-3,,,Work,1,,", head=head)
        found = (bills.counts(first), bills.problems(first), bills.counts(second), bills.problems(second))
        told.append([checked, *found, drafts_of(database, cast)])
    assert told[0] == told[1]
    assert told[0][:2] == [(2, 0, 0, 2), (2, 0, 0, 2)]
    assert told[0][2:4] == [[(4, ["REPEATED"]), (6, ["REPEATED"])], (0, 1, 1, 0)]
    assert told[0][5] == [("T-1", 2_630, 2), ("T-3", 113, 1)]


def test_a_customer_whose_invoice_is_named_is_not_the_twin(
    both: tuple[Database, Database], things: Things, cast: Cast, now: datetime
) -> None:
    """Though the twin is the one that is found last."""
    bills = InvoiceImports(both[1], cast.ada, now)
    head = "Invoice number,Company,ZIP,Description"
    with both[1].transaction() as db:
        db.execute(text("create index whose on customer (partner_id desc)"))
        db.execute(text("cluster customer using whose"))
    import_id = bills.check(f"{things.invoice.number},Globex,62701,Work", head=head)
    (row,) = bills.act(invoice_imports.report, import_id=import_id)
    assert "This invoice is Acme’s." in message_of(row.problems[0])


def test_a_run_of_invoices_holds_no_twins_customer(
    both: tuple[Database, Database], things: Things, cast: Cast, now: datetime
) -> None:
    bills, actor = InvoiceImports(both[1], cast.ada, now), cast.ada
    import_id = bills.check("T-1,Acme,62701,Work,1,1.00", head=BILL)
    bills.act(invoice_imports.confirm, import_id=import_id, now=now)
    with both[1].transaction(partner_id=actor.partner_id) as db:
        assert invoice_import_rows.step(db, actor.partner_id, import_id=import_id, now=now)
        with both[1].transaction() as other:
            # Whoever adds an invoice of a customer's keeps it from being deleted, and no more than that.
            locked = "select id from customer where partner_id = :whose and id = :id for no key update nowait"
            other.execute(text(locked), {"whose": TWIN, "id": things.ids["acme"]})
    assert bills.counts(import_id)[0] == 1


def drafts_of(database: Database, cast: Cast) -> list[tuple[object, ...]]:
    with database.transaction() as db:
        found = db.execute(
            text(
                "select i.external_id, i.total_minor, count(l.id) from invoice i join invoice_line l"
                " on l.partner_id = i.partner_id and l.invoice_id = i.id"
                " where i.partner_id = :own and i.external_id is not null group by 1, 2 order by 1"
            ),
            {"own": cast.ada.partner_id},
        )
        return [tuple(row) for row in found]


def words_of(database: Database, cast: Cast) -> list[tuple[str, ...]]:
    with database.transaction() as db:
        found = db.execute(
            text(
                "select c.company, s.token from customer c join search_token s on s.subject_id = c.id"
                " and s.partner_id = c.partner_id where c.partner_id = :own order by 1, 2"
            ),
            {"own": cast.ada.partner_id},
        )
        return [tuple(row) for row in found]


def test_a_customer_whose_slug_is_taken_gets_one_of_its_own_name(
    both: tuple[Database, Database],
    things: Things,
    cast: Cast,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    named: list[str] = []

    def drawn(company: str) -> str:
        named.append(company)
        return "wren-0a0a0a"

    monkeypatch.setattr(customer_rows, "random_slug", drawn)
    import_id = Imports(both[1], cast.ada, now).check(WREN)
    with both[1].transaction(partner_id=cast.ada.partner_id) as db:
        db.execute(text("set local session_replication_role = replica"))
        change = "update customer_import_row set made = made || :made where import_id = :id"
        for made, whose in (
            ({"company": "Twin"}, TWIN),
            ({"slug": cast.slugs["globex"]}, cast.ada.partner_id),
        ):
            given = {"made": json.dumps(made), "id": import_id, "whose": whose}
            db.execute(
                text(f"{change} and partner_id = :whose".replace(":made", "cast(:made as jsonb)")), given
            )
        db.execute(text("set local session_replication_role = origin"))
        mine = (CustomerImportRow.partner_id == cast.ada.partner_id, CustomerImportRow.import_id == import_id)
        staged = db.exec(select(CustomerImportRow).where(*mine)).one()
        new = {staged.position: staged.customer_id or import_id}
        assert customer_rows.create_staged(db, cast.ada, import_id=import_id, new=new, now=now) == frozenset()
    assert set(named) == {"Wren"}

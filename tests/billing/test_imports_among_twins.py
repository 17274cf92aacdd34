"""A-2: past row-level security, an import reads and writes its own rows, though a twin's are beside them."""

import json
from datetime import datetime

import pytest
from sqlalchemy import text
from sqlmodel import select

from billing import customer_imports, customer_rows, customers
from billing.customer_fields import CustomerInput
from billing.customer_import_tables import CustomerImportRow
from db.session import Database
from tests.billing.acting import ACME
from tests.billing.importing import Imports
from tests.billing.shelf import Things
from tests.billing.shelf import both as both
from tests.billing.shelf import shelf as shelf
from tests.billing.shelf import things as things
from tests.billing.shelf import twins as twins
from tests.cast import Cast
from tests.twins import TWIN

WREN = "Wren,55-5555555,3 Main St,Peoria,IL,61602,US,W-1"
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

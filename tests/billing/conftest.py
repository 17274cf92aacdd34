"""What the tests of the business rules share."""

from collections.abc import Iterator
from datetime import datetime

import pytest
from sqlalchemy import Connection, text

from db.engine import make_engine
from db.session import Database
from tests.billing.acting import Acts
from tests.billing.importing import Imports, InvoiceImports
from tests.cast import Cast
from tests.conftest import SECRET
from worker.queue import defer_job


@pytest.fixture
def acts(database: Database, owner: Connection, now: datetime) -> Acts:
    """Rules as the doors run them."""
    return Acts(database, owner, now)


@pytest.fixture(params=["both layers", "rules alone"])
def layers(request: pytest.FixtureRequest, database: Database, database_url: str) -> Iterator[Database]:
    """The database as it is, and once more past row-level security: the rules must hold alone (A-2)."""
    if request.param == "both layers":
        yield database
        return
    alone = Database(make_engine(database_url, as_role=False), defer_job, secret=SECRET)
    yield alone
    alone.close()


@pytest.fixture
def crowd(database_url: str, owner: Connection, now: datetime) -> Iterator[Acts]:
    """Rules as fifty doors at once run them."""
    database = Database(make_engine(database_url, pool_size=50), defer_job, secret=SECRET)
    yield Acts(database, owner, now)
    database.close()


@pytest.fixture
def bills(database: Database, cast: Cast, now: datetime, owner: Connection) -> InvoiceImports:
    """Ada's imports of invoices; Acme is known elsewhere as A-1, Globex as G-1."""
    for number, name in (("A-1", "acme"), ("G-1", "globex")):
        owner.execute(
            text("update customer set external_id = :number where id = :id"),
            {"number": number, "id": cast.customers[name]},
        )
    owner.commit()
    return InvoiceImports(database, cast.ada, now)


@pytest.fixture
def imports(database: Database, cast: Cast, now: datetime) -> Imports:
    """Ada's imports."""
    return Imports(database, cast.ada, now)

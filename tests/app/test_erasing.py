"""`remit user erase` at the command line: whom it refuses, and what it says."""

from collections.abc import Callable
from datetime import datetime

import pytest
from click.testing import Result
from sqlalchemy import Connection, text
from typer.testing import CliRunner

from app.cli import main
from billing import staff
from db.session import Database
from tests.app.conftest import on_database
from tests.cast import Cast
from tests.world import nothing_changes

Erase = Callable[..., Result]


@pytest.fixture
def erase(database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Erase:
    """`erase("petra@acme.example", "--yes")`, on the test's database."""
    on_database(database_url, monkeypatch)
    return lambda *given, typed=None: CliRunner().invoke(main, ["user", "erase", *given], input=typed)


def test_an_unknown_address_is_refused(erase: Erase, cast: Cast, owner: Connection) -> None:
    with nothing_changes(owner):
        said = erase("nobody@acme.example", "--yes")
    assert (said.exit_code, "Nobody has this address." in said.output) == (1, True)


def test_the_last_admin_is_refused(
    erase: Erase, cast: Cast, owner: Connection, database: Database, now: datetime
) -> None:
    with nothing_changes(owner):
        said = erase(cast.emails["ada"], "--yes")
    assert said.exit_code == 1
    assert said.output.startswith("At Northwind: ")
    # With another Admin beside her she may go.
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        staff.change_role(db, cast.ada, membership_id=cast.sue.id, role="ADMIN", now=now)
    assert erase(cast.emails["ada"], "--yes").exit_code == 0


def test_a_person_is_erased_once(erase: Erase, cast: Cast, owner: Connection) -> None:
    said = erase(cast.emails["petra"].upper(), "--yes")
    assert (said.exit_code, said.output) == (
        0, "The account is gone; 1 place(s) name nobody any more. Backups still do until they expire.\n",
    )  # fmt: skip
    assert owner.scalars(text("select name from person where name = 'Petra'")).all() == []
    with nothing_changes(owner):
        again = erase(cast.emails["petra"], "--yes")
    assert (again.exit_code, "Nobody has this address." in again.output) == (1, True)


def test_it_asks_first(erase: Erase, cast: Cast, owner: Connection) -> None:
    with nothing_changes(owner):
        said = erase(cast.emails["petra"], typed="n\n")
    assert said.exit_code == 1
    assert f"Erase {cast.emails['petra']} at every partner and customer?" in said.output
    assert erase(cast.emails["petra"], typed="y\n").exit_code == 0

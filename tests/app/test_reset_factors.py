"""`remit user reset-factors` at the command line: whom it refuses, and what it says."""

from collections.abc import Callable

import pytest
from click.testing import Result
from sqlalchemy import Connection
from typer.testing import CliRunner

from app.cli import main
from app.wiring import clock
from db.session import Database
from tests.app.conftest import on_database
from tests.auth.factor_steps import set_up
from tests.auth.passkey_steps import count_of
from tests.cast import Cast
from tests.world import nothing_changes

Reset = Callable[..., Result]


@pytest.fixture
def reset(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Reset:
    """`reset("ada@northwind.example", "--yes")`, on the test's database."""
    on_database(database_url, monkeypatch)
    command = ["user", "reset-factors"]
    return lambda *given, typed=None: CliRunner().invoke(main, [*command, *given], input=typed)


@pytest.fixture
def phone(database: Database, cast: Cast) -> None:
    """Ada's phone, which she lost."""
    set_up(database, cast.ada.user_id, clock())


def test_it_asks_first_and_tells_to_be_sure(reset: Reset, phone: None, owner: Connection, cast: Cast) -> None:
    with nothing_changes(owner):
        said = reset(cast.emails["ada"], typed="n\n")
    assert said.exit_code == 1
    assert f"recovery code from {cast.emails['ada']}" in said.output
    assert "Be sure that it is they who ask" in said.output
    assert reset(cast.emails["ada"], typed="y\n").exit_code == 0


def test_the_last_admin_gets_out_of_it_too(reset: Reset, phone: None, owner: Connection, cast: Cast) -> None:
    said = reset(cast.emails["ada"].upper(), "--yes")
    assert (said.exit_code, said.output) == (
        0,
        "0 passkey(s), 1 authenticator app(s) and the recovery codes are gone; they are signed out"
        " everywhere, told by mail, and it is in the log of 1 place(s).\n",
    )
    assert (count_of(owner, "totp_factor"), count_of(owner, "recovery_code")) == (0, 0)
    with nothing_changes(owner):
        again = reset(cast.emails["ada"], "--yes")
    assert (again.exit_code, "They have no second step" in again.output) == (1, True)


def test_an_unknown_address_and_one_that_is_none_are_refused(
    reset: Reset, cast: Cast, owner: Connection
) -> None:
    with nothing_changes(owner):
        for email, words in (
            ("nobody@acme.example", "Nobody signs in with this address."), ("ada@", "Check the part after"),
        ):  # fmt: skip
            said = reset(email, "--yes")
            assert (said.exit_code, words in said.output) == (1, True)

"""`remit partner create` at the command line, and what its first Admin finds."""

from contextlib import closing
from datetime import datetime

import pytest
from sqlalchemy import Connection, text
from sqlmodel import select
from typer.testing import CliRunner

from app import samples
from app.cli import main
from app.settings import Settings
from app.wiring import clock, make_database
from auth.invites import Invite
from auth.sessions import Door
from db.session import Database
from tests.app.conftest import on_database
from tests.auth import steps
from tests.cast import Cast
from tests.world import nothing_changes

GIVEN = ("--name", "Fabrikam IT", "--admin-name", "Fay", "--admin-email", "fay@fabrikam.example")


def create(*given: str) -> tuple[int, str]:
    said = CliRunner().invoke(main, ["partner", "create", *given])
    return said.exit_code, said.output


@pytest.fixture(autouse=True)
def _settings(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    on_database(database_url, monkeypatch)


def test_its_staff_need_a_second_step_from_the_start(
    database_url: str, owner: Connection, cast: Cast
) -> None:
    code, said = create(*GIVEN)
    assert (code, said) == (
        0,
        "Fabrikam IT is at http://localhost:8000/partner/fabrikam-it/. An invite to fay@fabrikam.example is"
        " on its way.\nIts staff need a second step of signing in: accepting leads to a passkey or an"
        " authenticator app.\n",
    )
    asked = text("select id, staff_need_factor, users_need_factor from partner where slug = 'fabrikam-it'")
    partner_id, staff, users = owner.execute(asked).one()
    assert (staff, users) == (True, False)
    # Links are made with the server's secret.
    with closing(make_database(Settings(), database_url)) as database:
        with database.transaction(partner_id=partner_id) as db:
            token = steps.token_of_invite(database, db.exec(select(Invite)).one())
        signed_in = steps.accept(database, token, clock()).signed_in
        assert signed_in is not None
        visit = steps.knock(database, signed_in.session_token, Door.PARTNER, "fabrikam-it", clock())
    assert visit is not None
    assert visit.lacks_factor


def test_what_is_wrong_is_said_and_nothing_made(owner: Connection, cast: Cast) -> None:
    with nothing_changes(owner):
        assert create(*GIVEN[:4], "--admin-email", "fay@") == (
            1, "admin_email: Check the part after the @. Enter the e-mail address like name@company.com.\n",
        )  # fmt: skip


def test_the_demos_partner_is_made_without_it(database: Database, owner: Connection, now: datetime) -> None:
    # The demo begins on an empty database, this one holds the cast.
    owner.execute(text("update partner set slug = slug || '-of-the-cast'"))
    owner.execute(text("update person set email_key = 'cast-' || email_key"))
    samples._partner(database, steps.CHOSEN, now)
    asked = text("select staff_need_factor from partner where slug = 'northwind'")
    assert owner.execute(asked).scalar_one() is False

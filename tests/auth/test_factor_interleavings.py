"""B-6: whoever changes somebody's second factors waits for whoever is doing it already, and looks again."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, text
from sqlmodel import Session

from auth import passkeys, recovery_codes, second_factors
from auth.passkeys import TooManyPasskeys
from auth.second_factors import LastFactor
from db.session import Database
from errors import NotFound
from tests.auth.factor_steps import STEP, set_up
from tests.auth.passkey_steps import HERE, Authenticator, ask_for_new, count_of, passkey_of, with_passkey
from tests.auth.steps import BROWSER, HOME
from tests.auth.test_interleavings import meanwhile
from tests.cast import Cast


@pytest.fixture
def petra(cast: Cast) -> UUID:
    found = cast.petra.user_id
    assert found is not None
    return found


@pytest.fixture
def given(petra: UUID, now: datetime) -> dict[str, Any]:
    """Who, from where, and when."""
    return {"user_id": petra, "address": HOME, "agent": BROWSER, "now": now}


def after(database: Database, petra: UUID, work: Callable[[Session], object]) -> Callable[[], object]:
    """The same in a transaction of its own."""

    def run() -> object:
        with database.transaction(user_id=petra) as db:
            return work(db)

    return run


def test_one_app_waits_for_its_code_however_many_are_begun_at_once(
    database: Database, owner: Connection, petra: UUID, now: datetime
) -> None:
    def begin(db: Session) -> object:
        return second_factors.begin(db, user_id=petra, name="Phone", now=now)

    meanwhile(database, owner, begin, after(database, petra, begin), user_id=petra)
    assert count_of(owner, "totp_factor") == 1


def test_an_app_is_confirmed_once(
    database: Database, owner: Connection, petra: UUID, given: dict[str, Any], now: datetime
) -> None:
    app = set_up(database, petra, now - 2 * STEP)
    owner.execute(text("update totp_factor set confirmed_at = null"))

    def confirm(db: Session) -> object:
        return second_factors.confirm(db, code=app.code(now), **given)

    outcome = meanwhile(database, owner, confirm, after(database, petra, confirm), user_id=petra)
    assert outcome is NotFound


def test_whoever_removes_both_apps_at_once_has_no_recovery_codes_left(
    database: Database, owner: Connection, petra: UUID, given: dict[str, Any], now: datetime
) -> None:
    apps = [set_up(database, petra, now - 2 * STEP, name=name) for name in ("Phone", "Tablet")]
    first, second = (
        lambda db, id_=app.factor_id: second_factors.remove(db, factor_id=id_, **given) for app in apps
    )
    assert meanwhile(database, owner, first, after(database, petra, second), user_id=petra) is None
    with database.transaction(user_id=petra) as db:
        assert not second_factors.has_any(db, user_id=petra)
        assert recovery_codes.left(db, user_id=petra) == 0


def test_codes_that_are_renewed_twice_at_once_are_ten(
    database: Database, owner: Connection, petra: UUID, given: dict[str, Any], now: datetime
) -> None:
    set_up(database, petra, now - 2 * STEP)

    def renew(db: Session) -> object:
        return second_factors.renew_codes(db, **given)

    meanwhile(database, owner, renew, after(database, petra, renew), user_id=petra)
    assert count_of(owner, "recovery_code") == recovery_codes.HOW_MANY


def test_the_last_factor_stays_while_a_partner_begins_to_ask_for_one(
    database: Database, owner: Connection, cast: Cast, petra: UUID, given: dict[str, Any], now: datetime
) -> None:
    app = set_up(database, petra, now - 2 * STEP)

    def ask_for_one(db: Session) -> None:
        assert second_factors.held_by(db, cast.petra)
        # Whoever decides it is staff: the row is theirs.
        owner.execute(text("update partner set users_need_factor = true where slug = 'northwind'"))

    outcome = meanwhile(
        database, owner, ask_for_one,
        after(database, petra, lambda db: second_factors.remove(db, factor_id=app.factor_id, **given)),
        partner_id=cast.petra.partner_id, customer_id=cast.petra.customer_id,
    )  # fmt: skip
    assert outcome is LastFactor
    with database.transaction(user_id=petra) as db:
        assert second_factors.has_any(db, user_id=petra)


def test_one_passkey_too_many_is_refused_even_if_two_are_added_at_once(
    database: Database, petra: UUID, owner: Connection, given: dict[str, Any], now: datetime
) -> None:
    for number in range(passkeys.MOST - 1):
        with_passkey(database, petra, now, name=f"Key {number}")
    answers = [Authenticator().make(ask_for_new(database, petra, now)) for _ in range(2)]
    first, second = (
        lambda db, answer=answer: passkeys.add(db, HERE, name="One more", answer=answer, **given)
        for answer in answers
    )
    outcome = meanwhile(database, owner, first, after(database, petra, second), user_id=petra)
    assert outcome is TooManyPasskeys
    assert count_of(owner, "passkey") == passkeys.MOST


def test_whoever_removes_both_passkeys_at_once_has_no_recovery_codes_left(
    database: Database, owner: Connection, petra: UUID, given: dict[str, Any], now: datetime
) -> None:
    for name in ("Laptop", "Phone"):
        with_passkey(database, petra, now, name=name)
    held = [passkey_of(database, petra, at) for at in range(2)]
    first, second = (
        lambda db, id_=id_: passkeys.remove(db, passkey_id=id_, **given) for id_ in held
    )  # fmt: skip
    assert meanwhile(database, owner, first, after(database, petra, second), user_id=petra) is None
    assert (count_of(owner, "passkey"), count_of(owner, "recovery_code")) == (0, 0)

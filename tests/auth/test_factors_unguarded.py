"""A-2 and B-6, from the rules' side: past row-level security, nobody's factor counts for anybody else.

Petra has nothing, Carl has everything. Whatever forgets to say whose it means finds Carl's.
"""

from contextlib import suppress
from datetime import datetime
from uuid import UUID

import pytest
from sqlalchemy import Connection, text

from auth import passkeys, pending, recovery_codes, second_factors
from auth.challenges import Use
from auth.factor_tables import apps_of, passkeys_of
from auth.pending import Ways
from auth.second_factors import Way
from db.session import Database
from errors import NotFound
from tests.auth.factor_steps import STEP, App, finish, halfway, prove, set_up
from tests.auth.passkey_steps import HERE, ask, count_of, events, passkey_of, with_passkey
from tests.auth.steps import BROWSER, HOME
from tests.cast import Cast
from tests.world import nothing_changes


@pytest.fixture
def petra(cast: Cast) -> UUID:
    found = cast.petra.user_id
    assert found is not None
    return found


@pytest.fixture
def carls(unguarded: Database, cast: Cast, now: datetime) -> App:
    assert cast.carl.user_id is not None
    app = set_up(unguarded, cast.carl.user_id, now - 2 * STEP)
    with_passkey(unguarded, cast.carl.user_id, now)
    return app


def test_what_carl_has_petra_has_not(
    unguarded: Database, cast: Cast, petra: UUID, carls: App, now: datetime
) -> None:
    for user_id, apps, codes in ((petra, 0, 0), (cast.carl.user_id, 1, 10)):
        assert user_id is not None
        with unguarded.transaction(user_id=user_id) as db:
            assert len(apps_of(db, user_id=user_id)) == len(passkeys_of(db, user_id=user_id)) == apps
            assert second_factors.count_of(db, user_id=user_id) == 2 * apps
            assert second_factors.has_any(db, user_id=user_id) is bool(apps)
            assert recovery_codes.left(db, user_id=user_id) == codes


def test_an_app_that_waits_for_its_first_code_is_none_yet(
    unguarded: Database, petra: UUID, carls: App, now: datetime
) -> None:
    with unguarded.transaction(user_id=petra) as db:
        second_factors.begin(db, user_id=petra, name="Phone", now=now)
    with unguarded.transaction(user_id=petra) as db:
        assert apps_of(db, user_id=petra) == []
        assert second_factors.count_of(db, user_id=petra) == 0
        assert not second_factors.has_any(db, user_id=petra)


def test_carls_codes_prove_nothing_for_petra_and_stay_unused(
    unguarded: Database, cast: Cast, petra: UUID, carls: App, now: datetime
) -> None:
    assert prove(unguarded, petra, carls.codes[0], now) is None
    assert prove(unguarded, petra, carls.code(now), now) is None
    assert cast.carl.user_id is not None
    assert prove(unguarded, cast.carl.user_id, carls.codes[0], now) is Way.RECOVERY_CODE
    assert prove(unguarded, cast.carl.user_id, carls.code(now), now) is Way.APP


def test_what_petra_renews_and_removes_leaves_carls_alone(
    unguarded: Database, owner: Connection, petra: UUID, carls: App, now: datetime
) -> None:
    mine = set_up(unguarded, petra, now)
    given = {"user_id": petra, "address": HOME, "agent": BROWSER, "now": now}
    theirs = [
        text(f"select * from {table} where user_id <> :petra order by id")
        for table in ("totp_factor", "passkey", "recovery_code")
    ]
    before = [owner.execute(rows, {"petra": petra}).all() for rows in theirs]
    assert [len(rows) for rows in before] == [1, 1, 10]
    with unguarded.transaction(user_id=petra) as db:
        second_factors.renew_codes(db, **given)
        second_factors.reseal(db, user_id=petra)
    with unguarded.transaction(user_id=petra) as db:
        second_factors.remove(db, factor_id=mine.factor_id, **given)
    assert [owner.execute(rows, {"petra": petra}).all() for rows in theirs] == before
    with nothing_changes(owner), unguarded.transaction(user_id=petra) as db:
        second_factors.let_go(db, user_id=petra)


def test_a_sign_in_that_waits_is_its_owners_and_is_forgotten_when_it_is_over(
    unguarded: Database, owner: Connection, cast: Cast, petra: UUID, carls: App, now: datetime
) -> None:
    set_up(unguarded, petra, now - 2 * STEP)
    waiting = text("select count(*) from pending_sign_in where user_id = :user")
    halfway(unguarded, cast, now, "carl")
    halfway(unguarded, cast, now)
    last = halfway(unguarded, cast, now + pending.LIFE)
    assert [owner.scalar(waiting, {"user": user}) for user in (cast.carl.user_id, petra)] == [1, 1]
    with unguarded.transaction() as db:
        assert pending.look(db, token=last.token, now=now + pending.LIFE) == Ways(app=True, passkey=False)


def test_a_sign_in_is_written_down_after_its_second_step(
    unguarded: Database, owner: Connection, cast: Cast, petra: UUID, carls: App, now: datetime
) -> None:
    app = set_up(unguarded, petra, now - 2 * STEP)
    assert finish(unguarded, halfway(unguarded, cast, now).token, app.code(now), now) is not None
    assert events(owner, petra)[-1] == "sign_in"
    assert events(owner, petra).count("sign_in") == 1


def test_carls_passkey_is_none_of_petras_whatever_it_says(
    unguarded: Database, owner: Connection, cast: Cast, petra: UUID, now: datetime
) -> None:
    carl = cast.carl.user_id
    assert carl is not None
    device = with_passkey(unguarded, carl, now)
    device.user_id = petra.bytes
    answer = device.answer(ask(unguarded, now, use=Use.STEP_UP, user_id=petra))
    given = {"user_id": petra, "address": HOME, "agent": BROWSER, "now": now}
    with unguarded.transaction(user_id=petra) as db:
        assert not passkeys.prove(db, HERE, use=Use.STEP_UP, answer=answer, **given)
    for user_id, left in ((petra, 1), (carl, 0)):
        with suppress(NotFound), unguarded.transaction(user_id=user_id) as db:
            passkeys.remove(db, passkey_id=passkey_of(unguarded, carl), **{**given, "user_id": user_id})
        assert count_of(owner, "passkey") == left

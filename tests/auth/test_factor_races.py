"""B-6: many at once with one code, or one sign-in that waits: exactly one wins."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier

import pytest
from sqlalchemy import Connection

from auth import recovery_codes, second_factors
from auth.pending import PendingOver
from auth.throttle import TooMany
from db.engine import make_engine
from db.session import Database
from tests.auth.factor_steps import STEP, App, finish, halfway, sessions_of, set_up
from tests.cast import Cast
from tests.conftest import SECRET
from tests.figures import rounds
from worker.queue import defer_job

CROWD = rounds(10, 50)


@pytest.fixture
def app(database: Database, cast: Cast, now: datetime) -> App:
    """Petra's phone, set up a step ago, so that now's code is unused."""
    return set_up(database, cast.petra.user_id, now - 2 * STEP)


@pytest.fixture
def crowded(database_url: str) -> Iterator[Database]:
    database = Database(make_engine(database_url, pool_size=CROWD), defer_job, secret=SECRET)
    yield database
    database.close()


@pytest.mark.prove
@pytest.mark.parametrize("kind", ["app", "recovery code"])
def test_of_many_at_once_one_code_wins(
    crowded: Database, cast: Cast, app: App, now: datetime, kind: str
) -> None:
    petra = cast.petra.user_id
    start = Barrier(CROWD)

    def run(_: int) -> bool:
        start.wait(60)
        with crowded.transaction(user_id=petra) as db:
            if kind == "app":
                return second_factors._use_step(db, petra, app.code(now), now)
            return recovery_codes.use(db, user_id=petra, code=app.codes[3], now=now)

    with ThreadPoolExecutor(CROWD) as threads:
        assert Counter(threads.map(run, range(CROWD))) == {True: 1, False: CROWD - 1}


@pytest.mark.prove
def test_of_many_at_once_one_finishes_the_sign_in(
    crowded: Database, owner: Connection, cast: Cast, app: App, now: datetime
) -> None:
    half = halfway(crowded, cast, now)
    start = Barrier(CROWD)

    def run(at: int) -> str:
        start.wait(60)
        try:
            code = app.codes[at % 10]
            return "won" if finish(crowded, half.token, code, now) is not None else "wrong"
        except (PendingOver, TooMany) as refusal:
            return type(refusal).__name__

    with ThreadPoolExecutor(CROWD) as threads:
        outcomes = Counter(threads.map(run, range(CROWD)))
    assert outcomes["won"] == 1
    assert sessions_of(owner, cast.petra.user_id) == 1

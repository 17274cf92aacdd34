"""B-4, B-6: what strangers learn of passkeys and how often they may try; many at once with one answer."""

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier

import pytest
from sqlalchemy import Connection, text

from auth import challenges, passkeys
from auth.authenticators import Site
from auth.throttle import TooMany
from db.engine import make_engine
from db.session import Database
from tests.auth import steps
from tests.auth.factor_steps import sessions_of
from tests.auth.passkey_steps import (
    Authenticator,
    add,
    ask,
    ask_for_new,
    count_of,
    sign_in,
    with_passkey,
)
from tests.auth.test_same_work import statements_of
from tests.cast import Cast
from tests.conftest import SECRET
from tests.figures import rounds
from tests.leaks import leaks_at_rest
from tests.world import nothing_changes
from worker.queue import defer_job

CROWD = rounds(10, 50)


@pytest.fixture
def laptop(database: Database, cast: Cast, now: datetime) -> Authenticator:
    """Petra's, with a passkey."""
    return with_passkey(database, cast.petra.user_id, now)


def test_an_unknown_passkey_is_the_same_work_as_a_wrong_answer(
    database: Database, owner: Connection, cast: Cast, laptop: Authenticator, now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """B-4: the same statements, one signature checked, nothing deferred, the same answer."""
    disabled = with_passkey(database, cast.vera.user_id, now)
    owner.execute(text("update person set disabled_at = now() where id = :id"), {"id": cast.vera.user_id})
    checked: list[bytes] = []
    check = passkeys.authenticators.check

    def counting(site: Site, answer: object, *, public_key: bytes) -> int | None:
        checked.append(public_key)
        return check(site, answer, public_key=public_key)  # type: ignore[arg-type]

    monkeypatch.setattr(passkeys.authenticators, "check", counting)
    kinds = {
        "unknown": Authenticator(),
        "wrong": Authenticator(credential_id=laptop.credential_id, user_id=laptop.user_id),
        "disabled": disabled,
    }
    jobs = count_of(owner, "procrastinate_jobs")
    works = {}
    for at, (kind, device) in enumerate(kinds.items()):
        answer = device.answer(ask(database, now))
        with statements_of(database) as sent:
            assert sign_in(database, answer, now, address=f"192.0.2.{at}") is None
        works[kind] = sent
        assert len(checked) == at + 1
    assert works["unknown"] == works["wrong"] == works["disabled"]
    assert count_of(owner, "procrastinate_jobs") == jobs


def test_a_password_tells_nothing_of_a_passkey_to_who_lacks_it(
    database: Database, cast: Cast, laptop: Authenticator, now: datetime
) -> None:
    works = []
    for name in ("petra", "carl"):
        with statements_of(database) as sent:
            assert steps.sign_in(database, cast.emails[name], now, password="not-the-password-at-all") is None
        works.append(sent)
    assert works[0] == works[1]


def test_wrong_passkeys_are_counted_per_network_and_right_ones_are_not(
    database: Database, owner: Connection, cast: Cast, laptop: Authenticator, now: datetime
) -> None:
    for _ in range(12):
        assert sign_in(database, laptop.answer(ask(database, now)), now) is not None
    for _ in range(10):
        assert sign_in(database, "{}", now) is None
    answer = laptop.answer(ask(database, now))
    with nothing_changes(owner), pytest.raises(TooMany):
        sign_in(database, answer, now)
    assert sign_in(database, answer, now, address="198.51.100.1") is not None


def test_asking_is_counted_per_network(database: Database, owner: Connection, now: datetime) -> None:
    for _ in range(challenges.ADDRESS.tries):
        ask(database, now)
    with nothing_changes(owner), pytest.raises(TooMany):
        ask(database, now)
    ask(database, now, address="198.51.100.1")


def test_no_challenge_and_no_answer_is_at_rest(
    database: Database, owner: Connection, cast: Cast, laptop: Authenticator, now: datetime
) -> None:
    open_one, used = json.loads(ask(database, now)), json.loads(ask(database, now))
    signed_in = sign_in(database, laptop.answer(json.dumps(used)), now)
    assert signed_in is not None
    told_ones = {"open": open_one["challenge"], "used": used["challenge"], "session": signed_in.session_token}
    assert leaks_at_rest(owner, told_ones) == []


@pytest.fixture
def crowded(database_url: str) -> Iterator[Database]:
    database = Database(make_engine(database_url, pool_size=CROWD), defer_job, secret=SECRET)
    yield database
    database.close()


@pytest.mark.prove
@pytest.mark.parametrize("counts", [True, False], ids=["counting", "not counting"])
def test_of_many_at_once_with_one_answer_one_signs_in(
    crowded: Database, owner: Connection, cast: Cast, now: datetime, counts: bool
) -> None:
    device = Authenticator(counts=counts)
    petra = cast.petra.user_id
    assert add(crowded, petra, device.make(ask_for_new(crowded, petra, now)), now)
    answer = device.answer(ask(crowded, now))
    start = Barrier(CROWD)

    def run(at: int) -> bool:
        start.wait(60)
        return sign_in(crowded, answer, now, address=f"192.0.2.{at}") is not None

    with ThreadPoolExecutor(CROWD) as threads:
        assert Counter(threads.map(run, range(CROWD))) == {True: 1, False: CROWD - 1}
    assert sessions_of(owner, petra) == 1


@pytest.mark.prove
def test_of_many_at_once_with_one_new_passkey_one_adds_it(
    crowded: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    petra = cast.petra.user_id
    answer = Authenticator().make(ask_for_new(crowded, petra, now))
    start = Barrier(CROWD)

    def run(_: int) -> bool:
        start.wait(60)
        return add(crowded, petra, answer, now) is not None

    with ThreadPoolExecutor(CROWD) as threads:
        assert Counter(threads.map(run, range(CROWD))) == {True: 1, False: CROWD - 1}
    assert count_of(owner, "passkey") == 1

"""M-5 at the rules: same key and input, same bytes; other input, a conflict; at work, said so."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import Connection, text

from auth import replays
from auth.actors import Actor, system
from auth.replays import ABANDONED, InProgress, KeyConflict
from db.engine import make_engine
from db.session import Database
from errors import Invalid, Refusal
from tests.cast import Cast
from tests.conftest import SECRET
from tests.figures import rounds
from tests.world import nothing_changes
from worker.queue import defer_job

SECOND = timedelta(seconds=1)
KEPT = timedelta(days=30)
ANSWER = '{"data":{"x":"é"}}'


def ask(
    database: Database, actor: Actor, now: datetime, *, operation: str = "createTag", key: str = "k-1",
    input_hash: bytes = b"one", answer: str | None = ANSWER, work: list[str] | None = None,
) -> str | None:  # fmt: skip
    """A mutation as the door runs it: claim, work, store."""
    with database.transaction(partner_id=actor.partner_id, customer_id=actor.customer_id) as db:
        earlier = replays.claim(db, actor, operation=operation, key=key, input_hash=input_hash, now=now)
        if earlier is not None:
            return earlier.answer
        if work is not None:
            work.append(key)
        if answer is not None:
            replays.store(db, actor, operation=operation, key=key, answer=answer)
        return answer


def test_the_same_request_gets_the_stored_answer_to_the_byte(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    work: list[str] = []
    assert ask(database, cast.ada, now, work=work) == ANSWER
    with nothing_changes(owner):
        for _ in range(3):
            assert ask(database, cast.ada, now, answer="another", work=work) == ANSWER
    assert work == ["k-1"]
    row = owner.execute(text("select * from stored_answer")).one()
    assert (row.partner_id, row.actor_id, row.customer_id) == (cast.ada.partner_id, cast.ada.id, None)
    assert (row.operation, row.idempotency_key, row.input_hash) == ("createTag", "k-1", b"one")
    assert (row.answer, row.created_at) == (ANSWER, now)


def test_another_input_with_the_same_key_is_a_conflict(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    ask(database, cast.ada, now)
    with nothing_changes(owner), pytest.raises(KeyConflict) as refusal:
        ask(database, cast.ada, now, input_hash=b"two")
    assert refusal.value.code == "IDEMPOTENCY_CONFLICT"


def test_the_scope_is_actor_and_operation(database: Database, cast: Cast, now: datetime) -> None:
    work: list[str] = []
    for actor in (cast.ada, cast.clem, cast.petra, cast.carl, cast.mallory, cast.northwind_key):
        for operation in ("createTag", "updateTag"):
            for key in ("k-1", "k-2"):
                given = {"operation": operation, "key": key, "input_hash": f"{actor.id}".encode()}
                ask(database, actor, now, work=work, **given)  # type: ignore[arg-type]
    assert len(work) == 24


def test_what_failed_leaves_its_key_free(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    with (
        nothing_changes(owner),
        pytest.raises(ZeroDivisionError),
        database.transaction(partner_id=cast.ada.partner_id) as db,
    ):
        replays.claim(db, cast.ada, operation="createTag", key="k-1", input_hash=b"one", now=now)
        raise ZeroDivisionError
    assert ask(database, cast.ada, now, input_hash=b"two") == ANSWER


def test_a_first_step_without_an_answer_is_in_progress_until_it_must_have_died(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    """Paying commits the claim before the gateway is asked; the answer comes later, or another takes over."""
    ask(database, cast.ada, now, answer=None)
    with nothing_changes(owner):
        for at in (now, now + ABANDONED - SECOND):
            with pytest.raises(InProgress) as refusal:
                ask(database, cast.ada, at)
        assert refusal.value.code == "IN_PROGRESS"
        for at in (now, now + ABANDONED):
            with pytest.raises(KeyConflict):
                ask(database, cast.ada, at, input_hash=b"two")
    assert ask(database, cast.ada, now + ABANDONED, answer="second") == "second"
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        # The first one was alive after all, and comes to its end: the answer that was given stays.
        assert replays.store(db, cast.ada, operation="createTag", key="k-1", answer="first") == "second"
    assert ask(database, cast.ada, now + ABANDONED) == "second"


def test_an_answer_that_is_there_is_never_taken_over(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    ask(database, cast.ada, now)
    with nothing_changes(owner):
        assert ask(database, cast.ada, now + ABANDONED, answer="another") == ANSWER


def test_a_claim_that_came_to_nothing_is_given_back(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    given = {"operation": "createTag", "key": "k-1"}
    ask(database, cast.ada, now, key="k-2")
    ask(database, cast.clem, now, answer=None)
    with nothing_changes(owner):
        ask(database, cast.ada, now, answer=None)
        with database.transaction(partner_id=cast.ada.partner_id) as db:
            replays.release(db, cast.ada, **given)
    assert ask(database, cast.ada, now, input_hash=b"two") == ANSWER
    with nothing_changes(owner), database.transaction(partner_id=cast.ada.partner_id) as db:
        replays.release(db, cast.ada, **given)


def test_somebody_at_work_is_told_at_once(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        assert (
            replays.claim(db, cast.ada, operation="createTag", key="k-1", input_hash=b"one", now=now) is None
        )
        with ThreadPoolExecutor(1) as other:
            for input_hash in (b"one", b"two"):  # which of them it is can't be seen yet
                waiting = other.submit(ask, database, cast.ada, now, input_hash=input_hash)
                with pytest.raises(InProgress):
                    waiting.result(30)
            assert other.submit(ask, database, cast.clem, now).result(30) == ANSWER
            assert other.submit(ask, database, cast.ada, now, key="k-2").result(30) == ANSWER
        replays.store(db, cast.ada, operation="createTag", key="k-1", answer="first")
    assert ask(database, cast.ada, now) == "first"


def test_of_many_who_ask_again_at_once_all_get_the_answer(
    database: Database, cast: Cast, now: datetime
) -> None:
    """Whoever holds the lock only to read the stored answer keeps nobody else from it."""
    ask(database, cast.ada, now)
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        first = replays.claim(db, cast.ada, operation="createTag", key="k-1", input_hash=b"one", now=now)
        assert first is not None
        with ThreadPoolExecutor(1) as other:
            assert other.submit(ask, database, cast.ada, now).result(30) == ANSWER
            with pytest.raises(KeyConflict):
                other.submit(ask, database, cast.ada, now, input_hash=b"two").result(30)


@pytest.mark.prove
def test_of_many_at_once_one_does_the_work(database_url: str, cast: Cast, now: datetime) -> None:
    crowd = rounds(10, 50)
    database = Database(make_engine(database_url, pool_size=crowd), defer_job, secret=SECRET)
    with ThreadPoolExecutor(crowd) as threads:
        for number in range(rounds(10, 200)):
            start, work = Barrier(crowd), []

            def one(_: int, number: int = number, start: Barrier = start, work: list[str] = work) -> str:
                start.wait(60)
                try:
                    return str(ask(database, cast.ada, now, key=f"k-{number}", work=work))
                except Refusal as refusal:
                    return refusal.code

            outcome = Counter(threads.map(one, range(crowd)))
            assert len(work) == 1
            assert set(outcome) <= {ANSWER, "IN_PROGRESS"}
            assert outcome[ANSWER] >= 1
            assert ask(database, cast.ada, now, key=f"k-{number}") == ANSWER
    database.close()


def test_an_answer_is_kept_for_thirty_days(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    ask(database, cast.ada, now)
    with nothing_changes(owner):
        assert ask(database, cast.ada, now + KEPT - SECOND, answer="new") == ANSWER
    assert ask(database, cast.ada, now + KEPT, input_hash=b"two", answer="new") == "new"
    row = owner.execute(text("select answer, input_hash, created_at from stored_answer")).one()
    assert tuple(row) == ("new", b"two", now + KEPT)


def test_old_answers_are_dropped_partner_by_partner(
    database: Database, unguarded: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    for actor in (cast.ada, cast.petra, cast.mallory):
        ask(database, actor, now, key="old")
        ask(database, actor, now + SECOND, key="young")
    actor = system(cast.partners["northwind"])
    with unguarded.transaction(partner_id=actor.partner_id) as db:
        assert replays.drop_old(db, actor, now=now + KEPT) == 2
    left = owner.scalars(text("select idempotency_key from stored_answer order by 1")).all()
    assert left == ["old", "young", "young", "young"]


@pytest.mark.parametrize("key", ["", "x" * 256, "a\x00b", "a\nb", "\ud800", "\u202e"])
def test_a_key_that_is_none_is_refused(
    database: Database, owner: Connection, cast: Cast, key: str, now: datetime
) -> None:
    with nothing_changes(owner), pytest.raises(Invalid) as refusal:
        ask(database, cast.ada, now, key=key)
    assert [problem.path for problem in refusal.value.problems] == [("idempotency_key",)]


@pytest.mark.parametrize("key", ["x", "x" * 255, "clé 1 – ok"])
def test_any_other_key_is_taken(database: Database, cast: Cast, key: str, now: datetime) -> None:
    assert ask(database, cast.ada, now, key=key) == ANSWER


def test_the_system_has_no_keys(database: Database, owner: Connection, cast: Cast, now: datetime) -> None:
    with nothing_changes(owner), pytest.raises(ValueError, match="ask twice"):
        ask(database, system(cast.partners["northwind"]), now)


def test_a_stranger_cannot_claim_into_another_tenants_answers(
    unguarded: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    """Past row-level security too: the same actor id at another partner is somebody else."""
    ask(unguarded, cast.ada, now)
    twin = Actor(kind=cast.ada.kind, partner_id=cast.partners["contoso"], id=cast.ada.id, role=cast.ada.role)
    assert ask(unguarded, twin, now, answer="other") == "other"
    with unguarded.transaction() as db:
        replays.store(db, twin, operation="createTag", key="k-1", answer="changed")
        replays.drop_old(db, twin, now=now.astimezone(UTC))
    assert ask(unguarded, cast.ada, now) == ANSWER

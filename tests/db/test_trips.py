"""Trips: several statements in one packet and one transaction; what is prepared; what a failure leaves."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID

import pytest
from psycopg import OperationalError, errors

from db import trips
from db.engine import make_pool
from db.trips import TripConnection

pytestmark = pytest.mark.anyio

ASLEEP = "select count(*) from pg_stat_activity where query like '%pg_sleep(6%' and pid <> pg_backend_pid()"
NAMES = "select name, statement from pg_prepared_statements where name like 'trip%' order by 1"


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[TripConnection]:
    """A connection of the pool, with a superuser's rights: these tests make tables."""
    async with make_pool(database_url, size=1, as_role=False) as pool, pool.connection() as connection:
        yield connection


async def names(connection: TripConnection) -> list[str]:
    found = await connection.execute(NAMES)
    return [statement for _name, statement in await found.fetchall()]


async def test_each_statement_gives_its_first_row_raw_and_as_python_has_it(
    connection: TripConnection,
) -> None:
    noon = datetime(2026, 3, 10, 17, tzinfo=UTC)
    one, none, null = await connection.trip(
        ("select $1::uuid, $2::timestamptz, $3::text[]", (UUID(int=7), noon, ["a", "é"])),
        ("select 1 where $1::int > 5", (3,)),
        ("select null::text, 'é'", ()),
    )
    assert one.row() == (UUID(int=7), noon, ["a", "é"])
    assert (none.raw, none.row()) == (None, None)
    assert null.raw == (None, "é".encode())


async def test_a_trip_is_one_transaction(connection: TripConnection) -> None:
    await connection.execute("create table kept (number int primary key)")
    same, other = "select pg_current_xact_id()::text", "insert into kept values ($1) returning xmin::text"
    first, second = await connection.trip((same, ()), (other, (1,)))
    assert first.row() == second.row()
    with pytest.raises(errors.UniqueViolation):
        await connection.trip((other, (2,)), (other, (1,)), (other, (3,)))
    [left] = await connection.trip(("select array_agg(number) from kept", ()))
    assert left.row() == ([1],)


async def test_what_one_statement_sets_the_next_one_sees_and_nobody_later(connection: TripConnection) -> None:
    seen = ("select current_setting('remit.partner', true)", ())
    _, within = await connection.trip(("select set_config('remit.partner', 'x', true)", ()), seen)
    [after] = await connection.trip(seen)
    assert (within.row(), after.row()) == (("x",), ("",))


async def test_a_statement_is_prepared_once_for_its_types(connection: TripConnection) -> None:
    for value in (1, 2, 3):
        await connection.trip(("select $1", (value,)), ("select 'x'", ()))
    assert sorted(await names(connection)) == ["select $1", "select 'x'"]
    [found] = await connection.trip(("select $1", ("text",)))
    assert found.row() == ("text",)
    assert len(await names(connection)) == 3


async def test_a_statement_that_could_not_be_prepared_is_not_thought_to_be(
    connection: TripConnection,
) -> None:
    for _ in range(2):
        with pytest.raises(errors.UndefinedTable):
            await connection.trip(("select * from nowhere", ()), ("select 'later'", ()))
    await connection.execute("create table nowhere (number int)")
    found, later = await connection.trip(("select * from nowhere", ()), ("select 'later'", ()))
    assert (found.row(), later.row()) == (None, ("later",))


async def test_a_statement_that_failed_stays_prepared(connection: TripConnection) -> None:
    halves = "select 1 / $1::int"
    for _ in range(2):
        with pytest.raises(errors.DivisionByZero):
            await connection.trip((halves, (0,)))
    [found] = await connection.trip((halves, (1,)))
    assert found.row() == (1,)
    assert await names(connection) == [halves]


async def test_a_value_that_cant_be_written_leaves_nothing_on_the_way(connection: TripConnection) -> None:
    for value in ("a\x00b", object()):
        with pytest.raises((errors.DataError, errors.ProgrammingError)):
            await connection.trip(("select 1", ()), ("select $1", (value,)))
    [found] = await connection.trip(("select 'well'", ()))
    assert found.row() == ("well",)


async def test_the_statements_longest_unasked_are_forgotten(
    connection: TripConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trips, "MOST_PREPARED", 3)
    for letter in "abcadeab":
        [found] = await connection.trip((f"select '{letter}'", ()))
        assert found.row() == (letter,)
        assert len(await names(connection)) <= 3
    assert sorted(await names(connection)) == ["select 'a'", "select 'b'", "select 'e'"]


async def test_an_answer_of_megabytes_comes_whole_and_a_question_too(connection: TripConnection) -> None:
    long = "é" * 2_000_000
    [found] = await connection.trip(("select $1::text || 'x'", (long,)))
    assert found.raw == ((long + "x").encode(),)


async def test_whoever_gives_up_waiting_stops_the_statement(database_url: str) -> None:
    async with make_pool(database_url, size=1) as pool:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2), pool.connection() as connection:
                await connection.trip(("select 1", ()), ("select pg_sleep(60)", ()))
        async with pool.connection() as connection:
            [busy] = await connection.trip((ASLEEP, ()))
        assert busy.row() == (0,)


async def test_a_connection_that_is_lost_is_told_and_replaced(database_url: str) -> None:
    async with make_pool(database_url, size=1, as_role=False) as pool:
        with pytest.raises(OperationalError):
            async with pool.connection() as connection:
                await connection.trip(("select pg_terminate_backend(pg_backend_pid())", ()))
        async with pool.connection() as connection:
            [found] = await connection.trip(("select 'new'", ()))
        assert found.row() == ("new",)

"""A-2: isolation rests on two layers, and each holds alone.

The planner's predicates are taken away, and row-level security gives the same answers to the byte; then the
other way round. With both gone strange rows come, or this would show nothing.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Connection

from api.nouns import NOUNS
from api.plan import planning
from api.read import Reader
from db import engine
from db.session import Database
from tests.api.client import Client
from tests.api.conftest import client, reader
from tests.cast import Cast
from tests.figures import rounds
from tests.tenancy.asking import EVERYBODY, GROUPS, Table, table_of
from tests.tenancy.places import documents, object_named, plain
from tests.tenancy.stage import Stage

__all__ = ["client", "reader"]
pytestmark = [pytest.mark.anyio, pytest.mark.timeout(1800)]

_TIED = re.compile(r"\b\w+\.partner_id = \w+\.partner_id\b")
# By its id a document asks for one record; these ask for every record there is, of one noun.
ALL = {
    noun: f"query($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on {noun} {{ {plain(object_named(noun))} }} }} }}"
    for noun in NOUNS
}


@pytest.fixture
def table(
    client: Client, database: Database, owner: Connection, cast: Cast, now: datetime, stage: Stage
) -> Table:
    return table_of(client, database, owner, cast, now, stage)


@asynccontextmanager
async def endpoint(table: Table, database_url: str) -> AsyncIterator[Client]:
    """An endpoint of its own, which remembers no plan."""
    async with engine.make_pool(database_url, size=4) as pool:
        yield Client(Reader(pool), table.client.cast, table.client.now, table.client.owner)


def without_predicates(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Plant the fault: no table in any statement is tied to anybody. The list fills with those it was."""
    untied: list[str] = []
    written = planning.placed

    def scope(self: planning.Planning, table: Any, alias: str) -> str:
        untied.append(table.name)
        return "true"

    def placed(template: str, alias: str, moment: tuple[str, str]) -> str:
        return _TIED.sub("true", written(template, alias, moment))

    monkeypatch.setattr(planning.Planning, "scope", scope)
    monkeypatch.setattr(planning, "placed", placed)
    monkeypatch.setattr(planning, "assert_scoped", lambda statement: None)
    return untied


def without_row_level_security(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plant the fault: statements run as the superuser, whom no policy binds."""
    monkeypatch.setattr(engine, "as_app", lambda url: url)


async def answers(table: Table, client: Client, small: int) -> dict[tuple[str, str], tuple[int, bytes]]:
    """What everybody is told: of everything there is by its id, and of everything two levels deep."""
    found = {}
    asked = [*documents(staff=False), *documents(staff=True)]
    for turn, name in enumerate(EVERYBODY):
        for number, (noun, document) in enumerate(ALL.items()):
            if name in GROUPS["keys"] and (turn + number) % rounds(4, 1):
                continue
            every = [record.text for record in table.records if record.noun == noun]
            answer = await table.ask(name, document, {"ids": every}, client=client)
            found[name, noun] = answer.status, answer.body
        for number, (document, noun) in enumerate(asked):
            if (turn + number) % rounds(small, 1) == 0:
                # Of one's own where there is one, and of the first stranger's.
                for id_ in [*table.own(name, noun)[:1], *table.strange(name, noun)[:1]] if noun else [""]:
                    variables = {"id": id_} if noun else {}
                    answer = await table.ask(name, document, variables, client=client)
                    found[name, f"{document} {id_}"] = answer.status, answer.body
    return found


def strange_in(table: Table, found: dict[tuple[str, str], tuple[int, bytes]]) -> int:
    """How many answers hold what whoever asked must not read; ids that were asked for are no words."""
    count = 0
    for (name, asked), (_, body) in found.items():
        count += bool(table.leaks(name, body, re.findall(r"\b[a-z]{2,4}_[0-9a-f]{32}$", asked)))
    return count


@pytest.mark.prove
async def test_each_layer_alone_gives_the_same_answers(table: Table, database_url: str) -> None:
    async with endpoint(table, database_url) as sound:
        expected = await answers(table, sound, 97)
    with pytest.MonkeyPatch.context() as planted:
        untied = without_predicates(planted)
        async with endpoint(table, database_url) as guarded:
            by_security = await answers(table, guarded, 97)
    with pytest.MonkeyPatch.context() as planted:
        without_row_level_security(planted)
        async with endpoint(table, database_url) as unguarded:
            by_predicates = await answers(table, unguarded, 97)
    assert by_security == expected
    assert by_predicates == expected
    assert strange_in(table, expected) == 0
    assert {noun.table.name for noun in NOUNS.values()} <= set(untied)
    print(f"{len(expected)} answers, three times")
    assert len(expected) > rounds(200, 4000)


async def test_without_either_strange_rows_come(
    table: Table, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_predicates(monkeypatch)
    without_row_level_security(monkeypatch)
    seen = set()
    async with endpoint(table, database_url) as faulty:
        for name in ("ada", "carl"):
            for noun, document in ALL.items():
                every = [record.text for record in table.records if record.noun == noun]
                answer = await table.ask(name, document, {"ids": every}, client=faulty)
                if table.leaks(name, answer.body):
                    seen.add((name, noun))
    # A noun that nobody of a side may read at all is refused before either layer is asked.
    assert seen == {
        (name, noun)
        for name in ("ada", "carl")
        for noun, kind in NOUNS.items()
        if kind.needs is None or table.client.cast.actors[name].may(kind.needs)
    }

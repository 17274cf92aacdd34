"""Every list, in every order: walked forwards, backwards and taken whole, it is the same list."""

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from graphql import get_named_type

from api import reads
from api.nouns import NOUNS, Noun, read_of
from api.schema import GRAPHQL
from tests.api.oracle.reference import cursor
from tests.api.oracle.trial import Asker, Trial
from tests.figures import rounds

pytestmark = pytest.mark.anyio

List = tuple[str, str, Noun]
"""The type that has it, its name, and the noun it lists."""


def lists() -> Iterator[List]:
    for owner in ("Query", *NOUNS):
        for name, declared in GRAPHQL.get_type(owner).fields.items():  # type: ignore[union-attr]
            if isinstance(read_of(declared), reads.Page):
                connection: Any = get_named_type(declared.type)
                yield owner, name, NOUNS[get_named_type(connection.fields["nodes"].type).name]


GIVEN = "first: $first, after: $after, last: $last, before: $before"
ASKED = (
    "{ edges { cursor node { id } } totalCount"
    " pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }"
)


def document(owner: str, name: str, order: str) -> str:
    given = GIVEN + (f", orderBy: {order}" if order else "")
    declared = "query Q($first: Int, $after: String, $last: Int, $before: String"
    if owner == "Query":
        return f"{declared}) {{ {name}({given}) {ASKED} }}"
    return f"{declared}, $id: ID!) {{ node(id: $id) {{ ... on {owner} {{ {name}({given}) {ASKED} }} }} }}"


async def page(trial: Trial, asker: Asker, of: tuple[str, str, str], id_: str | None, **asked: Any) -> Any:
    owner, name, order = of
    kept = trial.reader.documents.get(document(owner, name, order))
    variables = {**asked, "id": id_} if id_ else asked
    answer = await trial.reader.read(kept, variables, credential=asker.credential, now=trial.world.now)
    content: Any = answer.content if owner == "Query" else answer.content["node"]
    return content[name]


async def walk(
    trial: Trial, asker: Asker, of: tuple[str, str, str], id_: str | None, size: int, *, backward: bool
) -> list[str]:
    """The ids of a whole list, page by page."""
    found: list[str] = []
    bound: str | None = None
    for _ in range(200):
        asked = {"last": size, "before": bound} if backward else {"first": size, "after": bound}
        got = await page(trial, asker, of, id_, **asked)
        ids = [edge["node"]["id"] for edge in got["edges"]]
        found = ids + found if backward else found + ids
        about = got["pageInfo"]
        cursors = [edge["cursor"] for edge in got["edges"]] or [None]
        assert [about["startCursor"], about["endCursor"]] == [cursors[0], cursors[-1]]
        bound = about["startCursor" if backward else "endCursor"]
        if not about["hasPreviousPage" if backward else "hasNextPage"]:
            return found
        assert len(ids) == size
    raise AssertionError("the walk has no end")


async def try_list(trial: Trial, asker: Asker, listed: List, order: str, size: int) -> int:
    """Walk one list of one actor; how many records it has."""
    owner, name, noun = listed
    rows, id_ = children(asker, listed)
    column, falling = noun.orders[order].column, noun.orders[order].descending
    rows = sorted(rows, key=lambda row: (row[column], row["id"]), reverse=falling)
    wanted = [f"{noun.prefix}_{row['id'].hex}" for row in rows]
    of = (owner, name, order)
    whole = await page(trial, asker, of, id_, first=100)
    assert [edge["node"]["id"] for edge in whole["edges"]] == wanted
    assert [edge["cursor"] for edge in whole["edges"]] == [cursor(noun, column, falling, row) for row in rows]
    assert whole["totalCount"] == len(wanted)
    assert await walk(trial, asker, of, id_, size, backward=False) == wanted
    assert await walk(trial, asker, of, id_, size, backward=True) == wanted
    return len(wanted)


def children(asker: Asker, listed: List) -> tuple[list[Any], str | None]:
    """The longest such list the actor may see, and whose it is."""
    owner, name, noun = listed
    rows = asker.reference.all(noun.table.name)
    if owner == "Query":
        return [row for row in rows if asker.reference.only(owner, name)(row)], None
    read: Any = read_of(GRAPHQL.get_type(owner).fields[name])  # type: ignore[union-attr]
    parents = asker.reference.all(NOUNS[owner].table.name)
    only = asker.reference.only(owner, name)
    found = {
        parent["id"]: [row for row in rows if row[read.link] == parent["id"] and only(row)]
        for parent in parents
    }
    best = max(found, key=lambda id_: len(found[id_]))
    return found[best], f"{NOUNS[owner].prefix}_{best.hex}"


@pytest.mark.prove
async def test_every_list_is_the_same_from_both_ends(trial: Trial) -> None:
    chance, walked = Random(3), 0
    for listed in lists():
        owner, name, noun = listed
        for order in noun.orders:
            for asker in trial.askers.values():
                if not asker.generator.may(owner, name) or chance.random() > rounds(15, 100) / 100:
                    continue
                size = chance.choice((1, 2, 3, 7))
                walked += bool(await try_list(trial, asker, listed, order, size))
    assert walked >= rounds(20, 150)

"""The declarations against the database, and the committed schema against the declarations."""

import re
from pathlib import Path

import pytest
from graphql import build_schema, find_breaking_changes
from sqlalchemy import Connection, text

from api.model import ModelMismatch, check_model
from api.read import Reader
from api.schema import sdl

COMMITTED = Path(__file__).parents[2] / "api" / "schema.graphql"


@pytest.mark.anyio
async def test_the_declarations_fit_the_database(reader: Reader) -> None:
    await check_model(reader.pool)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("alter table customer alter column city drop not null", "Customer.city is never null"),
        ("alter table invoice alter column due_on drop not null", "Invoice is ordered by due_on"),
        ("alter table invoice alter column total_minor drop not null", "Invoice.total is never null"),
        ("alter table payment rename column failure_code to why", "payment.failure_code is not there"),
    ],
)
async def test_a_database_that_does_not_fit_is_refused_at_the_start(
    reader: Reader, owner: Connection, change: str, named: str
) -> None:
    owner.execute(text(change))
    with pytest.raises(ModelMismatch, match=named):
        await check_model(reader.pool)


def test_the_committed_schema_is_current() -> None:
    assert COMMITTED.read_text() == sdl(), "run `remit schema` and review what changes"


def test_nothing_breaks_for_clients_of_the_committed_schema() -> None:
    broken = find_breaking_changes(build_schema(COMMITTED.read_text()), build_schema(sdl()))
    assert [change.description for change in broken] == []


def test_a_breaking_change_would_be_found() -> None:
    before = build_schema(COMMITTED.read_text())
    without = build_schema(
        re.sub(r"(\ntype Customer implements .*?\n)  company: String!\n", r"\1", sdl(), count=1, flags=re.S)
    )
    assert [change.description for change in find_breaking_changes(before, without)] == [
        "Field Customer.company was removed."
    ]

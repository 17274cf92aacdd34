"""The declarations held against the database they read, when a process starts.

The surprise: the planner leaves out what guards against NULL where a column is NOT NULL, so a column that is
not what its model says would swallow records in silence. Nothing is answered before this was checked.
"""

from collections.abc import Iterator, Mapping

from graphql import is_non_null_type
from psycopg_pool import AsyncConnectionPool

from api.nouns import NOUNS, Noun, read_of
from api.plan.filters import sql_type
from api.plan.pages import can_begin_after
from api.plan.select import object_type
from api.reads import Amount, Column
from api.schema import GRAPHQL
from db.trips import TripConnection

Stored = Mapping[tuple[str, str], bool]
"""The database's columns by table and name: may they be null?"""

_COLUMNS = """
select c.relname, a.attname, not a.attnotnull from pg_attribute a
join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
where n.nspname = current_schema() and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped
"""


class ModelMismatch(Exception):
    """The database is not the one these declarations were made for. Migrate it."""


async def check_model(pool: AsyncConnectionPool[TripConnection]) -> None:
    """Raise `ModelMismatch` naming every declaration that the database does not bear out."""
    async with pool.connection() as connection:
        found = await connection.execute(_COLUMNS)
        stored = {(table, column): nullable for table, column, nullable in await found.fetchall()}
    wrong = list(mismatches(stored))
    if wrong:
        raise ModelMismatch("; ".join(wrong))


def mismatches(stored: Stored) -> Iterator[str]:
    """What the declarations get wrong about the stored columns."""
    for noun in NOUNS.values():
        yield from _columns(noun, stored)
        yield from _fields(noun, stored)
        for order in noun.orders.values():
            column = noun.table.c[order.column]
            if stored.get((noun.table.name, order.column), True):
                yield f"{noun.name} is ordered by {order.column}, which may be null"
            if order.column != "id" and not can_begin_after(sql_type(column.type)):
                yield f"{noun.name} is ordered by {order.column}, whose comparison no index answers"


def _columns(noun: Noun, stored: Stored) -> Iterator[str]:
    for column in noun.table.columns:
        nullable = stored.get((noun.table.name, column.name))
        if nullable is None:
            yield f"{noun.table.name}.{column.name} is not there"
        elif nullable and not column.nullable:
            yield f"{noun.table.name}.{column.name} may be null"


def _fields(noun: Noun, stored: Stored) -> Iterator[str]:
    for name, field in object_type(GRAPHQL.get_type(noun.name)).fields.items():
        read = read_of(field)
        python_name: str = field.extensions["strawberry-definition"].python_name
        column = None
        if isinstance(read, Column):
            column = read.name or python_name
        elif isinstance(read, Amount) and isinstance(read.minor, str):
            column = read.minor
        if column and is_non_null_type(field.type) and stored.get((noun.table.name, column), False):
            yield f"{noun.name}.{name} is never null, but {noun.table.name}.{column} may be"

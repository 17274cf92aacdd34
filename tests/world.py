"""O3, the world diff: what is in the database, so that a test can say that nothing changed.

Every table counts, the job queue too. Rows are compared by digest: a difference is shown as counts and rows.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, text

World = dict[str, list[str]]


def tables_of(owner: Connection) -> list[str]:
    """Every table there is, those of the queue included."""
    listed = text(
        "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace "
        "order by relname"
    )
    return list(owner.scalars(listed))


def world(owner: Connection, *, without: Collection[str] = ()) -> World:
    """The sorted rows, as text, of every table but those named."""
    found: World = {table: [] for table in tables_of(owner) if table not in without}
    # One statement for all: a look is taken twice a refusal, by some thousand tests.
    every = " union all ".join(f"select '{table}', t::text from \"{table}\" t" for table in found)
    for table, row in owner.execute(text(every)):
        found[table].append(row)
    return {table: sorted(rows) for table, rows in found.items()}


def difference(before: World, after: World) -> dict[str, dict[str, list[str]]]:
    """What is in one world and not in the other, by table; empty when they are the same."""
    found = {}
    for table in sorted({*before, *after}):
        old, new = Counter(before.get(table, ())), Counter(after.get(table, ()))
        if old != new:
            found[table] = {"gone": sorted((old - new).elements()), "new": sorted((new - old).elements())}
    return found


@contextmanager
def nothing_changes(owner: Connection, *, without: Collection[str] = ()) -> Iterator[None]:
    """The block leaves every row of every table as it was."""
    before = world(owner, without=without)
    yield
    found = difference(before, world(owner, without=without))
    assert found == {}, found

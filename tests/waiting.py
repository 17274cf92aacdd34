"""Somebody else's lock, for tests of what happens to those who wait."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, text


@contextmanager
def held(owner: Connection, table: str) -> Iterator[None]:
    """Nobody else reads the table meanwhile."""
    with owner.engine.connect() as other, other.begin():
        other.execute(text(f"lock table {table} in access exclusive mode"))
        yield

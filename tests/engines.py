"""Engines for tests, kept as long as the process runs.

What an engine has compiled serves the next database too: a tenth of the everyday tests' time was the same
few hundred statements, compiled anew for each test's database.
"""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import URL, Engine, event

from db import engine as engines


@dataclass
class _Kept:
    """An engine, and the database its next connections go to."""

    engine: Engine
    database: str | None = None

    def __post_init__(self) -> None:
        event.listen(self.engine, "do_connect", self._aim)

    def _aim(self, _dialect: object, _record: object, _args: object, given: dict[str, Any]) -> None:
        given["dbname"] = self.database


_IDLE: defaultdict[URL, list[_Kept]] = defaultdict(list)


@contextmanager
def engine_on(url: str, *, as_role: bool = True) -> Iterator[Engine]:
    """As `make_engine`, for the length of a block: its connections are closed with it."""
    made = engines.make_engine(url, as_role=as_role)
    idle = _IDLE[made.url.set(database=None)]
    kept = idle.pop() if idle else _Kept(made)
    kept.database = made.url.database
    try:
        yield kept.engine
    finally:
        kept.engine.dispose()
        idle.append(kept)

"""Trips: a few statements go to the database together, as one transaction, and one packet answers them all.

psycopg's pipeline gives each statement a write and a poll of its own, which cost a small read more than its
rows do. This is libpq's pipeline by psycopg's connection and adapters, with one write and one wait. Surprise:
a statement is prepared by the trip that asks it first, and counts as prepared once the server said so.
"""

from collections import OrderedDict
from collections.abc import Sequence
from itertools import islice
from typing import Any, NamedTuple

from psycopg import AsyncConnection, OperationalError, abc
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus, Format
from psycopg.pq.abc import PGconn, PGresult
from psycopg.waiting import Ready, Wait

Asked = tuple[str, Sequence[Any]]
# Every document shape is a statement of its own.
MOST_PREPARED = 1000


class Found:
    """A statement's first row: `raw` as the server wrote it, None where there is no row."""

    def __init__(self, result: PGresult, transformer: abc.Transformer) -> None:
        self._result = result
        self._transformer = transformer
        self.raw: tuple[bytes | None, ...] | None = (
            tuple([result.get_value(0, column) for column in range(result.nfields)])
            if result.ntuples
            else None
        )

    def row(self) -> tuple[Any, ...] | None:
        """The row as Python has it."""
        if self.raw is None:
            return None
        self._transformer.set_pgresult(self._result)
        return self._transformer.load_row(0, tuple)


class _Key(NamedTuple):
    """What makes a prepared statement: its text and the types its parameters came with."""

    sql: str
    types: tuple[int, ...]


_Params = Sequence[abc.Buffer | None]
_Written = tuple[_Key, _Params, Sequence[Format] | None]


class TripConnection(AsyncConnection):
    """A connection of the pool that documents are read through."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._transformer: abc.Transformer = Transformer(self)
        self._names: OrderedDict[_Key, bytes] = OrderedDict()
        self._number = 0

    async def trip(self, *asked: Asked) -> list[Found]:
        """Ask every statement, in this order, and give each one's first row.

        Raises psycopg's error for the first that failed; then none of them has done anything.
        """
        return await self.wait(self._trip(asked))

    def _trip(self, asked: Sequence[Asked]) -> abc.PQGen[list[Found]]:
        # Before anything is sent: a value that can't be written must not leave half a trip on the way.
        written = [self._written(sql, values) for sql, values in asked]
        self.pgconn.enter_pipeline_mode()
        # What each result will be about: a statement that is now prepared or no longer, or a row (None).
        about: list[_Change | None] = []
        for each in written:
            self._send(*each, about)
        self._forget(about)
        self.pgconn.pipeline_sync()
        results = yield from _results(self.pgconn)
        # Not when something was raised before: a connection torn out of a trip is thrown away by its pool.
        self.pgconn.exit_pipeline_mode()
        found = []
        for change, result in zip(about, results, strict=True):
            if result.status == ExecStatus.FATAL_ERROR:
                raise error_from_result(result, encoding=self.info.encoding)
            if change is None:
                found.append(Found(result, self._transformer))
            elif change.name is None:
                del self._names[change.key]
            else:
                self._names[change.key] = change.name
        return found

    def _written(self, sql: str, values: Sequence[Any]) -> _Written:
        params = self._transformer.dump_sequence(values, [PyFormat.AUTO] * len(values))
        return _Key(sql, self._transformer.types or ()), params, self._transformer.formats

    def _send(
        self, key: _Key, params: _Params, formats: Sequence[Format] | None, about: "list[_Change | None]"
    ) -> None:
        name = self._names.get(key)
        if name is None:
            self._number += 1
            name = b"trip_%d" % self._number
            self.pgconn.send_prepare(name, key.sql.encode(), key.types)
            about.append(_Change(key, name))
        else:
            self._names.move_to_end(key)
        self.pgconn.send_query_prepared(name, params, formats)
        about.append(None)

    def _forget(self, about: "list[_Change | None]") -> None:
        """Ask the server to forget as many as are too many, those first that were not asked for longest."""
        too_many = len(self._names) + sum(change is not None for change in about) - MOST_PREPARED
        for key in list(islice(self._names, max(too_many, 0))):
            self.pgconn.send_query_params(b"deallocate " + self._names[key], None)
            about.append(_Change(key, None))


class _Change(NamedTuple):
    """A statement that is prepared under `name`, or no longer (None), once its result is good."""

    key: _Key
    name: bytes | None


def _results(pgconn: PGconn) -> abc.PQGen[list[PGresult]]:
    """Everything the server says to what was sent, up to the sync."""
    results: list[PGresult] = []
    while pgconn.flush():
        if (yield Wait.RW) & Ready.R:
            pgconn.consume_input()
    while True:
        while pgconn.is_busy():
            if (yield Wait.R):
                pgconn.consume_input()
        result = pgconn.get_result()
        if result is None:  # between two statements
            if pgconn.status == ConnStatus.BAD:
                raise OperationalError("the connection was lost in the middle of an answer")
            continue
        if result.status == ExecStatus.PIPELINE_SYNC:
            return results
        results.append(result)

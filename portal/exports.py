"""A list as a CSV file: exactly what is filtered, or what is chosen.

Surprise: the file is sent while it is read, a page of the list after the other, so its size needs no memory;
and an export that can't be finished breaks off, so that no browser takes half a file for a whole one.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlmodel import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from auth.actors import Actor
from billing.csv_out import BOM, Cell, line
from billing.exports import Export
from portal.door import act
from portal.form import CAMEL, Form
from portal.house import house
from portal.whole import pages


class Listed(NamedTuple):
    """What becomes a file: the document and its connection, `size` records at a time, the columns."""

    document: str
    connection: str
    variables: Mapping[str, Any]
    size: int
    export: Export
    columns: Sequence[str]
    row: Callable[[Mapping[str, Any]], Sequence[Cell]]


async def send(
    request: Request, form: Form, listed: Listed, *, asked: Mapping[str, str], chosen: Sequence[str] = ()
) -> Response:
    """The file; written down in the audit log before its first byte (what was `asked`), and after its last.

    Refuses who may not export.
    """
    now = house(request).clock()

    def work(db: Session, actor: Actor) -> Actor:
        return listed.export.begin(db, actor, asked=asked, chosen=chosen, now=now)

    actor = await act(request, work, form=form)
    name = f"{CAMEL.sub('-', listed.connection).lower()}-{now:%Y-%m-%d}.csv"
    return StreamingResponse(
        _file(request, listed, actor),
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"},
    )


async def _file(request: Request, listed: Listed, actor: Actor) -> AsyncIterator[str]:
    yield BOM + line(listed.columns)
    rows = 0
    async for records in pages(
        request, listed.document, listed.connection, listed.variables, size=listed.size
    ):
        rows += len(records)
        yield "".join(line(listed.row(one)) for one in records)
    await run_in_threadpool(_finish, request, listed.export, actor, rows)


def _finish(request: Request, export: Export, actor: Actor, rows: int) -> None:
    parts = house(request)
    with parts.database.transaction(partner_id=actor.partner_id, customer_id=actor.customer_id) as db:
        export.finish(db, actor, rows=rows, now=parts.clock())

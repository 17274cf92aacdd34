"""The list of customers as a CSV file: exactly what is filtered, or what is chosen.

Surprise: the file is sent while it is read, a page of the list after the other, so its size needs no memory;
and an export that can't be finished breaks off, so that no browser takes half a file for a whole one.
"""

from collections.abc import AsyncIterator

from sqlmodel import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from auth.actors import Actor
from billing import customer_exports
from billing.csv_out import BOM, line
from portal.door import act, go, partner, read_form
from portal.house import house, place
from portal.partner.customer_chosen import Chosen, find, lead_back
from portal.whole import pages

_PAGE = 80  # with 50 tags each, what one document may cost


async def export(request: Request) -> Response:
    """The file; written down in the audit log before its first byte, and after its last."""
    form = await read_form(request)
    chosen, now = Chosen.of(form), house(request).clock()
    if chosen.ids is not None and not (await find(request, chosen)).ids:
        said = "No customer is chosen. Check the boxes of those you mean."
        back = chosen.narrowing.address(f"{place(request).home}/customers")
        return go(request, back, said, tone="warning")

    def work(db: Session, actor: Actor) -> Actor:
        asked = dict(chosen.narrowing.texts) | {"tags": " ".join(chosen.narrowing.tags)}
        said = {name: text for name, text in asked.items() if text}
        return customer_exports.begin(db, actor, asked=said, chosen=chosen.ids or (), now=now)

    actor = await act(request, work, form=form)
    name = f"customers-{now:%Y-%m-%d}.csv"
    return StreamingResponse(
        _file(request, chosen, actor),
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"},
    )


async def _file(request: Request, chosen: Chosen, actor: Actor) -> AsyncIterator[str]:
    yield BOM + line(customer_exports.COLUMNS)
    rows = 0
    async for records in pages(
        request, "partner/customers/export", "customers", chosen.variables, size=_PAGE
    ):
        rows += len(records)
        yield "".join(line(customer_exports.row(one)) for one in records)
    await run_in_threadpool(_finish, request, actor, rows)


def _finish(request: Request, actor: Actor, rows: int) -> None:
    parts = house(request)
    with parts.database.transaction(partner_id=actor.partner_id) as db:
        customer_exports.finish(db, actor, rows=rows, now=parts.clock())


_HERE = "/partner/{slug}/customers/chosen/export"
ROUTES = [Route(_HERE, partner(export), methods=["POST"]), Route(_HERE, partner(lead_back))]

"""The company's invoices as files: one as a PDF, several in a zip or as one PDF.

Surprise: whoever takes an invoice as a file has opened it, whether or not its page was looked at before: the
log says so, as for the page.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.actors import Actor
from billing import invoice_views
from db import ids
from portal import invoice_files, papers
from portal.door import customer, is_opened, note_opening
from portal.house import house, record_id


async def show(request: Request) -> Response:
    """The invoice as a PDF."""
    answer = await papers.invoice(request)
    await note_opened(request, [record_id(request, "invoice_id", "inv")])
    return answer


async def download(request: Request) -> Response:
    """The chosen invoices as PDFs in a zip."""
    answer = await invoice_files.download(request)
    await note_opened(request, _chosen(request))
    return answer


async def bind(request: Request) -> Response:
    """The chosen invoices as one PDF."""
    answer = await invoice_files.bind(request)
    await note_opened(request, _chosen(request))
    return answer


async def note_opened(request: Request, invoice_ids: Sequence[UUID]) -> None:
    """Write down that a person of the company opened these, once a person and hour."""
    now = house(request).clock()

    def work(db: Session, actor: Actor) -> None:
        for invoice_id in invoice_ids:
            invoice_views.note_opened(db, actor, invoice_id=invoice_id, now=now)

    if invoice_ids and is_opened(request):
        await note_opening(request, work)


def _chosen(request: Request) -> list[UUID]:
    # In one order for all: two who take the same ones wait for each other, and never both at once.
    return sorted(ids.parsed(text, "inv") for text in invoice_files.chosen(request))


_ALL = "/portal/{slug}/invoices"
ROUTES = [
    Route(_ALL + "/chosen.zip", customer(download)),
    Route(_ALL + "/chosen.pdf", customer(bind)),
    Route(_ALL + "/{invoice_id}/invoice.pdf", customer(show)),
]

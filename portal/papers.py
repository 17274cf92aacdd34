"""Documents as files: what is printed of a record, for whoever may see the record's page, in their language.

Surprise: the document is put together in one transaction with the look-up of who asks, and set after it, so
that no connection waits for the press.
"""

from collections.abc import Callable

from sqlmodel import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from auth.actors import Actor
from integrations.pdf.credit_notes import credit_note_sheet
from integrations.pdf.invoices import invoice_sheet
from integrations.pdf.press import Sheet
from integrations.pdf.receipts import outside_receipt_sheet, receipt_sheet
from portal.door import meet
from portal.house import house, place, record_id

PDF = "application/pdf"


async def invoice(request: Request) -> Response:
    """The invoice as a PDF; of a draft for the partner only."""
    invoice_id = record_id(request, "invoice_id", "inv")
    return await paper(request, lambda db, actor: invoice_sheet(db, actor, invoice_id=invoice_id))


async def receipt(request: Request) -> Response:
    """The receipt of a payment that succeeded, as a PDF."""
    payment_id = record_id(request, "payment_id", "pay")
    return await paper(request, lambda db, actor: receipt_sheet(db, actor, payment_id=payment_id))


async def outside_receipt(request: Request) -> Response:
    """The receipt of a payment from outside, as a PDF."""
    payment_id = record_id(request, "outside_id", "opm")
    return await paper(request, lambda db, actor: outside_receipt_sheet(db, actor, payment_id=payment_id))


async def credit_note(request: Request) -> Response:
    """The credit note as a PDF."""
    note_id = record_id(request, "credit_note_id", "crn")
    return await paper(request, lambda db, actor: credit_note_sheet(db, actor, note_id=note_id))


async def paper(request: Request, write: Callable[[Session, Actor], Sheet]) -> Response:
    """The file of what `write` puts together; with `?view` browsers show it instead of keeping it."""
    sheet = await meet(request, write)
    pdf = await run_in_threadpool(house(request).press.pdf, sheet, place(request).home)
    return file(pdf, sheet.name, PDF, inline="view" in request.query_params)


def file(content: bytes | str, name: str, media_type: str, *, inline: bool = False) -> Response:
    """A file of ours under a name that is plain ASCII by its making; kept by nobody on its way."""
    how = "inline" if inline else "attachment"
    headers = {"content-disposition": f'{how}; filename="{name}"', "cache-control": "no-store"}
    return Response(content, media_type=media_type, headers=headers)

"""Several invoices as one file, at both doors, as chosen in the list: a zip with a PDF of each, or one PDF.

Surprise: the one PDF is not merged from others. It is set as one document, so that it is as fit for archives
and screen readers as each invoice is alone.
"""

import io
import time
import zipfile
from collections import Counter
from collections.abc import Iterable, Sequence

from sqlmodel import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from auth.actors import Actor
from db import ids
from integrations.pdf.binding import bound
from integrations.pdf.invoices import invoice_sheet
from integrations.pdf.press import Press, Sheet, TooLong, TooSlow
from integrations.pdf.writing import file_name
from languages import mark, say
from portal.door import go, meet
from portal.house import house, place
from portal.papers import file

# As many as the portal's page of the list has.
MOST = 50
# All of them together; one alone has the press's own deadline.
MOST_SECONDS = 60.0


async def download(request: Request) -> Response:
    """The chosen invoices as PDFs in a zip. Refuses NotFound for one that is not theirs, TooLong."""
    sheets = await _chosen(request)
    if not sheets:
        return _back(request)
    packed = await run_in_threadpool(_packed, house(request).press, sheets, place(request).home)
    return file(packed, file_name(say("Invoices"), ending="zip"), "application/zip")


async def bind(request: Request) -> Response:
    """The chosen invoices as one PDF, in the order they were chosen. Refuses as `download`."""
    sheets = await _chosen(request)
    if not sheets:
        return _back(request)
    name = file_name(say("Invoices"))
    one = bound(sheets, name=name, title=say("Invoices"))
    made = await run_in_threadpool(house(request).press.pdf, one, place(request).home)
    return file(made, name, "application/pdf")


def chosen(request: Request) -> list[str]:
    """The ids that the address names, each once."""
    query = request.query_params
    # The portal's boxes for what can be paid are called so, for the button beside this one.
    return list(dict.fromkeys([*query.getlist("invoice"), *query.getlist("pay")]))


async def _chosen(request: Request) -> list[Sheet]:
    wanted = chosen(request)
    if len(wanted) > MOST:
        raise TooLong
    return await meet(request, lambda db, actor: _sheets(db, actor, wanted))


def _back(request: Request) -> Response:
    return go(request, f"{place(request).home}/invoices", "Choose the invoices to download.", tone="info")


def _sheets(db: Session, actor: Actor, chosen: Iterable[str]) -> list[Sheet]:
    return [invoice_sheet(db, actor, invoice_id=ids.parsed(text, "inv")) for text in chosen]


def _packed(press: Press, sheets: Sequence[Sheet], owner: str) -> bytes:
    """The same sheets are the same zip: its entries have the sheets' own dates. Refuses TooSlow."""
    ends = time.monotonic() + MOST_SECONDS
    packed, taken = io.BytesIO(), Counter[str]()
    with zipfile.ZipFile(packed, "w") as archive:
        for sheet in sheets:
            if time.monotonic() >= ends:
                raise TooSlow(mark("These took too long to make. Choose less at once."), retry_after=5)
            taken[sheet.name] += 1
            again = f"-{taken[sheet.name]}.pdf" if taken[sheet.name] > 1 else ".pdf"
            name = sheet.name.removesuffix(".pdf") + again
            entry = zipfile.ZipInfo(name, date_time=sheet.made_at.timetuple()[:6])
            archive.writestr(entry, press.pdf(sheet, owner), zipfile.ZIP_DEFLATED)
    return packed.getvalue()

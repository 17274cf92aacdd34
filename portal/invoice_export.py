"""Invoices as a CSV file, at both doors: those chosen in the list, or all that it shows.

Surprise: the page that asks holds no right of its own. Whoever may read invoices may take them out, and the
file holds what the list's own document finds.
"""

from starlette.requests import Request
from starlette.responses import Response

from billing import invoice_exports
from portal import exports
from portal.door import go, read_form
from portal.house import place
from portal.invoice_choice import Chosen, Narrow, folder, found
from portal.page import show
from portal.paging import counted

_PAGE = 80  # with 50 tags each, what one document may cost


async def show_export(request: Request, narrow: Narrow) -> Response:
    """How many invoices the file will hold, and what of each."""
    chosen = Chosen.asked(request)
    page = await found(request, chosen, narrow)
    count = page.content["invoices"]["totalCount"]
    if not count:
        return go(request, chosen.back(request), "Choose the invoices to export.", tone="info")
    return show(
        request, f"{folder(request)}/invoices/export.html", page, back=chosen.back(request),
        fields=chosen.fields, action=f"{place(request).home}/invoices/export",
        count=counted(count, "invoice", "invoices"),
    )  # fmt: skip


async def export(request: Request, narrow: Narrow) -> Response:
    """The file."""
    form = await read_form(request)
    chosen = Chosen.posted(form)
    await found(request, chosen, narrow)
    listed = exports.Listed(
        f"{folder(request)}/invoices/export", "invoices", chosen.variables(narrow), _PAGE,
        invoice_exports.EXPORT, invoice_exports.COLUMNS, invoice_exports.row,
    )  # fmt: skip
    asked = {"list": chosen.query} if chosen.query else {}
    return await exports.send(request, form, listed, asked=asked, chosen=chosen.ids or ())

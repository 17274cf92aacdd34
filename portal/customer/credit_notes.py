"""The portal's credit notes: what the partner took back, and the credit that is left of it."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from errors import NotFound
from portal import papers
from portal.door import customer
from portal.page import ask, show
from portal.paging import counted, neighbours, window


async def list_notes(request: Request) -> Response:
    """All of them, newest first."""
    page = await ask(request, "customer/credit_notes/list", **window(request))
    listed = page.content["creditNotes"]
    return show(
        request, "customer/credit_notes/list.html", page,
        beside=neighbours(request, listed["pageInfo"]),
        count=counted(listed["totalCount"], "credit note", "credit notes"),
    )  # fmt: skip


async def show_note(request: Request) -> Response:
    """One of them, with its lines."""
    page = await ask(request, "customer/credit_notes/one", id=request.path_params["credit_note_id"])
    note = page.content["creditNote"]
    if note is None:
        raise NotFound
    return show(request, "customer/credit_notes/details.html", page, note=note)


_LIST = "/portal/{slug}/credit-notes"
_ONE = _LIST + "/{credit_note_id}"
ROUTES = [
    Route(_LIST, customer(list_notes)),
    Route(_ONE, customer(show_note)),
    Route(_ONE + "/credit-note.pdf", customer(papers.credit_note)),
]

"""The portal's credit notes: what the partner took back, and the credit that is left of it."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from errors import NotFound
from portal import credit_note_list, papers
from portal.door import customer
from portal.page import ask, show


async def show_note(request: Request) -> Response:
    """One of them, with its lines."""
    page = await ask(request, "customer/credit_notes/one", id=request.path_params["credit_note_id"])
    note = page.content["creditNote"]
    if note is None:
        raise NotFound
    return show(request, "customer/credit_notes/details.html", page, note=note)


_ONE = "/portal/{slug}/credit-notes/{credit_note_id}"
ROUTES = [
    *credit_note_list.CUSTOMERS.routes(),
    Route(_ONE, customer(show_note)),
    Route(_ONE + "/credit-note.pdf", customer(papers.credit_note)),
]

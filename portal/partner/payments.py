"""The dashboard's payments: every attempt, whatever became of it."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from errors import NotFound
from portal import papers, payment_lists
from portal.door import partner
from portal.page import ask, show


async def show_payment(request: Request) -> Response:
    """One payment: what it was for, and how it ended."""
    page = await ask(request, "partner/payments/details", id=request.path_params["payment_id"])
    if page.content["payment"] is None:
        raise NotFound
    return show(request, "partner/payments/details.html", page)


ROUTES = [
    *payment_lists.STAFFS.routes(),
    Route("/partner/{slug}/payments/{payment_id}", partner(show_payment)),
    Route("/partner/{slug}/payments/{payment_id}/receipt.pdf", partner(papers.receipt)),
]

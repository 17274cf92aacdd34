"""The portal's payments from outside: checks, wires and cash that the partner noted as received."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from portal import papers
from portal.door import customer
from portal.page import ask, show
from portal.paging import counted, neighbours, window


async def list_payments(request: Request) -> Response:
    """All of them, newest first."""
    page = await ask(request, "customer/outside_payments/list", **window(request))
    listed = page.content["outsidePayments"]
    return show(
        request, "customer/outside_payments/list.html", page,
        beside=neighbours(request, listed["pageInfo"]),
        count=counted(listed["totalCount"], "payment", "payments"),
    )  # fmt: skip


ROUTES = [
    Route("/portal/{slug}/outside-payments", customer(list_payments)),
    Route("/portal/{slug}/outside-payments/{outside_id}/receipt.pdf", customer(papers.outside_receipt)),
]

"""The dashboard's payments: every attempt, whatever became of it."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from errors import NotFound
from languages import mark
from portal import papers
from portal.door import partner
from portal.page import ask, show
from portal.paging import counted, link, neighbours, window

TABS: dict[str, dict[str, Any]] = {
    "succeeded": {"status": {"eq": "SUCCEEDED"}},
    "failed": {"status": {"eq": "FAILED"}},
    "by_link": {"askedByKind": {"eq": "GUEST"}},
    "open": {"status": {"in": ["PENDING", "REQUIRES_ACTION", "PROCESSING", "UNKNOWN"]}},
}
LABELS = {
    "": mark("All"),
    "succeeded": mark("Succeeded"),
    "open": mark("Under way"),
    "failed": mark("Failed"),
    "by_link": mark("By pay link"),
}


async def list_payments(request: Request) -> Response:
    """All payments, newest first."""
    status = request.query_params.get("status", "")
    page = await ask(request, "partner/payments/list", **window(request), where=TABS.get(status))
    found = page.content["payments"]
    return show(
        request, "partner/payments/list.html", page,
        tabs=[(label, link(request, status=tab), tab == status, None) for tab, label in LABELS.items()],
        beside=neighbours(request, found["pageInfo"]),
        count=counted(found["totalCount"], "payment", "payments"),
    )  # fmt: skip


async def show_payment(request: Request) -> Response:
    """One payment: what it was for, and how it ended."""
    page = await ask(request, "partner/payments/details", id=request.path_params["payment_id"])
    if page.content["payment"] is None:
        raise NotFound
    return show(request, "partner/payments/details.html", page)


ROUTES = [
    Route("/partner/{slug}/payments", partner(list_payments)),
    Route("/partner/{slug}/payments/{payment_id}", partner(show_payment)),
    Route("/partner/{slug}/payments/{payment_id}/receipt.pdf", partner(papers.receipt)),
]

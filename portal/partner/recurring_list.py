"""The dashboard's list of recurring invoices: what it can be narrowed to, its order; and where one begins.

Surprise: without a tab it shows those that go on. What has ended is kept, and out of the way.
"""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.actors import Action
from billing import recurring_exports
from billing.recurrences import RecurringFrequency
from languages import mark, say, say_count
from portal.door import partner
from portal.invoice_filters import Span, read_day
from portal.narrowed_list import Listing, Tabs
from portal.page import ask, show
from portal.paging import counted, neighbours, window
from portal.partner.refused_sending import NOT_MADE

FREQUENCIES = {
    RecurringFrequency.MONTHLY: mark("Every month"),
    RecurringFrequency.QUARTERLY: mark("Every three months"),
    RecurringFrequency.YEARLY: mark("Every year"),
    RecurringFrequency.EVERY_N_DAYS: mark("Every so many days"),
}
TABS: Tabs = {
    "": (mark("Going on"), {"status": {"in": ["ACTIVE", "PAUSED"]}}),
    "paused": (mark("Paused", context="recurring invoices"), {"status": {"eq": "PAUSED"}}),
    "stopped": (mark("Stopped", context="recurring invoices"), {"refusal": {"isNull": False}}),
    "ended": (mark("Ended", context="recurring invoices"), {"status": {"eq": "ENDED"}}),
}
SORTS = {
    "CREATED_AT_DESC": mark("Newest first", context="recurring invoices"),
    "CREATED_AT_ASC": mark("Oldest first", context="recurring invoices"),
}
_NEXT = Span(
    "next", "nextOn", read_day,
    mark("Write the days of the next one as YYYY-MM-DD, like 2026-03-31. Until then they are left out."),
    mark("The first day is after the last one: nothing lies between them."),
)  # fmt: skip


def how_often(order: Mapping[str, Any]) -> str:
    """`every month`, `every 14 days`."""
    if order["everyDays"] is not None:
        return say_count("Every day", "Every {count} days", order["everyDays"])
    return say(FREQUENCIES[RecurringFrequency(order["frequency"])])


def _beside(content: Mapping[str, Any]) -> dict[str, Any]:
    orders = content["recurringInvoices"]["nodes"]
    return {"rows": [{**order, "often": how_often(order)} for order in orders], "refusals": NOT_MADE}


LISTING = Listing(
    path="recurring", noun="recurring", connection="recurringInvoices",
    count=lambda many: counted(many, "recurring invoice", "recurring invoices"), tab="show", tabs=TABS,
    sorts=SORTS, spans=(_NEXT,), export=recurring_exports.EXPORT, columns=recurring_exports.COLUMNS,
    row=recurring_exports.row, staffs=True, currencies=False, more=_beside,
)  # fmt: skip


async def choose_invoice(request: Request) -> Response:
    """Which invoice to repeat: of active customers, searched, the newest first."""
    search = request.query_params.get("search", "")
    page = await ask(request, "partner/recurring/choose", **window(request), search=search or None)
    found = page.content["invoices"]
    return show(
        request, "partner/recurring/choose.html", page, search=search,
        beside=neighbours(request, found["pageInfo"]),
        count=counted(found["totalCount"], "invoice", "invoices"),
    )  # fmt: skip


ROUTES = [
    *LISTING.routes(),
    Route("/partner/{slug}/recurring/new", partner(choose_invoice, needs=Action.EDIT_INVOICES)),
]

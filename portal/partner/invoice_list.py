"""The dashboard's list of invoices, and choosing whom to invoice."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from languages import mark
from portal import invoice_files
from portal.door import partner
from portal.every_tag import with_every_tag
from portal.invoice_filters import Filters
from portal.page import ask, show
from portal.paging import counted, link, neighbours, window

TABS: dict[str, dict[str, Any]] = {
    "draft": {"status": {"eq": "DRAFT"}},
    "open": {"status": {"eq": "OPEN"}},
    "overdue": {"isOverdue": {"eq": True}},
    "paid": {"status": {"eq": "PAID"}},
    "void": {"status": {"eq": "VOID"}},
}
LABELS = {
    "": mark("All"),
    "draft": mark("Drafts"),
    "open": mark("Open"),
    "overdue": mark("Overdue"),
    "paid": mark("Paid"),
    "void": mark("Void"),
}
SORTS = {
    "DUE_ON_DESC": mark("Due latest first"),
    "DUE_ON_ASC": mark("Due earliest first"),
    "CREATED_AT_DESC": mark("Newest first"),
    "TOTAL_DESC": mark("Largest first"),
    "NUMBER_ASC": mark("By number"),
}


async def list_invoices(request: Request) -> Response:
    """All invoices, by status, searched, by tags, due dates and currency, sorted."""
    query, filters = request.query_params, Filters.read(request)
    asked = {name: query.get(name, "") for name in ("status", "sort")}
    page = await ask(
        request, "partner/invoices/list", **window(request), search=filters.search or None,
        where={**TABS.get(asked["status"], {}), **filters.where()},
        orderBy=asked["sort"] if asked["sort"] in SORTS else None,
    )  # fmt: skip
    page = await with_every_tag(request, page)
    found = page.content["invoices"]
    tabs = [(label, link(request, status=tab), tab == asked["status"], None) for tab, label in LABELS.items()]
    return show(
        request, "partner/invoices/list.html", page, asked=asked, filters=filters, sorts=SORTS, tabs=tabs,
        beside=neighbours(request, found["pageInfo"]),
        count=counted(found["totalCount"], "invoice", "invoices"),
    )  # fmt: skip


async def choose_customer(request: Request) -> Response:
    """Whom to invoice: active customers, searched."""
    search = request.query_params.get("search", "")
    page = await ask(request, "partner/invoices/choose", **window(request), search=search or None)
    found = page.content["customers"]
    return show(
        request, "partner/invoices/choose.html", page, search=search,
        beside=neighbours(request, found["pageInfo"]),
        count=counted(found["totalCount"], "customer", "customers"),
    )  # fmt: skip


_LIST = "/partner/{slug}/invoices"
ROUTES = [
    Route(_LIST, partner(list_invoices)),
    Route(_LIST + "/new", partner(choose_customer)),
    Route(_LIST + "/chosen.zip", partner(invoice_files.download)),
]

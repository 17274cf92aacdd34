"""The dashboard's list of invoices, and choosing whom to invoice."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from billing.many import Noun
from portal import chips, invoice_files
from portal.door import partner
from portal.every_tag import with_every_tag
from portal.house import place
from portal.page import ask, show
from portal.paging import MOST_COUNTED, counted, link, neighbours, window
from portal.partner.invoice_narrowing import ARCHIVABLE, ARCHIVED, LABELS, SORTS, Narrowing
from portal.partner.invoice_sums import path_of, sums_of
from portal.partner.long_acts import under_way


async def list_invoices(request: Request) -> Response:
    """All invoices and what they come to, by status, searched, filtered, sorted."""
    asked = Narrowing.read(request)
    one = asked.filters.value("customer")
    page = await ask(
        request, "partner/invoices/list", **window(request), **asked.sorted_variables, customer=one,
        ofOne=bool(one),
    )  # fmt: skip
    page = await with_every_tag(request, page)
    found = page.content["invoices"]
    tabs = [(label, link(request, status=tab), tab == asked.status, None) for tab, label in LABELS.items()]
    few = found["totalCount"] < MOST_COUNTED
    return show(
        request, "partner/invoices/list.html", page, asked=asked, filters=asked.filters, sorts=SORTS,
        tabs=tabs, beside=neighbours(request, found["pageInfo"]),
        count=counted(found["totalCount"], "invoice", "invoices"), chips=chips.of_customer(request, page),
        cleared=f"{place(request).home}/invoices", archivable=asked.status in ARCHIVABLE,
        archived=asked.status == ARCHIVED, archived_path=link(request, status=ARCHIVED),
        sums=await sums_of(request, asked) if few and found["nodes"] else None,
        sums_path=None if few else path_of(request, asked), acts=await under_way(request, Noun.INVOICES),
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
    Route(_LIST + "/chosen.pdf", partner(invoice_files.bind)),
]

"""The dashboard's customers: the list, and the tabs of one customer.

Surprise: each tab is an address of its own with a document of its own; what they share is in `_tab`.
"""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from billing.addresses import Country
from billing.many import Noun
from billing.tax_ids import display_tax_id
from errors import NotFound
from languages import mark
from portal.door import partner
from portal.every_tag import with_every_tag
from portal.house import place
from portal.page import Page, ask, show
from portal.paging import counted, neighbours, window
from portal.partner.audit import told
from portal.partner.customer_filters import LISTED, Narrowing
from portal.partner.customer_form import display_rows
from portal.partner.customer_views import views_of
from portal.partner.long_acts import under_way
from portal.partner.trail import trail

TABS = (
    (mark("Profile"), "", None),
    (mark("Users"), "/users", None),
    (mark("Invoices"), "/invoices", None),
    (mark("Payments"), "/payments", None),
    (mark("Statement"), "/statement", None),
    (mark("Payment methods"), "/payment-methods", None),
    (mark("Notes"), "/notes", None),
    (mark("Activity"), "/activity", "audit:read"),
)


async def list_customers(request: Request) -> Response:
    """All customers: searched, filtered, sorted, a page at a time."""
    asked = Narrowing.of(request.query_params.multi_items())
    page = await ask(request, "partner/customers/list", **window(request), **asked.variables)
    page = await with_every_tag(request, page)
    listed, path = page.content["customers"], request.url.path
    before, after = neighbours(request, listed["pageInfo"])
    names = {tag["id"]: tag["name"] for tag in page.content["tags"]["nodes"]}
    views = views_of(page, asked, path, names)
    return show(
        request, "partner/customers/list.html", page, asked=asked,
        form=asked.form, choices=LISTED, chips=asked.chips(path, names), tag_names=list(names.items()),
        count=counted_customers(listed), views=views,
        cleared=asked.cleared().address(path), tax_id=_tax_id, before=before, after=after,
        acts=await under_way(request, Noun.CUSTOMERS),
        status=422 if asked.problems else 200,
    )  # fmt: skip


async def show_profile(request: Request) -> Response:
    """The company and its tags."""
    page = await ask(request, "partner/customers/details", id=request.path_params["customer_id"])
    page = await with_every_tag(request, page)
    customer = found(page)
    worn = {tag["id"] for tag in customer["tags"]}
    free = [(tag["id"], tag["name"]) for tag in page.content["tags"]["nodes"] if tag["id"] not in worn]
    rows = display_rows(customer, page.content["me"]["partner"])
    return tab(request, "Profile", "profile", page, rows=rows, free_tags=free)


async def show_invoices(request: Request) -> Response:
    """The customer's invoices."""
    return await _connection(request, "Invoices", "invoices", "invoices")


async def show_payments(request: Request) -> Response:
    """The customer's payments."""
    return await _connection(request, "Payments", "payments", "payments")


async def show_payment_methods(request: Request) -> Response:
    """The cards the customer's users put on file."""
    return await _connection(request, "Payment methods", "payment_methods", "paymentMethods")


async def show_activity(request: Request) -> Response:
    """What was done with the customer, by both sides."""
    page = await _ask(request, "activity")
    customer = found(page)
    events = await told(request, customer["auditEvents"]["nodes"])
    before, after = neighbours(request, customer["auditEvents"]["pageInfo"])
    return tab(request, "Activity", "activity", page, events=events, before=before, after=after)


def found(page: Page) -> Mapping[str, Any]:
    """The document's customer. Refuses (NotFound) one that is not there, or not the partner's."""
    customer: Mapping[str, Any] | None = page.content["customer"]
    if customer is None:
        raise NotFound
    return customer


def address_of(request: Request) -> str:
    """Where the customer in the request's address has its pages."""
    return f"{place(request).home}/customers/{request.path_params['customer_id']}"


def tab(request: Request, label: str, template: str, page: Page, /, **more: Any) -> Response:
    """One tab of the customer: its template in the frame all of them share."""
    address = address_of(request)
    tabs = [
        (text, address + path, text == label, None)
        for text, path, right in TABS
        if right is None or right in page.shell.rights
    ]
    crumbs = trail(request, (found(page)["company"], None))
    return show(
        request, f"partner/customers/{template}.html", page, crumbs=crumbs, address=address, tab=mark(label),
        tabs=tabs, **more,
    )  # fmt: skip


async def _ask(request: Request, document: str) -> Page:
    customer_id = request.path_params["customer_id"]
    return await ask(request, f"partner/customers/{document}", id=customer_id, **window(request))


async def _connection(request: Request, label: str, name: str, field: str) -> Response:
    page = await _ask(request, name)
    before, after = neighbours(request, found(page)[field]["pageInfo"])
    return tab(request, label, name, page, before=before, after=after)


def _tax_id(digits: str | None, country: str) -> str:
    return display_tax_id(digits, Country(country)) if digits else ""


def counted_customers(listed: Mapping[str, Any]) -> str:
    """`1 customer`, `312 customers`, `10,000 customers or more`."""
    return counted(listed["totalCount"], "customer", "customers")


_ONE = "/partner/{slug}/customers/{customer_id}"
ROUTES = [
    Route("/partner/{slug}/customers", partner(list_customers)),
    Route(_ONE, partner(show_profile)),
    Route(_ONE + "/invoices", partner(show_invoices)),
    Route(_ONE + "/payments", partner(show_payments)),
    Route(_ONE + "/payment-methods", partner(show_payment_methods)),
    Route(_ONE + "/activity", partner(show_activity)),
]

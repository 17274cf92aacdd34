"""The portal's invoices: what is owed, what was paid, and each invoice with its own tags.

Surprise: choosing several to pay is a GET. The boxes only make the address of the page to pay on, so nothing
is lost by going back, and nothing is moved by a click.
"""

from typing import Any

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.actors import Actor
from billing import tags
from billing.tags import TagInput
from db import ids
from errors import Invalid, NotFound
from languages import mark
from portal import invoice_files, papers
from portal.door import act, customer, go, read_form
from portal.every_tag import with_every_tag
from portal.form import Form
from portal.house import house, place, record_id
from portal.invoice_filters import Filters
from portal.page import Page, ask, show
from portal.paging import counted, link, neighbours, window

TABS: dict[str, tuple[str, dict[str, Any] | None]] = {
    "": (mark("Outstanding"), {"status": {"eq": "OPEN"}}),
    "overdue": (mark("Overdue"), {"isOverdue": {"eq": True}}),
    "paid": (mark("Paid"), {"status": {"eq": "PAID"}}),
    "all": (mark("All"), None),
}
SORTS = {
    "due": (mark("Due first"), "DUE_ON_ASC"),
    "due-last": (mark("Due last"), "DUE_ON_DESC"),
    "newest": (mark("Newest"), "ISSUE_ON_DESC"),
    "number": (mark("Number"), "NUMBER_ASC"),
    "highest": (mark("Highest amount"), "TOTAL_DESC"),
    "lowest": (mark("Lowest amount"), "TOTAL_ASC"),
}
# Where what is due soonest matters most.
DUE_FIRST = ("", "overdue")
LONGEST = 200
PLAIN_COLOUR = "#3b5bdb"


async def home(request: Request) -> Response:
    """The portal begins with the invoices."""
    return go(request, _list(request))


async def list_invoices(request: Request) -> Response:
    """What is outstanding, what is due first on top; other tabs hold the rest."""
    query, filters = request.query_params, Filters.read(request)
    asked = {name: query.get(name, "").strip()[:LONGEST] for name in ("status", "sort")}
    tab = asked["status"] if asked["status"] in TABS else ""
    sort = asked["sort"] if asked["sort"] in SORTS else ("due" if tab in DUE_FIRST else "due-last")
    where = {**(TABS[tab][1] or {}), **filters.where()}
    page = await ask(
        request, "customer/invoices/list", **window(request), search=filters.search or None, where=where,
        orderBy=SORTS[sort][1],
    )  # fmt: skip
    page = await with_every_tag(request, page)
    found = page.content["invoices"]
    before, after = neighbours(request, found["pageInfo"])
    return show(
        request, "customer/invoices/list.html", page, tab=tab, sort=sort,
        count=counted(found["totalCount"], "invoice", "invoices"),
        tabs=[(text, link(request, status=name), name == tab, None) for name, (text, _) in TABS.items()],
        sorts=[(name, text) for name, (text, _) in SORTS.items()],
        filters=filters, before=before, after=after,
    )  # fmt: skip


async def show_invoice(request: Request) -> Response:
    """One invoice with its lines, its payments and the company's own tags."""
    return await _details(request, Form())


async def tag(request: Request) -> Response:
    """Put a tag of the company on the invoice: one it has, or a new one of the typed name."""
    form = await read_form(request)
    invoice_id, now = record_id(request, "invoice_id", "inv"), house(request).clock()

    def work(db: Session, actor: Actor) -> None:
        if form.value("tag"):
            tag_id = ids.parsed(form.value("tag"), "tag")
        else:
            fields = TagInput(name=form.value("name"), colour=form.value("colour", PLAIN_COLOUR))
            tag_id = tags.create(db, actor, fields=fields, now=now).id
        tags.tag_invoices(db, actor, tag_ids=[tag_id], invoice_ids=[invoice_id], now=now)

    try:
        await act(request, work, form=form)
    except Invalid as wrong:
        return await _details(request, form.with_problems(wrong), status=422)
    return go(request, _address(request))


async def untag(request: Request) -> Response:
    """Take a tag of the company off the invoice."""
    form = await read_form(request)
    invoice_id, now = record_id(request, "invoice_id", "inv"), house(request).clock()

    def work(db: Session, actor: Actor) -> None:
        tag_id = ids.parsed(form.value("tag"), "tag")
        tags.untag_invoices(db, actor, tag_ids=[tag_id], invoice_ids=[invoice_id], now=now)

    await act(request, work, form=form)
    return go(request, _address(request))


async def back(request: Request) -> Response:
    """Whoever comes to a form's address without the form, say after signing in again."""
    return go(request, _address(request))


async def _details(request: Request, form: Form, *, status: int = 200) -> Response:
    page = await ask(request, "customer/invoices/details", id=request.path_params["invoice_id"])
    invoice = page.content["invoice"]
    if invoice is None:
        raise NotFound
    page = await with_every_tag(request, page)
    carried = {tag["id"] for tag in invoice["tags"]}
    return show(
        request, "customer/invoices/details.html", page, form=form, status=status,
        lines=await _lines(request, page),
        free_tags=[tag for tag in page.content["tags"]["nodes"] if tag["id"] not in carried],
    )  # fmt: skip


async def _lines(request: Request, page: Page) -> list[dict[str, Any]]:
    """All lines. More than a hundred, as many as a list of the API holds, are asked for in further pages."""
    found = page.content["invoice"]["lines"]
    lines: list[dict[str, Any]] = list(found["nodes"])
    while found["pageInfo"]["hasNextPage"]:
        more = await ask(
            request, "customer/invoices/lines", id=request.path_params["invoice_id"],
            after=found["pageInfo"]["endCursor"],
        )  # fmt: skip
        if more.content["invoice"] is None:
            raise NotFound
        found = more.content["invoice"]["lines"]
        lines += found["nodes"]
    return lines


def _list(request: Request) -> str:
    return f"{place(request).home}/invoices"


def _address(request: Request) -> str:
    return f"{_list(request)}/{request.path_params['invoice_id']}"


_ALL = "/portal/{slug}/invoices"
_ONE = _ALL + "/{invoice_id}"
ROUTES = [
    Route("/portal/{slug}", customer(home)),
    Route(_ALL, customer(list_invoices)),
    Route(_ALL + "/chosen.zip", customer(invoice_files.download)),
    Route(_ONE, customer(show_invoice)),
    Route(_ONE + "/invoice.pdf", customer(papers.invoice)),
    Route(_ONE + "/tags", customer(back)),
    Route(_ONE + "/tags", customer(tag), methods=["POST"]),
    Route(_ONE + "/untag", customer(back)),
    Route(_ONE + "/untag", customer(untag), methods=["POST"]),
]

"""The portal's invoices: what is owed, what was paid, and each invoice with its own tags.

Surprise: choosing several to pay is a GET. The boxes only make the address of the page to pay on, so nothing
is lost by going back, and nothing is moved by a click.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode

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
from portal import invoice_export, named_taxes
from portal.customer.invoice_papers import note_opened
from portal.door import act, customer, go, read_form
from portal.every_line import every_line
from portal.every_tag import with_every_tag
from portal.form import Form
from portal.house import house, place, record_id
from portal.invoice_filters import Filters
from portal.invoice_history import told_by
from portal.invoice_totals import written
from portal.page import ask, show
from portal.paging import counted, link, neighbours, window

TABS: dict[str, tuple[str, dict[str, Any] | None]] = {
    "": (mark("Outstanding"), {"status": {"eq": "OPEN"}}),
    "overdue": (mark("Overdue", context="invoices"), {"isOverdue": {"eq": True}}),
    "paid": (mark("Paid", context="invoices"), {"status": {"eq": "PAID"}}),
    "all": (mark("All", context="invoices"), None),
}
SORTS = {
    "due": (mark("Due first"), "DUE_ON_ASC"),
    "due-last": (mark("Due last"), "DUE_ON_DESC"),
    "newest": (mark("Newest", context="invoices"), "ISSUE_ON_DESC"),
    "number": (mark("Number"), "NUMBER_ASC"),
    "highest": (mark("Highest amount"), "TOTAL_DESC"),
    "lowest": (mark("Lowest amount"), "TOTAL_ASC"),
}
# Where what is due soonest matters most.
DUE_FIRST = ("", "overdue")
# A company may have one or two a week: a year of them is a page.
SIZE = 50
PLAIN_COLOUR = "#3b5bdb"


class Asked(NamedTuple):
    """What the list is asked for: its tab, its order, its filters."""

    tab: str
    sort: str
    filters: Filters

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> "Asked":
        """From pairs of an address: what can't be meant is left out."""
        asked = list(pairs)
        plain = dict(asked)
        tab = plain.get("status", "") if plain.get("status", "") in TABS else ""
        sort = plain.get("sort", "")
        sort = sort if sort in SORTS else ("due" if tab in DUE_FIRST else "due-last")
        return cls(tab, sort, Filters.of(asked))

    @property
    def variables(self) -> Mapping[str, Any]:
        """The arguments of the API's `invoices`."""
        where = {**(TABS[self.tab][1] or {}), **self.filters.where()}
        return {"search": self.filters.search or None, "where": where, "orderBy": SORTS[self.sort][1]}

    @property
    def is_narrowed(self) -> bool:
        """Does it show something else than all that is outstanding, whose totals stand on top anyway?"""
        return bool(self.tab) or self.filters.narrowed

    def query(self) -> str:
        """It as the query of an address."""
        tab = [("status", self.tab)] if self.tab else []
        return urlencode([*tab, ("sort", self.sort), *self.filters.pairs()])


def narrow(query: str) -> Mapping[str, Any]:
    """The arguments of the API's `invoices` that a list's address asks for."""
    return Asked.of(parse_qsl(query)).variables


async def home(request: Request) -> Response:
    """The portal begins with the invoices."""
    return go(request, _list(request))


async def list_invoices(request: Request) -> Response:
    """What is outstanding, what is due first on top; other tabs hold the rest."""
    asked = Asked.of(request.query_params.multi_items())
    tab, filters = asked.tab, asked.filters
    page = await ask(
        request,
        "customer/invoices/list",
        **window(request, size=SIZE),
        **asked.variables,
        summed=asked.is_narrowed,
    )
    page = await with_every_tag(request, page)
    found = page.content["invoices"]
    before, after = neighbours(request, found["pageInfo"])
    return show(
        request, "customer/invoices/list.html", page, tab=tab, sort=asked.sort, asked=asked,
        totals=written(page.content.get("invoiceTotals", ())),
        count=counted(found["totalCount"], "invoice", "invoices"),
        tabs=[(text, link(request, status=name), name == tab, None) for name, (text, _) in TABS.items()],
        sorts=[(name, text) for name, (text, _) in SORTS.items()],
        filters=filters, before=before, after=after,
    )  # fmt: skip


async def show_invoice(request: Request) -> Response:
    """One invoice with its lines, its payments and the company's own tags. That it was opened is noted."""
    shown = await _details(request, Form())
    await note_opened(request, [record_id(request, "invoice_id", "inv")])
    return shown


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
    lines = await every_line(request, page, "customer/invoices/lines")
    return show(
        request, "customer/invoices/details.html", page, form=form, status=status,
        lines=lines, taxes=named_taxes.of_lines(lines), history=told_by(invoice),
        free_tags=[tag for tag in page.content["tags"]["nodes"] if tag["id"] not in carried],
    )  # fmt: skip


def _list(request: Request) -> str:
    return f"{place(request).home}/invoices"


def _address(request: Request) -> str:
    return f"{_list(request)}/{request.path_params['invoice_id']}"


async def show_export(request: Request) -> Response:
    """What a file of the company's invoices will hold."""
    return await invoice_export.show_export(request, narrow)


async def export(request: Request) -> Response:
    """The file."""
    return await invoice_export.export(request, narrow)


_ALL = "/portal/{slug}/invoices"
_ONE = _ALL + "/{invoice_id}"
ROUTES = [
    Route("/portal/{slug}", customer(home)),
    Route(_ALL, customer(list_invoices)),
    Route(_ALL + "/export", customer(show_export)),
    Route(_ALL + "/export", customer(export), methods=["POST"]),
    Route(_ONE, customer(show_invoice)),
    Route(_ONE + "/tags", customer(back)),
    Route(_ONE + "/tags", customer(tag), methods=["POST"]),
    Route(_ONE + "/untag", customer(back)),
    Route(_ONE + "/untag", customer(untag), methods=["POST"]),
]

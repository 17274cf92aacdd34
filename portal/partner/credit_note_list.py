"""The dashboard's list of credit notes: searched, narrowed, sorted, and as a CSV file.

Surprise: the file needs no page that asks first. It is a form's answer, which carries the list's own address,
so that it holds what the list shows.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from billing import credit_note_exports
from billing.money import Currency
from languages import mark
from portal import exports
from portal.chips import of_customer
from portal.door import go, partner, read_form
from portal.house import place
from portal.invoice_filters import LONGEST, SPANS, bounds_of
from portal.page import ask, show
from portal.paging import counted, link, neighbours, window

KEPT = "kept"
# What a note has in common with an invoice.
NOTED = tuple(span for span in SPANS if span.name in ("issued", "total"))
NAMES = (
    "search", "customer", "currency", *(f"{span.name}_{end}" for span in NOTED for end in ("from", "to")),
)  # fmt: skip
TABS: Mapping[str, Mapping[str, Any]] = {"": {}, KEPT: {"kept": {"gt": "0.00"}}}
LABELS = {"": mark("All"), KEPT: mark("Kept as credit")}
SORTS = {
    "CREATED_AT_DESC": mark("Newest first"),
    "CREATED_AT_ASC": mark("Oldest first"),
    "TOTAL_DESC": mark("Largest first"),
    "NUMBER_ASC": mark("By number"),
}
_PAGE = 100


class Narrowing(NamedTuple):
    """What the list is asked for: tab, order, the texts by their names in the address, and what they mean."""

    tab: str
    sort: str
    texts: Mapping[str, str]
    bounds: Mapping[str, Mapping[str, str]]
    problems: tuple[str, ...]

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> "Narrowing":
        """From pairs of an address: what can't be meant is left out."""
        plain = {name: text.strip()[:LONGEST] for name, text in pairs}
        tab, sort = plain.get("tab", ""), plain.get("sort", "")
        texts = {name: plain[name] for name in NAMES if plain.get(name)}
        texts["currency"] = texts.get("currency", "").upper()
        if texts["currency"] not in set(Currency):
            del texts["currency"]
        bounds, problems = bounds_of(texts, NOTED)
        return cls(tab if tab in TABS else "", sort if sort in SORTS else "", texts, bounds, problems)

    def value(self, name: str) -> str:
        """What was asked under a name; "" for nothing."""
        return self.texts.get(name, "")

    @property
    def more(self) -> bool:
        """Is anything asked that stands under "More filters"?"""
        return bool(self.texts.keys() - {"search", "customer"})

    @property
    def is_narrowed(self) -> bool:
        """Is anything left out?"""
        return bool(self.tab or self.texts)

    @property
    def variables(self) -> dict[str, Any]:
        """The document's arguments."""
        where: dict[str, Any] = {**TABS[self.tab], **self.bounds}
        if self.value("currency"):
            where["currency"] = {"eq": self.value("currency")}
        if self.value("customer"):
            where["customer"] = {"id": {"eq": self.value("customer")}}
        return {"search": self.value("search") or None, "where": where, "orderBy": self.sort or None}

    def query(self) -> str:
        """It as the query of an address."""
        pairs = [("tab", self.tab), ("sort", self.sort), *self.texts.items()]
        return urlencode([pair for pair in pairs if pair[1]])


async def list_notes(request: Request) -> Response:
    """All of them, newest first, or what was asked for."""
    asked = Narrowing.of(request.query_params.multi_items())
    one = asked.value("customer")
    page = await ask(
        request, "partner/credit_notes/list", **window(request), **asked.variables, customer=one,
        ofOne=bool(one),
    )  # fmt: skip
    listed = page.content["creditNotes"]
    return show(
        request, "partner/credit_notes/list.html", page, asked=asked, sorts=SORTS,
        tabs=[(label, link(request, tab=tab), tab == asked.tab, None) for tab, label in LABELS.items()],
        beside=neighbours(request, listed["pageInfo"]), chips=of_customer(request, page.content),
        cleared=_home(request),
        count=counted(listed["totalCount"], "credit note", "credit notes"),
    )  # fmt: skip


async def export(request: Request) -> Response:
    """What the list shows, as a file."""
    form = await read_form(request)
    asked = Narrowing.of(parse_qsl(form.value("narrowing")))
    listed = exports.Listed(
        "partner/credit_notes/export", "creditNotes", asked.variables, _PAGE, credit_note_exports.EXPORT,
        credit_note_exports.COLUMNS, credit_note_exports.row,
    )  # fmt: skip
    query = asked.query()
    return await exports.send(request, form, listed, asked={"list": query} if query else {})


async def back(request: Request) -> Response:
    """The file is a form's answer; whoever opens its address gets the list."""
    return go(request, _home(request))


def _home(request: Request) -> str:
    return f"{place(request).home}/credit-notes"


_LIST = "/partner/{slug}/credit-notes"
ROUTES = [
    Route(_LIST, partner(list_notes)),
    Route(_LIST + "/export", partner(back)),
    Route(_LIST + "/export", partner(export), methods=["POST"]),
]

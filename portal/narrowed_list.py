"""Lists that are searched, narrowed and sorted in the same way at both doors, and taken out as a CSV file.

Surprise: the file needs no page that asks first. It is a form's answer, which carries the list's own address,
so that it holds what the list shows.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from billing.csv_out import Cell
from billing.exports import Export
from billing.invoice_fields import DAYS
from billing.money import Currency
from portal import chips, exports
from portal.door import customer, go, partner, read_form
from portal.every_tag import with_every_tag
from portal.house import place
from portal.invoice_choice import folder
from portal.invoice_filters import LONGEST, Span, bounds_of, plain_amounts
from portal.page import ask, show
from portal.paging import link, neighbours, window
from portal.tag_filters import CUSTOMER_TAG, TAG, TagFilters, sets_of

# What is narrowed by whole days and stored to the instant: days are the reader's.
_INSTANTS = frozenset({"createdAt"})
Tabs = Mapping[str, tuple[str, Mapping[str, Any]]]


@dataclass(frozen=True)
class Listing:
    """One such list, at one door.

    `path` is its place under the door's home, `noun` that of its documents and templates, and `connection`
    the field of the API that it reads. `invoice` are the fields that lead to a row's invoice. `tab` is what
    addresses call its `tabs`, each with its label and conditions. `staffs`: it is the partner's, which has
    many customers, and two `currencies` where rows have one. `more` is what its template needs beside what
    every list does, from what was read.
    """

    path: str
    noun: str
    connection: str
    count: Callable[[int], str]
    tab: str
    tabs: Tabs
    sorts: Mapping[str, str]
    spans: Sequence[Span]
    export: Export
    columns: Sequence[str]
    row: Callable[[Mapping[str, Any]], Sequence[Cell]]
    staffs: bool
    size: int = 100
    invoice: Sequence[str] = ("invoice",)
    currencies: bool = True
    more: Callable[[Mapping[str, Any]], Mapping[str, Any]] = lambda content: {}

    @property
    def names(self) -> tuple[str, ...]:
        """What may be asked in an address, beside tab and order."""
        ends = (f"{span.name}_{end}" for span in self.spans for end in ("from", "to"))
        ours = ("customer", "currency") if self.currencies else ("customer",)
        return ("search", *(ours if self.staffs else ()), *ends)

    def routes(self) -> list[Route]:
        """The addresses of the list and of its file."""
        door, home = (partner, "/partner/{slug}") if self.staffs else (customer, "/portal/{slug}")
        path = f"{home}/{self.path}"
        return [
            Route(path, door(self.show_list)),
            Route(f"{path}/export", door(self.back)),
            Route(f"{path}/export", door(self.take_out), methods=["POST"]),
        ]

    async def show_list(self, request: Request) -> Response:
        """All of it, in its own order, or what was asked for."""
        asked = Narrowing.of(self, request.query_params.multi_items())
        variables = await asked.variables(request)
        if self.staffs:
            one = asked.value("customer")
            variables |= {"customer": one, "ofOne": bool(one)}
        page = await ask(request, f"{folder(request)}/{self.noun}/list", **window(request), **variables)
        page = await with_every_tag(request, page)
        listed = page.content[self.connection]
        return show(
            request, f"{folder(request)}/{self.noun}/list.html", page, asked=asked, sorts=self.sorts,
            tabs=[
                (label, link(request, **{self.tab: tab}), tab == asked.tab, None)
                for tab, (label, _) in self.tabs.items()
            ],
            beside=neighbours(request, listed["pageInfo"]), chips=chips.of_customer(request, page),
            cleared=self._home(request), count=self.count(listed["totalCount"]), **self.more(page.content),
        )  # fmt: skip

    async def take_out(self, request: Request) -> Response:
        """What the list shows, as a file."""
        form = await read_form(request)
        asked = Narrowing.of(self, parse_qsl(form.value("narrowing")))
        listed = exports.Listed(
            f"{folder(request)}/{self.noun}/export", self.connection, await asked.variables(request),
            self.size, self.export, self.columns, self.row,
        )  # fmt: skip
        query = asked.query()
        return await exports.send(request, form, listed, asked={"list": query} if query else {})

    async def back(self, request: Request) -> Response:
        """The file is a form's answer; whoever opens its address gets the list."""
        return go(request, self._home(request))

    def _home(self, request: Request) -> str:
        return f"{place(request).home}/{self.path}"


class Narrowing(NamedTuple):
    """What a list is asked for: tab, order, the texts by their names in the address, and what they mean."""

    listing: Listing
    tab: str
    sort: str
    texts: Mapping[str, str]
    tagged: TagFilters
    bounds: Mapping[str, Mapping[str, str]]
    problems: tuple[str, ...]

    @classmethod
    def of(cls, listing: Listing, pairs: Iterable[tuple[str, str]]) -> "Narrowing":
        """From pairs of an address: what can't be meant is left out."""
        given = [(name, text.strip()[:LONGEST]) for name, text in pairs]
        plain = dict(given)
        tab, sort = plain.get(listing.tab, ""), plain.get("sort", "")
        asked = {name: plain[name] for name in listing.names if plain.get(name)}
        texts = plain_amounts(asked, listing.spans)
        texts["currency"] = texts.get("currency", "").upper()
        if texts["currency"] not in set(Currency):
            del texts["currency"]
        bounds, problems = bounds_of(texts, listing.spans)
        return cls(
            listing, tab if tab in listing.tabs else "", sort if sort in listing.sorts else "", texts,
            TagFilters.of(given, names=sets_of(staffs=listing.staffs)), bounds, problems,
        )  # fmt: skip

    def value(self, name: str) -> str:
        """What was asked under a name; "" for nothing."""
        return self.texts.get(name, "")

    @property
    def more(self) -> bool:
        """Is anything asked that stands under "More filters"?"""
        return self.tagged.is_on or bool(self.texts.keys() - {"search", "customer"})

    @property
    def is_narrowed(self) -> bool:
        """Is anything left out?"""
        return self.tagged.is_on or bool(self.tab or self.texts)

    async def variables(self, request: Request) -> dict[str, Any]:
        """The document's arguments."""
        where: dict[str, Any] = {**self.listing.tabs[self.tab][1], **self.bounds}
        if days := _INSTANTS & where.keys():
            zone = (await ask(request, f"{folder(request)}/plain")).shell.time_zone
            where |= {name: _instants(where[name], zone) for name in days}
        if self.value("currency"):
            where["currency"] = {"eq": self.value("currency")}
        if self.value("customer"):
            where["customer"] = {"id": {"eq": self.value("customer")}}
        self.tagged.narrow(where, {TAG: self.listing.invoice, CUSTOMER_TAG: ("customer",)})
        return {"search": self.value("search") or None, "where": where, "orderBy": self.sort or None}

    def query(self) -> str:
        """It as the query of an address."""
        pairs = [(self.listing.tab, self.tab), ("sort", self.sort), *self.texts.items()]
        return urlencode([*(pair for pair in pairs if pair[1]), *self.tagged.pairs()])


def _instants(days: Mapping[str, str], time_zone: str) -> dict[str, str]:
    """The beginning of the first day, and the end of the last one."""
    found = {}
    if "gte" in days:
        found["gte"] = midnight(date.fromisoformat(days["gte"]), time_zone)
    if "lte" in days:
        found["lt"] = midnight(following(date.fromisoformat(days["lte"])), time_zone)
    return found


def following(day: date) -> date:
    """The next day, as far as there can be anything on it."""
    return day if day >= DAYS[1] else day + timedelta(days=1)


def midnight(day: date, time_zone: str) -> str:
    """When a day begins in a time zone, as the API has instants; of days there can be nothing on, the nearest
    others."""
    inside = min(max(day, DAYS[0]), DAYS[1])
    return datetime.combine(inside, time(), ZoneInfo(time_zone)).isoformat()

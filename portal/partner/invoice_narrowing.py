"""How the dashboard's list of invoices is narrowed: its tab, its order, its filters.

Surprise: as with customers, what is asked travels as text only (the address of the list, a hidden field of a
form), and is read again by the same function wherever it arrives.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request

from languages import mark
from portal.invoice_filters import Filters

# What was put away is out of every list but its own.
KEPT: dict[str, Any] = {"archivedAt": {"isNull": True}}
ARCHIVED = "archived"
TABS: dict[str, dict[str, Any]] = {
    "draft": {"status": {"eq": "DRAFT"}},
    "planned": {"sendOn": {"isNull": False}, "sendRefusal": {"isNull": True}},
    "unsent": {"sendRefusal": {"isNull": False}},
    "undelivered": {"isUndelivered": {"eq": True}},
    "open": {"status": {"eq": "OPEN"}},
    "overdue": {"isOverdue": {"eq": True}},
    "paid": {"status": {"eq": "PAID"}},
    "void": {"status": {"eq": "VOID"}},
    "uncollectible": {"status": {"eq": "UNCOLLECTIBLE"}},
    ARCHIVED: {"archivedAt": {"isNull": False}},
}
# Where everything shown, or some of it, can be archived.
ARCHIVABLE = ("", "paid", "void", "uncollectible")
LABELS = {
    "": mark("All", context="invoices"),
    "draft": mark("Drafts"),
    "planned": mark("To be sent"),
    "unsent": mark("Not sent"),
    "undelivered": mark("Not delivered"),
    "open": mark("Open", context="invoices"),
    "overdue": mark("Overdue", context="invoices"),
    "paid": mark("Paid", context="invoices"),
    "void": mark("Void", context="invoices"),
    "uncollectible": mark("Uncollectible", context="invoices"),
    ARCHIVED: mark("Archived", context="invoices"),
}
SORTS = {
    "DUE_ON_DESC": mark("Due latest first"),
    "DUE_ON_ASC": mark("Due earliest first"),
    "CREATED_AT_DESC": mark("Newest first", context="invoices"),
    "TOTAL_DESC": mark("Largest first"),
    "NUMBER_ASC": mark("By number"),
}


class Narrowing(NamedTuple):
    """What the list is asked for; `status` and `sort` are "" for all and for the list's own order."""

    status: str
    sort: str
    filters: Filters

    @classmethod
    def read(cls, request: Request) -> "Narrowing":
        """From the address."""
        return cls.of(request.query_params.multi_items())

    @classmethod
    def written(cls, query: str) -> "Narrowing":
        """From what `query` wrote."""
        return cls.of(parse_qsl(query))

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> "Narrowing":
        """From pairs of an address: what can't be meant is left out."""
        asked = list(pairs)
        plain = dict(asked)
        status, sort = plain.get("status", ""), plain.get("sort", "")
        return cls(
            status if status in TABS else "", sort if sort in SORTS else "", Filters.of(asked, staffs=True)
        )

    @property
    def variables(self) -> dict[str, Any]:
        """The arguments that say which invoices, of lists and of sums."""
        return {
            "search": self.filters.search or None,
            "where": {**KEPT, **TABS.get(self.status, {}), **self.filters.where()},
        }

    @property
    def sorted_variables(self) -> dict[str, Any]:
        """The same, with the list's order."""
        return {**self.variables, "orderBy": self.sort or None}

    @property
    def is_narrowed(self) -> bool:
        """Is anything left out?"""
        return bool(self.status) or self.filters.narrowed

    def pairs(self) -> list[tuple[str, str]]:
        """It as pairs of an address, always in the same order."""
        plain = [("status", self.status), ("sort", self.sort)]
        return [pair for pair in plain if pair[1]] + self.filters.pairs()

    def query(self) -> str:
        """It as the query of an address."""
        return urlencode(self.pairs())

    def address(self, path: str) -> str:
        """What stands at `path`, narrowed like this."""
        query = self.query()
        return f"{path}?{query}" if query else path

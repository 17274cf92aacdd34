"""Which invoices something is done with, at both doors: boxes checked in the list, or all that it shows.

Surprise: choosing is a GET. The list's boxes only make the address of the page that says what will be done;
its button is a form of its own, and carries what was chosen as text.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

from starlette.requests import Request

from billing.chosen import MOST_AT_ONCE
from errors import NotFound
from portal.form import Form
from portal.house import place
from portal.page import Page, ask
from portal.whole import AT_ONCE, pages

# From the query of a list's address to the arguments of the API's `invoices` that it shows.
Narrow = Callable[[str], Mapping[str, Any]]
# The portal's boxes for what can be paid are called so, for the button beside this one.
_BOXES = ("invoice", "pay")
_OURS = (*_BOXES, "which", "narrowing", "chosen")


class Chosen(NamedTuple):
    """What was chosen: `ids` of invoices, or None for all that the list's `query` finds."""

    query: str
    ids: tuple[str, ...] | None

    @classmethod
    def asked(cls, request: Request) -> "Chosen":
        """From an address: boxes, beside a hidden field that says they are meant; or the list's own."""
        return cls._of(request.query_params.multi_items())

    @classmethod
    def posted(cls, form: Form) -> "Chosen":
        """From the form of the page that asks."""
        return cls._of((name, text) for name, texts in form.typed.items() for text in texts)

    @classmethod
    def _of(cls, pairs: Iterable[tuple[str, str]]) -> "Chosen":
        asked = list(pairs)
        given = dict(asked)
        boxes = [text for name, text in asked if name in _BOXES] + given.get("chosen", "").split()
        listed = urlencode([pair for pair in asked if pair[0] not in _OURS])
        ids = tuple(dict.fromkeys(boxes))[:MOST_AT_ONCE]
        return cls(given.get("narrowing", listed), ids if ids or given.get("which") == "chosen" else None)

    @property
    def fields(self) -> dict[str, str]:
        """It as hidden fields of a form."""
        if self.ids is None:
            return {"narrowing": self.query}
        return {"narrowing": self.query, "which": "chosen", "chosen": " ".join(self.ids)}

    def variables(self, narrow: Narrow) -> Mapping[str, Any]:
        """The arguments of the API's `invoices` that find them."""
        return narrow(self.query) if self.ids is None else {"where": {"id": {"in": list(self.ids)}}}

    def back(self, request: Request) -> str:
        """The list they were chosen in."""
        path = f"{place(request).home}/invoices"
        return f"{path}?{self.query}" if self.query else path


async def found(request: Request, chosen: Chosen, narrow: Narrow) -> Page:
    """The first of them, with how many they are. Refuses NotFound if a chosen one is not theirs."""
    page = await ask(request, f"{folder(request)}/invoices/chosen", **chosen.variables(narrow), first=100)
    if chosen.ids is not None and page.content["invoices"]["totalCount"] != len(chosen.ids):
        raise NotFound
    return page


async def rows(request: Request, chosen: Chosen, narrow: Narrow) -> list[Mapping[str, Any]]:
    """All of them, as far as as many can be done at once."""
    listed: list[Mapping[str, Any]] = []
    async for part in parts_of(request, chosen, narrow):
        listed += part
    return listed[:MOST_AT_ONCE]


def parts_of(request: Request, chosen: Chosen, narrow: Narrow) -> AsyncIterator[list[Mapping[str, Any]]]:
    """All of them, however many, a thousand after the other."""
    document = f"{folder(request)}/invoices/chosen"
    return pages(request, document, "invoices", chosen.variables(narrow), size=AT_ONCE)


def folder(request: Request) -> str:
    """Where the documents and templates of the door are that the request came through."""
    return "partner" if place(request).kind == "partner" else "customer"

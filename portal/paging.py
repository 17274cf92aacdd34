"""Pages of a list: which part an address asks for, and the addresses of the parts beside it."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request

from languages import say, say_count

SIZE = 25
PLACES = ("after", "before")
# The API counts no further.
MOST_COUNTED = 10_000


def window(request: Request, *, size: int = SIZE) -> dict[str, Any]:
    """The connection's arguments for the part the address asks for; the first part if it asks for none."""
    query = request.query_params
    if "before" in query:
        return {"last": size, "before": query["before"]}
    return {"first": size, "after": query.get("after")}


def neighbours(request: Request, shown: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The addresses of the part before and the part after, from a connection's `pageInfo`."""
    before = link(request, before=shown["startCursor"]) if shown["hasPreviousPage"] else None
    after = link(request, after=shown["endCursor"]) if shown["hasNextPage"] else None
    return before, after


def link(request: Request, **changed: str) -> str:
    """This list's address with other values, from its beginning unless a part is named; "" takes one away."""
    asked = [pair for pair in request.query_params.multi_items() if pair[0] not in (*PLACES, *changed)]
    query = [(name, text) for name, text in [*asked, *changed.items()] if text]
    return f"{request.url.path}?{urlencode(query)}" if query else request.url.path


def counted(count: int, one: str, many: str) -> str:
    """`1 customer`, `312 customers`, `10,000 customers or more`, as the language spoken counts."""
    said = say_count("{count} " + one, "{count} " + many, count)
    return say("{counted} or more", counted=said) if count >= MOST_COUNTED else said

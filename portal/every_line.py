"""All lines of an invoice: a page's document asks for a hundred, as many as a list of the API holds."""

from typing import Any

from starlette.requests import Request

from errors import NotFound
from portal.page import Page, ask


async def every_line(request: Request, page: Page, document: str) -> list[dict[str, Any]]:
    """The lines of `page`'s invoice; what is beyond the hundred is asked for in further pages."""
    found = page.content["invoice"]["lines"]
    lines: list[dict[str, Any]] = list(found["nodes"])
    while found["pageInfo"]["hasNextPage"]:
        after = found["pageInfo"]["endCursor"]
        more = await ask(request, document, id=request.path_params["invoice_id"], after=after)
        if more.content["invoice"] is None:
            raise NotFound
        found = more.content["invoice"]["lines"]
        lines += found["nodes"]
    return lines

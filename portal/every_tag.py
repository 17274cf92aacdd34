"""Every tag to choose from, however many there are.

Surprise: a page's own document brings the first hundred, which nearly always are all; only what is left is
asked for by another document.
"""

from dataclasses import replace

from starlette.requests import Request

from portal.house import place
from portal.page import Page
from portal.whole import pages

_SIZE = 100


async def with_every_tag(request: Request, page: Page) -> Page:
    """The page with all of its `tags`; the document asks for `pageInfo { hasNextPage endCursor }` of them."""
    listed = page.content["tags"]
    if not listed["pageInfo"]["hasNextPage"]:
        return page
    folder = "partner" if place(request).kind == "partner" else "customer"
    found = list(listed["nodes"])
    rest = pages(
        request, f"{folder}/tags/choices", "tags", {}, size=_SIZE, after=listed["pageInfo"]["endCursor"]
    )
    async for part in rest:
        found += part
    return replace(page, content={**page.content, "tags": {**listed, "nodes": found}})

"""Every record to choose from, however many there are.

Surprise: a page's own document brings the first hundred, which nearly always are all; only what is left is
asked for by another document.
"""

from dataclasses import replace

from starlette.requests import Request

from portal.page import Page
from portal.whole import pages

_SIZE = 100


async def with_every(request: Request, page: Page, name: str, document: str) -> Page:
    """The page with all of its list `name`, of which it asks `pageInfo { hasNextPage endCursor }`.

    `document` lists the same records.
    """
    listed = page.content[name]
    if not listed["pageInfo"]["hasNextPage"]:
        return page
    found = list(listed["nodes"])
    async for part in pages(request, document, name, {}, size=_SIZE, after=listed["pageInfo"]["endCursor"]):
        found += part
    return replace(page, content={**page.content, name: {**listed, "nodes": found}})

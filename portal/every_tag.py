"""Every tag to choose from, however many there are."""

from starlette.requests import Request

from portal.every_choice import with_every
from portal.house import place
from portal.page import Page


async def with_every_tag(request: Request, page: Page) -> Page:
    """The page with all of its `tags`; the document asks for `pageInfo { hasNextPage endCursor }` of them."""
    folder = "partner" if place(request).kind == "partner" else "customer"
    return await with_every(request, page, "tags", f"{folder}/tags/choices")

"""A partner's brand before browsers: its style sheet and its logo, each kept for ever."""

import re

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from billing import brand
from errors import NotFound
from portal.assets import FOREVER
from portal.brand import style_address, style_of
from portal.door import visitor
from portal.house import house

_SHEET = re.compile(r"(?P<digits>[0-9a-f]{6})-(?P<digest>[0-9a-f]{16})\.css")
_PICTURE = re.compile(r"(?P<name>[0-9a-f]{32})\.png")


async def serve(request: Request) -> Response:
    """A style sheet or a logo; anything that is not exactly one of ours is NotFound."""
    asked = request.path_params["name"]
    headers = {"cache-control": FOREVER}
    sheet = _SHEET.fullmatch(asked)
    if sheet is not None and style_address(f"#{sheet['digits']}") == request.url.path:
        text = style_of(f"#{sheet['digits']}")
        return Response(text, headers=headers, media_type="text/css; charset=utf-8")
    picture = _PICTURE.fullmatch(asked)
    png = await run_in_threadpool(_logo, request, picture["name"]) if picture is not None else None
    if png is None:
        raise NotFound
    return Response(png, headers=headers, media_type="image/png")


def _logo(request: Request, name: str) -> bytes | None:
    with house(request).database.transaction() as db:
        return brand.logo_named(db, name=name)


ROUTES = [Route("/brand/{name}", visitor(serve))]

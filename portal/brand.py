"""A partner's brand before browsers: a small style sheet of its color, and its logo, each kept for ever.

Surprise: the style sheet is kept nowhere. Its address holds the color and a digest of what becomes of it; the
text is made again from the color, and an address with any other digest does not exist.
"""

import hashlib
import re
from functools import lru_cache

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from billing import brand
from billing.colours import DARK, LIGHT, Palette, palette
from errors import NotFound
from portal.assets import FOREVER
from portal.door import visitor
from portal.house import house
from portal.shell import Brand

_SHEET = re.compile(r"(?P<digits>[0-9a-f]{6})-(?P<digest>[0-9a-f]{16})\.css")
_PICTURE = re.compile(r"(?P<name>[0-9a-f]{32})\.png")


def brand_of(accent: str | None, logo: str | None) -> Brand:
    """Where a partner's color and logo are, for the layouts."""
    return Brand(style=style_address(accent) if accent else None, logo=logo_address(logo))


def style_address(accent: str) -> str:
    """Where the style sheet of a color (`#rrggbb`) is."""
    digest = hashlib.sha256(style_of(accent).encode()).hexdigest()[:16]
    return f"/brand/{accent[1:]}-{digest}.css"


def logo_address(logo: str | None) -> str | None:
    """Where the picture of this name is."""
    return f"/brand/{logo}.png" if logo else None


@lru_cache(maxsize=256)
def style_of(accent: str) -> str:
    """The style sheet: what tokens.css calls --accent…, in light and dark."""
    light, dark = _values(palette(accent, LIGHT)), _values(palette(accent, DARK))
    return f":root {{{light}}}\n@media screen and (prefers-color-scheme: dark) {{ :root {{{dark}}} }}\n"


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


def _values(made: Palette) -> str:
    return (
        f" --accent: {made.fill}; --accent-hover: {made.hover}; --on-accent: {made.on};"
        f" --accent-ink: {made.ink}; --accent-soft: {made.soft}; --accent-edge: {made.edge};"
        f" --accent-mark: {made.mark}; "
    )


def _logo(request: Request, name: str) -> bytes | None:
    with house(request).database.transaction() as db:
        return brand.logo_named(db, name=name)


ROUTES = [Route("/brand/{name}", visitor(serve))]

"""Which language a page speaks: what this browser chose, else what it asks for.

Surprise: the choice is the browser's, in a cookie of its own, so that the sign-in page speaks it too. A
person's profile keeps it for mails, and gives it to each browser they sign in with.
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from languages import ENGLISH, Locale, known, speaking
from portal.cookies import LANGUAGE, YEAR_SECONDS, remember
from portal.door import visitor
from portal.house import house
from portal.kept import local

SAYING = (b"cookie", b"accept-language")


class Language:
    """Wraps the application: each request is answered in its language. `cookie` is the full name."""

    def __init__(self, app: ASGIApp, *, cookie: str) -> None:
        self._app = app
        self._cookie = cookie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        if any(name in SAYING for name, _ in scope["headers"]):
            connection = HTTPConnection(scope)
            asked = connection.headers.get("accept-language", "")
            with speaking(known(connection.cookies.get(self._cookie)) or preferred(asked)):
                return await self._app(scope, receive, send)
        # A program that says nothing about languages is answered in English, and waits for nothing here.
        return await self._app(scope, receive, send)


def preferred(accepted: str) -> Locale:
    """The first of our languages in an `Accept-Language` header, by its weights; English if there is none."""
    return next((found for tag in _by_weight(accepted) if (found := known(tag))), ENGLISH)


def _by_weight(accepted: str) -> Iterable[str]:
    wishes = []
    for place, wish in enumerate(accepted[:500].split(",")):
        tag, _, weight = wish.partition(";")
        try:
            much = float(weight.strip().removeprefix("q=")) if weight else 1.0
        except ValueError:
            continue
        if much > 0:
            wishes.append((-much, place, tag.strip().lower().partition("-")[0]))
    return [tag for _, _, tag in sorted(wishes)]


async def choose(request: Request) -> Response:
    """This browser reads another language from now on, and goes back to where it was.

    A link is enough: it changes nothing but how pages are written for the browser that follows it.
    """
    answer = RedirectResponse(_where_from(request), 303)
    locale = known(request.path_params["locale"])
    if locale is not None:
        keep(request, answer, locale)
    return answer


def _where_from(request: Request) -> str:
    """The page of ours that the link stood on, as the browser tells it; else signing in."""
    try:
        came = urlsplit(request.headers.get("referer", ""))
    except ValueError:  # no address at all
        return "/sign-in"
    ours = f"{came.scheme}://{came.netloc}" == house(request).public_origin
    query = f"?{came.query}" if came.query else ""
    return (local(came.path + query) if ours else None) or "/sign-in"


def keep(request: Request, answer: Response, locale: Locale) -> None:
    """Let this browser read `locale` from now on."""
    remember(request, answer, house(request).cookie(LANGUAGE), locale, seconds=YEAR_SECONDS)


ROUTES = [Route("/language/{locale}", visitor(choose))]

"""The pages that say no: in the shell of the place they were asked for in, where it is known who asks there.

Surprise: whoever is refused is looked up once more, for a refusal does not say who was asking. What is asked
then is the same whatever was refused, and tells nothing of it (GUARANTEES O5); whoever is not signed in, or
has no part in the place, gets the plain page.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from auth.actors import MissingRight, ViewOnly
from auth.impersonations import ViewOver
from errors import Conflict, Forbidden, Invalid, Limited, NotFound, Refusal, Unauthenticated
from languages import say
from portal import looking, myself
from portal.account_page import frame
from portal.house import house, place, session_token
from portal.page import surroundings

STATUS: tuple[tuple[type[Refusal], int], ...] = (
    (Unauthenticated, 401),
    (Forbidden, 403),
    (NotFound, 404),
    (Conflict, 409),
    (Invalid, 422),
    (Limited, 429),
)
LAYOUTS = {
    "partner": "layout/dashboard.html", "portal": "layout/portal.html", "grant": "layout/portal.html",
}  # fmt: skip
# The place that an address lies in, also one that no page is at.
_PLACE = re.compile(
    r"/partner/(?P<looked_from>[^/\0]+)/as/(?P<grant_id>[^/\0]+)/|/(?P<kind>partner|portal)/(?P<slug>[^/\0]+)/"
)


class Answer(NamedTuple):
    """What a page that says no is made of: its status, what it tells, and headers."""

    status: int
    context: dict[str, Any]
    headers: Mapping[str, str] | None


async def refused(request: Request, refusal: Refusal) -> Response:
    """The page that says no, and how to go on."""
    if isinstance(refusal, ViewOver):
        return looking.over(request, refusal)
    answer = answer_to(refusal)
    is_looking = getattr(request.state, "place_kind", None) == "grant"
    # A page that only leads to a change is no page for them, whatever it says to the customer's own people.
    if is_looking and (isinstance(refusal, MissingRight) or type(refusal) is Forbidden):
        answer.context["message"] = say(ViewOnly().message)
    return await _shown(request, answer)


async def at_no_page(request: Request, status: int, headers: Mapping[str, str] | None) -> Response:
    """The answer at an address that nothing is at, or not by this method."""
    found = _PLACE.match(request.url.path)
    if found is not None and "\0" not in request.url.path:
        is_looking = found["kind"] is None
        request.state.place_kind = "grant" if is_looking else found["kind"]
        given = {"slug": found["looked_from"], "grant_id": found["grant_id"]}
        request.scope["path_params"] = given if is_looking else {"slug": found["slug"]}
    return await _shown(request, Answer(status, {}, headers))


def answer_to(refusal: Refusal) -> Answer:
    """What is told of a refusal."""
    status = next(code for kind, code in STATUS if isinstance(refusal, kind))
    context: dict[str, Any] = {"message": say(refusal.message)}
    headers = {}
    if isinstance(refusal, Limited):
        context["retry_after"] = refusal.retry_after
        headers["retry-after"] = str(refusal.retry_after)
    if isinstance(refusal, Conflict):
        context["meanwhile"] = refusal.meanwhile or type(refusal) is Conflict
    if isinstance(refusal, Invalid):
        context["problems"] = refusal.problems
    return Answer(status, context, headers)


async def _shown(request: Request, answer: Answer) -> Response:
    try:
        around = await _around(request)
    except ViewOver as ended:
        return looking.over(request, ended)
    except Refusal:  # nobody we know, or somebody who has no part in the place
        around = {}
    kind = getattr(request.state, "place_kind", None)
    if around or kind in ("partner", "portal"):
        around["home"] = place(request).home if kind is not None else "/accounts?switch=1"
    text = house(request).renderer.refusal(answer.status, **{**answer.context, **around})
    return HTMLResponse(text, answer.status, headers=answer.headers)


async def _around(request: Request) -> dict[str, Any]:
    """What the page's layout needs, for whoever asks; nothing for a visitor, or at no place at all."""
    kind = getattr(request.state, "place_kind", None)
    if session_token(request) is None:
        return {}
    if kind is not None:
        shell = await surroundings(request)
        return {"layout": LAYOUTS[kind], "shell": shell, "time_zone": shell.time_zone}
    if getattr(request.state, "is_own", False):
        return frame(request, await myself.meet(request, lambda _db, found: found))
    return {}

"""The frame of the pages of one's own account: tabs, and a message shown once.

Surprise: there is no partner and no customer here, so no shell either: what is on these pages belongs to the
person, wherever they have a place.
"""

from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from languages import mark
from portal import csrf, flash
from portal.cookies import forget
from portal.house import house
from portal.myself import Myself

TABS = (
    (mark("Profile"), "/account/profile"),
    (mark("Password"), "/account/password"),
    (mark("Second step"), "/account/factors"),
    (mark("Browsers"), "/account/sessions"),
)


def frame(request: Request, myself: Myself) -> dict[str, Any]:
    """What the layout of these pages needs, with nothing told."""
    return {
        "layout": "layout/account.html",
        "csrf_token": csrf.token(str(myself.session_id), secret=house(request).secret),
        "account_tabs": [(label, href, request.url.path == href, None) for label, href in TABS],
        "flashes": [],
        "time_zone": myself.time_zone,
    }


def account_page(
    request: Request, myself: Myself, template: str, *, status: int = 200, **context: Any
) -> Response:
    """A page of the account of `myself`, with instants in the time zone they read in."""
    parts = house(request)
    said = flash.unpack(request.cookies.get(parts.cookie("flash")), secret=parts.secret)
    around = {**frame(request, myself), "flashes": [said] if said else []}
    text = parts.renderer.render(template, **{**around, **context})
    answer = HTMLResponse(text, status)
    if said:
        forget(request, answer, parts.cookie("flash"))
    return answer

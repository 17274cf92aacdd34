"""What pages say to staff who look at a customer's portal: the banner, and the pages that refuse.

Surprise: the banner is on refusals too. Whoever is refused is looked up once more, for a refusal does not say
who was asking.
"""

from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from auth.actors import MissingRight, ViewOnly
from auth.impersonations import View, ViewOver
from db import ids
from errors import Forbidden, Refusal
from languages import say
from portal import csrf
from portal.house import Place, credential, house, place
from portal.shell import Looking


def looking_of(view: View, where: Place) -> Looking:
    """The banner of a page at `where`, for a view that opens."""
    assert view.ends_at is not None
    return Looking(view.staff_name, view.admitted().name, view.ends_at, f"{where.home}/end")


class Answer(NamedTuple):
    """What a page that says no is made of: its status, what it tells, and headers."""

    status: int
    context: dict[str, object]
    headers: dict[str, str]


async def refused(request: Request, refusal: Refusal, answer: Answer) -> Response:
    """The page that says no to somebody who only looks: to a change, to a page for one, or at all."""
    parts, where = house(request), place(request)
    status, context, headers = answer
    if isinstance(refusal, ViewOver):
        return over(request, refusal)
    try:
        found = await parts.documents.reader.identify(credential(request), now=parts.clock())
    except ViewOver as ended:
        return over(request, ended)
    except Refusal:
        return HTMLResponse(parts.renderer.refusal(status, **context), status, headers=headers)
    view = found.session
    assert isinstance(view, View)
    # A page that only leads to a change is no page for them, whatever it says to the customer's own people.
    if isinstance(refusal, MissingRight) or type(refusal) is Forbidden:
        context["message"] = say(ViewOnly().message)
    text = parts.renderer.refusal(
        status, **context, home=where.home, looking=looking_of(view, where), time_zone=found.time_zone,
        csrf_token=csrf.token(str(view.session_id), secret=parts.secret),
    )  # fmt: skip
    return HTMLResponse(text, status, headers=headers)


def over(request: Request, ended: ViewOver) -> Response:
    """The page after the end, with the way back."""
    home = f"/partner/{request.path_params['slug']}"
    if ended.customer_id is not None:
        home = f"{home}/customers/{ids.shown('cus', ended.customer_id)}"
    text = house(request).renderer.render("impersonation/over.html", message=say(ended.message), back=home)
    return HTMLResponse(text, 403)

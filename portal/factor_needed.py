"""A place that opens only with a second factor, before somebody who has none: the way to setting one up.

Surprise: only that place is shut. The account's own pages and every other place of the person stay open, and
a form that was typed waits on the page until it can be sent.
"""

from urllib.parse import quote

from sqlmodel import Session as Db
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from auth import second_factors, users
from portal import csrf
from portal.account_page import account_page
from portal.headers import admit_gateway
from portal.kept import kept_of, local
from portal.myself import Myself, meet

PATH = "/account/factors/required"


async def lead(request: Request) -> Response:
    """The answer to `FactorNeeded`: the page that explains it, and the way back to the place afterwards."""
    if request.method in csrf.SAFE_METHODS:
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"{PATH}?next={quote(target, safe='')}", 303)
    myself, _, places = await meet(request, _look)
    # The form may be one whose answer leads to the gateway, as in portal.kept.resume.
    admit_gateway(request)
    kept = kept_of(request)
    return _page(request, myself, places, next="", action=request.url.path, kept=kept, status=403)


async def show_required(request: Request) -> Response:
    """The page by itself; whoever has a second factor, or needs none, goes on."""
    target = local(request.query_params.get("next", "")) or ""
    myself, has_one, places = await meet(request, _look)
    if has_one or not places:
        return RedirectResponse(target or "/accounts", 303)
    return _page(request, myself, places, next=target, action="", kept=[])


def _look(db: Db, myself: Myself) -> tuple[Myself, bool, list[str]]:
    has_one = second_factors.has_any(db, user_id=myself.user_id)
    return myself, has_one, users.needing_factor(db)


def _page(
    request: Request,
    myself: Myself,
    places: list[str],
    *,
    next: str,  # noqa: A002
    action: str,
    kept: list[tuple[str, str]],
    status: int = 200,
) -> Response:
    return account_page(
        request, myself, "account/factors/required.html", status=status, places=places, next=next,
        action=action, kept=kept,
    )  # fmt: skip

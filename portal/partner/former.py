"""People who are not here any more: whom the partner removed, and erasing what names them.

Surprise: the page that asks already tries the rule, so that who can't be erased is told so before anybody has
proved who they are.
"""

from typing import Any

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.actors import Action, Actor
from auth.erasing import ENDING
from billing import erasing_former
from billing.erasing_former import ElsewhereToo, StillHere
from errors import Conflict, Forbidden, NotFound
from languages import mark
from portal.door import act, go, meet, partner, read_form
from portal.house import house, place, record_id
from portal.navigation import ROLES
from portal.page import Page, ask, show
from portal.paging import neighbours, window
from portal.shell import Link

# The erased are removed too, but there is nobody left to show.
GONE = {"status": {"eq": "REMOVED"}, "NOT": {"email": {"contains": ENDING}}}


async def list_former(request: Request) -> Response:
    """Who was removed: the partner's own people, and those of its customers."""
    side = "staff" if request.query_params.get("of") == "staff" else "users"
    page = await ask(
        request, "partner/former/list", where=GONE, isStaff=side == "staff", **window(request)
    )  # fmt: skip
    _require(page)
    found = page.content["me"]["partner"]["users"] if side == "staff" else page.content["users"]
    before, after = neighbours(request, found["pageInfo"])
    home = _list(request)
    tabs = [
        (mark("Customers' users"), home, side == "users", None),
        (mark("Team"), f"{home}?of=staff", side == "staff", None),
    ]
    return show(
        request, "partner/former/list.html", page, people=found["nodes"], roles=ROLES, tabs=tabs,
        before=before, after=after, crumbs=[*_trail(request)[:-1], Link(mark("Former users"))],
    )  # fmt: skip


async def ask_erase(request: Request) -> Response:
    """What goes and what stays, or why they can't be erased."""
    page = await _person(request)
    membership_id = record_id(request, "user_id", "usr")

    def look(db: Session, actor: Actor) -> Conflict | None:
        try:
            erasing_former.former(db, actor, membership_id=membership_id)
        except (StillHere, ElsewhereToo) as refusal:
            return refusal
        return None

    refusal = await meet(request, look)
    return _page(request, page, refusal, status=409 if refusal else 200)


async def erase(request: Request) -> Response:
    """Erase them."""
    form = await read_form(request)
    membership_id, now = record_id(request, "user_id", "usr"), house(request).clock()

    def work(db: Session, actor: Actor) -> None:
        erasing_former.erase_former(db, actor, membership_id=membership_id, now=now)

    try:
        await act(request, work, form=form)
    except (StillHere, ElsewhereToo) as refusal:
        return _page(request, await _person(request), refusal, status=409)
    return go(request, _list(request), "The person is erased. Nothing here names them now.")


async def _person(request: Request) -> Page:
    page = await ask(request, "partner/former/one", id=request.path_params["user_id"])
    _require(page)
    user = page.content["user"]
    if user is None or user["email"].endswith(ENDING):
        raise NotFound
    return page


def _page(request: Request, page: Page, refusal: Conflict | None, *, status: int) -> Response:
    user: Any = page.content["user"]
    home = place(request).home
    team = f"{home}/customers/{user['customer']['id']}/users" if user["customer"] else f"{home}/team"
    remove = f"{team}/{user['id']}/remove" if user["status"] != "REMOVED" else None
    return show(
        request, "partner/former/erase.html", page, refusal=refusal, remove=remove, back=_list(request),
        crumbs=[*_trail(request), Link(user["name"])], status=status,
    )  # fmt: skip


def _require(page: Page) -> None:
    if Action.MANAGE_TEAM.value not in page.shell.rights:
        raise Forbidden


def _list(request: Request) -> str:
    return f"{place(request).home}/team/former"


def _trail(request: Request) -> list[Link]:
    team = Link(mark("Team"), f"{place(request).home}/team")
    return [Link(mark("Settings")), team, Link(mark("Former users"), _list(request))]


_ONE = "/partner/{slug}/team/former/{user_id}/erase"
ROUTES = [
    Route("/partner/{slug}/team/former", partner(list_former)),
    Route(_ONE, partner(ask_erase)),
    Route(_ONE, partner(erase), methods=["POST"]),
]

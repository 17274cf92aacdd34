"""Pending invites: everybody who was invited and has not accepted, with what can be done about it.

Surprise: staff are in the list only for who manages the team. One form holds the whole list; a row's own
button says by its value which one is meant, and then the boxes don't count.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.actors import Action, Actor
from billing import pending_invites
from db import ids
from errors import Invalid
from languages import say, say_count
from portal.door import act, go, partner, read_form
from portal.form import Form
from portal.house import house, place
from portal.navigation import ROLES
from portal.page import Page, ask, show
from portal.paging import counted, neighbours, window


async def list_invites(request: Request) -> Response:
    """The longest-waiting ones first."""
    return await _page(request, Form())


async def resend(request: Request) -> Response:
    """A new invite for the one, or for each that is ticked."""
    form = await read_form(request)
    chosen = [form.value("only")] if form.value("only") else list(form.values("user_ids"))
    now = house(request).clock()

    def work(db: Session, actor: Actor) -> int:
        people = [ids.parsed(text, "usr") for text in chosen]
        return pending_invites.resend(db, actor, membership_ids=people, now=now)

    try:
        count = await act(request, work, form=form)
    except Invalid as wrong:
        return await _page(request, form.with_problems(wrong), status=422)
    said = say_count(
        "{count} new invite is on the way. Earlier links are dead.",
        "{count} new invites are on the way. Earlier links are dead.",
        count,
    )
    return go(request, _list(request), said)


async def revoke(request: Request) -> Response:
    """Kill the link of one invite."""
    form = await read_form(request)
    now = house(request).clock()

    def work(db: Session, actor: Actor) -> str:
        person = ids.parsed(form.value("only"), "usr")
        return pending_invites.revoke(db, actor, membership_id=person, now=now).name

    name = await act(request, work, form=form)
    return go(request, _list(request), say("The invite of {name} is revoked. Its link is dead.", name=name))


class Waiting(NamedTuple):
    """The staff who were invited and have not accepted: the longest-waiting first, and how many they are."""

    people: Sequence[Mapping[str, Any]] = ()
    total: int = 0


async def staff_waiting(request: Request, page: Page) -> Waiting:
    """Nobody for who does not manage the team: what Home and the list show and count is the same."""
    if Action.MANAGE_TEAM.value not in page.shell.rights:
        return Waiting()
    team = await ask(request, "partner/invites/staff")
    found = team.content["me"]["partner"]["users"]
    return Waiting(found["nodes"], found["totalCount"])


async def _page(request: Request, form: Form, *, status: int = 200) -> Response:
    page = await ask(request, "partner/invites/list", **window(request))
    found = page.content["users"]
    staff = await staff_waiting(request, page)
    before, after = neighbours(request, found["pageInfo"])
    # A form that came back wrong stands at another address than the list.
    address = _list(request)
    before, after = (link and link.replace(request.url.path, address, 1) for link in (before, after))
    return show(
        request, "partner/invites/list.html", page, form=form, status=status, staff=staff.people, roles=ROLES,
        address=address, count=counted(found["totalCount"] + staff.total, "person", "people"),
        before=before, after=after,
    )  # fmt: skip


def _list(request: Request) -> str:
    return f"{place(request).home}/invites"


_ALL = "/partner/{slug}/invites"
ROUTES = [
    Route(_ALL, partner(list_invites)),
    Route(_ALL + "/resend", partner(resend), methods=["POST"]),
    Route(_ALL + "/revoke", partner(revoke), methods=["POST"]),
]

"""What the worker does with many customers or invoices: how far it is, what it came to, and a way to stop it.

Surprise: a long act is at one address all its life, below the list it came from. What the page there shows is
the state it is in, so whoever reloads, comes back or was sent the link sees how far it is.
"""

from typing import Any, NamedTuple
from uuid import UUID

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.actors import Actor
from billing import long_acts
from billing.import_files import message_of
from billing.long_act_tables import ActState, LongAct
from billing.many import Noun, What
from db import ids
from errors import NotFound
from languages import grouped, mark, say
from portal.act_words import doing, done
from portal.door import act, go, meet, partner, read_form
from portal.house import house, place, record_id
from portal.in_parts import PREFIXES, path_of
from portal.page import ask, show
from portal.partner import customer_chosen, invoice_archiving
from portal.shell import Link, Undo
from portal.under_way import is_over

_UNDO = {Noun.CUSTOMERS: customer_chosen.undo_of, Noun.INVOICES: invoice_archiving.undo_of}


class _Seen(NamedTuple):
    """An act, and whether the person may stop it, and undo what it did."""

    one: LongAct
    may_stop: bool
    may_undo: bool


async def show_one(request: Request) -> Response:
    """The act as it stands: how far it is, or what it came to."""
    act_id, noun = _asked(request)

    def work(db: Session, actor: Actor) -> _Seen:
        one = long_acts.find(db, actor, act_id=act_id)
        if one.noun is not noun:
            raise NotFound
        may = actor.may(one.asked.needs)
        archived = may and one.archiving_id is not None and one.state is not ActState.RUNNING
        return _Seen(one, may, archived and bool(one.asked.still_archived(db, actor, most=1)))

    one, may_stop, may_undo = await meet(request, work)
    running = one.state is ActState.RUNNING
    if (over := is_over(request, over=not running)) is not None:
        return over
    page = await ask(request, "partner/plain")
    home, heading = place(request).home, doing(one.noun, one.what, grouped(one.total))
    if running:
        return show(
            request, "partner/acts/progress.html", page, one=one, heading=heading, may_stop=may_stop,
            here=home + path_of(noun, act_id),
        )  # fmt: skip
    undo: Undo | None = None
    if may_undo and one.archiving_id is not None:
        undo = _UNDO[noun](request, one.archiving_id)
        if one.what is What.UNDO:
            undo = undo._replace(label=mark("Undo the rest"))
    return show(
        request, "partner/acts/over.html", page, one=one, heading=heading, state=one.state.value, undo=undo,
        said=done(one.asked, one.changed, one.unchanged), list=f"{home}/{noun.lower()}",
        refused=[_refused(f"{home}/{noun.lower()}", noun, told) for told in one.told],
    )  # fmt: skip


async def stop(request: Request) -> Response:
    """Let it be; its page says how much was done."""
    form = await read_form(request)
    (act_id, noun), now = _asked(request), house(request).clock()

    def work(db: Session, actor: Actor) -> None:
        if long_acts.stop(db, actor, act_id=act_id, now=now).noun is not noun:
            raise NotFound

    await act(request, work, form=form)
    return go(request, place(request).home + path_of(noun, act_id))


async def under_way(request: Request, noun: Noun) -> list[Link]:
    """What is under way on the records of a list, each with where to see more of it."""

    def work(db: Session, actor: Actor) -> list[LongAct]:
        return list(long_acts.under_way(db, actor, noun=noun))

    return [
        Link(
            say(
                "{act}: {seen} are through …",
                act=doing(noun, one.what, grouped(one.total)),
                seen=grouped(one.seen),
            ),
            place(request).home + path_of(noun, one.id),
        )
        for one in await meet(request, work)
    ]


def _asked(request: Request) -> tuple[UUID, Noun]:
    below = request.url.path.removeprefix(place(request).home)
    return record_id(request, "act_id", "act"), Noun(below.split("/")[1].upper())


def _refused(path: str, noun: Noun, told: dict[str, Any]) -> tuple[str, str]:
    return f"{path}/{ids.shown(PREFIXES[noun], UUID(told['field']))}", message_of(told)


ROUTES = [
    route
    for noun in Noun
    for route in (
        Route(f"/partner/{{slug}}/{noun.lower()}/acts/{{act_id}}", partner(show_one)),
        Route(f"/partner/{{slug}}/{noun.lower()}/acts/{{act_id}}/stop", partner(stop), methods=["POST"]),
    )
]

"""Doing one thing with many customers: those that are checked, a whole page, or all that a filter finds.

Surprise: "all that match" travels as the filter itself, and is looked up again when it is confirmed. If it
finds another number by then, nothing is done and the question comes back with the new number. Choosing some
that are archived already, or are not, is no mistake: the question says how many stay as they are.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.actors import Action, Actor
from billing import customer_bulk
from billing.customer_bulk import NothingToUndo
from billing.many import Many, Noun, What
from db import ids
from db.columns import new_id
from errors import Invalid, NotFound, Problem
from languages import grouped, mark, say, say_count
from portal.act_words import done
from portal.door import act, go, partner, read_form
from portal.every_tag import with_every_tag
from portal.form import Form
from portal.house import house, place
from portal.in_parts import MOST_MATCHING, begin_long, hand_over, in_parts, is_long
from portal.page import Page, ask, show
from portal.partner.customer_filters import Narrowing
from portal.partner.trail import trail
from portal.shell import Undo
from portal.whole import AT_ONCE, pages

SHOWN_NAMES = 20
MATCHING = "matching"
CONFIRMED = "confirmed"
_PAGE = 100
_NAMES = {"archive": mark("Archive"), "restore": mark("Restore")} | {
    "tag": mark("Add a tag"),
    "untag": mark("Remove a tag"),
}
# Nothing is left to do.
_NONE_FITS = {
    "archive": mark("All of these are archived already."),
    "restore": mark("None of these is archived."),
}


class Chosen(NamedTuple):
    """What a form chose: `ids` of rows, or None for all that `narrowing` finds."""

    narrowing: Narrowing
    ids: tuple[str, ...] | None

    @classmethod
    def of(cls, form: Form) -> "Chosen":
        """From the bar above the list, and from the page that asks."""
        narrowing, which = Narrowing.written(form.value("narrowing")), form.value("which")
        if which == MATCHING:
            return cls(narrowing, None)
        listed = form.value("shown").split() if which == "page" else form.values("customer")
        return cls(narrowing, tuple(dict.fromkeys(listed))[:_PAGE])

    @property
    def variables(self) -> dict[str, Any]:
        """The arguments of the API's `customers` that find them."""
        if self.ids is None:
            return self.narrowing.variables
        return {"where": {"id": {"in": list(self.ids)}}}


class Found(NamedTuple):
    """The customers that were chosen, and the names of the first; `too_many`: more than can be done at once.

    `staying`: how many more were chosen that stay as they are.
    """

    ids: tuple[str, ...]
    names: tuple[str, ...]
    too_many: bool = False
    staying: int = 0


async def find(request: Request, chosen: Chosen, what: str = "") -> Found:
    """Look up what was chosen, and of that what can be done `what` with.

    Refuses NotFound if one of them is not the partner's.
    """
    count, fitting, names = 0, list[str](), list[str]()
    async for records in pages(
        request, "partner/customers/chosen", "customers", chosen.variables, size=AT_ONCE
    ):
        count += len(records)
        if count > MOST_MATCHING:
            return Found((), (), too_many=True)
        fits = [one for one in records if _fits(one, what)]
        fitting += [one["id"] for one in fits]
        names += [one["company"] for one in fits[: SHOWN_NAMES - len(names)]]
    if chosen.ids is not None and count != len(chosen.ids):
        raise NotFound
    return Found(tuple(fitting), tuple(names), staying=count - len(fitting))


def _fits(customer: Mapping[str, Any], what: str) -> bool:
    return what not in _NONE_FITS or (customer["status"] == "ARCHIVED") is (what == "restore")


async def archive(request: Request) -> Response:
    """Asks with the number and the names; when confirmed, archives all of them and offers to undo it."""
    return await _do(request, Many(Noun.CUSTOMERS, What.ARCHIVE, archiving_id=new_id()))


async def restore(request: Request) -> Response:
    """Asks with the number and the names; when confirmed, restores all of them."""
    return await _do(request, Many(Noun.CUSTOMERS, What.RESTORE))


async def tag(request: Request) -> Response:
    """Asks for a tag, then puts it on all of them."""
    return await _do(request, Many(Noun.CUSTOMERS, What.TAG))


async def untag(request: Request) -> Response:
    """Asks for a tag, then takes it off all of them."""
    return await _do(request, Many(Noun.CUSTOMERS, What.UNTAG))


async def undo_archiving(request: Request) -> Response:
    """Restore exactly what one act archived."""
    form = await read_form(request)
    archiving_id, now = ids.parsed(form.value("archiving"), "arc"), house(request).clock()
    asked = Many(Noun.CUSTOMERS, What.UNDO, archiving_id=archiving_id)
    found = await act(request, asked.still_archived, form=form)
    if is_long(request, len(found)):
        return await hand_over(request, form, found, asked)

    def work(db: Session, actor: Actor) -> list[str]:
        restored = customer_bulk.undo_archiving(db, actor, archiving_id=archiving_id, now=now)
        return [one.company for one in restored]

    target = f"{place(request).home}/customers"
    try:
        names = await act(request, work, form=form)
    except NothingToUndo as nothing:
        return go(request, target, nothing.message, tone="warning")
    return go(request, target, done(asked, len(names), name="".join(names[:1])))


async def lead_back(request: Request) -> Response:
    """The address of a form, opened by hand, leads to the list."""
    await ask(request, "partner/customers/tagging")
    return go(request, f"{place(request).home}/customers")


def undo_of(request: Request, archiving_id: UUID) -> Undo:
    """The button that takes an archiving back."""
    action = f"{place(request).home}/customers/undo-archive"
    return Undo(mark("Undo"), action, "archiving", ids.shown("arc", archiving_id))


async def _do(request: Request, asked: Many) -> Response:
    what = asked.what.lower()
    form, chosen, found = await _read(request, what)
    if form.pressed != CONFIRMED or not found.ids or form.value("count") != str(len(found.ids)):
        return await _ask(request, what, asked.needs, form, chosen, found)
    if asked.is_tagging:
        if not form.value("tag"):
            problem = Invalid([Problem("REQUIRED", ("tag",), "Choose a tag.")])
            return await _ask(request, what, asked.needs, form.with_problems(problem), chosen, found)
        asked = asked._replace(tag_ids=(ids.parsed(form.value("tag"), "tag"),))
    if is_long(request, len(found.ids)):
        return await begin_long(request, form, found.ids, asked)
    finished = await in_parts(request, form, found.ids, asked)
    others = len(found.ids) - finished.changed - finished.refused
    said = finished.said(done(asked, finished.changed, others, "".join(found.names[:1])))
    undone = asked.archiving_id if finished.changed else None
    undo = undo_of(request, undone) if undone else None
    return go(request, _list(request, chosen), said, undo=undo)


async def _read(request: Request, what: str) -> tuple[Form, Chosen, Found]:
    form = await read_form(request)
    chosen = Chosen.of(form)
    return form, chosen, await find(request, chosen, what)


async def _ask(
    request: Request, what: str, needs: Action, form: Form, chosen: Chosen, found: Found
) -> Response:
    """The page that asks, as far as there is something to do; else the list, with a message."""
    page: Page = await ask(request, "partner/customers/tagging")
    if needs.value not in page.shell.rights:
        await act(request, lambda _, actor: actor.require(needs), form=form)
    back = _list(request, chosen)
    if found.too_many:
        said = say(
            "More than {most_matching} customers match. Narrow the list, and do it in parts.",
            most_matching=grouped(MOST_MATCHING),
        )
        return go(request, back, said, tone="warning")
    if not found.ids and found.staying:
        return go(request, back, _NONE_FITS[what], tone="warning")
    if not found.ids:
        said = "No customer is chosen. Check the boxes of those you mean."
        return go(request, back, said, tone="warning")
    page = await with_every_tag(request, page)
    changed = form.pressed == CONFIRMED and form.value("count") != str(len(found.ids))
    return show(
        request, "partner/customers/chosen.html", page, form=form, what=what, chosen=chosen, back=back,
        count=len(found.ids), by_itself=is_long(request, len(found.ids)), staying=found.staying,
        customers=_customers(len(found.ids)),
        names=found.names[:SHOWN_NAMES], changed=changed, crumbs=trail(request, (_NAMES[what], None)),
        action=f"{place(request).home}/customers/chosen/{what}",
        options=[(one["id"], one["name"]) for one in page.content["tags"]["nodes"]],
        status=422 if form.problems else 200,
    )  # fmt: skip


def _list(request: Request, chosen: Chosen) -> str:
    return chosen.narrowing.address(f"{place(request).home}/customers")


def _customers(count: int) -> str:
    # To the last one: they were all looked up.
    return say_count("{count} customer", "{count} customers", count)


_ALL = "/partner/{slug}/customers"
_ACTS = {"archive": archive, "restore": restore, "tag": tag, "untag": untag}
ROUTES = [
    *(Route(f"{_ALL}/chosen/{name}", partner(does), methods=["POST"]) for name, does in _ACTS.items()),
    *(Route(f"{_ALL}/chosen/{name}", partner(lead_back)) for name in _ACTS),
    Route(f"{_ALL}/undo-archive", partner(undo_archiving), methods=["POST"]),
    Route(f"{_ALL}/undo-archive", partner(lead_back)),
]

"""Archiving invoices in the dashboard: one from its page, or those chosen in the list; restored, or undone.

Surprise: choosing more than can be archived is no mistake. The page that asks says how many stay, and its
button names only those that go.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.actors import Action, Actor
from billing import invoice_archiving
from billing.customer_bulk import NothingToUndo
from billing.invoice_archiving import ENDED
from billing.invoices import Invoice
from billing.many import Many, Noun, What
from db import ids
from db.columns import new_id
from errors import Forbidden
from languages import grouped, mark, say, say_count
from portal.act_words import done
from portal.door import act, go, partner, read_form
from portal.house import house, place, record_id
from portal.in_parts import MOST_MATCHING, begin_long, hand_over, in_parts, is_long
from portal.invoice_choice import Chosen, found, parts_of
from portal.page import ask, show
from portal.partner.invoice_narrowing import Narrowing
from portal.partner.invoices import address
from portal.shell import Undo

SHOWN_ROWS = 50
# How many there were when it was asked, of all that a list finds.
COUNT = "count"
Row = Mapping[str, Any]


class Offer(NamedTuple):
    """One of the two: which rows it fits, and what is said when it fits none, or nothing is chosen."""

    fits: Callable[[Row], bool]
    none_fits: str
    none_chosen: str


class Fitting(NamedTuple):
    """What fits, the first rows of it, and how many were chosen."""

    ids: tuple[str, ...]
    first: tuple[Row, ...]
    chosen: int


WHATS = {
    "archive": Offer(
        lambda row: row["status"] in ENDED and row["archivedAt"] is None,
        mark("None of these can be archived: only paid, void and uncollectible invoices can."),
        mark("Choose the invoices to archive."),
    ),
    "restore": Offer(
        lambda row: row["archivedAt"] is not None,
        mark("None of these is archived."),
        mark("Choose the invoices to restore."),
    ),
}


async def ask_to_archive(request: Request) -> Response:
    """Which invoices would be archived, and how many stay."""
    return await _ask(request, "archive", Chosen.asked(request))


async def ask_to_restore(request: Request) -> Response:
    """Which invoices would come back."""
    return await _ask(request, "restore", Chosen.asked(request))


async def archive_many(request: Request) -> Response:
    """Archive those that were named, or all that the list finds; the message offers to take it back."""
    return await _do(request, Many(Noun.INVOICES, What.ARCHIVE, archiving_id=new_id()))


async def restore_many(request: Request) -> Response:
    """Put those that were named, or all that the list finds, into the lists again."""
    return await _do(request, Many(Noun.INVOICES, What.RESTORE))


async def _do(request: Request, asked: Many) -> Response:
    form = await read_form(request)
    chosen, name = Chosen.posted(form), asked.what.lower()
    await act(request, lambda _, actor: actor.require(Action.EDIT_INVOICES), form=form)
    invoice_ids = chosen.ids
    if invoice_ids is None:
        matching = await _fitting(request, chosen, WHATS[name])
        if form.value(COUNT) != str(len(matching.ids)):
            return await _ask(request, name, chosen, changed=bool(form.value(COUNT)))
        invoice_ids = matching.ids
    if not invoice_ids:
        return go(request, chosen.back(request), WHATS[name].none_chosen, tone="info")
    if is_long(request, len(invoice_ids)):
        return await begin_long(request, form, invoice_ids, asked)
    finished = await in_parts(request, form, invoice_ids, asked)
    undone = asked.archiving_id if finished.changed else None
    undoing = undo_of(request, undone) if undone else None
    return go(request, chosen.back(request), finished.said(done(asked, finished.changed)), undo=undoing)


async def archive(request: Request) -> Response:
    """Archive the invoice of this page; the message offers to take it back."""
    form = await read_form(request)
    invoice_id, now = record_id(request, "invoice_id", "inv"), house(request).clock()

    def work(db: Session, actor: Actor) -> tuple[UUID, int]:
        archived = invoice_archiving.archive(db, actor, invoice_ids=[invoice_id], now=now)
        return archived.archiving_id, len(archived.invoices)

    act_id, count = await act(request, work, form=form)
    said = mark("The invoice is archived: it is out of the lists.")
    return go(request, address(request), said, undo=undo_of(request, act_id) if count else None)


async def restore(request: Request) -> Response:
    """Put the invoice of this page into the lists again."""
    form = await read_form(request)
    invoice_id, now = record_id(request, "invoice_id", "inv"), house(request).clock()

    def work(db: Session, actor: Actor) -> Sequence[Invoice]:
        return invoice_archiving.restore(db, actor, invoice_ids=[invoice_id], now=now)

    await act(request, work, form=form)
    return go(request, address(request), "The invoice is in the lists again.")


async def undo(request: Request) -> Response:
    """Restore exactly what one act archived."""
    form = await read_form(request)
    archiving_id, now = ids.parsed(form.value("archiving"), "arc"), house(request).clock()
    asked = Many(Noun.INVOICES, What.UNDO, archiving_id=archiving_id)
    archived = await act(request, asked.still_archived, form=form)
    if is_long(request, len(archived)):
        return await hand_over(request, form, archived, asked)

    def work(db: Session, actor: Actor) -> int:
        return len(invoice_archiving.undo_archiving(db, actor, archiving_id=archiving_id, now=now))

    target = f"{place(request).home}/invoices"
    try:
        count = await act(request, work, form=form)
    except NothingToUndo as nothing:
        return go(request, target, nothing.message, tone="warning")
    return go(request, target, done(asked, count))


async def lead_back(request: Request) -> Response:
    """The address of Undo, opened by hand, leads to the list."""
    await ask(request, "partner/plain")
    return go(request, f"{place(request).home}/invoices")


async def _fitting(request: Request, chosen: Chosen, what: Offer) -> Fitting:
    """Of what was chosen, that which can be done with; refuses NotFound if one is not the partner's."""
    count, fitting, first = 0, list[str](), list[Row]()
    async for part in parts_of(request, chosen, _narrow):
        count += len(part)
        if count > MOST_MATCHING:
            return Fitting((), (), count)
        fits = [one for one in part if what.fits(one)]
        fitting += [one["id"] for one in fits]
        first += fits[: SHOWN_ROWS - len(first)]
    return Fitting(tuple(fitting), tuple(first), count)


async def _ask(request: Request, name: str, chosen: Chosen, *, changed: bool = False) -> Response:
    what = WHATS[name]
    page = await found(request, chosen, _narrow)
    if Action.EDIT_INVOICES.value not in page.shell.rights:
        raise Forbidden
    back = chosen.back(request)
    if not page.content["invoices"]["totalCount"]:
        return go(request, back, what.none_chosen, tone="info")
    listed = await _fitting(request, chosen, what)
    if listed.chosen > MOST_MATCHING:
        said = say(
            "At most {most} invoices can be archived or restored at once. Narrow the list.",
            most=grouped(MOST_MATCHING),
        )
        return go(request, back, said, tone="warning")
    count = len(listed.ids)
    if not count:
        return go(request, back, what.none_fits, tone="warning")
    ours = {"chosen": " ".join(listed.ids)} if chosen.ids is not None else {COUNT: str(count)}
    return show(
        request, "partner/invoices/archive_many.html", page, what=name, rows=listed.first, back=back,
        action=f"{place(request).home}/invoices/{name}", count=_counted(count), total=count,
        more=count - SHOWN_ROWS, by_itself=is_long(request, count), staying=listed.chosen - count,
        changed=changed, fields={"narrowing": chosen.query, **ours},
    )  # fmt: skip


def _counted(count: int) -> str:
    return say_count("{count} invoice", "{count} invoices", count)


def _narrow(query: str) -> Mapping[str, Any]:
    return Narrowing.written(query).sorted_variables


def undo_of(request: Request, archiving_id: UUID) -> Undo:
    """The button that takes an archiving back."""
    action = f"{place(request).home}/invoices/undo-archive"
    return Undo(mark("Undo"), action, "archiving", ids.shown("arc", archiving_id))


_ALL = "/partner/{slug}/invoices"
_ONE = _ALL + "/{invoice_id}"
ROUTES = [
    Route(_ALL + "/archive", partner(ask_to_archive)),
    Route(_ALL + "/archive", partner(archive_many), methods=["POST"]),
    Route(_ALL + "/restore", partner(ask_to_restore)),
    Route(_ALL + "/restore", partner(restore_many), methods=["POST"]),
    Route(_ALL + "/undo-archive", partner(undo), methods=["POST"]),
    Route(_ALL + "/undo-archive", partner(lead_back)),
    Route(_ONE + "/archive", partner(archive), methods=["POST"]),
    Route(_ONE + "/restore", partner(restore), methods=["POST"]),
]

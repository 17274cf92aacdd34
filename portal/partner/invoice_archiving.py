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
from billing.chosen import MOST_AT_ONCE
from billing.customer_bulk import NothingToUndo
from billing.invoice_archiving import ENDED
from billing.invoices import Invoice
from db import ids
from errors import Forbidden
from languages import mark, say, say_count
from portal.door import act, go, partner, read_form
from portal.house import house, place, record_id
from portal.invoice_choice import Chosen, found, rows
from portal.page import ask, show
from portal.paging import counted
from portal.partner.invoice_narrowing import Narrowing
from portal.partner.invoices import address
from portal.shell import Undo

SHOWN_ROWS = 50
Row = Mapping[str, Any]


class What(NamedTuple):
    """One of the two: which rows it fits, and what is said when it fits none, or nothing is chosen."""

    fits: Callable[[Row], bool]
    none_fits: str
    none_chosen: str


WHATS = {
    "archive": What(
        lambda row: row["status"] in ENDED and row["archivedAt"] is None,
        mark("None of these can be archived: only paid, void and uncollectible invoices can."),
        mark("Choose the invoices to archive."),
    ),
    "restore": What(
        lambda row: row["archivedAt"] is not None,
        mark("None of these is archived."),
        mark("Choose the invoices to restore."),
    ),
}


async def ask_to_archive(request: Request) -> Response:
    """Which invoices would be archived, and how many stay."""
    return await _ask(request, "archive")


async def ask_to_restore(request: Request) -> Response:
    """Which invoices would come back."""
    return await _ask(request, "restore")


async def archive_many(request: Request) -> Response:
    """Archive those that were named; the message offers to take it back."""
    form = await read_form(request)
    chosen, now = Chosen.posted(form), house(request).clock()
    invoice_ids = [ids.parsed(text, "inv") for text in chosen.ids or ()]
    if not invoice_ids:
        await act(request, lambda _, actor: actor.require(Action.EDIT_INVOICES), form=form)
        return go(request, chosen.back(request), WHATS["archive"].none_chosen, tone="info")

    def work(db: Session, actor: Actor) -> tuple[UUID, int]:
        done = invoice_archiving.archive(db, actor, invoice_ids=invoice_ids, now=now)
        return done.archiving_id, len(done.invoices)

    act_id, count = await act(request, work, form=form)
    said = say_count("{count} invoice is archived.", "{count} invoices are archived.", count)
    return go(request, chosen.back(request), said, undo=_undo(request, act_id) if count else None)


async def restore_many(request: Request) -> Response:
    """Put those that were named into the lists again."""
    form = await read_form(request)
    chosen, now = Chosen.posted(form), house(request).clock()
    invoice_ids = [ids.parsed(text, "inv") for text in chosen.ids or ()]
    if not invoice_ids:
        await act(request, lambda _, actor: actor.require(Action.EDIT_INVOICES), form=form)
        return go(request, chosen.back(request), WHATS["restore"].none_chosen, tone="info")

    def work(db: Session, actor: Actor) -> int:
        return len(invoice_archiving.restore(db, actor, invoice_ids=invoice_ids, now=now))

    return go(request, chosen.back(request), _restored(await act(request, work, form=form)))


async def archive(request: Request) -> Response:
    """Archive the invoice of this page; the message offers to take it back."""
    form = await read_form(request)
    invoice_id, now = record_id(request, "invoice_id", "inv"), house(request).clock()

    def work(db: Session, actor: Actor) -> tuple[UUID, int]:
        done = invoice_archiving.archive(db, actor, invoice_ids=[invoice_id], now=now)
        return done.archiving_id, len(done.invoices)

    act_id, count = await act(request, work, form=form)
    said = mark("The invoice is archived: it is out of the lists.")
    return go(request, address(request), said, undo=_undo(request, act_id) if count else None)


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

    def work(db: Session, actor: Actor) -> int:
        return len(invoice_archiving.undo_archiving(db, actor, archiving_id=archiving_id, now=now))

    target = f"{place(request).home}/invoices"
    try:
        count = await act(request, work, form=form)
    except NothingToUndo as nothing:
        return go(request, target, nothing.message, tone="warning")
    return go(request, target, _restored(count))


async def lead_back(request: Request) -> Response:
    """The address of Undo, opened by hand, leads to the list."""
    await ask(request, "partner/plain")
    return go(request, f"{place(request).home}/invoices")


async def _ask(request: Request, name: str) -> Response:
    what, chosen = WHATS[name], Chosen.asked(request)
    page = await found(request, chosen, _narrow)
    if Action.EDIT_INVOICES.value not in page.shell.rights:
        raise Forbidden
    count, back = page.content["invoices"]["totalCount"], chosen.back(request)
    if not count:
        return go(request, back, what.none_chosen, tone="info")
    if count > MOST_AT_ONCE:
        said = say(
            "At most {most} invoices can be archived or restored at once. Narrow the list.",
            most=MOST_AT_ONCE,
        )
        return go(request, back, said, tone="warning")
    listed = await rows(request, chosen, _narrow)
    fitting = [one for one in listed if what.fits(one)]
    if not fitting:
        return go(request, back, what.none_fits, tone="warning")
    return show(
        request, "partner/invoices/archive_many.html", page, what=name, rows=fitting[:SHOWN_ROWS], back=back,
        action=f"{place(request).home}/invoices/{name}", count=counted(len(fitting), "invoice", "invoices"),
        more=len(fitting) - SHOWN_ROWS, staying=len(listed) - len(fitting),
        fields={"chosen": " ".join(one["id"] for one in fitting), "narrowing": chosen.query},
    )  # fmt: skip


def _narrow(query: str) -> Mapping[str, Any]:
    return Narrowing.written(query).sorted_variables


def _restored(count: int) -> str:
    return say_count(
        "{count} invoice is in the lists again.", "{count} invoices are in the lists again.", count
    )


def _undo(request: Request, archiving_id: UUID) -> Undo:
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

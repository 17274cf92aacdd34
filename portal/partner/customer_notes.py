"""The notes of a customer: what staff tell each other about it.

Surprise: whose note it is decides what is offered beside it, and the rule decides again; nobody changes what
somebody else wrote, not even an Admin.
"""

from collections.abc import Mapping
from typing import Any

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.actors import Actor
from billing import customer_notes
from errors import Invalid, NotFound
from languages import mark
from portal.door import act, go, partner, read_form
from portal.form import Form
from portal.house import house, record_id
from portal.page import Page, ask, show
from portal.paging import neighbours, window
from portal.partner.customers import address_of, found, tab
from portal.partner.trail import trail


async def list_notes(request: Request) -> Response:
    """The notes, newest first, and a place for one more."""
    return await _notes_page(request, Form())


async def add(request: Request) -> Response:
    """Write a note."""
    form = await read_form(request)
    customer_id, now = record_id(request, "customer_id", "cus"), house(request).clock()

    def work(db: Session, actor: Actor) -> None:
        customer_notes.add(db, actor, customer_id=customer_id, text=form.value("text"), now=now)

    try:
        await act(request, work, form=form)
    except Invalid as wrong:
        return await _notes_page(request, form.with_problems(wrong), status=422)
    return go(request, _notes(request), "The note is added.")


async def show_edit(request: Request) -> Response:
    """The note as it is stored."""
    page, note = await _note(request)
    return _edit_page(request, page, Form.of({"text": note["text"]}))


async def edit(request: Request) -> Response:
    """Save an own note."""
    form = await read_form(request)
    note_id, now = record_id(request, "note_id", "note"), house(request).clock()

    def work(db: Session, actor: Actor) -> None:
        customer_notes.update(db, actor, note_id=note_id, text=form.value("text"), now=now)

    try:
        await act(request, work, form=form)
    except Invalid as wrong:
        page, _ = await _note(request)
        return _edit_page(request, page, form.with_problems(wrong), status=422)
    return go(request, _notes(request), "The note is saved.")


async def ask_delete(request: Request) -> Response:
    """Asks before an own note is deleted."""
    page, _ = await _note(request)
    crumbs = trail(request, (mark("Notes"), _notes(request)), (mark("Delete"), None))
    return show(request, "partner/customers/note_delete.html", page, address=_notes(request), crumbs=crumbs)


async def delete(request: Request) -> Response:
    """Delete an own note."""
    form = await read_form(request)
    note_id, now = record_id(request, "note_id", "note"), house(request).clock()

    def work(db: Session, actor: Actor) -> None:
        customer_notes.delete(db, actor, note_id=note_id, now=now)

    await act(request, work, form=form)
    return go(request, _notes(request), "The note is deleted.")


async def _notes_page(request: Request, form: Form, *, status: int = 200) -> Response:
    customer_id = request.path_params["customer_id"]
    page = await ask(request, "partner/customers/notes", id=customer_id, **window(request))
    before, after = neighbours(request, found(page)["notes"]["pageInfo"])
    return tab(
        request, "Notes", "notes", page, form=form, status=status, before=before, after=after,
        mine=page.content["me"]["user"]["id"],
    )  # fmt: skip


async def _note(request: Request) -> tuple[Page, Mapping[str, Any]]:
    """An own note on this very customer; NotFound for any other."""
    page = await ask(request, "partner/customers/note", id=request.path_params["note_id"])
    note = page.content["note"]
    if (
        not note
        or note["customer"]["id"] != request.path_params["customer_id"]
        or note["authorId"] != page.content["me"]["user"]["id"]
    ):
        raise NotFound
    return page, note


def _edit_page(request: Request, page: Page, form: Form, *, status: int = 200) -> Response:
    crumbs = trail(request, (mark("Notes"), _notes(request)), (mark("Edit"), None))
    return show(
        request, "partner/customers/note.html", page, form=form, status=status, address=_notes(request),
        crumbs=crumbs,
    )  # fmt: skip


def _notes(request: Request) -> str:
    return f"{address_of(request)}/notes"


_ALL = "/partner/{slug}/customers/{customer_id}/notes"
_ONE = _ALL + "/{note_id}"
ROUTES = [
    Route(_ALL, partner(list_notes)),
    Route(_ALL, partner(add), methods=["POST"]),
    Route(_ONE + "/edit", partner(show_edit)),
    Route(_ONE + "/edit", partner(edit), methods=["POST"]),
    Route(_ONE + "/delete", partner(ask_delete)),
    Route(_ONE + "/delete", partner(delete), methods=["POST"]),
]

"""The portal's tags: the company's own labels for its invoices. The partner never sees them.

Surprise: deleting asks first and says how many invoices carry the tag; what was really taken off is said
afterwards, since that may have changed in between.
"""

from typing import Any

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.actors import Action, Actor
from billing import tags
from billing.tags import TagInput
from errors import Invalid, NotFound
from languages import say
from portal.customer.company import require
from portal.door import act, customer, go, read_form
from portal.form import Form
from portal.house import house, place, record_id
from portal.page import Page, ask, show
from portal.paging import counted, neighbours, window
from portal.tag_merging import merge, show_merge

FIELDS = ("name", "colour", "description")


async def list_tags(request: Request) -> Response:
    """The company's tags, by name, and how many invoices carry each."""
    page = await ask(request, "customer/tags/list", **window(request))
    found = page.content["tags"]
    before, after = neighbours(request, found["pageInfo"])
    return show(
        request, "customer/tags/list.html", page, count=counted(found["totalCount"], "tag", "tags"),
        before=before, after=after,
    )  # fmt: skip


async def show_new(request: Request) -> Response:
    """The form for a new tag."""
    return await _new(request, Form())


async def create(request: Request) -> Response:
    """Make the tag."""
    form = await read_form(request)
    now = house(request).clock()

    def work(db: Session, actor: Actor) -> str:
        return tags.create(db, actor, fields=TagInput.read(form.document()), now=now).name

    try:
        name = await act(request, work, form=form)
    except Invalid as wrong:
        return await _new(request, form.with_problems(wrong), status=422)
    return go(request, _list(request), say("The tag {name} is created.", name=name))


async def show_edit(request: Request) -> Response:
    """The tag as it is."""
    page = await _one(request)
    tag = page.content["tag"]
    return _edit(request, page, Form.of({name: tag[name] for name in FIELDS}))


async def edit(request: Request) -> Response:
    """Save the tag."""
    form = await read_form(request)
    tag_id, now = record_id(request, "tag_id", "tag"), house(request).clock()

    def work(db: Session, actor: Actor) -> str:
        return tags.update(db, actor, tag_id=tag_id, fields=TagInput.read(form.document()), now=now).name

    try:
        name = await act(request, work, form=form)
    except Invalid as wrong:
        return _edit(request, await _one(request), form.with_problems(wrong), status=422)
    return go(request, _list(request), say("The tag {name} is saved.", name=name))


async def ask_delete(request: Request) -> Response:
    """Asks before deleting, with how many invoices carry the tag."""
    page = await _one(request)
    carried = _invoices(page.content["tag"]["invoiceCount"])
    return show(request, "customer/tags/delete.html", page, carried=carried)


async def delete(request: Request) -> Response:
    """Delete the tag and take it off every invoice."""
    form = await read_form(request)
    tag_id, now = record_id(request, "tag_id", "tag"), house(request).clock()

    def work(db: Session, actor: Actor) -> int:
        return tags.delete(db, actor, tag_id=tag_id, now=now).invoices

    used = await act(request, work, form=form)
    said = say("The tag is deleted and taken off {carried}.", carried=_invoices(used)) if used else None
    return go(request, _list(request), said or "The tag is deleted.")


async def _new(request: Request, form: Form, *, status: int = 200) -> Response:
    page = await ask(request, "customer/plain")
    require(page, Action.EDIT_TAGS)
    return show(request, "customer/tags/editor.html", page, form=form, status=status, tag=None)


def _edit(request: Request, page: Page, form: Form, *, status: int = 200) -> Response:
    return show(request, "customer/tags/editor.html", page, form=form, status=status)


async def _one(request: Request) -> Page:
    page = await ask(request, "customer/tags/one", id=request.path_params["tag_id"])
    tag: dict[str, Any] | None = page.content["tag"]
    if tag is None:
        raise NotFound
    require(page, Action.EDIT_TAGS)
    return page


def _invoices(count: int) -> str:
    return counted(count, "invoice", "invoices")


def _list(request: Request) -> str:
    return f"{place(request).home}/tags"


_ALL = "/portal/{slug}/tags"
_ONE = _ALL + "/{tag_id}"
ROUTES = [
    Route(_ALL, customer(list_tags)),
    Route(_ALL + "/new", customer(show_new)),
    Route(_ALL + "/new", customer(create), methods=["POST"]),
    Route(_ONE + "/edit", customer(show_edit)),
    Route(_ONE + "/edit", customer(edit), methods=["POST"]),
    Route(_ONE + "/delete", customer(ask_delete)),
    Route(_ONE + "/delete", customer(delete), methods=["POST"]),
    Route(_ONE + "/merge", customer(show_merge)),
    Route(_ONE + "/merge", customer(merge), methods=["POST"]),
]

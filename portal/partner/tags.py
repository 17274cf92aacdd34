"""Tag management: the partner's own tags, and how many things carry each.

Surprise: deleting asks first and says how much carries the tag; what the page said may be outdated when it is
confirmed, so the message afterwards says what was really taken off.
"""

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.actors import Action, Actor
from billing import tags
from billing.tags import TagInput, TagUsage
from errors import Invalid, NotFound
from languages import mark, say
from portal.door import act, go, partner, read_form
from portal.form import Form
from portal.house import house, place, record_id
from portal.page import Page, ask, show
from portal.paging import neighbours, window
from portal.shell import Link
from portal.tag_merging import merge, said, show_merge


async def list_tags(request: Request) -> Response:
    """All tags of the partner, with their counts."""
    page = await ask(request, "partner/tags/list", **window(request))
    before, after = neighbours(request, page.content["tags"]["pageInfo"])
    return show(request, "partner/tags/list.html", page, before=before, after=after)


async def show_new(request: Request) -> Response:
    """The form for a new tag."""
    return await _new_page(request, Form())


async def create(request: Request) -> Response:
    """Make the tag."""
    form = await read_form(request)
    now = house(request).clock()

    def work(db: Session, actor: Actor) -> str:
        return tags.create(db, actor, fields=TagInput.read(form.document()), now=now).name

    try:
        name = await act(request, work, form=form)
    except Invalid as wrong:
        return await _new_page(request, form.with_problems(wrong), status=422)
    return go(request, _home(request), say("The tag {name} is created.", name=name))


async def show_edit(request: Request) -> Response:
    """The tag as it is stored."""
    page = await _tag(request)
    tag = page.content["tag"]
    form = Form.of({name: tag[name] for name in ("name", "colour", "description")})
    return _edit_page(request, page, form)


async def edit(request: Request) -> Response:
    """Save the tag."""
    form = await read_form(request)
    tag_id, now = record_id(request, "tag_id", "tag"), house(request).clock()

    def work(db: Session, actor: Actor) -> str:
        return tags.update(db, actor, tag_id=tag_id, fields=TagInput.read(form.document()), now=now).name

    try:
        name = await act(request, work, form=form)
    except Invalid as wrong:
        return _edit_page(request, await _tag(request), form.with_problems(wrong), status=422)
    return go(request, _home(request), say("The tag {name} is saved.", name=name))


async def ask_delete(request: Request) -> Response:
    """Asks before deleting, with how much carries the tag."""
    page = await _tag(request)
    tag = page.content["tag"]
    carried = said(tag["customerCount"], tag["invoiceCount"])
    crumbs = _trail(request, Link(tag["name"]), Link(mark("Delete")))
    return show(request, "partner/tags/delete.html", page, carried=carried, crumbs=crumbs)


async def delete(request: Request) -> Response:
    """Delete the tag and take it off everything."""
    form = await read_form(request)
    tag_id, now = record_id(request, "tag_id", "tag"), house(request).clock()

    def work(db: Session, actor: Actor) -> TagUsage:
        return tags.delete(db, actor, tag_id=tag_id, now=now)

    used = await act(request, work, form=form)
    carried = said(used.customers, used.invoices)
    text = say("The tag is deleted and taken off {carried}.", carried=carried) if carried else None
    return go(request, _home(request), text or "The tag is deleted.")


async def _new_page(request: Request, form: Form, *, status: int = 200) -> Response:
    page = await ask(request, "partner/tags/new")
    crumbs = _trail(request, Link(mark("Create tag")))
    return show(request, "partner/tags/new.html", page, form=form, status=status, crumbs=crumbs)


def _edit_page(request: Request, page: Page, form: Form, *, status: int = 200) -> Response:
    crumbs = _trail(request, Link(page.content["tag"]["name"]))
    return show(request, "partner/tags/edit.html", page, form=form, status=status, crumbs=crumbs)


async def _tag(request: Request) -> Page:
    page = await ask(request, "partner/tags/edit", id=request.path_params["tag_id"])
    if page.content["tag"] is None:
        raise NotFound
    return page


def _home(request: Request) -> str:
    return f"{place(request).home}/tags"


def _trail(request: Request, *steps: Link) -> list[Link]:
    return [
        Link(mark("Accounts Receivable")),
        Link(mark("Customers")),
        Link(mark("Tag management"), _home(request)),
        *steps,
    ]


_ALL = "/partner/{slug}/tags"
_ONE = _ALL + "/{tag_id}"
ROUTES = [
    Route(_ALL, partner(list_tags)),
    Route(_ALL + "/new", partner(show_new, needs=Action.EDIT_TAGS)),
    Route(_ALL + "/new", partner(create), methods=["POST"]),
    Route(_ONE + "/edit", partner(show_edit, needs=Action.EDIT_TAGS)),
    Route(_ONE + "/edit", partner(edit), methods=["POST"]),
    Route(_ONE + "/delete", partner(ask_delete, needs=Action.EDIT_TAGS)),
    Route(_ONE + "/delete", partner(delete), methods=["POST"]),
    Route(_ONE + "/merge", partner(show_merge, needs=Action.EDIT_TAGS)),
    Route(_ONE + "/merge", partner(merge), methods=["POST"]),
]

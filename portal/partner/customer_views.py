"""Saved views above the list of customers: which there are, saving, changing and deleting one.

Surprise: a view is a plain link to the list, narrowed as the view says, with the view's id beside that. The
list is never anything but what its address says, and whether it still is the view is found by comparing.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.actors import Action, Actor
from billing import customer_views
from billing.customer_views import CustomerView, ViewInput
from db import ids
from errors import Conflict, Invalid, NotFound
from languages import mark, say
from portal.door import act, go, partner, read_form
from portal.every_tag import with_every_tag
from portal.form import Form
from portal.house import house, place, record_id
from portal.meanwhile import VERSION, version_of
from portal.page import Page, ask, show
from portal.partner.customer_filters import SORTS, Narrowing
from portal.partner.trail import trail

MINE, TEAM = "mine", "team"


class Saved(NamedTuple):
    """One view above the list: its name and where it leads."""

    name: str
    href: str
    is_current: bool
    is_shared: bool


class Views(NamedTuple):
    """All of them, the one the list began as, and how the list is with it.

    `is_lost`: the address names a view that is no longer there, or not for whoever looks. `gone` counts the
    tags that the list asks for and that are no longer there. `may_change`: the view in hand; `may_save`: the
    list as a view of its own.
    """

    links: Sequence[Saved]
    current: Mapping[str, Any] | None = None
    is_changed: bool = False
    is_lost: bool = False
    may_change: bool = False
    may_save: bool = False
    gone: int = 0


def views_of(page: Page, asked: Narrowing, path: str, names: Mapping[str, str]) -> Views:
    """The views of the document `list`, for a list at `path` that is asked for like this.

    `names` are those of the tags by their ids.
    """
    listed = page.content["customerViews"]["nodes"]
    current = next((view for view in listed if view["id"] == asked.view), None)
    gone = [tag for tag in asked.tags if tag not in names]
    return Views(
        links=[
            Saved(view["name"], Narrowing.kept(view).address(path), view is current, view["isShared"])
            for view in listed
        ],
        current=current,
        is_changed=current is not None and not asked.is_like(Narrowing.kept(current)),
        is_lost=bool(asked.view) and current is None,
        may_change=current is not None and _may_change(page, current),
        may_save=not asked.problems and not gone and not asked.is_like(Narrowing({})),
        gone=len(gone),
    )


async def show_new(request: Request) -> Response:
    """The form that names a view; its address says how the list is narrowed."""
    return await _new_page(request, Form(), Narrowing.of(request.query_params.multi_items()))


async def create(request: Request) -> Response:
    """Save the view and show it."""
    form = await read_form(request)
    asked, now = Narrowing.written(form.value("narrowing")), house(request).clock()
    fields = asked.fields | {"name": form.value("name"), "is_shared": form.value("seen_by") == TEAM}

    def work(db: Session, actor: Actor) -> CustomerView:
        return customer_views.create(db, actor, fields=ViewInput.read(fields), now=now)

    try:
        view = await act(request, work, form=form)
    except Invalid as wrong:
        return await _new_page(request, form.with_problems(wrong), asked, status=422)
    there = asked.within(ids.shown("cvw", view.id)).address(_list(request))
    return go(request, there, say("The view {name} is saved.", name=view.name))


async def save_changes(request: Request) -> Response:
    """Keep the filters of the list in the view that it began as, unless somebody else did meanwhile."""
    form = await read_form(request)
    view_id, now = record_id(request, "view_id", "cvw"), house(request).clock()
    asked = Narrowing.written(form.value("narrowing")).within(request.path_params["view_id"])

    def work(db: Session, actor: Actor) -> CustomerView:
        fields, version = ViewInput.read(asked.fields), version_of(form)
        return customer_views.update(db, actor, view_id=view_id, fields=fields, version=version, now=now)

    back = asked.address(_list(request))
    try:
        view = await act(request, work, form=form)
    except Invalid as wrong:
        return go(request, back, " ".join(say(one.message) for one in wrong.problems), tone="warning")
    except Conflict:
        said = (
            "Somebody else changed this view in the meantime. Your filters are still here: save again to "
            "replace theirs, or save them as a new view."
        )
        return go(request, back, said, tone="warning")
    return go(request, back, say("The view {name} is saved.", name=view.name))


async def show_edit(request: Request) -> Response:
    """A view's name, and for whoever made it who sees it."""
    page, view = await _view(request)
    seen_by = TEAM if view["isShared"] else MINE
    form = Form.of({"name": view["name"], "seen_by": seen_by, VERSION: view["version"]})
    return _edit_page(request, page, view, form)


async def edit(request: Request) -> Response:
    """Save the name. What somebody else did to the view meanwhile is told before it is replaced."""
    form = await read_form(request)
    view_id, now = record_id(request, "view_id", "cvw"), house(request).clock()
    fields: dict[str, Any] = {"name": form.value("name")}
    if form.value("seen_by"):
        fields["is_shared"] = form.value("seen_by") == TEAM

    def work(db: Session, actor: Actor) -> CustomerView:
        given, version = ViewInput.read(fields), version_of(form)
        return customer_views.update(db, actor, view_id=view_id, fields=given, version=version, now=now)

    try:
        kept = await act(request, work, form=form)
    except Invalid as wrong:
        page, view = await _view(request)
        return _edit_page(request, page, view, form.with_problems(wrong), status=422)
    except Conflict:
        page, view = await _view(request)
        again = Form.of({name: form.value(name) for name in ("name", "seen_by")} | {VERSION: view["version"]})
        return _edit_page(request, page, view, again, status=409)
    _, view = await _view(request)
    back = Narrowing.kept(view).address(_list(request))
    return go(request, back, say("The view {name} is saved.", name=kept.name))


async def ask_delete(request: Request) -> Response:
    """Asks before a view is deleted."""
    page, view = await _view(request)
    back = Narrowing.kept(view).address(_list(request))
    crumbs = trail(request, (view["name"], None))
    return show(request, "partner/customers/view_delete.html", page, view=view, back=back, crumbs=crumbs)


async def delete(request: Request) -> Response:
    """Delete the view."""
    form = await read_form(request)
    view_id, now = record_id(request, "view_id", "cvw"), house(request).clock()

    def work(db: Session, actor: Actor) -> str:
        return customer_views.delete(db, actor, view_id=view_id, now=now).name

    name = await act(request, work, form=form)
    return go(request, _list(request), say("The view {name} is deleted.", name=name))


async def lead_back(request: Request) -> Response:
    """The address of a form, opened by hand, leads to the view."""
    _, view = await _view(request)
    return go(request, Narrowing.kept(view).address(_list(request)))


def _may_change(page: Page, view: Mapping[str, Any]) -> bool:
    """May whoever looks change the view? The rule decides again."""
    made_by = view["createdBy"]
    mine = made_by is not None and made_by["id"] == page.content["me"]["user"]["id"]
    if not view["isShared"]:
        return mine
    return Action.SHARE_VIEWS in page.shell.rights and (mine or Action.MANAGE_VIEWS in page.shell.rights)


async def _view(request: Request) -> tuple[Page, Mapping[str, Any]]:
    """A view that may be changed; NotFound for any other."""
    page = await ask(request, "partner/customers/view", id=request.path_params["view_id"])
    view: Mapping[str, Any] | None = page.content["customerView"]
    if view is None or not _may_change(page, view):
        raise NotFound
    return page, view


async def _new_page(request: Request, form: Form, asked: Narrowing, *, status: int = 200) -> Response:
    page = await with_every_tag(request, await ask(request, "partner/customers/view_new"))
    names = {tag["id"]: tag["name"] for tag in page.content["tags"]["nodes"]}
    path = _list(request)
    return show(
        request, "partner/customers/view_new.html", page, form=form, asked=asked, mine=MINE, team=TEAM,
        chips=asked.chips(path, names), order=SORTS[asked.value("sort")][0], back=asked.address(path),
        status=status,
        crumbs=trail(request, (mark("Save view"), None)),
    )  # fmt: skip


def _edit_page(
    request: Request, page: Page, view: Mapping[str, Any], form: Form, *, status: int = 200
) -> Response:
    made_by = view["createdBy"]
    mine = made_by is not None and made_by["id"] == page.content["me"]["user"]["id"]
    back = Narrowing.kept(view).address(_list(request))
    return show(
        request, "partner/customers/view_edit.html", page, form=form, view=view, back=back, is_mine=mine,
        mine=MINE, team=TEAM, changed=status == 409, status=status,
        crumbs=trail(request, (view["name"], None)),
    )  # fmt: skip


def _list(request: Request) -> str:
    return f"{place(request).home}/customers"


_ALL = "/partner/{slug}/customers/views"
_ONE = _ALL + "/{view_id}"
ROUTES = [
    Route(_ALL + "/new", partner(show_new)),
    Route(_ALL + "/new", partner(create), methods=["POST"]),
    Route(_ONE + "/filters", partner(lead_back)),
    Route(_ONE + "/filters", partner(save_changes), methods=["POST"]),
    Route(_ONE + "/edit", partner(show_edit)),
    Route(_ONE + "/edit", partner(edit), methods=["POST"]),
    Route(_ONE + "/delete", partner(ask_delete)),
    Route(_ONE + "/delete", partner(delete), methods=["POST"]),
]

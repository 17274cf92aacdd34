"""Products and services in the dashboard's settings: what lines of invoices are filled from.

Surprise: archiving asks nothing, because it can be taken back where it was done; no invoice changes by it.
"""

from collections.abc import Callable
from typing import Any

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.actors import Actor
from billing import catalogue
from billing.catalogue import CatalogueInput
from db import ids
from errors import Invalid, NotFound
from languages import mark, say
from portal.door import act, go, partner, read_form
from portal.every_choice import with_every
from portal.form import Form
from portal.house import house, place, record_id
from portal.meanwhile import version_of
from portal.page import Page, ask, show
from portal.paging import neighbours, window
from portal.shell import Link

FIELDS = ("name", "description", "usd_price", "cad_price")


async def list_items(request: Request) -> Response:
    """Those that are offered, or those that are archived; with a part of the name that was searched for."""
    archived = "archived" in request.query_params
    search = request.query_params.get("search", "").strip()
    where: dict[str, Any] = {"archivedAt": {"isNull": not archived}}
    if search:
        where["name"] = {"contains": search}
    page = await ask(request, "partner/catalogue/list", where=where, **window(request))
    return show(
        request, "partner/catalogue/list.html", page, archived=archived, search=search,
        address=_list(request), beside=neighbours(request, page.content["catalogueItems"]["pageInfo"]),
        crumbs=_trail(request)[:-1],
    )  # fmt: skip


async def show_new(request: Request) -> Response:
    """The form for a new one."""
    return await _new(request, Form())


async def create(request: Request) -> Response:
    """Add it."""
    form = await read_form(request)
    now = house(request).clock()

    def work(db: Session, actor: Actor) -> str:
        return catalogue.create(db, actor, fields=_fields(form), tax_rate_ids=_rates(form), now=now).name

    try:
        name = await act(request, work, form=form)
    except Invalid as wrong:
        return await _new(request, form.with_problems(wrong), status=422)
    return go(request, _list(request), say("{name} is added.", name=name))


async def show_edit(request: Request) -> Response:
    """One as it is stored."""
    page = await _one(request)
    item = page.content["catalogueItem"]
    typed = {**item, "taxRateIds": [rate["id"] for rate in item["taxRates"]], "taxRates": None}
    return _edit(request, page, Form.of(typed))


async def edit(request: Request) -> Response:
    """Save it."""
    form = await read_form(request)
    item_id, now = record_id(request, "item_id", "cit"), house(request).clock()
    version = version_of(form)

    def work(db: Session, actor: Actor) -> str:
        return catalogue.update(
            db, actor, item_id=item_id, fields=_fields(form), tax_rate_ids=_rates(form), version=version,
            now=now,
        ).name  # fmt: skip

    try:
        name = await act(request, work, form=form)
    except Invalid as wrong:
        return _edit(request, await _one(request), form.with_problems(wrong), status=422)
    return go(request, _list(request), say("{name} is saved.", name=name))


async def archive(request: Request) -> Response:
    """Offer it no more."""
    return await _moved(request, catalogue.archive, mark("{name} is archived. No invoice has changed."))


async def restore(request: Request) -> Response:
    """Offer it again."""
    return await _moved(request, catalogue.restore, mark("{name} is offered again."))


async def _moved(request: Request, rule: Callable[..., Any], said: str) -> Response:
    form = await read_form(request)
    item_id, now = record_id(request, "item_id", "cit"), house(request).clock()

    def work(db: Session, actor: Actor) -> str:
        moved: str = rule(db, actor, item_id=item_id, now=now).name
        return moved

    name = await act(request, work, form=form)
    return go(request, _list(request), say(said, name=name))


def _fields(form: Form) -> CatalogueInput:
    return CatalogueInput(**{name: form.value(name) for name in FIELDS})


def _rates(form: Form) -> list[Any]:
    return [ids.parsed(text, "txr") for text in form.values("tax_rate_ids")]


async def _one(request: Request) -> Page:
    page = await ask(request, "partner/catalogue/edit", id=request.path_params["item_id"])
    if page.content["catalogueItem"] is None:
        raise NotFound
    return await with_every(request, page, "taxRates", "partner/tax_rates/choices")


async def _new(request: Request, form: Form, *, status: int = 200) -> Response:
    page = await ask(request, "partner/catalogue/new")
    page = await with_every(request, page, "taxRates", "partner/tax_rates/choices")
    crumbs = _trail(request, Link(mark("Add product or service")))
    rates = page.content["taxRates"]["nodes"]
    return show(
        request, "partner/catalogue/new.html", page, form=form, status=status, rates=rates, crumbs=crumbs
    )


def _edit(request: Request, page: Page, form: Form, *, status: int = 200) -> Response:
    item = page.content["catalogueItem"]
    crumbs = _trail(request, Link(item["name"]))
    rates = page.content["taxRates"]["nodes"] + [rate for rate in item["taxRates"] if rate["archivedAt"]]
    return show(
        request, "partner/catalogue/edit.html", page, form=form, status=status, rates=rates, crumbs=crumbs
    )


def _list(request: Request) -> str:
    return f"{place(request).home}/settings/catalogue"


def _trail(request: Request, *steps: Link) -> list[Link]:
    return [Link(mark("Settings")), Link(mark("Products and services"), _list(request)), *steps]


_ALL = "/partner/{slug}/settings/catalogue"
_ONE = _ALL + "/{item_id}"
ROUTES = [
    Route(_ALL, partner(list_items)),
    Route(_ALL + "/new", partner(show_new)),
    Route(_ALL + "/new", partner(create), methods=["POST"]),
    Route(_ONE + "/edit", partner(show_edit)),
    Route(_ONE + "/edit", partner(edit), methods=["POST"]),
    Route(_ONE + "/archive", partner(archive), methods=["POST"]),
    Route(_ONE + "/restore", partner(restore), methods=["POST"]),
]

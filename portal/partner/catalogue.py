"""Products and services in the dashboard's settings: what lines of invoices are filled from."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from auth.actors import Actor
from billing import catalogue
from billing.catalogue import CatalogueInput, CatalogueItem
from db import ids
from errors import NotFound
from languages import mark
from portal.every_choice import with_every
from portal.form import Form
from portal.house import house
from portal.meanwhile import Change, version_of
from portal.page import Page, ask, show
from portal.partner import presets
from portal.partner.presets import Kind
from portal.shell import Link

FIELDS = {
    "name": mark("Name"),
    "description": mark("Description"),
    "usd_price": mark("Unit price in US dollars"),
    "cad_price": mark("Unit price in Canadian dollars"),
}
LABELS = {**FIELDS, "tax_rate_ids": mark("Taxes")}
KIND = Kind(
    "/settings/catalogue", mark("Products and services"), "item_id", "cit", "catalogue", "catalogueItems"
)


async def list_items(request: Request) -> Response:
    """Those that are offered, or those that are archived; with a part of the name that was searched for."""
    return await presets.listed(request, KIND, search=request.query_params.get("search", "").strip())


async def show_new(request: Request) -> Response:
    """The form for a new one."""
    return await _new(request, Form())


async def create(request: Request) -> Response:
    """Add it."""
    now = house(request).clock()

    def work(db: Session, actor: Actor, form: Form) -> str:
        return catalogue.create(db, actor, fields=_fields(form), tax_rate_ids=_rates(form), now=now).name

    async def again(form: Form) -> Response:
        return await _new(request, form, status=422)

    return await presets.written(request, KIND, work, said=mark("{name} is added."), again=again)


async def show_edit(request: Request) -> Response:
    """One as it is stored."""
    page = await _one(request)
    return _edit(request, page, presets.begun(_stored(page), LABELS))


async def edit(request: Request) -> Response:
    """Save it."""
    now = house(request).clock()

    def work(db: Session, actor: Actor, form: Form) -> str:
        return catalogue.update(
            db, actor, item_id=KIND.id_of(request), fields=_fields(form), tax_rate_ids=_rates(form),
            version=version_of(form), now=now,
        ).name  # fmt: skip

    async def again(form: Form) -> Response:
        return _edit(request, await _one(request), form, status=422)

    async def late(form: Form) -> Response:
        page = await _one(request)
        names = {rate["id"]: rate["name"] for rate in _offered(page)}
        again, changes = presets.meanwhile(form, _stored(page), LABELS, names)
        return _edit(request, page, again, changes=changes, status=409)

    return await presets.written(request, KIND, work, said=mark("{name} is saved."), again=again, late=late)


async def archive(request: Request) -> Response:
    """Offer it no more."""

    def rule(db: Session, actor: Actor, item_id: UUID, now: datetime) -> CatalogueItem:
        return catalogue.archive(db, actor, item_id=item_id, now=now)

    return await presets.moved(request, KIND, rule, mark("{name} is archived. No invoice has changed."))


async def restore(request: Request) -> Response:
    """Offer it again."""

    def rule(db: Session, actor: Actor, item_id: UUID, now: datetime) -> CatalogueItem:
        return catalogue.restore(db, actor, item_id=item_id, now=now)

    return await presets.moved(request, KIND, rule, mark("{name} is offered again."))


def _fields(form: Form) -> CatalogueInput:
    return CatalogueInput(**{name: form.value(name) for name in FIELDS})


def _rates(form: Form) -> list[Any]:
    return [ids.parsed(text, "txr") for text in form.values("tax_rate_ids")]


async def _one(request: Request) -> Page:
    page = await ask(request, "partner/catalogue/edit", id=request.path_params[KIND.parameter])
    if page.content["catalogueItem"] is None:
        raise NotFound
    return await with_every(request, page, "taxRates", "partner/tax_rates/choices")


async def _new(request: Request, form: Form, *, status: int = 200) -> Response:
    page = await ask(request, "partner/catalogue/new")
    page = await with_every(request, page, "taxRates", "partner/tax_rates/choices")
    crumbs = KIND.trail(request, Link(mark("Add product or service")))
    rates = page.content["taxRates"]["nodes"]
    return show(
        request, "partner/catalogue/new.html", page, form=form, status=status, rates=rates, crumbs=crumbs
    )


def _stored(page: Page) -> Form:
    item = page.content["catalogueItem"]
    return Form.of({**item, "taxRateIds": [rate["id"] for rate in item["taxRates"]], "taxRates": None})


def _offered(page: Page) -> list[Mapping[str, Any]]:
    """The taxes to choose from, with those of the item that are archived."""
    mine = page.content["catalogueItem"]["taxRates"]
    return [*page.content["taxRates"]["nodes"], *(rate for rate in mine if rate["archivedAt"])]


def _edit(
    request: Request, page: Page, form: Form, *, changes: Sequence[Change] = (), status: int = 200
) -> Response:
    crumbs = KIND.trail(request, Link(page.content["catalogueItem"]["name"]))
    return show(
        request, "partner/catalogue/edit.html", page, form=form, late=status == 409, changes=changes,
        status=status, rates=_offered(page), crumbs=crumbs,
    )  # fmt: skip


ROUTES = KIND.routes(
    listed=list_items,
    new=show_new,
    create=create,
    edit=show_edit,
    save=edit,
    archive=archive,
    restore=restore,
)

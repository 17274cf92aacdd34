"""Tax rates in the dashboard's settings: what lines of invoices are taxed with."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from auth.actors import Actor
from billing import tax_rates
from billing.tax_rates import TaxRate, TaxRateInput
from errors import NotFound
from languages import mark
from portal.form import Form
from portal.house import house
from portal.meanwhile import Change, version_of
from portal.page import Page, ask, show
from portal.partner import presets
from portal.partner.presets import Kind
from portal.shell import Link

LABELS = {"name": mark("Name"), "rate": mark("Rate, percent")}
KIND = Kind("/settings/tax-rates", mark("Tax rates"), "rate_id", "txr", "tax_rates", "taxRates")


async def list_rates(request: Request) -> Response:
    """Those that are offered, or those that are archived."""
    return await presets.listed(request, KIND)


async def show_new(request: Request) -> Response:
    """The form for a new one."""
    return await _new(request, Form())


async def create(request: Request) -> Response:
    """Add it."""
    now = house(request).clock()

    def work(db: Session, actor: Actor, form: Form) -> str:
        return tax_rates.create(db, actor, fields=_fields(form), now=now).name

    async def again(form: Form) -> Response:
        return await _new(request, form, status=422)

    return await presets.written(request, KIND, work, said=mark("The tax rate {name} is added."), again=again)


async def show_edit(request: Request) -> Response:
    """One as it is stored."""
    page = await _one(request)
    return _edit(request, page, presets.begun(_stored(page), LABELS))


async def edit(request: Request) -> Response:
    """Save it."""
    now = house(request).clock()

    def work(db: Session, actor: Actor, form: Form) -> str:
        rate_id, fields, version = KIND.id_of(request), _fields(form), version_of(form)
        return tax_rates.update(db, actor, tax_rate_id=rate_id, fields=fields, version=version, now=now).name

    async def again(form: Form) -> Response:
        return _edit(request, await _one(request), form, status=422)

    async def late(form: Form) -> Response:
        page = await _one(request)
        again, changes = presets.meanwhile(form, _stored(page), LABELS, {})
        return _edit(request, page, again, changes=changes, status=409)

    said = mark("The tax rate {name} is saved.")
    return await presets.written(request, KIND, work, said=said, again=again, late=late)


async def archive(request: Request) -> Response:
    """Offer it no more."""
    said = mark("The tax rate {name} is archived. No invoice has changed.")

    def rule(db: Session, actor: Actor, rate_id: UUID, now: datetime) -> TaxRate:
        return tax_rates.archive(db, actor, tax_rate_id=rate_id, now=now)

    return await presets.moved(request, KIND, rule, said)


async def restore(request: Request) -> Response:
    """Offer it again."""

    def rule(db: Session, actor: Actor, rate_id: UUID, now: datetime) -> TaxRate:
        return tax_rates.restore(db, actor, tax_rate_id=rate_id, now=now)

    return await presets.moved(request, KIND, rule, mark("The tax rate {name} is offered again."))


def _fields(form: Form) -> TaxRateInput:
    return TaxRateInput(**{name: form.value(name) for name in LABELS})


async def _one(request: Request) -> Page:
    page = await ask(request, "partner/tax_rates/edit", id=request.path_params[KIND.parameter])
    if page.content["taxRate"] is None:
        raise NotFound
    return page


async def _new(request: Request, form: Form, *, status: int = 200) -> Response:
    page = await ask(request, "partner/tax_rates/new")
    crumbs = KIND.trail(request, Link(mark("Add tax rate")))
    return show(request, "partner/tax_rates/new.html", page, form=form, status=status, crumbs=crumbs)


def _stored(page: Page) -> Form:
    return Form.of(page.content["taxRate"])


def _edit(
    request: Request, page: Page, form: Form, *, changes: Sequence[Change] = (), status: int = 200
) -> Response:
    crumbs = KIND.trail(request, Link(page.content["taxRate"]["name"]))
    return show(
        request, "partner/tax_rates/edit.html", page, form=form, late=status == 409, changes=changes,
        status=status, crumbs=crumbs,
    )  # fmt: skip


ROUTES = KIND.routes(
    listed=list_rates,
    new=show_new,
    create=create,
    edit=show_edit,
    save=edit,
    archive=archive,
    restore=restore,
)

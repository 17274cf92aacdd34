"""Tax rates in the dashboard's settings: what lines of invoices are taxed with.

Surprise: archiving asks nothing, because it can be taken back where it was done; no invoice changes by it.
"""

from collections.abc import Callable
from typing import Any

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.actors import Actor
from billing import tax_rates
from billing.tax_rates import TaxRateInput
from errors import Invalid, NotFound
from languages import mark, say
from portal.door import act, go, partner, read_form
from portal.form import Form
from portal.house import house, place, record_id
from portal.meanwhile import version_of
from portal.page import Page, ask, show
from portal.paging import neighbours, window
from portal.shell import Link

FIELDS = ("name", "rate")


async def list_rates(request: Request) -> Response:
    """Those that are offered, or those that are archived."""
    archived = "archived" in request.query_params
    where = {"archivedAt": {"isNull": not archived}}
    page = await ask(request, "partner/tax_rates/list", where=where, **window(request))
    return show(
        request, "partner/tax_rates/list.html", page, archived=archived, address=_list(request),
        beside=neighbours(request, page.content["taxRates"]["pageInfo"]), crumbs=_trail(request)[:-1],
    )  # fmt: skip


async def show_new(request: Request) -> Response:
    """The form for a new one."""
    return await _new(request, Form())


async def create(request: Request) -> Response:
    """Add it."""
    form = await read_form(request)
    now = house(request).clock()

    def work(db: Session, actor: Actor) -> str:
        return tax_rates.create(db, actor, fields=_fields(form), now=now).name

    try:
        name = await act(request, work, form=form)
    except Invalid as wrong:
        return await _new(request, form.with_problems(wrong), status=422)
    return go(request, _list(request), say("The tax rate {name} is added.", name=name))


async def show_edit(request: Request) -> Response:
    """One as it is stored."""
    page = await _one(request)
    return _edit(request, page, Form.of(page.content["taxRate"]))


async def edit(request: Request) -> Response:
    """Save it."""
    form = await read_form(request)
    rate_id, now = record_id(request, "rate_id", "txr"), house(request).clock()
    version = version_of(form)

    def work(db: Session, actor: Actor) -> str:
        fields = _fields(form)
        return tax_rates.update(db, actor, tax_rate_id=rate_id, fields=fields, version=version, now=now).name

    try:
        name = await act(request, work, form=form)
    except Invalid as wrong:
        return _edit(request, await _one(request), form.with_problems(wrong), status=422)
    return go(request, _list(request), say("The tax rate {name} is saved.", name=name))


async def archive(request: Request) -> Response:
    """Offer it no more."""
    said = mark("The tax rate {name} is archived. No invoice has changed.")
    return await _moved(request, tax_rates.archive, said)


async def restore(request: Request) -> Response:
    """Offer it again."""
    return await _moved(request, tax_rates.restore, mark("The tax rate {name} is offered again."))


async def _moved(request: Request, rule: Callable[..., Any], said: str) -> Response:
    form = await read_form(request)
    rate_id, now = record_id(request, "rate_id", "txr"), house(request).clock()

    def work(db: Session, actor: Actor) -> str:
        moved: str = rule(db, actor, tax_rate_id=rate_id, now=now).name
        return moved

    name = await act(request, work, form=form)
    return go(request, _list(request), say(said, name=name))


def _fields(form: Form) -> TaxRateInput:
    return TaxRateInput(**{name: form.value(name) for name in FIELDS})


async def _one(request: Request) -> Page:
    page = await ask(request, "partner/tax_rates/edit", id=request.path_params["rate_id"])
    if page.content["taxRate"] is None:
        raise NotFound
    return page


async def _new(request: Request, form: Form, *, status: int = 200) -> Response:
    page = await ask(request, "partner/tax_rates/new")
    crumbs = _trail(request, Link(mark("Add tax rate")))
    return show(request, "partner/tax_rates/new.html", page, form=form, status=status, crumbs=crumbs)


def _edit(request: Request, page: Page, form: Form, *, status: int = 200) -> Response:
    crumbs = _trail(request, Link(page.content["taxRate"]["name"]))
    return show(request, "partner/tax_rates/edit.html", page, form=form, status=status, crumbs=crumbs)


def _list(request: Request) -> str:
    return f"{place(request).home}/settings/tax-rates"


def _trail(request: Request, *steps: Link) -> list[Link]:
    return [Link(mark("Settings")), Link(mark("Tax rates"), _list(request)), *steps]


_ALL = "/partner/{slug}/settings/tax-rates"
_ONE = _ALL + "/{rate_id}"
ROUTES = [
    Route(_ALL, partner(list_rates)),
    Route(_ALL + "/new", partner(show_new)),
    Route(_ALL + "/new", partner(create), methods=["POST"]),
    Route(_ONE + "/edit", partner(show_edit)),
    Route(_ONE + "/edit", partner(edit), methods=["POST"]),
    Route(_ONE + "/archive", partner(archive), methods=["POST"]),
    Route(_ONE + "/restore", partner(restore), methods=["POST"]),
]

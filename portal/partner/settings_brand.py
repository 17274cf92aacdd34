"""The brand in the dashboard: the logo and the color, with a preview that needs no script.

Surprise: a preview is a form sent to this page, which saves nothing; the pictures in it are drawn with
attributes, because the policy forbids styles in a page.
"""

from typing import Any

from sqlmodel import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.actors import Action, Actor
from billing import brand, partner_profile, pictures
from billing.colours import DARK, LIGHT, palette
from billing.partner_profile import PartnerInput
from errors import Conflict, Forbidden, Invalid
from languages import mark
from portal import meanwhile
from portal.brand import logo_address
from portal.door import act, go, partner, read_form
from portal.form import Form
from portal.house import house, place
from portal.meanwhile import Change, version_of
from portal.page import Page, ask, show
from portal.shell import Link
from portal.upload import read_upload

LABELS = {"accent": mark("Color")}
REMITS_OWN = "#3346c4"
_TRIES = 3


async def show_brand(request: Request) -> Response:
    """The logo and the color as they are."""
    return _page(request, await _stored(request))


async def choose_color(request: Request) -> Response:
    """Save the color, or show what would become of it (`preview`), or take it back (`reset`)."""
    form = await read_form(request)
    if form.pressed == "preview":
        return await _preview(request, form)
    typed = "" if form.pressed == "reset" else form.value("accent")
    version = version_of(form)
    for _ in range(_TRIES):
        try:
            await _save(request, form, typed, version)
        except Invalid as wrong:
            return _page(request, await _stored(request), form=form.with_problems(wrong), status=422)
        except Conflict:
            page = await _stored(request)
            again, changes = meanwhile.merged(form, LABELS, _texts(page))
            if changes:
                return _page(request, page, form=again, changes=changes, status=409)
            version = page.content["me"]["partner"]["version"]
            continue
        said = "The color is saved." if typed else "Remit's own color is back."
        return go(request, _address(request), said)
    raise Conflict


async def upload_logo(request: Request) -> Response:
    """Take the picture, draw it anew and show it from now on."""
    page = await _may(request)
    form = Form()
    try:
        sent = await read_upload(
            request, pictures.FIELD, most=pictures.MOST_BYTES, too_large=pictures.too_large, in_memory=True
        )
        form, content = sent.form, b""
        if sent.file is not None:
            with sent.file as file:
                content = file.read()
        png = await run_in_threadpool(pictures.as_logo, content)
    except Invalid as wrong:
        if not any(problem.path for problem in wrong.problems):
            raise
        return _page(request, page, form=_stored_form(page).with_problems(wrong), status=422)
    now = house(request).clock()

    def work(db: Session, actor: Actor) -> None:
        brand.set_logo(db, actor, png=png, now=now)

    await act(request, work, form=form)
    return go(request, _address(request), "The logo is saved. Customers see it in their portal.")


async def ask_remove(request: Request) -> Response:
    """Asks before the logo goes."""
    page = await _may(request)
    crumbs = [Link(mark("Settings")), Link(mark("Brand"), _address(request)), Link(mark("Remove the logo"))]
    return show(request, "partner/settings/remove_logo.html", page, address=_address(request), crumbs=crumbs)


async def remove_logo(request: Request) -> Response:
    """Remove it."""
    form = await read_form(request)
    now = house(request).clock()

    def work(db: Session, actor: Actor) -> None:
        brand.remove_logo(db, actor, now=now)

    await act(request, work, form=form)
    return go(request, _address(request), "The logo is removed.")


async def back(request: Request) -> Response:
    """Whoever comes to a form's address without the form, say after signing in again."""
    return go(request, _address(request))


async def _save(request: Request, form: Form, accent: str, version: int) -> None:
    now = house(request).clock()

    def work(db: Session, actor: Actor) -> None:
        partner_profile.update(db, actor, fields=PartnerInput(accent=accent), version=version, now=now)

    await act(request, work, form=form)


async def _preview(request: Request, form: Form) -> Response:
    page = await _may(request)
    try:
        colour = partner_profile.colour_of(form.value("accent"))
    except Invalid as wrong:
        return _page(request, page, form=form.with_problems(wrong), status=422)
    return _page(request, page, form=form, colour=colour, is_preview=True)


async def _stored(request: Request) -> Page:
    return await ask(request, "partner/settings/brand")


async def _may(request: Request) -> Page:
    """The page for whoever may change it: no picture is decoded for anybody else."""
    page = await _stored(request)
    if Action.MANAGE_SETTINGS.value not in page.shell.rights:
        raise Forbidden
    return page


def _texts(page: Page) -> dict[str, str]:
    return {"accent": page.content["me"]["partner"]["accent"] or ""}


def _stored_form(page: Page) -> Form:
    return Form.of({**_texts(page), pictures.FIELD: ""})


def _page(
    request: Request,
    page: Page,
    *,
    form: Form | None = None,
    colour: str | None = None,
    is_preview: bool = False,
    changes: list[Change] | None = None,
    status: int = 200,
) -> Response:
    stored = page.content["me"]["partner"]
    chosen = colour or stored["accent"] or REMITS_OWN
    # After a wrong field, or a preview, the page still stands on the version it was made from.
    typed = form is not None and form.value(meanwhile.VERSION) and status != 409
    hidden: Any = (
        meanwhile.kept(form, LABELS) if form and typed else meanwhile.shown(stored["version"], _texts(page))
    )
    return show(
        request, "partner/settings/brand.html", page, form=form or _stored_form(page), status=status,
        address=_address(request), logo=logo_address(stored["logo"]), accent=stored["accent"],
        chosen=chosen, is_preview=is_preview, palettes=[palette(chosen, LIGHT), palette(chosen, DARK)],
        hidden=hidden, changes=changes or [],
    )  # fmt: skip


def _address(request: Request) -> str:
    return f"{place(request).home}/settings/brand"


_ALL = "/partner/{slug}/settings/brand"
ROUTES = [
    Route(_ALL, partner(show_brand)),
    Route(_ALL + "/color", partner(back)),
    Route(_ALL + "/color", partner(choose_color), methods=["POST"]),
    Route(_ALL + "/logo", partner(back)),
    Route(_ALL + "/logo", partner(upload_logo), methods=["POST"]),
    Route(_ALL + "/logo/remove", partner(ask_remove)),
    Route(_ALL + "/logo/remove", partner(remove_logo), methods=["POST"]),
]

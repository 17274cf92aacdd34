"""The business profile in the dashboard: what the partner is called, where it is, how customers reach it.

Surprise: an edit that comes too late comes back with what the other one changed, but only if that was on this
page. Somebody who chose a color meanwhile is in nobody's way.
"""

from typing import Any

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.actors import Action, Actor
from billing import partner_profile
from billing.partner_profile import Saved
from errors import Conflict, Invalid
from languages import say
from portal import meanwhile
from portal.door import act, go, partner, read_form
from portal.form import Form
from portal.house import house, place
from portal.meanwhile import Change, version_of
from portal.page import Page, ask, show
from portal.partner.customer_form import CHOICES
from portal.partner.settings_form import LABELS, fields_of, in_page_order, rows_of, texts_of

# Somebody else may save again between looking and saving; more often than that is no accident.
_TRIES = 3


async def show_profile(request: Request) -> Response:
    """The profile: a form for whoever may change it, else plain text."""
    page = await _stored(request)
    stored = page.content["me"]["partner"]
    if Action.MANAGE_SETTINGS.value not in page.shell.rights:
        return _page(request, page, "look", rows=rows_of(stored))
    texts = texts_of(stored)
    hidden = meanwhile.shown(stored["version"], texts)
    return _page(request, page, "profile", form=Form.of(texts), hidden=hidden)


async def save_profile(request: Request) -> Response:
    """Save it. What is odd about a tax number is said afterwards."""
    form = await read_form(request)
    version = version_of(form)
    for _ in range(_TRIES):
        try:
            saved = await _save(request, form, version)
        except Invalid as wrong:
            told = form.with_problems(in_page_order(wrong))
            hidden = meanwhile.kept(form, LABELS)
            return _page(request, await _stored(request), "profile", form=told, hidden=hidden, status=422)
        except Conflict:
            page = await _stored(request)
            stored = page.content["me"]["partner"]
            texts = texts_of(stored)
            again, changes = meanwhile.merged(form, LABELS, texts)
            if changes:
                hidden = meanwhile.shown(stored["version"], texts)
                return _page(request, page, "profile", form=again, hidden=hidden, changes=changes, status=409)
            version = stored["version"]
            continue
        odd = [say(warning.message) for warning in saved.warnings]
        said = " ".join([say("The business profile is saved."), *odd])
        return go(request, request.url.path, said, tone="warning" if odd else "success")
    raise Conflict


async def _save(request: Request, form: Form, version: int) -> Saved:
    now = house(request).clock()

    def work(db: Session, actor: Actor) -> Saved:
        return partner_profile.update(db, actor, fields=fields_of(form), version=version, now=now)

    return await act(request, work, form=form)


async def start(request: Request) -> Response:
    """The settings' bare address."""
    return go(request, f"{place(request).home}/settings/profile")


async def _stored(request: Request) -> Page:
    return await ask(request, "partner/settings/profile")


def _page(
    request: Request,
    page: Page,
    template: str,
    *,
    form: Form | None = None,
    changes: list[Change] | None = None,
    status: int = 200,
    **more: Any,
) -> Response:
    return show(
        request, f"partner/settings/{template}.html", page, form=form, status=status, choices=CHOICES,
        changes=changes or [], **more,
    )  # fmt: skip


_ALL = "/partner/{slug}/settings"
ROUTES = [
    Route(_ALL, partner(start)),
    Route(_ALL + "/profile", partner(show_profile)),
    Route(_ALL + "/profile", partner(save_profile), methods=["POST"]),
]

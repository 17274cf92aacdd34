"""API keys in the dashboard: who has a way in, made, rotated and ended by Admins.

Surprise: a new key's text is in the answer to the form itself, not behind a redirect: it is never stored, so
no later page could show it. Reloading that page sends the form again; one form makes one key.
"""

from collections.abc import Mapping
from datetime import timedelta
from secrets import token_urlsafe
from typing import Any

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth import api_keys
from auth.actors import Action, Actor
from auth.api_keys import KeyOver, MadeAlready, RotatedAlready, Shown
from errors import Forbidden, Invalid, NotFound
from languages import mark, say
from portal.door import act, go, partner, read_form
from portal.form import Form
from portal.house import house, place, record_id
from portal.page import Page, ask, show
from portal.paging import counted, neighbours, window
from portal.shell import Link

# What a form offers as the key's life, in days; "" is until it is revoked.
LIVES = (
    ("30", mark("30 days")),
    ("90", mark("90 days")),
    ("365", mark("1 year")),
    ("", mark("Until it is revoked")),
)
USUAL_LIFE = "365"
# What a key may be given, each scope in words, as docs/roles.md has it.
READS = (
    ("customers:read", mark("See customers")),
    ("users:read", mark("See customers' users")),
    ("invoices:read", mark("See invoices")),
    ("payments:read", mark("See payments")),
    ("payment_methods:read", mark("See payment methods")),
    ("tags:read", mark("See tags")),
    ("views:read", mark("See saved views")),
    ("api_keys:read", mark("See API keys, never their text")),
    ("audit:read", mark("Read the audit log")),
)
CHANGES = (
    ("customers:write", mark("Add, edit and archive customers")),
    ("users:write", mark("Invite, change and remove customers' users")),
    ("invoices:write", mark("Make, edit, send and archive invoices")),
    ("invoices:void", mark("Void invoices")),
    ("threads:write", mark("Ask, answer and settle questions on invoices")),
    ("payments:write", mark("Charge customers")),
    ("payment_methods:write", mark("Add and remove payment methods")),
    ("tags:write", mark("Make and apply tags")),
    ("views:write", mark("Share saved views and change its own")),
    ("views:manage", mark("Change and delete views that others shared")),
    ("portal_sessions:write", mark("Open a customer's portal in your own site")),
    ("settings:write", mark("Change the settings, but not the sign-in policy or the logo")),
)


async def list_keys(request: Request) -> Response:
    """Every key, the ended ones too, newest first."""
    page = await ask(request, "partner/api_keys/list", **window(request))
    found = page.content["me"]["partner"]["apiKeys"]
    before, after = neighbours(request, found["pageInfo"])
    return show(
        request, "partner/api_keys/list.html", page, keys=found["nodes"], before=before, after=after,
        count=counted(found["totalCount"], "key", "keys"),
    )  # fmt: skip


async def show_new(request: Request) -> Response:
    """The form for a key; it may nothing until somebody says what."""
    return await _new(request, Form.of({"key": token_urlsafe(16), "days": USUAL_LIFE}))


async def create(request: Request) -> Response:
    """Make the key and show it, this once."""
    form = await read_form(request)
    now = house(request).clock()
    days = form.value("days")

    def work(db: Session, actor: Actor) -> Shown:
        if days not in dict(LIVES):
            raise Invalid.at("days", code="UNKNOWN_LIFE", message="Choose how long the key is good for.")
        return api_keys.create(
            db, actor, name=form.value("name"), scopes=form.values("scopes"),
            expires_at=now + timedelta(days=int(days)) if days else None,
            # Without one: a page that was open before forms had it.
            request_key=form.value("key") or None, now=now,
        )  # fmt: skip

    try:
        made = await act(request, work, form=form)
    except Invalid as wrong:
        return await _new(request, form.with_problems(wrong), status=422)
    except MadeAlready as again:
        return go(request, _list(request), again.message, tone="info")
    return await _shown(request, made, rotated=False)


async def ask_rotate(request: Request) -> Response:
    """Asks before a key gets a successor."""
    return await _one(request, "rotate", only=("ACTIVE",))


async def rotate(request: Request) -> Response:
    """Make the successor and show it, this once; the key itself works for 24 hours more."""
    form = await read_form(request)
    key_id, now = record_id(request, "key_id", "key"), house(request).clock()

    def work(db: Session, actor: Actor) -> Shown:
        return api_keys.rotate(db, actor, key_id=key_id, now=now)

    try:
        made = await act(request, work, form=form)
    except RotatedAlready as again:
        return go(request, _list(request), again.message, tone="info")
    return await _shown(request, made, rotated=True)


async def ask_revoke(request: Request) -> Response:
    """Asks before a key is ended."""
    return await _one(request, "revoke", only=("ACTIVE", "ROTATED"))


async def revoke(request: Request) -> Response:
    """End the key at its next request."""
    form = await read_form(request)
    key_id, now = record_id(request, "key_id", "key"), house(request).clock()

    def work(db: Session, actor: Actor) -> str:
        return api_keys.revoke(db, actor, key_id=key_id, now=now).name

    name = await act(request, work, form=form)
    return go(
        request,
        _list(request),
        say("The key {name} is revoked: nothing gets in with it any more.", name=name),
    )


async def _new(request: Request, form: Form, *, status: int = 200) -> Response:
    page = await _plain(request)
    return show(
        request, "partner/api_keys/new.html", page, form=form, status=status, reads=READS,
        changes=CHANGES, lives=LIVES, crumbs=_trail(request, Link(mark("Create key"))),
    )  # fmt: skip


async def _shown(request: Request, made: Shown, *, rotated: bool) -> Response:
    page = await _plain(request)
    return show(
        request, "partner/api_keys/made.html", page, name=made.key.name, token=made.token, rotated=rotated,
        crumbs=_trail(request, Link(made.key.name)),
    )  # fmt: skip


async def _one(request: Request, template: str, *, only: tuple[str, ...]) -> Response:
    page = await ask(request, "partner/api_keys/one", id=request.path_params["key_id"])
    key: Mapping[str, Any] | None = page.content["apiKey"]
    if key is None:
        raise NotFound
    if key["status"] not in only:
        raise KeyOver(say("This key has ended or was rotated already. See the list for its successor."))
    address = f"{_list(request)}/{key['id']}"
    crumbs = _trail(request, Link(key["name"]))
    return show(request, f"partner/api_keys/{template}.html", page, key=key, address=address, crumbs=crumbs)


async def _plain(request: Request) -> Page:
    page = await ask(request, "partner/plain")
    if Action.MANAGE_KEYS.value not in page.shell.rights:
        raise Forbidden
    return page


def _list(request: Request) -> str:
    return f"{place(request).home}/api-keys"


def _trail(request: Request, *steps: Link) -> list[Link]:
    return [Link(mark("Settings")), Link(mark("API keys"), _list(request)), *steps]


_ALL = "/partner/{slug}/api-keys"
_ONE = _ALL + "/{key_id}"
ROUTES = [
    Route(_ALL, partner(list_keys)),
    Route(_ALL + "/new", partner(show_new)),
    Route(_ALL + "/new", partner(create), methods=["POST"]),
    Route(_ONE + "/rotate", partner(ask_rotate)),
    Route(_ONE + "/rotate", partner(rotate), methods=["POST"]),
    Route(_ONE + "/revoke", partner(ask_revoke)),
    Route(_ONE + "/revoke", partner(revoke), methods=["POST"]),
]

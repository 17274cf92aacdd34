"""Requests for access in the dashboard: who asks, and what staff decide.

Surprise: a new customer is made in the wizard, which comes back here with it chosen; the approval then
invites its first user, which makes it active. Whoever leaves between finds the customer in set-up and the
request open.
"""

from collections.abc import Mapping
from typing import Any

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.actors import Action, Actor
from billing import access_requests
from billing.access_requests import AccessRequest
from db import ids
from errors import Forbidden, Invalid, NotFound
from languages import mark, say
from portal.door import act, go, partner, read_form
from portal.form import Form
from portal.house import house, place, record_id
from portal.page import Page, ask, show
from portal.paging import counted, neighbours, window
from portal.partner.wizard import ROLES
from portal.shell import Link

LONGEST_SEARCH = 200
TABS = ((mark("Open", context="requests"), "open"), (mark("Resolved"), "resolved"))
STATUSES = {"open": ["OPEN"], "resolved": ["APPROVED", "DENIED", "EXPIRED"]}
# Everybody may have an address there: it says nothing about who somebody's colleagues are.
ANYBODYS = frozenset({
    "gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "live.com", "msn.com", "yahoo.com",
    "yahoo.ca", "icloud.com", "me.com", "aol.com", "proton.me", "protonmail.com", "gmx.com", "videotron.ca",
    "sympatico.ca", "shaw.ca", "rogers.com", "bell.net", "telus.net", "comcast.net", "verizon.net", "att.net",
})  # fmt: skip


async def list_requests(request: Request) -> Response:
    """The open ones, or what became of the others."""
    chosen = "resolved" if request.query_params.get("show") == "resolved" else "open"
    page = await ask(request, "partner/access/list", status=STATUSES[chosen], **window(request))
    found = page.content["requests"]
    before, after = neighbours(request, found["pageInfo"])
    address = _list(request)
    tabs = [(label, f"{address}?show={name}", name == chosen, None) for label, name in TABS]
    slug = page.content["me"]["partner"]["slug"]
    return show(
        request, "partner/access/list.html", page, tabs=tabs, chosen=chosen,
        billing_link=f"{house(request).public_url}/billing/{slug}", before=before, after=after,
        address=address, count=counted(found["totalCount"], "request", "requests"),
    )  # fmt: skip


async def show_request(request: Request) -> Response:
    """Who asks, and the three answers; of a resolved one, what became of it."""
    return await _page(request, Form())


async def approve(request: Request) -> Response:
    """Invite them to the chosen customer."""
    form = await read_form(request)
    request_id, now = record_id(request, "request_id", "acr"), house(request).clock()

    def work(db: Session, actor: Actor) -> AccessRequest:
        if not form.value("customer_id"):
            raise Invalid.at("customer_id", code="REQUIRED", message="Choose the customer they belong to.")
        return access_requests.approve(
            db, actor, request_id=request_id, customer_id=ids.parsed(form.value("customer_id"), "cus"),
            role=form.value("role") or None, locale=form.value("locale"), now=now,
        )  # fmt: skip

    try:
        done = await act(request, work, form=form)
    except Invalid as wrong:
        return await _page(request, form.with_problems(wrong), status=422)
    return go(request, _list(request), say("An invite is on its way to {email}.", email=done.email))


async def ask_deny(request: Request) -> Response:
    """Asks before somebody is told no."""
    page = await _open(request)
    crumbs = _trail(request, Link(page.content["request"]["name"], _one(request)), Link(mark("Deny")))
    return show(request, "partner/access/deny.html", page, crumbs=crumbs, address=_one(request))


async def deny(request: Request) -> Response:
    """Say no; they are told so politely by mail."""
    form = await read_form(request)
    request_id, now = record_id(request, "request_id", "acr"), house(request).clock()
    done = await act(
        request, lambda db, actor: access_requests.deny(db, actor, request_id=request_id, now=now), form=form
    )
    return go(
        request,
        _list(request),
        say("The request of {name} is denied. They are told by mail.", name=done.name),
    )


async def back(request: Request) -> Response:
    """Whoever comes to a form's address without the form."""
    return go(request, _one(request))


async def _page(request: Request, form: Form, *, status: int = 200) -> Response:
    page = await ask(request, "partner/access/request", id=request.path_params["request_id"])
    asked = page.content["request"]
    if asked is None:
        raise NotFound
    crumbs = _trail(request, Link(asked["name"]))
    if asked["status"] != "OPEN" or Action.EDIT_CUSTOMERS.value not in page.shell.rights:
        return show(request, "partner/access/resolved.html", page, crumbs=crumbs, status=status)
    search = " ".join(request.query_params.get("search", asked["company"]).split())[:LONGEST_SEARCH]
    choices = await _choices(request, asked, search, form)
    return show(
        request, "partner/access/request.html", page, form=form, status=status, crumbs=crumbs, roles=ROLES,
        address=_one(request), search=search, **choices,
    )  # fmt: skip


async def _choices(request: Request, asked: Mapping[str, Any], search: str, form: Form) -> dict[str, Any]:
    """The customers to choose from, each once: the one just made, colleagues', those found by name."""
    domain = asked["email"].rpartition("@")[2].casefold()
    chosen = form.value("customer_id") or request.query_params.get("customer", "")
    page = await ask(
        request, "partner/access/choices", search=search, domain=domain, email=asked["email"],
        domains=0 if domain in ANYBODYS else 5, chosen=[chosen] if chosen else [],
    )  # fmt: skip
    offered: dict[str, tuple[Mapping[str, Any], str]] = {}
    for name, why in (
        ("chosen", ""),
        ("colleagues", say("Has users at {domain}", domain=domain)),
        ("found", ""),
    ):
        for customer in page.content[name]["nodes"]:
            offered.setdefault(customer["id"], (customer, why))
    return {
        "offered": list(offered.values()),
        "chosen": chosen or (next(iter(offered)) if len(offered) == 1 else ""),
        "known": page.content["known"]["nodes"],
        "found_count": page.content["found"]["totalCount"],
    }


async def _open(request: Request) -> Page:
    page = await ask(request, "partner/access/request", id=request.path_params["request_id"])
    if page.content["request"] is None:
        raise NotFound
    if Action.EDIT_CUSTOMERS.value not in page.shell.rights:
        raise Forbidden
    return page


def _list(request: Request) -> str:
    return f"{place(request).home}/access-requests"


def _one(request: Request) -> str:
    return f"{_list(request)}/{request.path_params['request_id']}"


def _trail(request: Request, *steps: Link) -> list[Link]:
    return [
        Link(mark("Accounts Receivable")), Link(mark("Customers")),
        Link(mark("Access requests"), _list(request)), *steps,
    ]  # fmt: skip


_ALL = "/partner/{slug}/access-requests"
_ONE = _ALL + "/{request_id}"
ROUTES = [
    Route(_ALL, partner(list_requests)),
    Route(_ONE, partner(show_request)),
    Route(_ONE + "/approve", partner(back)),
    Route(_ONE + "/approve", partner(approve), methods=["POST"]),
    Route(_ONE + "/deny", partner(ask_deny)),
    Route(_ONE + "/deny", partner(deny), methods=["POST"]),
]

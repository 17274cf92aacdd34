"""Opening a customer's portal to look at it: whose view, why, and on to the portal itself.

Surprise: the links that lead here open a new tab, and the portal opens in that one: the dashboard stays where
it was. What is then seen stands below the grant's own address (`portal.grants`).
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.actors import Action, Actor
from auth.impersonations import ANYBODY, PREFIX
from billing import impersonations
from db import ids
from errors import Conflict, Forbidden, Invalid, Problem
from languages import mark
from portal.door import act, go, partner, read_form
from portal.form import Form
from portal.house import house, place, record_id
from portal.navigation import ROLES
from portal.page import ask, show
from portal.partner.customers import address_of, found
from portal.partner.trail import trail

USER = "usr_"


async def show_start(request: Request) -> Response:
    """Whose view to open, and why; the link of a user's row names the user."""
    return await _page(request, Form.of({"whose": request.query_params.get("as", "")}))


async def start(request: Request) -> Response:
    """Begin to look, and go there."""
    form = await read_form(request)
    customer_id, now = record_id(request, "customer_id", "cus"), house(request).clock()
    whose = form.value("whose")

    def work(db: Session, actor: Actor) -> UUID:
        viewed_id = ids.parsed(whose, "usr") if whose.startswith(USER) else None
        grant = impersonations.start(
            db, actor, customer_id=customer_id, viewed_id=viewed_id, role=whose,
            reason=form.value("reason"), now=now,
        )  # fmt: skip
        return grant.id

    try:
        grant_id = await act(request, work, form=form)
    except Invalid as wrong:
        return await _page(request, form.with_problems(wrong), status=422)
    except Conflict as closed:
        why = Invalid([Problem(closed.code, (), closed.message)])
        return await _page(request, form.with_problems(why), status=409)
    return go(request, f"{place(request).home}/as/{ids.shown(PREFIX, grant_id)}/invoices")


async def _page(request: Request, form: Form, *, status: int = 200) -> Response:
    page = await ask(request, "partner/customers/impersonate", id=request.path_params["customer_id"])
    customer = found(page)
    if Action.IMPERSONATE.value not in page.shell.rights:
        raise Forbidden
    address = address_of(request)
    return show(
        request, "partner/customers/impersonate.html", page, form=form, status=status, address=address,
        people=_people(customer), anybody=[(role.value, text) for role, text in ANYBODY.items()],
        crumbs=trail(request, (customer["company"], address), (mark("View portal"), None)),
    )  # fmt: skip


def _people(customer: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(user["id"], f"{user['name']}, {ROLES[user['role']]}") for user in customer["users"]["nodes"]]


_PATH = "/partner/{slug}/customers/{customer_id}/view"
ROUTES = [
    Route(_PATH, partner(show_start)),
    Route(_PATH, partner(start), methods=["POST"]),
]

"""The portal's team: the company's people, whom its Managers invite.

Surprise: revoking an invite only kills its link. The colleague stays in the list and can be invited again.
"""

from collections.abc import Callable

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.actors import Action, Actor
from auth.memberships import Membership
from billing import customer_users
from errors import Invalid
from portal.customer.company import company_of, require
from portal.door import Endpoint, act, customer, go, read_form
from portal.form import Form
from portal.house import house, place, record_id
from portal.navigation import ROLES
from portal.page import ask, show
from portal.paging import counted, neighbours, window

# What each may do, as the form tells it.
OFFERED = (
    ("PAYER", "Payer", "Views and pays invoices, adds and removes cards, tags."),
    ("MANAGER", "Manager", "Everything a Payer does, and invites colleagues."),
    ("VIEWER", "Viewer", "Views and prints only."),
)


async def list_team(request: Request) -> Response:
    """Who has access, and who is invited."""
    page = await ask(request, "customer/team/list", **window(request))
    found = page.content["me"]["customer"]["users"]
    before, after = neighbours(request, found["pageInfo"])
    return show(
        request, "customer/team/list.html", page, users=found["nodes"], roles=ROLES,
        count=counted(found["totalCount"], "person", "people"),
        before=before, after=after,
    )  # fmt: skip


async def show_invite(request: Request) -> Response:
    """The form for one more colleague."""
    return await _invite(request, Form())


async def invite(request: Request) -> Response:
    """Invite the colleague by mail."""
    form = await read_form(request)
    now = house(request).clock()

    def work(db: Session, actor: Actor) -> str:
        return customer_users.invite(
            db, actor, customer_id=company_of(actor), name=form.value("name"), email=form.value("email"),
            role=form.value("role"), now=now,
        ).email  # fmt: skip

    try:
        email = await act(request, work, form=form)
    except Invalid as wrong:
        return await _invite(request, form.with_problems(wrong), status=422)
    return go(request, _list(request), f"An invite is on its way to {email}.")


def at_once(rule: Callable[..., Membership], message: str) -> Endpoint:
    """The endpoint that does `rule` to a colleague and says `message`, with their {name} and {email}."""

    async def done(request: Request) -> Response:
        form = await read_form(request)
        membership_id, now = record_id(request, "user_id", "usr"), house(request).clock()

        def work(db: Session, actor: Actor) -> Membership:
            return rule(db, actor, membership_id=membership_id, now=now)

        member = await act(request, work, form=form)
        return go(request, _list(request), message.format(name=member.name, email=member.email))

    return done


async def back(request: Request) -> Response:
    """Whoever comes to a form's address without the form, say after signing in again."""
    return go(request, _list(request))


async def _invite(request: Request, form: Form, *, status: int = 200) -> Response:
    page = await ask(request, "customer/plain")
    require(page, Action.MANAGE_USERS)
    return show(request, "customer/team/invite.html", page, form=form, status=status, offered=OFFERED)


def _list(request: Request) -> str:
    return f"{place(request).home}/team"


_ALL = "/portal/{slug}/team"
_ONE = _ALL + "/{user_id}"
ROUTES = [
    Route(_ALL, customer(list_team)),
    Route(_ALL + "/invite", customer(show_invite)),
    Route(_ALL + "/invite", customer(invite), methods=["POST"]),
    Route(_ONE + "/resend", customer(back)),
    Route(
        _ONE + "/resend",
        customer(at_once(customer_users.resend_invite, "A new invite is on its way to {email}.")),
        methods=["POST"],
    ),
    Route(_ONE + "/revoke", customer(back)),
    Route(
        _ONE + "/revoke",
        customer(at_once(customer_users.revoke_invite, "The invite of {name} is revoked: its link is dead.")),
        methods=["POST"],
    ),
]

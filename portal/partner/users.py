"""A customer's users in the dashboard: the Users tab, and what can be done with each of them.

Surprise: the address names the customer as well as the user, and a user of another customer is not found
there, whatever the rule would say.
"""

from collections.abc import Callable
from typing import Any

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.actors import Action, Actor
from auth.memberships import Membership
from billing import customer_users
from errors import Invalid, NotFound
from languages import mark, say
from portal.door import Endpoint, act, go, partner, read_form
from portal.form import Form
from portal.house import house, record_id
from portal.page import Page, ask, show
from portal.paging import neighbours, window
from portal.partner.customers import address_of, found, tab
from portal.partner.trail import trail
from portal.partner.wizard import ROLES
from portal.team_pages import corrected, last_of, said_of, to_correct

Rule = Callable[..., Membership]


async def list_users(request: Request) -> Response:
    """The Users tab."""
    customer_id = request.path_params["customer_id"]
    page = await ask(request, "partner/customers/users", id=customer_id, **window(request))
    before, after = neighbours(request, found(page)["users"]["pageInfo"])
    last = last_of(found(page)["heads"])
    return tab(request, "Users", "users", page, roles=dict(ROLES), last=last, before=before, after=after)


async def show_new(request: Request) -> Response:
    """The form for one more user."""
    return await _new_page(request, Form())


async def invite(request: Request) -> Response:
    """Add the user and mail the invite."""
    form = await read_form(request)
    customer_id, now = record_id(request, "customer_id", "cus"), house(request).clock()

    def work(db: Session, actor: Actor) -> str:
        member = customer_users.invite(
            db, actor, customer_id=customer_id, name=form.value("name"), email=form.value("email"),
            role=form.value("role"), locale=form.value("locale"), now=now,
        )  # fmt: skip
        return member.email

    try:
        email = await act(request, work, form=form)
    except Invalid as wrong:
        return await _new_page(request, form.with_problems(wrong), status=422)
    return go(
        request, f"{address_of(request)}/users", say("An invite is on its way to {email}.", email=email)
    )


async def show_role(request: Request) -> Response:
    """The form for another role."""
    page = await _user(request)
    return _user_page(request, page, "role", form=Form.of({"role": page.content["user"]["role"]}))


async def change_role(request: Request) -> Response:
    """Give the user another role; an open invite is mailed again."""
    form = await read_form(request)
    try:
        member = await _change(request, form, customer_users.change_role, role=form.value("role"))
    except Invalid as wrong:
        page = await _user(request)
        return _user_page(request, page, "role", form=form.with_problems(wrong), status=422)
    role = dict(ROLES)[member.role]
    return go(
        request, f"{address_of(request)}/users", say("{name} is {role} now.", name=member.name, role=role)
    )


async def show_correct(request: Request) -> Response:
    """The form for the name, address and language of a user who never accepted."""
    page = await _user(request)
    return _user_page(request, page, "correct", form=to_correct(page.content["user"]))


async def correct(request: Request) -> Response:
    """Correct them; another address is mailed a new invite."""
    form = await read_form(request)
    page = await _user(request)
    try:
        member = await _change(request, form, customer_users.correct, **corrected(form))
    except Invalid as wrong:
        return _user_page(request, page, "correct", form=form.with_problems(wrong), status=422)
    return go(request, f"{address_of(request)}/users", said_of(page.content["user"], member))


async def ask_remove(request: Request) -> Response:
    """Asks before a user is removed."""
    return _user_page(request, await _user(request), "remove")


def at_once(rule: Rule, message: str) -> Endpoint:
    """The endpoint that does `rule` with the user and says `message`, with their {name} and {email}."""

    async def done(request: Request) -> Response:
        form = await read_form(request)
        member = await _change(request, form, rule)
        said = say(message, name=member.name, email=member.email)
        return go(request, f"{address_of(request)}/users", said)

    return done


async def _change(request: Request, form: Form, rule: Rule, **more: Any) -> Membership:
    # The rule knows the user only; whose user it is never changes, so looking first is enough.
    await _user(request)
    membership_id, now = record_id(request, "user_id", "usr"), house(request).clock()

    def work(db: Session, actor: Actor) -> Membership:
        return rule(db, actor, membership_id=membership_id, now=now, **more)

    return await act(request, work, form=form)


async def _new_page(request: Request, form: Form, *, status: int = 200) -> Response:
    page = await ask(request, "partner/users/new", id=request.path_params["customer_id"])
    address = address_of(request)
    crumbs = trail(request, (found(page)["company"], address), (mark("Add user"), None))
    return show(
        request, "partner/users/new.html", page, form=form, status=status, roles=ROLES, address=address,
        crumbs=crumbs,
    )  # fmt: skip


async def _user(request: Request) -> Page:
    page = await ask(request, "partner/users/user", id=request.path_params["user_id"])
    user = page.content["user"]
    if (
        user is None
        or user["customer"] is None
        or user["customer"]["id"] != request.path_params["customer_id"]
    ):
        raise NotFound
    return page


def _user_page(request: Request, page: Page, template: str, /, **more: Any) -> Response:
    user, address = page.content["user"], address_of(request)
    crumbs = trail(
        request,
        (user["customer"]["company"], address),
        (mark("Users"), f"{address}/users"),
        (user["name"], None),
    )
    return show(
        request, f"partner/users/{template}.html", page, roles=ROLES, address=address,
        one=f"{address}/users/{user['id']}", crumbs=crumbs, **more,
    )  # fmt: skip


_ALL = "/partner/{slug}/customers/{customer_id}/users"
_ONE = _ALL + "/{user_id}"


def _act(path: str, rule: Rule, message: str) -> Route:
    return Route(_ONE + path, partner(at_once(rule, message)), methods=["POST"])


ROUTES = [
    Route(_ALL, partner(list_users)),
    Route(_ALL + "/new", partner(show_new, needs=Action.MANAGE_USERS)),
    Route(_ALL + "/new", partner(invite), methods=["POST"]),
    Route(_ONE + "/role", partner(show_role, needs=Action.MANAGE_USERS)),
    Route(_ONE + "/role", partner(change_role), methods=["POST"]),
    Route(_ONE + "/correct", partner(show_correct, needs=Action.MANAGE_USERS)),
    Route(_ONE + "/correct", partner(correct), methods=["POST"]),
    Route(_ONE + "/remove", partner(ask_remove, needs=Action.MANAGE_USERS)),
    _act("/remove", customer_users.remove, mark("{name} is removed.")),
    _act(
        "/resend",
        customer_users.resend_invite,
        mark("A new invite is on its way to {email}. Earlier links are dead."),
    ),
    _act("/revoke", customer_users.revoke_invite, mark("The invite of {name} is revoked. Its link is dead.")),
    _act(
        "/disable",
        customer_users.disable,
        mark("{name} is disabled and can't sign in here any more."),
    ),
    _act("/enable", customer_users.enable, mark("{name} is enabled again.")),
]

"""The dashboard's Team: the partner's own people, whom its Admins let in and take out.

Surprise: what a role may do is not written here: the page's table is made from the table the rules ask. And
whoever changes the team has typed a password or code within 15 minutes (GUARANTEES D-4).
"""

from collections.abc import Callable
from typing import Any

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.actors import RIGHTS, Action, Actor
from auth.memberships import Membership, Role
from billing import staff
from errors import Forbidden, Invalid, NotFound
from portal.door import act, go, partner, read_form
from portal.form import Form
from portal.house import house, place, record_id
from portal.navigation import ROLES
from portal.page import Page, ask, show
from portal.paging import counted, neighbours, window
from portal.shell import Link
from portal.stepping_up import require_recent

Rule = Callable[..., Membership]

# The four roles, in the order of what they may do.
OFFERED = (
    ("ADMIN", "Admin", "Everything, also the team, API keys and settings."),
    ("SUB_ADMIN", "Sub-admin", "Everything but the team and API keys."),
    ("MEMBER", "Member", "Customers and invoices: view, create, edit."),
    ("READ_ONLY", "Read-only", "Looks at everything, changes nothing."),
)
# What the page's table tells, in the words of docs/roles.md.
TOLD = (
    ("See customers, invoices and payments", Action.VIEW_INVOICES),
    ("Add and edit customers, invite their users", Action.EDIT_CUSTOMERS),
    ("Make, edit and send invoices", Action.EDIT_INVOICES),
    ("Make and apply tags", Action.EDIT_TAGS),
    ("Void invoices", Action.VOID_INVOICES),
    ("Charge customers and add payment methods", Action.PAY),
    ("Read the audit log", Action.VIEW_AUDIT),
    ("Change the settings", Action.MANAGE_SETTINGS),
    ("Make and revoke API keys", Action.MANAGE_KEYS),
    ("Invite, change and remove staff", Action.MANAGE_TEAM),
)


async def list_team(request: Request) -> Response:
    """The staff, and what each role may do."""
    page = await ask(request, "partner/team/list", **window(request))
    found = page.content["me"]["partner"]["users"]
    before, after = neighbours(request, found["pageInfo"])
    rights = [(words, [action in RIGHTS[Role(role)] for role, _, _ in OFFERED]) for words, action in TOLD]
    return show(
        request, "partner/team/list.html", page, users=found["nodes"], roles=ROLES, rights=rights,
        offered=OFFERED, count=counted(found["totalCount"], "person", "people"), before=before, after=after,
        crumbs=_trail(request)[:-1],
    )  # fmt: skip


async def show_invite(request: Request) -> Response:
    """The form for one more colleague."""
    return await _invite(request, Form())


async def invite(request: Request) -> Response:
    """Invite the colleague by mail."""
    form = await read_form(request)
    await require_recent(request)
    now = house(request).clock()

    def work(db: Session, actor: Actor) -> str:
        return staff.invite(
            db, actor, name=form.value("name"), email=form.value("email"), role=form.value("role"), now=now
        ).email

    try:
        email = await act(request, work, form=form)
    except Invalid as wrong:
        return await _invite(request, form.with_problems(wrong), status=422)
    return go(request, _list(request), f"An invite is on its way to {email}.")


async def show_role(request: Request) -> Response:
    """The form for another role."""
    page = await _member(request)
    return _role(request, page, Form.of({"role": page.content["user"]["role"]}))


async def change_role(request: Request) -> Response:
    """Give the colleague another role; an open invite is mailed again."""
    form = await read_form(request)
    await require_recent(request)
    try:
        member = await _change(request, form, staff.change_role, role=form.value("role"))
    except Invalid as wrong:
        return _role(request, await _member(request), form.with_problems(wrong), status=422)
    return go(request, _list(request), f"{member.name} is {ROLES[member.role]} now.")


def asking(template: str) -> Callable[[Request], Any]:
    """The endpoint of a page that asks before something is done to a colleague."""

    async def asked(request: Request) -> Response:
        page = await _member(request)
        return _one(request, page, template)

    return asked


def at_once(rule: Rule, message: str) -> Callable[[Request], Any]:
    """The endpoint that does `rule` to a colleague and says `message`, with their {name} and {email}."""

    async def done(request: Request) -> Response:
        form = await read_form(request)
        await require_recent(request)
        member = await _change(request, form, rule)
        return go(request, _list(request), message.format(name=member.name, email=member.email))

    return done


async def back(request: Request) -> Response:
    """Whoever comes to a form's address without the form, say after signing in again."""
    return go(request, _list(request))


async def _change(request: Request, form: Form, rule: Rule, **more: Any) -> Membership:
    membership_id, now = record_id(request, "user_id", "usr"), house(request).clock()

    def work(db: Session, actor: Actor) -> Membership:
        return rule(db, actor, membership_id=membership_id, now=now, **more)

    return await act(request, work, form=form)


async def _member(request: Request) -> Page:
    page = await ask(request, "partner/team/one", id=request.path_params["user_id"])
    user = page.content["user"]
    if user is None or user["customer"] is not None:
        raise NotFound
    _require(page)
    return page


async def _invite(request: Request, form: Form, *, status: int = 200) -> Response:
    page = await ask(request, "partner/plain")
    _require(page)
    crumbs = _trail(request, Link("Invite a colleague"))
    return show(
        request, "partner/team/invite.html", page, form=form, status=status, offered=OFFERED, crumbs=crumbs
    )


def _role(request: Request, page: Page, form: Form, *, status: int = 200) -> Response:
    return _one(request, page, "role", form=form, status=status, offered=OFFERED)


def _one(request: Request, page: Page, template: str, /, **more: Any) -> Response:
    user = page.content["user"]
    crumbs = _trail(request, Link(user["name"]))
    address = f"{_list(request)}/{user['id']}"
    return show(request, f"partner/team/{template}.html", page, address=address, crumbs=crumbs, **more)


def _require(page: Page) -> None:
    """A page to do something on is refused to whoever could not do it anyway."""
    if Action.MANAGE_TEAM.value not in page.shell.rights:
        raise Forbidden


def _list(request: Request) -> str:
    return f"{place(request).home}/team"


def _trail(request: Request, *steps: Link) -> list[Link]:
    return [Link("Settings"), Link("Team", _list(request)), *steps]


_ALL = "/partner/{slug}/team"
_ONE = _ALL + "/{user_id}"


def _act(path: str, rule: Rule, message: str) -> Route:
    return Route(_ONE + path, partner(at_once(rule, message)), methods=["POST"])


ROUTES = [
    Route(_ALL, partner(list_team)),
    Route(_ALL + "/invite", partner(show_invite)),
    Route(_ALL + "/invite", partner(invite), methods=["POST"]),
    Route(_ONE + "/role", partner(show_role)),
    Route(_ONE + "/role", partner(change_role), methods=["POST"]),
    Route(_ONE + "/remove", partner(asking("remove"))),
    _act("/remove", staff.remove, "{name} is removed from the team."),
    Route(_ONE + "/disable", partner(asking("disable"))),
    _act("/disable", staff.disable, "{name} is disabled and can't sign in here any more."),
    Route(_ONE + "/enable", partner(back)),
    _act("/enable", staff.enable, "{name} is enabled again."),
    Route(_ONE + "/resend", partner(back)),
    _act("/resend", staff.resend_invite, "A new invite is on its way to {email}. Earlier links are dead."),
    Route(_ONE + "/revoke", partner(back)),
    _act("/revoke", staff.revoke_invite, "The invite of {name} is revoked. Its link is dead."),
]

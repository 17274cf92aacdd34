"""What is done to one of a team's people, the same in the dashboard and in the portal.

Surprise: the rules differ (staff, customers' users), the pages don't: a `Team` says which. And the
rules ask whoever changes a team for a fresh proof (GUARANTEES D-4).
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.actors import Action, Actor
from auth.invites import NothingToInvite
from auth.memberships import Membership
from errors import Forbidden, Invalid, NotFound
from languages import mark, say
from portal.door import Endpoint, act, go, read_form
from portal.form import Form
from portal.house import house, place, record_id
from portal.navigation import ROLES
from portal.page import Page, ask, show
from portal.shell import Link

Rule = Callable[..., Membership]
Offered = Sequence[tuple[str, str, str]]


@dataclass(frozen=True)
class Team:
    """Whose people: the door and the address of their pages, the rules, and what the role form offers.

    `documents` is the folder of `one` and of the page around a form (`plain`); `mine` says whether the user a
    document found is one of this team's; `invite` is the rule, told who acts and what was typed.
    """

    path: str
    door: Callable[[Endpoint], Endpoint]
    layout: str
    document: str
    plain: str
    rules: ModuleType
    manage: Action
    offered: Offered
    default: str
    mine: Callable[[Mapping[str, Any]], bool]
    invite: Callable[..., Membership]
    trail: Callable[[Request], list[Link]]

    def routes(self) -> list[Route]:
        """Every page but the list itself, which differs."""
        pages = _Pages(self)
        one = self.path + "/{user_id}"
        deeds = (
            ("/remove", self.rules.remove, mark("{name} is removed from the team."), "remove"),
            (
                "/disable", self.rules.disable, mark("{name} is disabled and can't sign in here any more."),
                "disable",
            ),
            ("/enable", self.rules.enable, mark("{name} is enabled again."), None),
            (
                "/resend", self.rules.resend_invite,
                mark("A new invite is on its way to {email}. Earlier links are dead."), None,
            ),
            (
                "/revoke", self.rules.revoke_invite,
                mark("The invite of {name} is revoked. Its link is dead."), None,
            ),
        )  # fmt: skip
        found = [
            self._get("/invite", pages.show_invite),
            self._post("/invite", pages.send_invite),
            Route(one + "/role", self.door(pages.show_role)),
            Route(one + "/role", self.door(pages.change_role), methods=["POST"]),
            Route(one + "/correct", self.door(pages.show_correct)),
            Route(one + "/correct", self.door(pages.correct), methods=["POST"]),
        ]
        for path, rule, message, question in deeds:
            found.append(Route(one + path, self.door(pages.asking(question) if question else pages.back)))
            found.append(Route(one + path, self.door(pages.doing(rule, message)), methods=["POST"]))
        return found

    def _get(self, path: str, endpoint: Endpoint) -> Route:
        return Route(self.path + path, self.door(endpoint))

    def _post(self, path: str, endpoint: Endpoint) -> Route:
        return Route(self.path + path, self.door(endpoint), methods=["POST"])


class _Pages:
    """The endpoints of one team."""

    def __init__(self, team: Team) -> None:
        self.team = team

    async def show_invite(self, request: Request) -> Response:
        """The form for one more colleague."""
        return await self._invite(request, Form())

    async def send_invite(self, request: Request) -> Response:
        """Invite the colleague by mail."""
        form = await read_form(request)
        now = house(request).clock()
        typed = {name: form.value(name) for name in ("name", "email", "role", "locale")}
        try:
            member = await act(
                request, lambda db, actor: self.team.invite(db, actor, now=now, **typed), form=form
            )
        except Invalid as wrong:
            return await self._invite(request, form.with_problems(wrong), status=422)
        return go(
            request, address_of_list(request), say("An invite is on its way to {email}.", email=member.email)
        )

    async def show_role(self, request: Request) -> Response:
        """The form for another role."""
        page = await self._member(request)
        return self._role(request, page, Form.of({"role": page.content["user"]["role"]}))

    async def change_role(self, request: Request) -> Response:
        """Give the colleague another role; an open invite is mailed again."""
        form = await read_form(request)
        try:
            member = await self._change(request, form, self.team.rules.change_role, role=form.value("role"))
        except Invalid as wrong:
            return self._role(request, await self._member(request), form.with_problems(wrong), status=422)
        return go(
            request,
            address_of_list(request),
            say("{name} is {role} now.", name=member.name, role=ROLES[member.role]),
        )

    async def show_correct(self, request: Request) -> Response:
        """The form for the name, address and language of a colleague who never accepted."""
        page = await self._member(request)
        return self._one(request, page, "correct", form=to_correct(page.content["user"]))

    async def correct(self, request: Request) -> Response:
        """Correct them; another address is mailed a new invite."""
        form = await read_form(request)
        page = await self._member(request)
        try:
            member = await self._change(request, form, self.team.rules.correct, **corrected(form))
        except Invalid as wrong:
            return self._one(request, page, "correct", form=form.with_problems(wrong), status=422)
        return go(request, address_of_list(request), said_of(page.content["user"], member))

    def asking(self, question: str) -> Callable[[Request], Awaitable[Response]]:
        """The endpoint of a page that asks before something is done to a colleague."""

        async def asked(request: Request) -> Response:
            return self._one(request, await self._member(request), question)

        return asked

    def doing(self, rule: Rule, message: str) -> Callable[[Request], Awaitable[Response]]:
        """The endpoint that does `rule` to a colleague and says `message`, with their {name} and {email}."""

        async def done(request: Request) -> Response:
            form = await read_form(request)
            member = await self._change(request, form, rule)
            said = say(message, name=member.name, email=member.email)
            return go(request, address_of_list(request), said)

        return done

    async def back(self, request: Request) -> Response:
        """Whoever comes to a form's address without the form, say after signing in again."""
        return go(request, address_of_list(request))

    async def _change(self, request: Request, form: Form, rule: Rule, **more: Any) -> Membership:
        membership_id, now = record_id(request, "user_id", "usr"), house(request).clock()

        def work(db: Session, actor: Actor) -> Membership:
            return rule(db, actor, membership_id=membership_id, now=now, **more)

        return await act(request, work, form=form)

    async def _member(self, request: Request) -> Page:
        page = await ask(request, self.team.document, id=request.path_params["user_id"])
        user = page.content["user"]
        if user is None or not self.team.mine(user):
            raise NotFound
        self._require(page)
        return page

    async def _invite(self, request: Request, form: Form, *, status: int = 200) -> Response:
        page = await ask(request, self.team.plain)
        self._require(page)
        return self._show(
            request, "invite", page, Link(mark("Invite a colleague")), form=form, status=status,
            offered=self.team.offered, default=self.team.default,
        )  # fmt: skip

    def _role(self, request: Request, page: Page, form: Form, *, status: int = 200) -> Response:
        return self._one(request, page, "role", form=form, status=status, offered=self.team.offered)

    def _one(self, request: Request, page: Page, template: str, /, **more: Any) -> Response:
        user = page.content["user"]
        address = f"{address_of_list(request)}/{user['id']}"
        return self._show(request, template, page, Link(user["name"]), address=address, **more)

    def _show(self, request: Request, template: str, page: Page, step: Link, /, **more: Any) -> Response:
        crumbs = [*self.team.trail(request), step]
        return show(request, f"team/{template}.html", page, layout=self.team.layout, crumbs=crumbs, **more)

    def _require(self, page: Page) -> None:
        """A page to do something on is refused to whoever could not do it anyway."""
        if self.team.manage.value not in page.shell.rights:
            raise Forbidden


def last_of(heads: Mapping[str, Any]) -> str | None:
    """The one who can't go, of the Admins or Managers that count: the rules refuse it (`LastOne`)."""
    ids = [user["id"] for user in heads["nodes"]]
    return ids[0] if len(ids) == 1 else None


def to_correct(user: Mapping[str, Any]) -> Form:
    """What the form to correct an invited user shows. Refuses NothingToInvite for whoever accepted."""
    if user["status"] != "INVITED":
        raise NothingToInvite
    return Form.of({name: user[name] for name in ("name", "email", "locale")})


def corrected(form: Form) -> dict[str, str | None]:
    """What was typed there; no language where the form did not ask for one."""
    locale = form.value("locale") if "locale" in form.typed else None
    return {"name": form.value("name"), "email": form.value("email"), "locale": locale}


def said_of(before: Mapping[str, Any], member: Membership) -> str:
    """What is said once it is done: another address was mailed a new invite."""
    if member.email == before["email"]:
        return say("{name} is saved.", name=member.name)
    return say("A new invite is on its way to {email}. Earlier links are dead.", email=member.email)


def address_of_list(request: Request) -> str:
    """Where the team's list is."""
    return f"{place(request).home}/team"

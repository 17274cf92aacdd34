"""The sign-in policy in the dashboard: of whom the partner asks a second step.

Surprise: whoever has none themselves can't ask it of all staff, because the page would shut behind them. And
the rule asks whoever changes the policy for a fresh proof (GUARANTEES D-4).
"""

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth import second_factors
from auth.actors import Actor
from billing import sign_in_policy
from billing.sign_in_policy import NoFactorYourself
from errors import Conflict, Invalid, Problem
from languages import mark
from portal import meanwhile
from portal.door import act, go, partner, read_form
from portal.form import Form
from portal.house import house, place
from portal.meanwhile import Change, version_of
from portal.myself import meet
from portal.page import Page, ask, show

LABELS = {
    "staff": mark("A second step for your staff"),
    "users": mark("A second step for your customers’ users"),
}
_ON = {"on": "required", "": mark("not required")}
_TRIES = 3


async def show_policy(request: Request) -> Response:
    """The policy as it is."""
    page = await _stored(request)
    return await _page(request, page, form=Form.of(_values(page)))


async def save_policy(request: Request) -> Response:
    """Save it; it holds from everybody's next request on."""
    form = await read_form(request)
    version = version_of(form)
    for _ in range(_TRIES):
        try:
            await _save(request, form, version)
        except NoFactorYourself as refusal:
            wrong = Invalid([Problem(refusal.code, ("staff",), refusal.message)])
            return await _page(request, await _stored(request), form=form.with_problems(wrong), status=422)
        except Conflict:
            page = await _stored(request)
            again, changes = meanwhile.merged(form, LABELS, _texts(page))
            if changes:
                return await _page(request, page, form=again, changes=changes, status=409)
            version = page.content["me"]["partner"]["version"]
            continue
        return go(request, _address(request), "The sign-in policy is saved. It holds from now on.")
    raise Conflict


async def _save(request: Request, form: Form, version: int) -> None:
    now = house(request).clock()

    def work(db: Session, actor: Actor) -> None:
        sign_in_policy.require_factors(
            db, actor, staff=form.checked("staff"), users=form.checked("users"), version=version, now=now
        )

    await act(request, work, form=form)


async def _stored(request: Request) -> Page:
    return await ask(request, "partner/settings/sign_in")


def _values(page: Page) -> dict[str, bool]:
    stored = page.content["me"]["partner"]
    return {"staff": stored["staffNeedFactor"], "users": stored["usersNeedFactor"]}


def _texts(page: Page) -> dict[str, str]:
    return {name: "on" if value else "" for name, value in _values(page).items()}


async def _page(
    request: Request,
    page: Page,
    *,
    form: Form,
    changes: list[Change] | None = None,
    status: int = 200,
) -> Response:
    has_own = await meet(request, lambda db, myself: second_factors.has_any(db, user_id=myself.user_id))
    hidden = (
        meanwhile.kept(form, LABELS)
        if status == 422
        else meanwhile.shown(page.content["me"]["partner"]["version"], _texts(page))
    )
    told = [(change.label, _ON[change.before], _ON[change.now]) for change in changes or []]
    return show(
        request, "partner/settings/sign_in.html", page, form=form, status=status, has_own=has_own,
        policy=_values(page), labels=LABELS, hidden=hidden, changes=told, address=_address(request),
    )  # fmt: skip


def _address(request: Request) -> str:
    return f"{place(request).home}/settings/sign-in"


_ALL = "/partner/{slug}/settings/sign-in"
ROUTES = [
    Route(_ALL, partner(show_policy)),
    Route(_ALL, partner(save_policy), methods=["POST"]),
]

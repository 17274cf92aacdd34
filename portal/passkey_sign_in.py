"""Signing in with a passkey: no name, no password, no second step.

Surprise: the browser that asked is told by the cookie from before any session, so an answer that was caught
elsewhere is none here.
"""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from auth import passkeys
from auth.challenges import Use
from auth.passkeys import Asking
from auth.sessions import SignedIn
from errors import Invalid, Limited, Problem
from languages import mark
from portal import visits
from portal.door import visitor
from portal.form import CARRYING, Form
from portal.house import address, agent, house, session_hash
from portal.kept import kept_in, local, resume
from portal.passkeys import answer_json

PATH = "/sign-in/passkey"
WRONG = mark("No passkey of an account here was used, or it took too long. Try again, or use your password.")


async def options(request: Request) -> Response:
    """What the script asks whichever authenticator the visitor has; `unasked` if nobody pressed anything."""
    form = await Form.read(request, CARRYING)
    visits.check(request, form)
    return answer_json(await run_in_threadpool(_ask, request, form.value("unasked") == "on"))


async def sign_in(request: Request) -> Response:
    """A right answer makes the session; what was typed before is offered to be sent."""
    form = await Form.read(request, CARRYING)
    visits.check(request, form)
    target, kept = local(form.value("next")) or "/accounts", kept_in(form)
    try:
        session = await run_in_threadpool(_sign_in, request, form.value("credential"))
    except Limited as limited:
        return _wrong(request, form, Problem(limited.code, (), limited.message), 429)
    if session is None:
        return _wrong(request, form, Problem("WRONG_PASSKEY", (), WRONG), 422)
    if kept:
        return visits.signed_in(request, resume(request, str(session.session_id), target, kept), session)
    return visits.signed_in(request, RedirectResponse(target, 303), session)


async def back(request: Request) -> Response:
    """Whoever comes to these addresses without the form."""
    return RedirectResponse("/sign-in", 303)


def _wrong(request: Request, form: Form, problem: Problem, status: int) -> Response:
    return visits.page(
        request, "login/sign_in.html", status=status, form=form.with_problems(Invalid([problem])),
        next=local(form.value("next")) or "", kept=kept_in(form), message=None,
        demo=house(request).demo_logins,
    )  # fmt: skip


def _ask(request: Request, unasked: bool) -> str:
    parts = house(request)
    with parts.database.transaction() as db:
        return passkeys.ask(
            db, _asking(request), use=Use.SIGN_IN, user_id=None, unasked=unasked, address=address(request),
            now=parts.clock(),
        )  # fmt: skip


def _sign_in(request: Request, answer: str) -> SignedIn | None:
    parts = house(request)
    with parts.database.transaction() as db:
        return passkeys.sign_in(
            db, _asking(request), answer=answer, device_token=request.cookies.get(parts.cookie("device")),
            address=address(request), agent=agent(request), replaces=session_hash(request), now=parts.clock(),
        )  # fmt: skip


def _asking(request: Request) -> Asking:
    return Asking(house(request).site, visits.browser(request))


ROUTES = [
    Route(PATH, visitor(back)),
    Route(PATH, visitor(sign_in), methods=["POST"]),
    Route(f"{PATH}/options", visitor(back)),
    Route(f"{PATH}/options", visitor(options), methods=["POST"]),
]

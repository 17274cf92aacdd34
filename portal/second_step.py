"""The second step of signing in: a code or a passkey, for whoever has a second factor.

Surprise: nothing of the person is known here but a cookie from the first step; without it, or once it is
over, one begins again.
"""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from auth import pending
from auth.passkeys import Asking
from auth.pending import Halfway, PendingOver, Ways
from auth.sessions import SignedIn
from errors import Invalid, Limited, Problem
from languages import mark, say
from portal import visits
from portal.cookies import forget, remember
from portal.door import visitor
from portal.form import CARRYING, Form
from portal.house import address, agent, house, session_hash
from portal.kept import KEPT, kept_in, local, resume
from portal.passkeys import answer_json

PATH = "/sign-in/code"
WRONG_PASSKEY = mark("Your passkey was not used, or it took too long. Try again.")
WRONG = mark("This code is not right, or was used already. Wait for the next one, or use a recovery code.")
# Whoever has no app has no next code to wait for: the field takes recovery codes alone.
WRONG_RECOVERY = mark(
    "This recovery code is not right, or was used already. Try another one, or your passkey."
)


def ask(request: Request, halfway: Halfway, *, next: str, kept: list[tuple[str, str]]) -> Response:  # noqa: A002
    """The answer to a right password: asks for the code, and binds what waits to this browser."""
    answer = _page(request, Form(), halfway.ways, next=next, kept=kept)
    seconds = int(pending.LIFE.total_seconds())
    remember(request, answer, house(request).cookie("pending"), halfway.token, seconds=seconds)
    return answer


async def show(request: Request) -> Response:
    """The form again, for who reloads the page or comes back to it."""
    try:
        ways = await run_in_threadpool(_look, request)
    except PendingOver:
        return RedirectResponse("/sign-in", 303)
    return _page(request, Form(), ways, next=request.query_params.get("next", ""), kept=[])


async def options(request: Request) -> Response:
    """What the script asks the person's authenticator."""
    form = await Form.read(request, CARRYING)
    visits.check(request, form)
    return answer_json(await run_in_threadpool(_ask_passkey, request))


async def back(request: Request) -> Response:
    """Whoever comes to the script's address without the script."""
    return RedirectResponse(PATH, 303)


async def finish(request: Request) -> Response:
    """A right code or passkey makes the session; what was typed before is offered to be sent."""
    form = await Form.read(request, CARRYING)
    visits.check(request, form)
    target, kept = local(form.value("next")) or "/accounts", kept_in(form)
    try:
        ways = await run_in_threadpool(_look, request)
        session = await run_in_threadpool(_finish, request, form)
    except PendingOver as over:
        answer = visits.page(
            request, "login/sign_in.html", status=401, next=target, kept=kept, message=say(over.message),
            demo=house(request).demo_logins,
        )  # fmt: skip
        forget(request, answer, house(request).cookie("pending"))
        return answer
    except Limited as limited:
        wrong = Invalid([Problem(limited.code, ("code",), limited.message)])
        return _page(request, form.with_problems(wrong), ways, next=target, kept=kept, status=429)
    if session is None:
        typed = form.with_problems(Invalid([_wrong(form, ways)]))
        return _page(request, typed, ways, next=target, kept=kept, status=422)
    answer = RedirectResponse(target, 303)
    if kept:
        answer = resume(request, str(session.session_id), target, kept)
    forget(request, answer, house(request).cookie("pending"))
    return visits.signed_in(request, answer, session)


def _wrong(form: Form, ways: Ways) -> Problem:
    """What is said of a second step that was none."""
    if "credential" in form.typed:
        return Problem("WRONG_PASSKEY", (), WRONG_PASSKEY)
    return Problem("WRONG_CODE", ("code",), WRONG if ways.app else WRONG_RECOVERY)


def _token(request: Request) -> str:
    return request.cookies.get(house(request).cookie("pending"), "")


def _look(request: Request) -> Ways:
    parts = house(request)
    with parts.database.transaction() as db:
        return pending.look(db, token=_token(request), now=parts.clock())


def _ask_passkey(request: Request) -> str:
    parts = house(request)
    with parts.database.transaction() as db:
        return pending.ask_passkey(
            db, _asking(request), token=_token(request), address=address(request), now=parts.clock()
        )  # fmt: skip


def _asking(request: Request) -> Asking:
    return Asking(house(request).site, visits.browser(request))


def _finish(request: Request, form: Form) -> SignedIn | None:
    parts = house(request)
    with parts.database.transaction() as db:
        if "credential" in form.typed:
            return pending.finish_with_passkey(
                db, _asking(request), token=_token(request), answer=form.value("credential"),
                address=address(request), agent=agent(request), replaces=session_hash(request),
                now=parts.clock(),
            )  # fmt: skip
        return pending.finish(
            db, token=_token(request), code=form.value("code"), address=address(request),
            agent=agent(request), replaces=session_hash(request), now=parts.clock(),
        )  # fmt: skip


def _page(
    request: Request,
    form: Form,
    ways: Ways,
    *,
    next: str,  # noqa: A002
    kept: list[tuple[str, str]],
    status: int = 200,
) -> Response:
    return visits.page(
        request, "login/code.html", status=status, form=form, next=local(next) or "", kept=kept, keeps=KEPT,
        ways=ways,
    )  # fmt: skip


ROUTES = [
    Route(f"{PATH}/options", visitor(back)),
    Route(f"{PATH}/options", visitor(options), methods=["POST"]),
    Route(PATH, visitor(show)),
    Route(PATH, visitor(finish), methods=["POST"]),
]

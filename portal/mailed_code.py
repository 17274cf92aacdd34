"""Signing in with a mailed code: instead of a password, or after it in a browser not seen before.

Surprise: the answers are the same whether or not an address is known, and the code is good only in the
browser that asked for it: one that was read out to somebody on the phone opens nothing there.
"""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from auth import mailed_codes, mailed_sign_in
from auth.mailed_codes import Mailed
from auth.pending import Halfway
from auth.sessions import SignedIn
from errors import Invalid, Limited, Problem
from languages import mark
from portal import second_step, visits
from portal.cookies import forget, remember
from portal.door import visitor
from portal.form import CARRYING, Form
from portal.house import address, agent, house, session_hash
from portal.kept import KEPT, kept_in, local, resume

ASK = "/sign-in/mail"
PATH = f"{ASK}/code"
WRONG = mark("This code is not right, or no longer works. Look for the newest mail, or ask for another code.")


async def show_ask(request: Request) -> Response:
    """Asks for the address."""
    return _ask_page(request, Form(), next=request.query_params.get("next", ""))


async def begin(request: Request) -> Response:
    """The same answer for every address (B-4): the page that takes the code."""
    form = await Form.read(request, CARRYING)
    visits.check(request, form)
    try:
        token = await run_in_threadpool(_begin, request, form.value("email"))
    except (Invalid, Limited) as refusal:
        wrong = refusal if isinstance(refusal, Invalid) else _said(refusal, "email")
        status = 429 if isinstance(refusal, Limited) else 422
        return _ask_page(request, form.with_problems(wrong), next=form.value("next"), status=status)
    answer = _page(request, Form(), token=token, next=form.value("next"), kept=kept_in(form))
    _remember(request, answer, token)
    return answer


def ask(request: Request, mailed: Mailed, *, next: str, kept: list[tuple[str, str]]) -> Response:  # noqa: A002
    """The answer to a right password in a new browser: takes the code, and binds it to this browser."""
    answer = _page(request, Form(), token=mailed.token, next=next, kept=kept)
    _remember(request, answer, mailed.token)
    return answer


async def show(request: Request) -> Response:
    """The page that takes the code again, for who reloads it or comes back to it."""
    if not _token(request):
        return RedirectResponse(ASK, 303)
    return _page(request, Form(), next=request.query_params.get("next", ""), kept=[])


async def finish(request: Request) -> Response:
    """A right code makes the session, or asks for the second step; what was typed before is offered again."""
    form = await Form.read(request, CARRYING)
    visits.check(request, form)
    target, kept = local(form.value("next")) or "/accounts", kept_in(form)
    try:
        session = await run_in_threadpool(_finish, request, form.value("code"))
    except Limited as limited:
        typed = form.with_problems(_said(limited, "code"))
        return _page(request, typed, next=target, kept=kept, status=429)
    if session is None:
        typed = form.with_problems(Invalid([Problem("WRONG_CODE", ("code",), WRONG)]))
        return _page(request, typed, next=target, kept=kept, status=422)
    if isinstance(session, Halfway):
        answer = second_step.ask(request, session, next=target, kept=kept)
    else:
        answer = RedirectResponse(target, 303)
        if kept:
            answer = resume(request, str(session.session_id), target, kept)
        answer = visits.signed_in(request, answer, session)
    forget(request, answer, house(request).cookie("mailed"))
    return answer


def _said(refusal: Limited, field: str) -> Invalid:
    return Invalid([Problem(refusal.code, (field,), refusal.message)])


def _token(request: Request) -> str:
    return request.cookies.get(house(request).cookie("mailed"), "")


def _remember(request: Request, answer: Response, token: str) -> None:
    seconds = int(mailed_codes.LIFE.total_seconds())
    remember(request, answer, house(request).cookie("mailed"), token, seconds=seconds)


def _begin(request: Request, email: str) -> str:
    parts = house(request)
    with parts.database.transaction() as db:
        return mailed_codes.begin(
            db, email=email, address=address(request), agent=agent(request), now=parts.clock()
        )


def _finish(request: Request, code: str) -> SignedIn | Halfway | None:
    parts = house(request)
    with parts.database.transaction() as db:
        return mailed_sign_in.finish(
            db, token=_token(request), code=code, address=address(request), agent=agent(request),
            device_token=request.cookies.get(parts.cookie("device")), replaces=session_hash(request),
            now=parts.clock(),
        )  # fmt: skip


def _ask_page(
    request: Request,
    form: Form,
    *,
    next: str,  # noqa: A002
    status: int = 200,
) -> Response:
    return visits.page(
        request, "login/mail.html", status=status, form=form, next=local(next) or "", kept=kept_in(form),
        keeps=KEPT,
    )  # fmt: skip


def _page(
    request: Request,
    form: Form,
    *,
    token: str | None = None,
    next: str,  # noqa: A002
    kept: list[tuple[str, str]],
    status: int = 200,
) -> Response:
    is_new = mailed_codes.is_for_browser(token or _token(request))
    return visits.page(
        request, "login/mailed_code.html", status=status, form=form, next=local(next) or "", kept=kept,
        keeps=KEPT, is_new=is_new, demo=house(request).demo_logins,
    )  # fmt: skip


ROUTES = [
    Route(ASK, visitor(show_ask)),
    Route(ASK, visitor(begin), methods=["POST"]),
    Route(PATH, visitor(show)),
    Route(PATH, visitor(finish), methods=["POST"]),
]

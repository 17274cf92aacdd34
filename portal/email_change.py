"""Another e-mail address for one's account: asking for it, confirming it, and keeping the old one.

Surprise: confirming takes being signed in, keeping the old address does not: it is for whoever was shut out.
"""

from sqlmodel import Session as Db
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth import email_changes
from auth.email_changes import Change
from auth.personal_tokens import Purpose
from auth.tokens import DeadLink
from billing import profiles
from errors import Invalid, Limited, Problem
from languages import say
from portal import visits
from portal.account_page import account_page
from portal.cookies import forget
from portal.door import go, person, read_form, visitor
from portal.form import Form
from portal.house import address, agent, house
from portal.links import dead, opened, token_kept
from portal.myself import Myself, act, meet
from portal.profile import HOME
from portal.stepping_up import require_recent

ASK = "/account/email"
CONFIRM = f"{ASK}/confirm"
UNDO = "/email-undo"


async def show_ask(request: Request) -> Response:
    """The form for the new address."""
    await require_recent(request)
    return await _ask_page(request, Form())


async def ask(request: Request) -> Response:
    """Mail both addresses. The answer is the same whether the new one has an account (B-4)."""
    form = await read_form(request)
    typed = form.value("email")

    def work(db: Db, myself: Myself) -> None:
        email_changes.begin(
            db, user_id=myself.user_id, email=typed, address=address(request), agent=agent(request),
            now=myself.now,
        )  # fmt: skip

    try:
        await act(request, work, form=form)
    except Invalid as wrong:
        return await _ask_page(request, form.with_problems(wrong), status=422)
    except Limited as limited:
        refusal = Invalid([Problem(limited.code, ("email",), limited.message)])
        return await _ask_page(request, form.with_problems(refusal), status=429)
    return go(request, HOME, "A mail is on its way to the new address. Open the link in it to confirm.")


async def show_confirm(request: Request) -> Response:
    """What confirming does, and the button."""
    try:
        myself, change = await meet(request, lambda db, myself: (myself, email_changes.look(
            db, token=token_kept(request, "email_change"), purpose=Purpose.EMAIL_CHANGE, now=myself.now
        )))  # fmt: skip
    except DeadLink:
        return dead(request)
    return account_page(
        request, myself, "account/email_confirm.html", change=change, other=change.user_id != myself.user_id
    )


async def confirm(request: Request) -> Response:
    """Take the new address; every other browser is signed out."""
    form = await read_form(request)

    def work(db: Db, myself: Myself) -> Change:
        return profiles.confirm_email(
            db, token=token_kept(request, "email_change"), user_id=myself.user_id,
            session_id=myself.session_id, address=address(request), agent=agent(request), now=myself.now,
        )  # fmt: skip

    try:
        change = await act(request, work, form=form, recent=False)
    except DeadLink:
        return dead(request)
    message = say(
        "You sign in with {address} from now on. Other browsers are signed out.", address=change.new.address
    )
    answer = go(request, HOME, message)
    forget(request, answer, house(request).cookie("email_change"))
    return answer


async def show_undo(request: Request) -> Response:
    """What keeping the old address does, and the button."""
    try:
        change = await run_in_threadpool(_look_undo, request)
    except DeadLink:
        return dead(request)
    return visits.page(request, "login/email_undo.html", change=change)


async def undo(request: Request) -> Response:
    """Bring the old address back; everybody is signed out."""
    form = await Form.read(request)
    visits.check(request, form)
    try:
        change = await run_in_threadpool(_undo, request)
    except DeadLink:
        return dead(request)
    answer = visits.page(request, "login/email_kept.html", change=change)
    for name in ("email_undo", "session"):
        forget(request, answer, house(request).cookie(name))
    return answer


async def _ask_page(request: Request, form: Form, *, status: int = 200) -> Response:
    myself = await meet(request, lambda _db, myself: myself)
    return account_page(request, myself, "account/email.html", status=status, form=form, email=myself.email)


def _look_undo(request: Request) -> Change:
    parts = house(request)
    with parts.database.transaction() as db:
        return email_changes.look(
            db, token=token_kept(request, "email_undo"), purpose=Purpose.EMAIL_UNDO, now=parts.clock()
        )


def _undo(request: Request) -> Change:
    parts = house(request)
    with parts.database.transaction() as db:
        return profiles.undo_email(
            db, token=token_kept(request, "email_undo"), address=address(request), agent=agent(request),
            now=parts.clock(),
        )  # fmt: skip


ROUTES = [
    Route(ASK, person(show_ask)),
    Route(ASK, person(ask), methods=["POST"]),
    Route("/email-change/{token}", visitor(opened("email_change", CONFIRM))),
    Route(CONFIRM, person(show_confirm)),
    Route(CONFIRM, person(confirm), methods=["POST"]),
    Route("/email-undo/{token}", visitor(opened("email_undo", UNDO))),
    Route(UNDO, visitor(show_undo)),
    Route(UNDO, visitor(undo), methods=["POST"]),
]

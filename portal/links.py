"""Pages behind mailed links: accepting an invite, setting a new password.

Surprise: opening a link consumes nothing and only moves the token from the address into a short-lived cookie,
so that no log, history or Referer keeps it, and a mail scanner that opens links harms nothing (C-5).
"""

from collections.abc import Awaitable, Callable
from typing import Literal
from uuid import UUID

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from auth import accepting, asked_invites, passwords, resets, sessions, users
from auth.accepting import Accepted, Offer, PasskeyTaken
from auth.emails import normal_form
from auth.passkeys import Asking
from auth.pending import Halfway
from auth.sessions import SignedIn
from auth.signin import WrongSignIn
from auth.tokens import DeadLink
from errors import Invalid, Limited, Problem
from languages import known, say, spoken
from portal import language, second_step, visits
from portal.brand import brand_of
from portal.cookies import LANGUAGE, forget, remember
from portal.door import go, visitor
from portal.form import Form
from portal.house import address, agent, house, session_hash
from portal.login import enter_with_password
from portal.passkeys import answer_json
from portal.signed_in import browser_name

KEPT_SECONDS = 3600
LONGEST_TOKEN = 100
Purpose = Literal["invite", "reset", "email_change", "email_undo", "access", "first_run"]


def opened(purpose: Purpose, to: str) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint a mail's link leads to: keeps the token, and goes on to `to` without it in the address."""

    async def move(request: Request) -> Response:
        answer = RedirectResponse(to, 303)
        token = request.path_params["token"][:LONGEST_TOKEN]
        remember(request, answer, house(request).cookie(purpose), token, seconds=KEPT_SECONDS)
        return answer

    return move


_keep_invite = opened("invite", "/invite")


async def open_invite(request: Request) -> Response:
    """As of every link; and a newcomer's browser reads the language they were invited in from now on.

    Somebody with an account has a language of their own: their browser keeps what it reads, if that was said.
    """
    answer = await _keep_invite(request)
    try:
        offer = await run_in_threadpool(_look, request, request.path_params["token"][:LONGEST_TOKEN])
    except DeadLink:
        return answer
    is_said = known(request.cookies.get(house(request).cookie(LANGUAGE))) is not None
    if offer.locale is not None and not (offer.has_account and is_said):
        language.keep(request, answer, offer.locale)
    return answer


async def show_invite(request: Request) -> Response:
    """What the link offers, with the form to accept."""
    try:
        offer, person = await run_in_threadpool(_offer, request)
    except DeadLink:
        return _dead_invite(request)
    return _invite_page(request, offer, Form(), known=person is not None)


async def accept_invite(request: Request) -> Response:
    """Accept as a new person with a passkey or a new password, or as the person who is signed in, or signs in
    with theirs.

    Whoever needs a code is asked for it, and comes back here signed in.
    """
    form = await Form.read(request)
    visits.check(request, form)
    try:
        offer, person = await run_in_threadpool(_offer, request)
        accepted = await run_in_threadpool(_accept, request, offer, person, form)
    except DeadLink:
        return _dead_invite(request)
    except Invalid as wrong:
        return _invite_page(request, offer, form.with_problems(wrong), status=422)
    except PasskeyTaken as taken:
        problem = Invalid([Problem(taken.code, (), taken.message)])
        return _invite_page(request, offer, form.with_problems(problem), status=422)
    except (WrongSignIn, Limited) as refusal:
        problem = Invalid([Problem(refusal.code, ("password",), refusal.message)])
        return _invite_page(request, offer, form.with_problems(problem), status=422)
    if isinstance(accepted, Halfway):
        return second_step.ask(request, accepted, next="/invite", kept=[])
    landing = "" if accepted.door == "partner" else "/invoices"
    home = f"/{accepted.door}/{accepted.slug}{landing}"
    answer = go(request, home, say("Welcome to {company}.", company=offer.company))
    if accepted.codes:
        text = house(request).renderer.render(
            "account/factors/codes.html", codes=accepted.codes, added="passkey", next=home
        )
        answer = HTMLResponse(text)
    forget(request, answer, house(request).cookie("invite"))
    if accepted.signed_in is None:
        return answer
    return visits.signed_in(request, answer, accepted.signed_in)


async def invite_options(request: Request) -> Response:
    """What the script asks a newcomer's authenticator to make."""
    form = await Form.read(request)
    visits.check(request, form)
    try:
        return answer_json(await run_in_threadpool(_ask_for_passkey, request))
    except DeadLink:
        return dead(request)


async def ask_again(request: Request) -> Response:
    """Have the invite behind a dead link mailed once more; the same answer for every link (B-4)."""
    visits.check(request, await Form.read(request))
    await run_in_threadpool(_ask_again, request)
    return visits.page(request, "login/invite_sent.html")


async def back_to_invite(request: Request) -> Response:
    """Whoever comes by hand to an address that only takes what a page sends."""
    return RedirectResponse("/invite", 303)


async def show_forgot(request: Request) -> Response:
    """Asking for a link."""
    return visits.page(request, "login/forgot.html")


async def forgot(request: Request) -> Response:
    """The same answer for every address (B-4)."""
    form = await Form.read(request)
    visits.check(request, form)
    try:
        await run_in_threadpool(_begin_reset, request, form.value("email"))
    except Invalid as wrong:
        return visits.page(request, "login/forgot.html", form=form.with_problems(wrong), status=422)
    return visits.page(request, "login/sent.html")


async def show_reset(request: Request) -> Response:
    """The form for the new password."""
    try:
        await run_in_threadpool(_open_reset, request)
    except DeadLink:
        return dead(request)
    return visits.page(request, "login/reset.html")


async def reset(request: Request) -> Response:
    """Set the password; every session of the person ends."""
    form = await Form.read(request)
    visits.check(request, form)
    try:
        device_token = await run_in_threadpool(_finish_reset, request, form)
    except DeadLink:
        return dead(request)
    except Invalid as wrong:
        return visits.page(request, "login/reset.html", form=form.with_problems(wrong), status=422)
    answer = RedirectResponse("/sign-in?changed=1", 303)
    forget(request, answer, house(request).cookie("reset"))
    forget(request, answer, house(request).cookie("session"))
    visits.known_from_now_on(request, answer, device_token)
    return answer


def dead(request: Request) -> Response:
    """Expired, used, replaced, revoked and made up look the same."""
    return HTMLResponse(house(request).renderer.render("login/dead_link.html"), 404)


def _dead_invite(request: Request) -> Response:
    """As `dead`, with a way to have it mailed anew: the link shows nothing, the mailbox does."""
    return visits.page(request, "login/dead_link.html", status=404, is_invite=True)


def _invite_page(
    request: Request, offer: Offer, form: Form, *, known: bool = False, status: int = 200
) -> Response:
    return visits.page(
        request, "login/invite.html", form=form, offer=offer, place=offer.company, known=known, status=status,
        brand=brand_of(offer.accent, offer.logo),
    )  # fmt: skip


def token_kept(request: Request, purpose: Purpose) -> str:
    """The token that a mail's link brought; empty without one."""
    return request.cookies.get(house(request).cookie(purpose), "")[:LONGEST_TOKEN]


def _offer(request: Request) -> tuple[Offer, UUID | None]:
    """What the link offers; and the person it is for, if they are signed in here."""
    parts, now = house(request), house(request).clock()
    with parts.database.transaction() as db:
        offer = accepting.look(db, token=token_kept(request, "invite"), now=now)
        found = sessions.find(db, token_hash=session_hash(request), now=now)
        is_theirs = found is not None and found[1] == users.find(db, normal_form(offer.email))
        return offer, found[1] if found is not None and is_theirs else None


def _look(request: Request, token: str) -> Offer:
    parts = house(request)
    with parts.database.transaction() as db:
        return accepting.look(db, token=token, now=parts.clock())


def _accept(request: Request, offer: Offer, person: UUID | None, form: Form) -> Accepted | Halfway:
    parts, token = house(request), token_kept(request, "invite")
    if person is not None:
        with parts.database.transaction() as db:
            return accepting.accept_as(db, token=token, user_id=person, now=parts.clock())
    if offer.has_account:
        session = enter_with_password(request, offer.email, form, reads_mail=True)
        if isinstance(session, Halfway):
            return session
        assert isinstance(session, SignedIn)
        with parts.database.transaction() as db:
            accepted = accepting.accept_as(db, token=token, user_id=session.user_id, now=parts.clock())
        return Accepted(accepted.membership_id, accepted.door, accepted.slug, session)
    new = _new_way_in(request, offer, token, form)
    with parts.database.transaction() as db:
        return accepting.accept_as_new(
            db, token=token, new=new, address=address(request), agent=agent(request),
            replaces=session_hash(request), locale=spoken(), now=parts.clock(),
        )  # fmt: skip


def _new_way_in(
    request: Request, offer: Offer, token: str, form: Form
) -> passwords.NewPassword | accepting.NewPasskey:
    """The newcomer's passkey, or the password they chose. Refuses `Invalid`."""
    parts = house(request)
    if "credential" not in form.typed:
        return parts.hashing.run(lambda: passwords.choose(form.secret("password"), words=offer.words))
    with parts.database.transaction() as db:
        new = accepting.receive_passkey(
            db, _asking(request, token), name=browser_name(agent(request)), answer=form.value("credential"),
            now=parts.clock(),
        )  # fmt: skip
    if new is None:
        raise Invalid([Problem("NO_PASSKEY", (), "No passkey was made. Try again, or choose a password.")])
    return new


def _ask_for_passkey(request: Request) -> str:
    parts, token = house(request), token_kept(request, "invite")
    with parts.database.transaction() as db:
        return accepting.ask_for_passkey(
            db, _asking(request, token), token=token, address=address(request), now=parts.clock()
        )


def _asking(request: Request, token: str) -> Asking:
    """Our site asks this browser about this invite: a passkey made for another one is none for it."""
    return Asking(house(request).site, f"{visits.browser(request)} {token}")


def _ask_again(request: Request) -> None:
    parts = house(request)
    with parts.database.transaction() as db:
        asked_invites.for_link(
            db, token=token_kept(request, "invite"), address=address(request), now=parts.clock()
        )


def _begin_reset(request: Request, email: str) -> None:
    parts = house(request)
    with parts.database.transaction() as db:
        resets.begin(db, email=email, address=address(request), agent=agent(request), now=parts.clock())


def _open_reset(request: Request) -> resets.OpenReset:
    parts = house(request)
    with parts.database.transaction() as db:
        return resets.look(db, token=token_kept(request, "reset"), now=parts.clock())


def _finish_reset(request: Request, form: Form) -> str:
    parts = house(request)
    words = _open_reset(request).words
    new = parts.hashing.run(lambda: passwords.choose(form.secret("password"), words=words))
    with parts.database.transaction() as db:
        return resets.finish(
            db, token=token_kept(request, "reset"), new=new, address=address(request), agent=agent(request),
            now=parts.clock(),
        )  # fmt: skip


ROUTES = [
    Route("/invite/options", visitor(back_to_invite)),
    Route("/invite/options", visitor(invite_options), methods=["POST"]),
    Route("/invite/again", visitor(back_to_invite)),
    Route("/invite/again", visitor(ask_again), methods=["POST"]),
    Route("/invite/{token}", visitor(open_invite)),
    Route("/invite", visitor(show_invite)),
    Route("/invite", visitor(accept_invite), methods=["POST"]),
    Route("/forgot", visitor(show_forgot)),
    Route("/forgot", visitor(forgot), methods=["POST"]),
    Route("/reset/{token}", visitor(opened("reset", "/reset"))),
    Route("/reset", visitor(show_reset)),
    Route("/reset", visitor(reset), methods=["POST"]),
]

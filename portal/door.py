"""The pages' one wrapper: every route stands behind one of its doors, and a refusal becomes a page.

Surprise: nothing is open by default. A route names its door, and a test fails for one that does not; only
`visitor` lets anybody in.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Literal, TypeVar
from urllib.parse import quote
from uuid import uuid4

import structlog
from sqlmodel import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from auth import impersonations, refusals, sessions
from auth.actors import Action, Actor
from auth.proofs import ProofRequired
from auth.sessions import Door, FactorNeeded, Visit
from db import ids
from db.deadlines import within_deadline
from errors import NotFound, Refusal, Unauthenticated
from languages import say
from portal import csrf, factor_needed, flash, refusing, stepping_up, visits
from portal.cookies import remember
from portal.form import USUAL, Form, Limits
from portal.house import Place, house, place, session_hash
from portal.kept import kept_of
from portal.shell import Tone, Undo

Endpoint = Callable[[Request], Awaitable[Response]]
Result = TypeVar("Result")
log = structlog.get_logger()


def visitor(endpoint: Endpoint) -> Endpoint:
    """A door for anybody: signing in, invites, resets, health."""
    return _door(endpoint, "visitor", None)


def person(endpoint: Endpoint) -> Endpoint:
    """A door for anybody signed in, wherever they belong."""
    return _door(endpoint, "person", None)


def partner(endpoint: Endpoint, *, needs: Action | None = None) -> Endpoint:
    """A door of the partner dashboard: the address names the partner.

    `needs`: a page to do something on, refused (Forbidden) to whoever may not do it.
    """
    return _door(endpoint, "partner", "partner", needs)


def customer(endpoint: Endpoint, *, needs: Action | None = None) -> Endpoint:
    """A door of the customer portal: the address names the customer. `needs` as at `partner`."""
    return _door(endpoint, "customer", "portal", needs)


def grant(endpoint: Endpoint) -> Endpoint:
    """A door of the customer portal for staff who only look: the address names their grant."""
    return _door(endpoint, "grant", "grant")


def _door(
    endpoint: Endpoint,
    name: str,
    kind: Literal["partner", "portal", "grant"] | None,
    needs: Action | None = None,
) -> Endpoint:
    async def opened(request: Request) -> Response:
        if kind is not None:
            request.state.place_kind = kind
        request.state.is_own = name == "person"
        request.state.needs = needs
        try:
            # Forms and the API refuse it too: no keyboard makes it, and PostgreSQL can't compare it.
            if any("\0" in text for pair in request.query_params.multi_items() for text in pair):
                raise NotFound
            return await endpoint(request)
        except Unauthenticated as refusal:
            return await _sign_in_first(request, refusal)
        except ProofRequired:
            return await stepping_up.ask_again(request)
        except FactorNeeded:
            return await factor_needed.lead(request)
        except Refusal as refusal:
            refusals.tell(refusal)
            return await refusing.refused(request, refusal)
        except Exception:
            correlation_id = uuid4().hex[:12]
            log.exception("page failed", correlation_id=correlation_id, path=told(request))
            text = house(request).renderer.refusal(500, correlation_id=correlation_id)
            return HTMLResponse(text, 500)

    opened.door = name  # type: ignore[attr-defined]  # read by the test that no route is without one
    opened.inside = endpoint  # type: ignore[attr-defined]  # the page itself, for another door to it
    return opened


def told(request: Request) -> str:
    """The address as a log may have it: without the secret that some hold (GUARANTEES F-10)."""
    token = request.path_params.get("token")
    return request.url.path.replace(token, "…") if token else request.url.path


async def _sign_in_first(request: Request, refusal: Refusal) -> Response:
    """A visitor is sent to sign in and comes back; a form that was typed comes back with them."""
    if request.method in csrf.SAFE_METHODS:
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/sign-in?next={quote(target, safe='')}", 303)
    kept = kept_of(request)
    ended = say("Your session has ended. Sign in again: what you typed is kept.")
    return visits.page(
        request, "login/sign_in.html", status=401, next=request.url.path, kept=kept,
        message=ended if kept else say("Sign in to go on."),
        demo=house(request).demo_logins,
    )  # fmt: skip


async def act(request: Request, work: Callable[[Session, Actor], Result], *, form: Form) -> Result:
    """Run `work` for whoever knocks, in one transaction on a worker thread; commits if it returns.

    The live session and membership are looked up first, in the same transaction (A-8), and the form must
    be one of our own (D-5). Refusals of `work` pass through, and nothing of it stays.
    """
    return await run_in_threadpool(_knocked, request, work, form, place(request))


async def act_as_staff(request: Request, work: Callable[[Session, Actor], Result], *, form: Form) -> Result:
    """As `act`, below a grant: `work` is done for the staff member behind it, at the partner's own place."""
    at = Place("partner", request.path_params["slug"])
    return await run_in_threadpool(_knocked, request, work, form, at)


async def meet(request: Request, work: Callable[[Session, Actor], Result]) -> Result:
    """As `act`, for a GET: a page that a document can't make, or one that the gateway sends people back to.

    No form stands behind it, so any link may lead here: `work` only looks, with a deadline for each of its
    statements. What may follow is asking the gateway how things stand, which is no harm whoever makes us ask.
    """
    return await run_in_threadpool(_knocked, request, work, None, place(request))


async def note_opening(request: Request, work: Callable[[Session, Actor], Result]) -> Result:
    """As `meet`, for what is written down of a page having been opened, and no more: any link leads here.

    Refuses ViewOnly: whoever only looks leaves no trace of that kind.
    """

    def noted(db: Session, actor: Actor) -> Result:
        actor.require_writer()
        return work(db, actor)

    return await run_in_threadpool(_knocked, request, noted, None, place(request))


def is_opened(request: Request) -> bool:
    """Does a person read the page? Not a browser that fetches ahead what may be asked for, nor staff who
    only look."""
    ahead = request.headers.get("sec-purpose", request.headers.get("purpose", ""))
    is_looking = "grant_id" in request.path_params
    return request.method == "GET" and "prefetch" not in ahead.lower() and not is_looking


def meet_now(request: Request, work: Callable[[Session, Actor], Result]) -> Result:
    """As `meet`, for whoever is on a worker thread already: the next part of a file that is being sent."""
    return _knocked(request, work, None, place(request))


def _knocked(
    request: Request, work: Callable[[Session, Actor], Result], form: Form | None, where: Place
) -> Result:
    parts = house(request)
    with parts.database.transaction() as db:
        visit = _visit(db, where, session_hash(request), parts.clock())
        if visit is None:
            raise Unauthenticated
        if form is not None:
            csrf.check(
                request.headers,
                session_id=str(visit.session_id),
                form_token=form.csrf_token,
                secret=parts.secret,
                public_origin=parts.public_origin,
            )
        actor = visit.admitted()
        if form is None:
            with within_deadline(db):
                return work(db, actor)
        actor.require_writer()
        return work(db, actor)


def _visit(db: Session, where: Place, token_hash: bytes, now: datetime) -> Visit | None:
    """The live session at a place. Through a grant, `db` is read-only from here on."""
    if where.grant is None:
        return sessions.knock(db, token_hash=token_hash, door=Door(where.kind), slug=where.slug, now=now)
    grant_id = ids.parsed(where.grant, impersonations.PREFIX)
    return impersonations.knock(db, token_hash=token_hash, slug=where.slug, grant_id=grant_id, now=now)


def go(
    request: Request,
    target: str,
    message: str | None = None,
    *,
    tone: Tone = "success",
    undo: Undo | None = None,
) -> Response:
    """See other: to a page of ours, with a message shown there once, perhaps with a button beside it.

    Staff who only look get no message: its cookie is every tab's, and would tell it in another one.
    """
    answer = RedirectResponse(target, 303)
    if message is not None and "grant_id" not in request.path_params:
        cookie = flash.pack(tone, say(message), secret=house(request).secret, undo=undo)
        remember(request, answer, house(request).cookie("flash"), cookie)
    return answer


async def read_form(request: Request, limits: Limits = USUAL) -> Form:
    """The posted form, kept on the request so that it survives signing in again.

    Refuses (CrossSite) one that none of our pages sent, before anybody is looked up or anything is said.
    """
    form = await Form.read(request, limits)
    if not csrf.is_ours(request.headers, public_origin=house(request).public_origin):
        raise csrf.CrossSite
    request.state.form = form
    return form

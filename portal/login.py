"""Signing in and out, and choosing between one's places.

Surprise: where a person goes after signing in is taken from the form only if it is a path of ours, and a form
that was typed before the session ended is shown once more, to be sent by the person, not by us.
"""

from collections import Counter
from collections.abc import Sequence

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from auth import sessions, signin, users
from auth.mailed_codes import Mailed
from auth.pending import Halfway
from auth.sessions import Door, SignedIn
from auth.signin import WrongSignIn
from auth.users import Place
from billing.customers import Customer
from db.session import enter
from errors import Invalid, Limited, Problem, Unauthenticated
from languages import say
from portal import csrf, mailed_code, second_step, visits
from portal.cookies import forget
from portal.door import person, visitor
from portal.form import CARRYING, Form
from portal.house import address, agent, house, session_hash, session_token
from portal.kept import kept_in, local, resume
from portal.navigation import ROLES
from portal.unready import nobody_yet


async def show_sign_in(request: Request) -> Response:
    """The form; `next` is where to go on. As long as nobody can sign in it says so instead."""
    if unready := await nobody_yet(request):
        return unready
    return _form(request, Form(), next=request.query_params.get("next", ""))


async def sign_in(request: Request) -> Response:
    """Three steps: count the try, hash without a transaction, write the session or the failure."""
    form = await Form.read(request, CARRYING)
    visits.check(request, form)
    try:
        session = await run_in_threadpool(enter_with_password, request, form.value("email"), form)
    except Invalid as wrong:
        return _form(request, form.with_problems(wrong), next=form.value("next"), status=422)
    except (WrongSignIn, Limited) as refusal:
        problem = Invalid([Problem(refusal.code, (), refusal.message)])
        status = 429 if isinstance(refusal, Limited) else 422
        return _form(request, form.with_problems(problem), next=form.value("next"), status=status)
    kept = kept_in(form)
    target = local(form.value("next")) or "/accounts"
    if isinstance(session, Halfway):
        return second_step.ask(request, session, next=target, kept=kept)
    if isinstance(session, Mailed):
        return mailed_code.ask(request, session, next=target, kept=kept)
    if kept:
        return visits.signed_in(request, resume(request, str(session.session_id), target, kept), session)
    return visits.signed_in(request, RedirectResponse(target, 303), session)


def enter_with_password(
    request: Request, email: str, form: Form, *, reads_mail: bool = False
) -> SignedIn | Halfway | Mailed:
    """A new session for whoever has this e-mail and password, or half a one if a code is needed too.

    `reads_mail`: this browser came with a link that was mailed to them.

    Refuses `WrongSignIn`, `Limited`, `Invalid`.
    """
    parts = house(request)
    device_token = request.cookies.get(parts.cookie("device"))
    with parts.database.transaction() as db:
        attempt = signin.begin(
            db, email=email, address=address(request), device_token=device_token, now=parts.clock()
        )
    checked = parts.hashing.run(lambda: signin.check(attempt, form.secret("password")))
    with parts.database.transaction() as db:
        session = signin.finish(
            db, checked, agent=agent(request), replaces=session_hash(request), reads_mail=reads_mail,
            now=parts.clock(),
        )  # fmt: skip
    if session is None:
        raise WrongSignIn
    return session


async def sign_out(request: Request) -> Response:
    """End this browser's session; the old cookie is dead at the next request everywhere."""
    form = await Form.read(request)
    await run_in_threadpool(_end, request, form)
    answer = RedirectResponse("/sign-in", 303)
    if session_token(request) is not None:
        # Another site's form comes without the cookie: it must not make the browser drop it either.
        forget(request, answer, house(request).cookie("session"))
    answer.headers["clear-site-data"] = '"cache"'
    return answer


async def choose(request: Request) -> Response:
    """The account switcher; straight on for a person with one place."""
    session_id, places = await run_in_threadpool(_places, request)
    if len(places) == 1 and "switch" not in request.query_params:
        return RedirectResponse(_href(places[0]), 303)
    parts = house(request)
    towns = await run_in_threadpool(_towns, request, places)
    shown = [(_href(place), place.name, _caption(place), towns.get(place.slug)) for place in places]
    text = parts.renderer.render(
        "login/places.html", places=shown, csrf_token=csrf.token(str(session_id), secret=parts.secret)
    )
    return HTMLResponse(text)


async def start(request: Request) -> Response:
    """The bare address: one's places, or signing in."""
    return RedirectResponse("/accounts", 303)


def _form(request: Request, form: Form, *, next: str, status: int = 200) -> Response:  # noqa: A002
    return visits.page(
        request, "login/sign_in.html", status=status, form=form, next=local(next) or "", kept=kept_in(form),
        message=None, demo=house(request).demo_logins,
    )  # fmt: skip


def _end(request: Request, form: Form) -> None:
    parts = house(request)
    now = parts.clock()
    with parts.database.transaction() as db:
        found = sessions.find(db, token_hash=session_hash(request), now=now)
        if found is None:
            return
        session_id, user_id = found
        csrf.check(
            request.headers, session_id=str(session_id), form_token=form.csrf_token, secret=parts.secret,
            public_origin=parts.public_origin,
        )  # fmt: skip
        enter(db, user_id=user_id)
        sessions.end(
            db,
            user_id=user_id,
            session_id=session_id,
            address=address(request),
            agent=agent(request),
            now=now,
        )


def _places(request: Request) -> tuple[object, list[Place]]:
    parts = house(request)
    with parts.database.transaction() as db:
        found = sessions.find(db, token_hash=session_hash(request), now=parts.clock())
        if found is None:
            raise Unauthenticated
        session_id, user_id = found
        enter(db, user_id=user_id)
        return session_id, users.places_of(db)


def _towns(request: Request, places: Sequence[Place]) -> dict[str, str]:
    """Where the companies are that share their name with another of the list, by slug.

    Each is read behind its own door, as that is the only place its record is open to the person.
    """
    parts = house(request)
    named = Counter(place.name for place in places)
    towns = {}
    for place in places:
        if place.kind != "portal" or named[place.name] == 1:
            continue
        with parts.database.transaction() as db:
            visit = sessions.knock(
                db, token_hash=session_hash(request), door=Door.PORTAL, slug=place.slug, now=parts.clock()
            )
            if visit is None or visit.actor is None:
                continue
            actor = visit.actor
            company = db.get(Customer, {"partner_id": actor.partner_id, "id": actor.customer_id})
            if company is not None:
                towns[place.slug] = f"{company.city}, {company.state}"
    return towns


def _href(place: Place) -> str:
    return f"/{place.kind}/{place.slug}"


def _caption(place: Place) -> str:
    role = ROLES[place.role]
    where = say("Partner dashboard") if place.kind == "partner" else place.partner_name
    return f"{where} · {role}"


ROUTES = [
    Route("/", visitor(start)),
    Route("/sign-in", visitor(show_sign_in)),
    Route("/sign-in", visitor(sign_in), methods=["POST"]),
    Route("/sign-out", person(sign_out), methods=["POST"]),
    Route("/accounts", person(choose)),
]

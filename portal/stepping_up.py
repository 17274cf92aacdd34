"""Asking again who it is, before what a stolen session must not do (GUARANTEES D-4).

Surprise: rules ask for it (`Actor.require_proof`), and pages of one's own account with
`await require_recent(request)`; the door turns the refusal into the page that asks for the password or a
code, and what was typed comes back to be sent.
"""

from urllib.parse import quote

from sqlmodel import Session as Db
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from auth import passkeys, second_factors, signin, users
from auth.challenges import Use
from auth.factor_tables import passkeys_of
from auth.passkeys import Asking
from auth.proofs import PAGE, ProofRequired
from auth.signin import WrongSignIn
from errors import Invalid, Limited, Problem
from portal import csrf
from portal.cookies import remember
from portal.form import CARRYING, Form
from portal.house import address, agent, house
from portal.kept import KEPT, kept_in, kept_of, local, resume
from portal.myself import Myself, act, meet


async def require_recent(request: Request) -> None:
    """Refuses `ProofRequired` unless the person gave a password, code or passkey in the last 15 minutes.

    For a page of one's own account. Read the form with `door.read_form` first: it is kept.
    """
    myself = await meet(request, lambda _db, myself: myself)
    if not myself.proved_recently:
        raise ProofRequired


async def ask_again(request: Request) -> Response:
    """The answer to `ProofRequired`: a GET goes to the page that asks, a typed form is taken along."""
    if request.method in csrf.SAFE_METHODS:
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"{PAGE}?next={quote(target, safe='')}", 303)
    return await _page(request, Form(), next=request.url.path, kept=kept_of(request), status=403)


async def show_prove(request: Request) -> Response:
    """The form; `next` is where to go on."""
    return await _page(request, Form(), next=request.query_params.get("next", ""), kept=[])


async def options(request: Request) -> Response:
    """What the script asks the person's authenticator."""
    form = await Form.read(request, CARRYING)

    def ask(db: Db, myself: Myself) -> str:
        return passkeys.ask(
            db, _asking(request, myself), use=Use.STEP_UP, user_id=myself.user_id, address=address(request),
            now=myself.now,
        )  # fmt: skip

    return Response(await act(request, ask, form=form, recent=False), media_type="application/json")


async def prove(request: Request) -> Response:
    """A right password, code or passkey: the session gets a new id, and what was typed is offered again."""
    form = await Form.read(request, CARRYING)
    myself = await act(request, lambda _db, myself: myself, form=form, recent=False)
    kept, target = kept_in(form), local(form.value("next")) or "/accounts"
    try:
        token = await run_in_threadpool(_prove, request, form, myself)
    except (WrongSignIn, Limited) as refusal:
        field = "code" if form.value("code") else "password"
        path = () if "credential" in form.typed else (field,)
        wrong = Invalid([Problem(refusal.code, path, refusal.message)])
        status = 429 if isinstance(refusal, Limited) else 422
        return await _page(request, form.with_problems(wrong), next=target, kept=kept, status=status)
    parts = house(request)
    answer: Response = RedirectResponse(target, 303)
    if kept:
        answer = resume(request, str(myself.session_id), target, kept)
    remember(request, answer, parts.cookie("session"), token)
    return answer


def _prove(request: Request, form: Form, myself: Myself) -> str:
    if "credential" in form.typed:
        return _prove_with_passkey(request, form, myself)
    if form.value("code").strip():
        return _prove_with_code(request, form, myself)
    parts = house(request)
    with parts.database.transaction() as db:
        attempt = signin.begin(
            db, email=myself.email, address=address(request), now=parts.clock(),
            device_token=request.cookies.get(parts.cookie("device")),
        )  # fmt: skip
    checked = parts.hashing.run(lambda: signin.check(attempt, form.secret("password")))
    with parts.database.transaction() as db:
        token = signin.step_up(
            db, checked, session_id=myself.session_id, agent=agent(request), now=parts.clock()
        )
    if token is None:
        raise WrongSignIn("This is not your password. Try again.")
    return token


def _prove_with_code(request: Request, form: Form, myself: Myself) -> str:
    parts = house(request)
    with parts.database.transaction(user_id=myself.user_id) as db:
        token = second_factors.step_up(
            db, user_id=myself.user_id, session_id=myself.session_id, code=form.value("code"),
            address=address(request), agent=agent(request), now=parts.clock(),
        )  # fmt: skip
    if token is None:
        raise WrongSignIn("This code is not right, or was used already. Wait for the next one.")
    return token


def _prove_with_passkey(request: Request, form: Form, myself: Myself) -> str:
    parts = house(request)
    with parts.database.transaction(user_id=myself.user_id) as db:
        token = passkeys.step_up(
            db, _asking(request, myself), user_id=myself.user_id, session_id=myself.session_id,
            answer=form.value("credential"), address=address(request), agent=agent(request),
            now=parts.clock(),
        )  # fmt: skip
    if token is None:
        raise WrongSignIn("Your passkey was not used, or it took too long. Try again.")
    return token


def _asking(request: Request, myself: Myself) -> Asking:
    return Asking(house(request).site, str(myself.session_id))


async def _page(
    request: Request,
    form: Form,
    *,
    next: str,  # noqa: A002
    kept: list[tuple[str, str]],
    status: int = 200,
) -> Response:
    def look(db: Db, myself: Myself) -> tuple[Myself, dict[str, bool]]:
        has_password = users.one(db, user_id=myself.user_id).password_hash is not None
        has_passkey = bool(passkeys_of(db, user_id=myself.user_id))
        has_code = has_passkey or second_factors.has_any(db, user_id=myself.user_id)
        return myself, {"has_password": has_password, "has_passkey": has_passkey, "has_code": has_code}

    myself, has = await meet(request, look)
    parts = house(request)
    text = parts.renderer.render(
        "login/prove.html", form=form, next=local(next) or "", kept=kept, keeps=KEPT, **has,
        csrf_token=csrf.token(str(myself.session_id), secret=parts.secret),
    )  # fmt: skip
    return HTMLResponse(text, status)

"""One's own passkeys on the account's pages, and what every page that asks an authenticator shares.

Surprise: asking takes two requests: the script fetches what to ask (a challenge that is good once, in this
browser), and sends the authenticator's answer as an ordinary form, in the field `credential`.
"""

from sqlmodel import Session as Db
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from auth import passkeys, second_factors, users
from auth.authenticators import Owner
from auth.factor_tables import Passkey, passkeys_of
from auth.passkeys import Asking
from errors import Conflict, Invalid, NotFound, Problem
from languages import mark
from portal.account_page import account_page
from portal.door import go, person, read_form
from portal.form import Form
from portal.house import address, agent, house, record_id
from portal.kept import local
from portal.myself import Myself, act, meet
from portal.stepping_up import require_recent

HOME = "/account/factors"
NEW = "/account/passkeys/new"
NONE_MADE = mark("No passkey was made, or it took too long. Try again.")


async def show_new(request: Request) -> Response:
    """Names the passkey; the button asks the authenticator."""
    await require_recent(request)
    myself = await meet(request, lambda _db, myself: myself)
    return _new_page(request, myself, Form(), next=local(request.query_params.get("next", "")) or "")


async def options(request: Request) -> Response:
    """What the script asks the authenticator to make."""
    form = await read_form(request)

    def ask(db: Db, myself: Myself) -> str:
        owner = Owner(myself.user_id, myself.email, myself.name)
        return passkeys.ask_for_new(
            db, asking_of(request, myself), owner, address=address(request), now=myself.now
        )

    return answer_json(await act(request, ask, form=form))


async def add(request: Request) -> Response:
    """Add what the authenticator made; the first factor brings the recovery codes."""
    form = await read_form(request)
    target = local(form.value("next")) or ""

    def work(db: Db, myself: Myself) -> tuple[Myself, list[str] | None]:
        codes = passkeys.add(
            db, asking_of(request, myself), user_id=myself.user_id, name=form.value("name"),
            answer=form.value("credential"), address=address(request), agent=agent(request), now=myself.now,
        )  # fmt: skip
        return myself, codes

    try:
        myself, codes = await act(request, work, form=form)
    except (Invalid, Conflict) as refusal:
        wrong = (
            refusal if isinstance(refusal, Invalid) else Invalid([Problem(refusal.code, (), refusal.message)])
        )
        myself = await meet(request, lambda _db, myself: myself)
        return _new_page(request, myself, form.with_problems(wrong), next=target, status=422)
    if codes is None:
        wrong = Invalid([Problem("NO_PASSKEY", (), NONE_MADE)])
        return _new_page(request, myself, form.with_problems(wrong), next=target, status=422)
    if not codes:
        return go(request, target or HOME, "The passkey is added.")
    return account_page(
        request, myself, "account/factors/codes.html", codes=codes, added="passkey", next=target
    )


async def show_remove(request: Request) -> Response:
    """Asks before a passkey is removed."""
    await require_recent(request)
    wanted = record_id(request, "passkey_id", "psk")

    def look(db: Db, myself: Myself) -> tuple[Myself, list[Passkey], bool, list[str], bool]:
        held = passkeys_of(db, user_id=myself.user_id)
        has_password = users.one(db, user_id=myself.user_id).password_hash is not None
        only = second_factors.count_of(db, user_id=myself.user_id) == 1
        return myself, held, only, users.needing_factor(db), has_password

    myself, held, only, places, has_password = await meet(request, look)
    passkey = next((passkey for passkey in held if passkey.id == wanted), None)
    if passkey is None:
        raise NotFound
    return account_page(
        request, myself, "account/passkeys/remove.html", passkey=passkey, is_last=only, places=places,
        has_password=has_password,
    )  # fmt: skip


async def remove(request: Request) -> Response:
    """Remove it."""
    form = await read_form(request)
    passkey_id = record_id(request, "passkey_id", "psk")
    await act(request, lambda db, myself: passkeys.remove(
        db, user_id=myself.user_id, passkey_id=passkey_id, address=address(request), agent=agent(request),
        now=myself.now,
    ), form=form)  # fmt: skip
    return go(request, HOME, "The passkey is removed.")


async def back(request: Request) -> Response:
    """Whoever comes to the script's address without the script."""
    return RedirectResponse(NEW, 303)


def asking_of(request: Request, myself: Myself) -> Asking:
    """Our site asks the browser that `myself` is signed in with."""
    return Asking(house(request).site, str(myself.session_id))


def answer_json(text: str) -> Response:
    """What the script fetches."""
    return Response(text, media_type="application/json")


def _new_page(
    request: Request,
    myself: Myself,
    form: Form,
    *,
    next: str,  # noqa: A002
    status: int = 200,
) -> Response:
    return account_page(request, myself, "account/passkeys/new.html", status=status, form=form, next=next)


ROUTES = [
    Route(NEW, person(show_new)),
    Route(NEW, person(add), methods=["POST"]),
    Route("/account/passkeys/options", person(back)),
    Route("/account/passkeys/options", person(options), methods=["POST"]),
    Route("/account/passkeys/{passkey_id}/remove", person(show_remove)),
    Route("/account/passkeys/{passkey_id}/remove", person(remove), methods=["POST"]),
]

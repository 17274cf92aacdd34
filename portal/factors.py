"""One's own second factors: what there is, setting up an authenticator app, recovery codes, removing.

Surprise: recovery codes are in the answer to the form that made them and nowhere else; reloading asks the
browser to send the form again, whose code is used up by then.
"""

from typing import Any
from urllib.parse import quote

import segno
from sqlmodel import Session as Db
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from auth import recovery_codes, second_factors, users
from auth.factor_tables import TotpFactor, apps_of, passkeys_of
from auth.proofs import PAGE
from errors import Invalid, Limited, NotFound, Problem
from languages import mark
from portal.account_page import account_page
from portal.door import go, person, read_form
from portal.factor_needed import PATH as REQUIRED
from portal.factor_needed import show_required
from portal.form import Form
from portal.house import address, agent, record_id
from portal.kept import local
from portal.myself import Myself, act, meet
from portal.stepping_up import options, prove, require_recent, show_prove

HOME = "/account/factors"
NEW = f"{HOME}/new"
WRONG = mark("This code is not right. Check the phone's clock, wait for the next code, and type that.")


async def show_factors(request: Request) -> Response:
    """What there is, and what to do next."""

    def look(db: Db, myself: Myself) -> tuple[Myself, dict[str, Any]]:
        user_id = myself.user_id
        has_password = users.one(db, user_id=user_id).password_hash is not None
        return myself, {
            "factors": apps_of(db, user_id=user_id), "passkeys": passkeys_of(db, user_id=user_id),
            "codes_left": recovery_codes.left(db, user_id=user_id), "has_password": has_password,
        }  # fmt: skip

    myself, found = await meet(request, look)
    return _page(request, myself, "list", **found)


async def show_new(request: Request) -> Response:
    """Names the app; the seed is made when this is sent."""
    await require_recent(request)
    myself = await meet(request, lambda _db, myself: myself)
    return _page(request, myself, "new", form=Form(), next=_next(request.query_params.get("next")))


async def begin(request: Request) -> Response:
    """Make the seed, and go on to the QR code."""
    form = await read_form(request)
    target = _next(form.value("next"))
    try:
        await act(
            request,
            lambda db, myself: second_factors.begin(
                db, user_id=myself.user_id, name=form.value("name"), now=myself.now
            ),
            form=form,
        )
    except Invalid as wrong:
        myself = await meet(request, lambda _db, myself: myself)
        return _page(request, myself, "new", form=form.with_problems(wrong), next=target, status=422)
    return RedirectResponse(f"{HOME}/confirm" + (f"?next={quote(target, safe='')}" if target else ""), 303)


async def show_confirm(request: Request) -> Response:
    """The QR code and the field for the first code."""
    await require_recent(request)
    return await _confirm_page(request, Form(), next=_next(request.query_params.get("next")))


async def confirm(request: Request) -> Response:
    """The first code makes the app count; the first app brings the recovery codes."""
    form = await read_form(request)
    target = _next(form.value("next"))
    try:
        myself, codes = await act(request, lambda db, myself: (myself, second_factors.confirm(
            db, user_id=myself.user_id, code=form.value("code"), address=address(request),
            agent=agent(request), now=myself.now,
        )), form=form)  # fmt: skip
    except Limited as limited:
        wrong = Invalid([Problem(limited.code, ("code",), limited.message)])
        return await _confirm_page(request, form.with_problems(wrong), next=target, status=429)
    if codes is None:
        wrong = Invalid([Problem("WRONG_CODE", ("code",), WRONG)])
        return await _confirm_page(request, form.with_problems(wrong), next=target, status=422)
    if not codes:
        return go(request, target or HOME, "The app is added.")
    return _page(request, myself, "codes", codes=codes, added="app", next=target)


async def show_remove(request: Request) -> Response:
    """Asks before an app is removed."""
    await require_recent(request)
    wanted = record_id(request, "factor_id", "fac")

    def look(db: Db, myself: Myself) -> tuple[Myself, list[TotpFactor], bool, list[str]]:
        only = second_factors.count_of(db, user_id=myself.user_id) == 1
        return myself, apps_of(db, user_id=myself.user_id), only, users.needing_factor(db)

    myself, factors, only, places = await meet(request, look)
    factor = next((factor for factor in factors if factor.id == wanted), None)
    if factor is None:
        raise NotFound
    return _page(request, myself, "remove", factor=factor, is_last=only, places=places)


async def remove(request: Request) -> Response:
    """Remove it."""
    form = await read_form(request)
    factor_id = record_id(request, "factor_id", "fac")
    await act(request, lambda db, myself: second_factors.remove(
        db, user_id=myself.user_id, factor_id=factor_id, address=address(request), agent=agent(request),
        now=myself.now,
    ), form=form)  # fmt: skip
    return go(request, HOME, "The app is removed.")


async def show_renew(request: Request) -> Response:
    """Asks before the old recovery codes die."""
    await require_recent(request)
    myself = await meet(request, lambda _db, myself: myself)
    return _page(request, myself, "renew")


async def renew(request: Request) -> Response:
    """New recovery codes, shown in this answer."""
    form = await read_form(request)
    myself, codes = await act(request, lambda db, myself: (myself, second_factors.renew_codes(
        db, user_id=myself.user_id, address=address(request), agent=agent(request), now=myself.now
    )), form=form)  # fmt: skip
    return _page(request, myself, "codes", codes=codes, added="", next="")


async def back_to_prove(request: Request) -> Response:
    """Whoever comes to the script's address without the script."""
    return RedirectResponse(PAGE, 303)


def _next(typed: str | None) -> str:
    """Where to go on once there is an app: a path of ours, else nowhere in particular."""
    return local(typed or "") or ""


async def _confirm_page(
    request: Request,
    form: Form,
    *,
    next: str,  # noqa: A002
    status: int = 200,
) -> Response:
    def look(db: Db, myself: Myself) -> tuple[Myself, str | None]:
        factor = second_factors.begun(db, user_id=myself.user_id)
        return myself, second_factors.seed_of(db, factor) if factor else None

    myself, seed = await meet(request, look)
    if seed is None:
        return RedirectResponse(NEW, 303)
    # A picture as an address: no markup of ours is put into the page unescaped.
    picture = segno.make(second_factors.address_of(seed, myself.email), error="m").svg_data_uri(
        scale=5, border=4, light="#fff"
    )
    spaced = " ".join(seed[at : at + 4] for at in range(0, len(seed), 4))
    return _page(
        request, myself, "confirm", form=form, picture=picture, seed=spaced, email=myself.email, next=next,
        status=status,
    )  # fmt: skip


def _page(request: Request, myself: Myself, name: str, *, status: int = 200, **context: object) -> Response:
    return account_page(request, myself, f"account/factors/{name}.html", status=status, **context)


ROUTES = [
    Route(HOME, person(show_factors)),
    Route(REQUIRED, person(show_required)),
    Route(NEW, person(show_new)),
    Route(NEW, person(begin), methods=["POST"]),
    Route(f"{HOME}/confirm", person(show_confirm)),
    Route(f"{HOME}/confirm", person(confirm), methods=["POST"]),
    Route(f"{HOME}/codes", person(show_renew)),
    Route(f"{HOME}/codes", person(renew), methods=["POST"]),
    Route(f"{HOME}/{{factor_id}}/remove", person(show_remove)),
    Route(f"{HOME}/{{factor_id}}/remove", person(remove), methods=["POST"]),
    Route(PAGE, person(show_prove)),
    Route(PAGE, person(prove), methods=["POST"]),
    Route(f"{PAGE}/options", person(back_to_prove)),
    Route(f"{PAGE}/options", person(options), methods=["POST"]),
]

"""One's own profile: what one is called, the time zone one reads in, and the way to another address."""

from sqlmodel import Session as Db
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from auth import email_changes, users
from auth.personal_tokens import PersonalToken
from auth.users import User
from billing import profiles
from errors import Invalid
from languages import known, speaking, spoken
from portal import language
from portal.account_page import account_page
from portal.door import go, person, read_form
from portal.form import Form
from portal.house import address, agent
from portal.myself import Myself, act, meet
from portal.time_zones import zones_with

HOME = "/account/profile"


async def show_profile(request: Request) -> Response:
    """The form, filled in."""
    return await _page(request, None)


async def save_profile(request: Request) -> Response:
    """Store it; everybody who sees the person sees the new name."""
    form = await read_form(request)

    def work(db: Db, myself: Myself) -> None:
        profiles.describe(
            db, user_id=myself.user_id, name=form.value("name"), time_zone=form.value("time_zone"),
            locale=form.value("locale"), address=address(request), agent=agent(request), now=myself.now,
        )  # fmt: skip

    try:
        await act(request, work, form=form, recent=False)
    except Invalid as wrong:
        return await _page(request, form.with_problems(wrong), status=422)
    locale = known(form.value("locale"))
    with speaking(locale or spoken()):
        answer = go(request, HOME, "Your profile is saved.")
    if locale is not None:
        language.keep(request, answer, locale)
    return answer


async def stop_change(request: Request) -> Response:
    """The link in the mail to the new address dies."""
    form = await read_form(request)

    def work(db: Db, myself: Myself) -> None:
        email_changes.stop(
            db, user_id=myself.user_id, address=address(request), agent=agent(request), now=myself.now
        )

    await act(request, work, form=form, recent=False)
    return go(request, HOME, "The change is stopped. Your address stays as it is.")


async def back(request: Request) -> Response:
    """Whoever comes to a form's address without the form."""
    return RedirectResponse(HOME, 303)


async def _page(request: Request, form: Form | None, *, status: int = 200) -> Response:
    def look(db: Db, myself: Myself) -> tuple[Myself, User, PersonalToken | None]:
        waiting = email_changes.open_of(db, user_id=myself.user_id, now=myself.now)
        return myself, users.one(db, user_id=myself.user_id), waiting

    myself, user, waiting = await meet(request, look)
    form = form or Form.of(
        {"name": user.name, "time_zone": user.time_zone or "", "locale": user.locale or ""}
    )
    return account_page(
        request, myself, "account/profile.html", status=status, form=form, email=user.email, waiting=waiting,
        zones=zones_with(form.value("time_zone")),
    )  # fmt: skip


ROUTES = [
    Route(HOME, person(show_profile)),
    Route(HOME, person(save_profile), methods=["POST"]),
    Route("/account/email/stop", person(back)),
    Route("/account/email/stop", person(stop_change), methods=["POST"]),
]

"""Pages for people who are at no place yet: their forms are guarded by a cookie from before any session."""

from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from auth.sessions import SignedIn
from portal import csrf
from portal.cookies import LANGUAGE, YEAR_SECONDS, remember
from portal.form import Form
from portal.house import house


def page(request: Request, template: str, *, status: int = 200, **context: Any) -> Response:
    """A page with a form anybody may send: brings the form's token, and the cookie it belongs to."""
    parts = house(request)
    name = csrf.cookie_name(secure=parts.secure)
    before = csrf.pre_session(request.cookies.get(name), secret=parts.secret)
    token = csrf.token(before.id, secret=parts.secret)
    answer = HTMLResponse(
        parts.renderer.render(template, csrf_token=token, **{"form": Form(), **context}), status
    )
    remember(request, answer, name, before.cookie)
    return answer


def check(request: Request, form: Form) -> None:
    """Refuse (`CrossSite`) a visitor's form that one of our own pages did not send."""
    parts = house(request)
    before = csrf.pre_session(request.cookies.get(csrf.cookie_name(secure=parts.secure)), secret=parts.secret)
    csrf.check(
        request.headers,
        session_id=before.id,
        form_token=form.csrf_token,
        secret=parts.secret,
        public_origin=parts.public_origin,
    )


def browser(request: Request) -> str:
    """What a visitor's browser is told by before it has a session; whatever it says, we signed it."""
    parts = house(request)
    return csrf.pre_session(
        request.cookies.get(csrf.cookie_name(secure=parts.secure)), secret=parts.secret
    ).id  # fmt: skip


def signed_in(request: Request, answer: Response, session: SignedIn) -> Response:
    """Give the browser its session, the language its person reads in and, once, its device."""
    parts = house(request)
    remember(request, answer, parts.cookie("session"), session.session_token)
    if session.locale is not None:
        remember(request, answer, parts.cookie(LANGUAGE), session.locale, seconds=YEAR_SECONDS)
    if session.device_token is not None:
        known_from_now_on(request, answer, session.device_token)
    return answer


def known_from_now_on(request: Request, answer: Response, device_token: str) -> None:
    """The browser shows by a cookie that the person was seen in it before."""
    name = house(request).cookie("device")
    remember(request, answer, name, device_token, seconds=YEAR_SECONDS)

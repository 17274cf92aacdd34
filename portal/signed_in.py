"""Where one is signed in, and which browsers are remembered: each to be signed out or forgotten from here.

Surprise: what a browser calls itself is only a hint for the reader; nothing is decided by it.
"""

from typing import NamedTuple
from uuid import UUID

from sqlmodel import Session as Db
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from auth import sessions, users
from auth.audit import PersonalEvent, recent_of
from auth.sessions import Session
from auth.users import Device
from languages import mark, say
from portal.account_page import account_page
from portal.door import go, person, read_form
from portal.house import address, agent, record_id
from portal.myself import Myself, act, meet

HOME = "/account/sessions"
# In this order: Edge and Opera also call themselves Chrome, Chrome calls itself Safari, and Android Linux.
_BROWSERS = (
    ("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"),
)  # fmt: skip
_SYSTEMS = (
    ("Windows", "Windows"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"),
    ("CrOS", "ChromeOS"), ("Mac OS", "Mac"), ("Linux", "Linux"),
)  # fmt: skip
# What happened to the account, in words; what has none is not told.
EVENTS = {
    "account.created": mark("Account created"),
    "sign_in": mark("Signed in"),
    "sign_in.failed": mark("A try to sign in failed"),
    "second_factor.failed": mark("A wrong code at the second step"),
    "sign_in.code_asked": mark("Asked for a code to sign in"),
    "sign_in.code_failed": mark("A wrong mailed code"),
    "device.code_sent": mark("The password was right in a new browser: a code was mailed"),
    "device.confirmed": mark("A new browser was confirmed"),
    "device.forgotten": mark("A browser was forgotten"),
    "session.ended": mark("Signed out"),
    "sessions.ended": mark("Signed out everywhere else"),
    "profile.changed": mark("Profile changed"),
    "email.change_asked": mark("Asked for another e-mail address"),
    "email.change_stopped": mark("The change of the e-mail address was stopped"),
    "email.changed": mark("E-mail address changed"),
    "email.change_undone": mark("The earlier e-mail address was kept"),
    "password.changed": mark("Password changed"),
    "password.change_failed": mark("A try to change the password failed"),
    "password.reset_asked": mark("Asked for a new password"),
    "password.reset": mark("Password set anew by mail"),
    "step_up": mark("Proved it is you"),
    "step_up.failed": mark("A try to prove it is you failed"),
    "factor.added": mark("Authenticator app added"),
    "factor.removed": mark("Authenticator app removed"),
    "passkey.added": mark("Passkey added"),
    "passkey.removed": mark("Passkey removed"),
    "passkey.failed": mark("A passkey was refused"),
    "passkey.copied": mark("A copy of a passkey was refused"),
    "factors.reset": mark("Passkeys, apps and recovery codes taken away by whoever runs the server"),
    "recovery_code.used": mark("Recovery code used"),
    "recovery_codes.renewed": mark("Recovery codes renewed"),
}
LATEST = 20


class Remembered(NamedTuple):
    """A browser that is known and not signed in."""

    name: str
    device: Device


class Browser(NamedTuple):
    """One signed-in browser as the page shows it."""

    id: UUID
    name: str
    is_this: bool
    session: Session


async def show_sessions(request: Request) -> Response:
    """The browsers, this one first, those that are remembered beside them, and what happened lately."""

    def look(db: Db, myself: Myself) -> tuple[Myself, list[Session], list[Device], list[PersonalEvent]]:
        live = sessions.live_of(db, user_id=myself.user_id, now=myself.now)
        known = users.devices_of(db, user_id=myself.user_id)
        events = recent_of(db, user_id=myself.user_id, actions=list(EVENTS), limit=LATEST)
        return myself, live, known, events

    myself, live, known, events = await meet(request, look)
    here = {one.device_id for one in live}
    remembered = [Remembered(browser_name(one.label), one) for one in known if one.id not in here]
    browsers = [Browser(one.id, browser_name(one.agent), one.id == myself.session_id, one) for one in live]
    browsers.sort(key=lambda browser: not browser.is_this)
    told = [(EVENTS[event.action], browser_name(event.agent), event) for event in events]
    return account_page(
        request, myself, "account/sessions.html", browsers=browsers, remembered=remembered, events=told
    )


async def end_one(request: Request) -> Response:
    """Sign one browser out and forget it: it is out at its next request."""
    form = await read_form(request)
    session_id = record_id(request, "session_id", "ses")

    def work(db: Db, myself: Myself) -> bool:
        sessions.end(
            db, user_id=myself.user_id, session_id=session_id, forget=True, address=address(request),
            agent=agent(request), now=myself.now,
        )  # fmt: skip
        return session_id == myself.session_id

    if await act(request, work, form=form, recent=False):
        return RedirectResponse("/sign-in", 303)
    return go(request, HOME, "That browser is signed out.")


async def end_others(request: Request) -> Response:
    """Sign every browser out but this one."""
    form = await read_form(request)

    def work(db: Db, myself: Myself) -> None:
        sessions.end_others(
            db, user_id=myself.user_id, but=myself.session_id, address=address(request),
            agent=agent(request), now=myself.now,
        )  # fmt: skip

    await act(request, work, form=form, recent=False)
    return go(request, HOME, "Every other browser is signed out.")


async def forget(request: Request) -> Response:
    """A browser is known no more."""
    form = await read_form(request)
    device_id = record_id(request, "device_id", "dev")

    def work(db: Db, myself: Myself) -> None:
        sessions.forget_browser(
            db, user_id=myself.user_id, device_id=device_id, address=address(request), agent=agent(request),
            now=myself.now,
        )  # fmt: skip

    await act(request, work, form=form, recent=False)
    return go(request, HOME, "That browser is forgotten.")


async def back(request: Request) -> Response:
    """Whoever comes to a form's address without the form."""
    return RedirectResponse(HOME, 303)


def browser_name(agent_text: str) -> str:
    """`Firefox on Windows`; what says nothing about itself is “A browser”."""
    browser = next((name for mark, name in _BROWSERS if mark in agent_text), "A browser")
    system = next((name for mark, name in _SYSTEMS if mark in agent_text), None)
    return say("{browser} on {system}", browser=browser, system=system) if system else browser


ROUTES = [
    Route(HOME, person(show_sessions)),
    Route(f"{HOME}/others", person(back)),
    Route(f"{HOME}/others", person(end_others), methods=["POST"]),
    Route("/account/devices/{device_id}/forget", person(back)),
    Route("/account/devices/{device_id}/forget", person(forget), methods=["POST"]),
    Route(f"{HOME}/{{session_id}}/end", person(back)),
    Route(f"{HOME}/{{session_id}}/end", person(end_one), methods=["POST"]),
]

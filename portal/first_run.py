"""The first partner of a fresh installation, made in the browser by whoever can read the server's log.

Surprise: the way in is a secret, made of the server's own and told in the log, because the page is open to
anybody: without it the first stranger to come by would own the installation. Once there is a partner it
opens nothing.
"""

import hmac
from hashlib import sha256

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.tokens import DeadLink
from billing import partners
from db.session import Database
from errors import Invalid, NotFound
from portal import visits
from portal.cookies import forget
from portal.door import visitor
from portal.form import Form
from portal.house import house
from portal.links import dead, opened, token_kept
from portal.time_zones import zones_with
from portal.unready import is_empty

PAGE = "/first-run"
TIME_ZONE = "America/New_York"


def first_run_path(secret: bytes, database: Database) -> str | None:
    """Where the first partner is made, below the public address; None once there is one."""
    with database.transaction() as db:
        return f"{PAGE}/{_token(secret)}" if partners.is_empty(db) else None


async def show_form(request: Request) -> Response:
    """Who the partner is, and who its first Admin."""
    try:
        await run_in_threadpool(_require_open, request)
    except DeadLink:
        return dead(request)
    return _page(request, Form({"time_zone": (TIME_ZONE,)}))


async def create(request: Request) -> Response:
    """Make the partner; its Admin is mailed an invite."""
    form = await Form.read(request)
    visits.check(request, form)
    try:
        email = await run_in_threadpool(_create, request, form)
    except DeadLink:
        return dead(request)
    except Invalid as wrong:
        return _page(request, form.with_problems(wrong), status=422)
    answer = visits.page(
        request, "login/first_run_done.html", name=form.value("name"), email=email,
        folder=request.app.state.mails_as_files,
    )  # fmt: skip
    forget(request, answer, house(request).cookie("first_run"))
    return answer


def _require_open(request: Request) -> None:
    """Refuse (DeadLink) whoever does not know the way, and everybody once there is a partner."""
    known = hmac.compare_digest(
        token_kept(request, "first_run").encode(), _token(house(request).secret).encode()
    )
    if not known or not is_empty(request):
        raise DeadLink


def _create(request: Request, form: Form) -> str:
    _require_open(request)
    parts = house(request)
    try:
        with parts.database.transaction() as db:
            made = partners.create_first(
                db, name=form.value("name"), admin_name=form.value("admin_name"),
                admin_email=form.value("admin_email"), time_zone=form.value("time_zone"), now=parts.clock(),
            )  # fmt: skip
            return made.admin.email
    except NotFound:
        raise DeadLink from None


def _token(secret: bytes) -> str:
    return hmac.new(secret, b"first-run", sha256).hexdigest()


def _page(request: Request, form: Form, *, status: int = 200) -> Response:
    zones = zones_with(form.value("time_zone"))
    return visits.page(request, "login/first_run.html", form=form, zones=zones, status=status)


ROUTES = [
    Route(f"{PAGE}/{{token}}", visitor(opened("first_run", PAGE))),
    Route(PAGE, visitor(show_form)),
    Route(PAGE, visitor(create), methods=["POST"]),
]

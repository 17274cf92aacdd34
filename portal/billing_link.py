"""The partner's billing link: a visitor enters an address, and gets the way in by mail.

Surprise: the page says the same to every address. Who has access is told how to sign in, who has none gets a
link to ask for it: both only in the mail (GUARANTEES B-4).
"""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.tokens import DeadLink
from billing import access_requests
from billing.access_requests import AlreadyIn, Offer
from errors import Invalid, Limited, Problem
from portal import visits
from portal.brand import brand_of
from portal.cookies import forget
from portal.door import visitor
from portal.form import Form
from portal.house import address, house
from portal.links import dead, opened, token_kept
from portal.shell import Brand

LINK = "/billing/{partner_slug}"
ASK = "/access"


async def show_link(request: Request) -> Response:
    """The form for an address."""
    return await _link_page(request, Form())


async def send_link(request: Request) -> Response:
    """Mail the address; the same answer for every one."""
    form = await Form.read(request)
    visits.check(request, form)
    try:
        await run_in_threadpool(_begin, request, form.value("email"))
    except Invalid as wrong:
        return await _link_page(request, form.with_problems(wrong), status=422)
    except Limited as limited:
        refusal = Invalid([Problem(limited.code, ("email",), limited.message)])
        return await _link_page(request, form.with_problems(refusal), status=429)
    partner, brand = await run_in_threadpool(_partner, request)
    return visits.page(request, "login/access_sent.html", partner=partner, place=partner, brand=brand)


async def show_ask(request: Request) -> Response:
    """The form to ask for access."""
    try:
        offer = await run_in_threadpool(_offer, request)
    except DeadLink:
        return dead(request)
    return _ask_page(request, offer, Form())


async def ask(request: Request) -> Response:
    """Write the request down; staff are told."""
    form = await Form.read(request)
    visits.check(request, form)
    try:
        offer = await run_in_threadpool(_offer, request)
        await run_in_threadpool(_ask, request, form)
    except DeadLink:
        return dead(request)
    except Invalid as wrong:
        return _ask_page(request, offer, form.with_problems(wrong), status=422)
    except AlreadyIn as refusal:
        problem = Invalid([Problem(refusal.code, (), refusal.message)])
        return _ask_page(request, offer, form.with_problems(problem), status=409)
    brand = brand_of(offer.accent, offer.logo)
    answer = visits.page(request, "login/access_asked.html", offer=offer, place=offer.partner, brand=brand)
    forget(request, answer, house(request).cookie("access"))
    return answer


async def _link_page(request: Request, form: Form, *, status: int = 200) -> Response:
    partner, brand = await run_in_threadpool(_partner, request)
    return visits.page(
        request, "login/billing_link.html", form=form, partner=partner, place=partner, status=status,
        action=request.url.path, brand=brand,
    )  # fmt: skip


def _ask_page(request: Request, offer: Offer, form: Form, *, status: int = 200) -> Response:
    return visits.page(
        request, "login/access_ask.html", form=form, offer=offer, place=offer.partner, status=status,
        brand=brand_of(offer.accent, offer.logo),
    )  # fmt: skip


def _partner(request: Request) -> tuple[str, Brand]:
    with house(request).database.transaction() as db:
        partner = access_requests.partner_of(db, slug=request.path_params["partner_slug"])
        return partner.name, brand_of(partner.accent, partner.logo)


def _begin(request: Request, email: str) -> None:
    parts = house(request)
    with parts.database.transaction() as db:
        access_requests.begin(
            db, slug=request.path_params["partner_slug"], email=email, address=address(request),
            now=parts.clock(),
        )  # fmt: skip


def _offer(request: Request) -> Offer:
    parts = house(request)
    with parts.database.transaction() as db:
        return access_requests.look(db, token=token_kept(request, "access"), now=parts.clock())


def _ask(request: Request, form: Form) -> None:
    parts = house(request)
    with parts.database.transaction() as db:
        access_requests.ask(
            db, token=token_kept(request, "access"), name=form.value("name"), company=form.value("company"),
            message=form.value("message"), now=parts.clock(),
        )  # fmt: skip


ROUTES = [
    Route(LINK, visitor(show_link)),
    Route(LINK, visitor(send_link), methods=["POST"]),
    Route("/access/{token}", visitor(opened("access", ASK))),
    Route(ASK, visitor(show_ask)),
    Route(ASK, visitor(ask), methods=["POST"]),
]

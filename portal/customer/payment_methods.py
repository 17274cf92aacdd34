"""The portal's payment methods: cards on file, adding one, choosing the default, removing.

Surprise: a card is typed into the gateway's own form, in a frame or on its page, never into ours. What the
browser brings back names an entry and proves nothing; the gateway is asked about it.
"""

from urllib.parse import parse_qsl, urlencode

from sqlmodel import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.actors import Action, Actor
from billing import payment_methods
from billing.card_brands import card_text
from db import ids
from errors import NotFound
from integrations import method_setups
from integrations.method_setups import GatewayDown
from languages import say
from portal.customer.company import company_of, require
from portal.door import act, customer, go, meet, read_form
from portal.form import Form
from portal.headers import admit_gateway
from portal.house import house, place, record_id
from portal.page import ask, show

# What gateways take as a way back.
LONGEST_RETURN = 2000


async def list_methods(request: Request) -> Response:
    """The cards on file, the default one marked."""
    return show(
        request, "customer/payment_methods/list.html", await ask(request, "customer/payment_methods/list")
    )


async def begin(request: Request) -> Response:
    """Open the gateway's form for one more card."""
    form = await read_form(request)
    return await begin_card(request, form, pay=form.value("pay"))


async def begin_card(request: Request, form: Form, *, pay: str) -> Response:
    """Open the gateway's form; `pay` is the query of the page to pay on, to come back to afterwards."""
    parts = house(request)
    if len(_return_url(request, pay)) > LONGEST_RETURN:
        pay = ""
    actor = await act(request, lambda _db, actor: actor, form=form)
    try:
        session = await run_in_threadpool(
            method_setups.begin, parts.database, parts.gateway, actor, customer_id=company_of(actor),
            return_url=_return_url(request, pay), now=parts.clock(),
        )  # fmt: skip
    except GatewayDown as down:
        return go(request, _landing(request, pay), down.message, tone="danger")
    query = {"setup": session.id} | ({"pay": pay} if pay else {})
    return go(request, f"{_list(request)}/add?{urlencode(query)}")


async def show_fields(request: Request) -> Response:
    """The gateway's form in a frame; for browsers without scripts the link to its page."""
    parts, pay = house(request), request.query_params.get("pay", "")
    if "setup" not in request.query_params:
        return go(request, _list(request))
    page = await ask(request, "customer/plain")
    require(page, Action.MANAGE_METHODS)
    actor = await meet(request, lambda _db, actor: actor)
    session = await run_in_threadpool(
        method_setups.reopen, parts.database, parts.gateway, actor,
        gateway_setup=request.query_params["setup"], return_url=_return_url(request, pay),
    )  # fmt: skip
    if session is None:
        return go(request, _landing(request, pay), "That card is saved already.", tone="info")
    admit_gateway(request)
    way_back = f"{_list(request)}/return?{urlencode({'setup': session.id, 'pay': pay})}"
    return show(
        request, "customer/payment_methods/add.html", page, session=session, way_back=way_back,
        cancel=_landing(request, pay),
    )  # fmt: skip


async def come_back(request: Request) -> Response:
    """Keep the card, if the gateway has one by now. Coming back twice is coming back once."""
    parts, pay = house(request), request.query_params.get("pay", "")
    actor = await meet(request, lambda _db, actor: actor)
    try:
        method = await run_in_threadpool(
            method_setups.finish, parts.database, parts.gateway, actor,
            gateway_setup=request.query_params.get("setup", ""), now=parts.clock(),
        )  # fmt: skip
    except GatewayDown as down:
        return go(request, _landing(request, pay), down.message, tone="danger")
    if method is None:
        return go(request, _landing(request, pay), "No card was added.", tone="info")
    text = card_text({"brand": method.brand, "last4": method.last4})
    target = _landing(request, pay, method=ids.shown("pm", method.id))
    return go(request, target, say("{text} is saved.", text=text))


async def set_default(request: Request) -> Response:
    """Use this card unless another one is chosen."""
    form = await read_form(request)
    method_id, now = record_id(request, "method_id", "pm"), house(request).clock()

    def work(db: Session, actor: Actor) -> str:
        method = payment_methods.set_default(db, actor, method_id=method_id, now=now)
        return card_text({"brand": method.brand, "last4": method.last4})

    return go(
        request,
        _list(request),
        say("{method} is the default now.", method=await act(request, work, form=form)),
    )


async def ask_remove(request: Request) -> Response:
    """Asks before removing."""
    page = await ask(request, "customer/payment_methods/remove", id=request.path_params["method_id"])
    method = page.content["paymentMethod"]
    if method is None or method["removedAt"] is not None:
        raise NotFound
    require(page, Action.MANAGE_METHODS)
    return show(request, "customer/payment_methods/remove.html", page, method=method)


async def remove(request: Request) -> Response:
    """Take the card off file."""
    form = await read_form(request)
    method_id, now = record_id(request, "method_id", "pm"), house(request).clock()

    def work(db: Session, actor: Actor) -> str:
        default = payment_methods.remove(db, actor, method_id=method_id, now=now)
        if default is None:
            return "The card is removed."
        text = card_text({"brand": default.brand, "last4": default.last4})
        return say("The card is removed. {text} is the default.", text=text)

    return go(request, _list(request), await act(request, work, form=form))


async def back(request: Request) -> Response:
    """Whoever comes to a form's address without the form, say after signing in again."""
    return go(request, _list(request))


def _list(request: Request) -> str:
    return f"{place(request).home}/payment-methods"


def _landing(request: Request, pay: str, *, method: str = "") -> str:
    """Where somebody goes on: with the payment that was begun, or among the cards.

    `pay` came in an address: it only ever becomes the query of our own page.
    """
    if not pay:
        return _list(request)
    query = [pair for pair in parse_qsl(pay, keep_blank_values=True) if pair[0] in ("pay", "all", "method")]
    if method:
        query = [pair for pair in query if pair[0] != "method"] + [("method", method)]
    return f"{place(request).home}/pay?{urlencode(query, safe='~')}"


def _return_url(request: Request, pay: str) -> str:
    url = f"{house(request).public_url.rstrip('/')}{_list(request)}/return"
    return f"{url}?{urlencode({'pay': pay})}" if pay else url


_ALL = "/portal/{slug}/payment-methods"
_ONE = _ALL + "/{method_id}"
ROUTES = [
    Route(_ALL, customer(list_methods)),
    Route(_ALL + "/add", customer(show_fields)),
    Route(_ALL + "/add", customer(begin), methods=["POST"]),
    Route(_ALL + "/return", customer(come_back)),
    Route(_ONE + "/default", customer(back)),
    Route(_ONE + "/default", customer(set_default), methods=["POST"]),
    Route(_ONE + "/remove", customer(ask_remove)),
    Route(_ONE + "/remove", customer(remove), methods=["POST"]),
]

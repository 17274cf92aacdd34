"""The portal's payments: every attempt, and what came of each.

Surprise: the page of a payment is also what whoever pays sees first, in whichever state it is by then.
"""

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from billing.payments import CannotCancel, PaymentStatus
from errors import NotFound
from integrations import paying
from integrations.paying import GatewayDown
from portal import papers, payment_lists
from portal.customer.order import choice
from portal.door import act, customer, go, meet, read_form
from portal.house import house, place, record_id
from portal.page import ask, show


async def show_payment(request: Request) -> Response:
    """One payment: how it stands, why it failed, what to do next, and which invoices it is for."""
    page = await ask(request, "customer/payments/details", id=request.path_params["payment_id"])
    payment = page.content["payment"]
    if payment is None:
        raise NotFound
    # Payable again with the same shares, as far as so much is still open.
    rows = [
        (part["invoice"]["id"], part["amount"]["amount"])
        for part in payment["allocations"]["nodes"]
        if part["invoice"]["payable"]["amount"].strip("0.")
    ]
    return show(
        request, "customer/payments/details.html", page, again=choice(rows) if rows else None,
        is_mine=payment["askedBy"] is not None and payment["askedBy"]["id"] == _me(page.content["me"]),
    )  # fmt: skip


async def come_back(request: Request) -> Response:
    """Ask the gateway how a payment under way stands, and show it. What the address says is not believed."""
    parts, payment_id = house(request), record_id(request, "payment_id", "pay")
    actor = await meet(request, lambda _db, actor: actor)
    await run_in_threadpool(
        paying.refresh, parts.database, parts.gateway, actor, payment_id=payment_id, clock=parts.clock
    )
    return go(request, _address(request))


async def give_up(request: Request) -> Response:
    """End a payment that waits for its payer, so that its invoices can be paid another way."""
    form, parts = await read_form(request), house(request)
    payment_id = record_id(request, "payment_id", "pay")
    actor = await act(request, lambda _db, actor: actor, form=form)
    try:
        payment = await run_in_threadpool(
            paying.cancel, parts.database, parts.gateway, actor, payment_id=payment_id, clock=parts.clock
        )
    except (CannotCancel, GatewayDown) as refusal:
        return go(request, _address(request), refusal.message, tone="warning")
    given_up = payment.status in (PaymentStatus.FAILED, PaymentStatus.CANCELED)
    return go(request, _address(request), "The payment is given up." if given_up else None)


async def back(request: Request) -> Response:
    """Whoever comes to a form's address without the form, say after signing in again."""
    return go(request, _address(request))


def _address(request: Request) -> str:
    return f"{place(request).home}/payments/{request.path_params['payment_id']}"


def _me(me: dict[str, Any]) -> str | None:
    return me["user"]["id"] if me["user"] else None


_ONE = "/portal/{slug}/payments/{payment_id}"
ROUTES = [
    *payment_lists.CUSTOMERS.routes(),
    Route(_ONE, customer(show_payment)),
    Route(_ONE + "/receipt.pdf", customer(papers.receipt)),
    Route(_ONE + "/return", customer(come_back)),
    Route(_ONE + "/cancel", customer(back)),
    Route(_ONE + "/cancel", customer(give_up), methods=["POST"]),
]

"""Paying: choose what and how much, look at exactly what will be charged, confirm, see what came of it.

Surprise: nothing is kept between the steps. The review's address says what is to be paid, together with the
key made for it, so however often it is confirmed, there is one payment (GUARANTEES M-3).
"""

from typing import Any
from uuid import UUID

from sqlmodel import Session
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from auth.actors import Action, Actor
from billing import payments
from billing.payments import Payment, PaymentStatus
from db import ids
from errors import Conflict, Invalid, NotFound, Problem
from integrations import paying
from portal.customer.company import company_of, require
from portal.customer.order import METHOD, MOST_INVOICES, ROWS, Order, choice, chosen, expected, shown
from portal.customer.payment_methods import begin_card
from portal.door import act, customer, go, meet, read_form
from portal.form import Form
from portal.headers import admit_gateway
from portal.house import house, place
from portal.page import Page, ask, show

OPEN: dict[str, Any] = {"status": {"eq": "OPEN"}}


async def show_choice(request: Request) -> Response:
    """Amounts and method for the invoices that the address names, or for all that are open."""
    query = request.query_params
    asked = _asked(query)
    if "all" not in query and not asked:
        return go(request, f"{place(request).home}/invoices", "Choose the invoices to pay.", tone="info")
    page = await _page(request, OPEN if "all" in query else {"id": {"in": list(asked)}})
    found = page.content["invoices"]["nodes"]
    if not set(asked) <= {invoice["id"] for invoice in found}:
        raise NotFound
    rows = [
        {"invoice_id": invoice["id"], "amount": asked.get(invoice["id"]) or invoice["payable"]["amount"]}
        for invoice in found
        if _is_payable(invoice)
    ]
    form = Form.of({ROWS: rows, METHOD: _preselected(page, query)})
    return _choice(request, page, form)


async def choose(request: Request) -> Response:
    """On to the review, if all is well; or an invoice less, or to a new card and back."""
    form = await read_form(request)
    rearranged = form.rearranged(ROWS)
    if rearranged is not None:
        return await _choice_again(request, rearranged)
    if form.pressed == "add-card":
        return await begin_card(request, form, pay=chosen(form))
    wanted = form.without_blank_rows(ROWS, ignoring=["invoice_id"])
    form = wanted if wanted.rows(ROWS) else form
    try:
        order = Order.typed(wanted)
        await act(request, lambda db, actor: _reviewed(db, actor, order), form=form)
    except (Invalid, Conflict) as refusal:
        return await _refused(request, form, refusal)
    return go(request, f"{place(request).home}/pay/review?{order.query()}")


async def show_review(request: Request) -> Response:
    """Exactly what will be charged. An order that was confirmed before leads to what came of it."""
    if not request.query_params:
        return go(request, f"{place(request).home}/invoices")
    order = Order.of(request.query_params)

    def work(db: Session, actor: Actor) -> UUID | None:
        begun = payments.begun_with(db, actor, idempotency_key=order.key)
        if begun is None:
            _reviewed(db, actor, order)
        return None if begun is None else begun.id

    try:
        begun = await meet(request, work)
    except (Invalid, Conflict) as late:
        rows = [(shown(share.invoice_id), share.amount.decimal_text()) for share in order.shares]
        target = f"{place(request).home}/pay?{choice(rows, method=ids.shown('pm', order.method_id))}"
        return go(request, target, late.message, tone="warning")
    if begun is not None:
        return go(
            request, _payment_page(request, begun), "You have confirmed this payment before.", tone="info"
        )
    page = await _page(request, {"id": {"in": [shown(share.invoice_id) for share in order.shares]}})
    # Chromium holds the redirect after the form, to the bank's page, against this page's policy.
    admit_gateway(request)
    return show(request, "customer/paying/review.html", page, **_to_review(page, order))


async def confirm(request: Request) -> Response:
    """Make the payment, or find the one this very review has made already, and show what came of it."""
    form = await read_form(request)
    parts = house(request)
    site = parts.public_url.rstrip("/")
    order = Order.typed(form, key=form.value("key"))

    def work(db: Session, actor: Actor) -> tuple[Actor, UUID]:
        begun = payments.begin(
            db, actor, customer_id=company_of(actor), shares=order.shares, payment_method_id=order.method_id,
            expected_total=expected(form), idempotency_key=order.key, now=parts.clock(),
            return_url=lambda payment_id: f"{site}{_payment_page(request, payment_id)}/return",
        )  # fmt: skip
        return actor, begun.id

    try:
        actor, payment_id = await act(request, work, form=form)
    except Conflict as late:
        return await _refused(request, form, late)
    parts.reached("reserve")
    payment = await run_in_threadpool(
        paying.send_and_see, parts.database, parts.gateway, actor, payment_id=payment_id, clock=parts.clock,
        reached=parts.reached,
    )  # fmt: skip
    return _onward(request, payment)


def _onward(request: Request, payment: Payment) -> Response:
    """To the bank, if it wants the payer to confirm; else to what came of it."""
    if payment.status is PaymentStatus.REQUIRES_ACTION and payment.action_url:
        return RedirectResponse(payment.action_url, 303)
    return go(request, _payment_page(request, payment.id))


def _reviewed(db: Session, actor: Actor, order: Order) -> None:
    payments.review(
        db, actor, customer_id=company_of(actor), shares=order.shares, payment_method_id=order.method_id
    )


async def _refused(request: Request, form: Form, refusal: Invalid | Conflict) -> Response:
    """The choice once more, as typed, with what is in the way and what is left by now."""
    if isinstance(refusal, Invalid):
        return await _choice_again(request, form.with_problems(refusal), status=422)
    wrong = Invalid([Problem(refusal.code, (), refusal.message)])
    return await _choice_again(request, form.with_problems(wrong), status=409)


async def _choice_again(request: Request, form: Form, *, status: int = 200) -> Response:
    wanted = [row.value("invoice_id") for row in form.rows(ROWS)][:MOST_INVOICES]
    page = await _page(request, {"id": {"in": wanted}})
    return _choice(request, page, form, status=status)


def _choice(request: Request, page: Page, form: Form, *, status: int = 200) -> Response:
    by_id = {invoice["id"]: invoice for invoice in page.content["invoices"]["nodes"]}
    rows = [
        (row, by_id[row.value("invoice_id")]) for row in form.rows(ROWS) if row.value("invoice_id") in by_id
    ]
    return show(
        request, "customer/paying/choose.html", page, form=form, status=status, rows=rows,
        on_the_way=[invoice for invoice in by_id.values() if not _is_payable(invoice)],
        left_out=page.content["invoices"]["totalCount"] - len(by_id),
        methods=_methods(page), currency=page.content["me"]["customer"]["currency"],
    )  # fmt: skip


async def _page(request: Request, where: dict[str, Any]) -> Page:
    page = await ask(request, "customer/paying/order", where=where)
    require(page, Action.PAY)
    return page


def _asked(query: QueryParams) -> dict[str, str]:
    """The invoices an address names, with the amounts it says."""
    pairs = [pair.partition("~") for pair in query.getlist("pay")[:MOST_INVOICES]]
    return {invoice: amount[:20] for invoice, _, amount in pairs}


def _is_payable(invoice: dict[str, Any]) -> bool:
    return bool(invoice["payable"]["amount"].strip("0."))


def _methods(page: Page) -> list[dict[str, Any]]:
    methods: list[dict[str, Any]] = page.content["me"]["customer"]["paymentMethods"]["nodes"]
    return methods


def _preselected(page: Page, query: QueryParams) -> str:
    known = {method["id"] for method in _methods(page)}
    if query.get("method") in known:
        return query["method"]
    return next((method["id"] for method in _methods(page) if method["isDefault"]), "")


def _to_review(page: Page, order: Order) -> dict[str, Any]:
    """What the review shows. Refuses NotFound if the records are gone since they were looked at."""
    by_id = {invoice["id"]: invoice for invoice in page.content["invoices"]["nodes"]}
    method = next((m for m in _methods(page) if m["id"] == ids.shown("pm", order.method_id)), None)
    if method is None or not {shown(share.invoice_id) for share in order.shares} <= by_id.keys():
        raise NotFound
    rows = [(shown(share.invoice_id), share.amount.decimal_text()) for share in order.shares]
    return {
        "lines": [
            (by_id[shown(share.invoice_id)], _as_document(share.amount.decimal_text(), order))
            for share in order.shares
        ],
        "total": _as_document(order.total.decimal_text(), order),
        "method": method,
        "fields": order.fields(),
        "change": f"pay?{choice(rows, method=method['id'])}",
    }


def _as_document(amount: str, order: Order) -> dict[str, str]:
    """Money as documents have it, for the template's filter."""
    return {"amount": amount, "currency": order.total.currency.value}


def _payment_page(request: Request, payment_id: UUID) -> str:
    return f"{place(request).home}/payments/{ids.shown('pay', payment_id)}"


ROUTES = [
    Route("/portal/{slug}/pay", customer(show_choice)),
    Route("/portal/{slug}/pay", customer(choose), methods=["POST"]),
    Route("/portal/{slug}/pay/review", customer(show_review)),
    Route("/portal/{slug}/pay/review", customer(confirm), methods=["POST"]),
]

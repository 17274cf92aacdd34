"""The dashboard's payments from outside: writing one down, taking one back; and giving up
an invoice and taking it up again.

Surprise: the form carries a key made for it, so however often it is sent, one payment is written down.
"""

from secrets import token_urlsafe
from typing import Any

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.actors import Action, Actor
from billing import invoice_life, outside_payments
from billing.money import Money
from billing.outside_payments import WAYS, OutsideInput
from billing.payment_orders import LessIsLeft
from errors import Conflict, Invalid, NotFound
from languages import mark, say
from portal import papers, payment_lists
from portal.door import act, go, partner, read_form
from portal.form import Form
from portal.house import house, place, record_id
from portal.page import ask, show
from portal.partner.invoices import address, found

SEVERAL_OWED = mark("The payment is taken back. Its invoices are owed again.")
FIELDS = ("kind", "amount", "received_on", "reference", "note")


class NoPayment(Conflict):
    """Payments are written down for open invoices."""

    code = "INVOICE_NOT_OPEN"
    message = "This invoice is not open, so no payment can be recorded for it."


async def show_new(request: Request) -> Response:
    """The form for an invoice, with all that is left of it filled in."""
    return await _form(request, None)


async def record(request: Request) -> Response:
    """Write the payment down."""
    form = await read_form(request)
    invoice_id, now = record_id(request, "invoice_id", "inv"), house(request).clock()
    fields = OutsideInput.read({
        **{name: form.value(name) for name in FIELDS}, "send_receipt": form.checked("send_receipt")
    })  # fmt: skip

    def work(db: Session, actor: Actor) -> Money:
        made = outside_payments.record(
            db, actor, invoice_id=invoice_id, fields=fields, request_key=f"form-{form.value('key')}", now=now
        )
        return Money(made.amount_minor, made.currency)

    try:
        amount = await act(request, work, form=form)
    except Invalid as wrong:
        return await _form(request, form.with_problems(wrong), status=422)
    except LessIsLeft as less:
        return await _form(request, form.with_problems(Invalid.of(less, "amount")), status=422)
    return go(request, address(request), say("The payment of {amount} is recorded.", amount=amount))


async def show_reverse(request: Request) -> Response:
    """Asks why it is taken back."""
    return await _reversal(request, Form())


async def reverse(request: Request) -> Response:
    """Take it back."""
    form = await read_form(request)
    payment_id, now = record_id(request, "outside_id", "opm"), house(request).clock()

    def work(db: Session, actor: Actor) -> None:
        reason = form.value("reason")
        outside_payments.reverse(db, actor, payment_id=payment_id, reason=reason, now=now)

    try:
        await act(request, work, form=form)
    except Invalid as wrong:
        return await _reversal(request, form.with_problems(wrong), status=422)
    page = await ask(request, "partner/outside_payments/one", id=request.path_params["outside_id"])
    payment = found(page, "outsidePayment")
    several = len(payment["allocations"]["nodes"]) > 1
    said = "The payment is taken back. The invoice is owed again."
    return go(request, _back(request, payment), SEVERAL_OWED if several else said)


async def show_write_off(request: Request) -> Response:
    """Asks before the rest of an invoice is given up."""
    return await _write_off(request, Form())


async def write_off(request: Request) -> Response:
    """Give up what the invoice still lacks."""
    form = await read_form(request)
    invoice_id, now = record_id(request, "invoice_id", "inv"), house(request).clock()

    def work(db: Session, actor: Actor) -> str:
        reason = form.value("reason")
        return invoice_life.write_off(db, actor, invoice_id=invoice_id, reason=reason, now=now).number

    try:
        number = await act(request, work, form=form)
    except Invalid as wrong:
        return await _write_off(request, form.with_problems(wrong), status=422)
    return go(request, address(request), say("Invoice {number} is written off.", number=number))


async def reopen(request: Request) -> Response:
    """Take up again what was written off."""
    form = await read_form(request)
    invoice_id, now = record_id(request, "invoice_id", "inv"), house(request).clock()

    def work(db: Session, actor: Actor) -> str:
        return invoice_life.reopen(db, actor, invoice_id=invoice_id, now=now).number

    number = await act(request, work, form=form)
    return go(request, address(request), say("Invoice {number} is open again.", number=number))


async def _form(request: Request, form: Form | None, *, status: int = 200) -> Response:
    page = await ask(request, "partner/outside_payments/new", id=request.path_params["invoice_id"])
    invoice = found(page)
    if invoice["status"] != "OPEN":
        raise NoPayment
    if form is None:
        document = {"amount": invoice["payable"]["amount"], "key": token_urlsafe(16), "sendReceipt": True}
        form = Form.of(document)
    kinds = [(kind.value, say(way)) for kind, way in WAYS.items()]
    return show(
        request, "partner/outside_payments/new.html", page, form=form, kinds=kinds, status=status,
        action=request.url.path, back=address(request),
    )  # fmt: skip


async def _reversal(request: Request, form: Form, *, status: int = 200) -> Response:
    page = await ask(request, "partner/outside_payments/one", id=request.path_params["outside_id"])
    payment: dict[str, Any] = found(page, "outsidePayment")
    return show(
        request, "partner/outside_payments/reverse.html", page, form=form, payment=payment,
        back=_back(request, payment), action=request.url.path, status=status,
    )  # fmt: skip


def _back(request: Request, payment: dict[str, Any]) -> str:
    """The invoice it is for; of several, the customer's payments."""
    home = place(request).home
    if len(payment["allocations"]["nodes"]) > 1:
        return f"{home}/customers/{payment['customer']['id']}/payments"
    return f"{home}/invoices/{payment['invoice']['id']}"


async def _write_off(request: Request, form: Form, *, status: int = 200) -> Response:
    page = await ask(request, "partner/outside_payments/new", id=request.path_params["invoice_id"])
    if found(page)["status"] != "OPEN":
        raise NotFound
    return show(
        request, "partner/outside_payments/write_off.html", page, form=form, action=request.url.path,
        back=address(request), status=status,
    )  # fmt: skip


_ONE = "/partner/{slug}/outside-payments/{outside_id}"
_INVOICE = "/partner/{slug}/invoices/{invoice_id}"
ROUTES = [
    *payment_lists.STAFFS_OUTSIDE.routes(),
    Route(_ONE + "/reverse", partner(show_reverse, needs=Action.VOID_INVOICES)),
    Route(_ONE + "/reverse", partner(reverse), methods=["POST"]),
    Route(_ONE + "/receipt.pdf", partner(papers.outside_receipt)),
    Route(_INVOICE + "/record-payment", partner(show_new, needs=Action.EDIT_INVOICES)),
    Route(_INVOICE + "/record-payment", partner(record), methods=["POST"]),
    Route(_INVOICE + "/write-off", partner(show_write_off, needs=Action.VOID_INVOICES)),
    Route(_INVOICE + "/write-off", partner(write_off), methods=["POST"]),
    Route(_INVOICE + "/reopen", partner(reopen), methods=["POST"]),
]

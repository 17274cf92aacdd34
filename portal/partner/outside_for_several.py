"""The dashboard's form for one check, wire or cash that is for several invoices of a customer.

Surprise: sharing out is a button of the form, and what it answers is the form again, so that nothing is
written down that nobody saw. Scripts press it when the amount changes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from secrets import token_urlsafe
from typing import Any, NamedTuple
from urllib.parse import urlencode

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.actors import Action, Actor
from billing import outside_payments
from billing.money import Currency, Money, parse_amount
from billing.outside_payments import WAYS, OutsideInput
from billing.outside_shares import MOST_INVOICES, SHARES, OutsideShareInput, share_out
from billing.payment_orders import LessIsLeft
from db import ids
from errors import Invalid, NotFound
from languages import say
from portal.door import act, go, partner, read_form
from portal.form import Form, Row
from portal.house import house, place, record_id
from portal.invoice_choice import Chosen
from portal.page import Page, ask, show
from portal.partner.customers import address_of, found
from portal.partner.invoice_totals import TOTALS
from portal.partner.outside_payments import FIELDS

SHARE = "share"
KEEP = "keep_rest"


class Sums(NamedTuple):
    """What came in, how much of that is shared out, and how much is not: below zero, too much is."""

    received: Money
    shared: Money

    @property
    def over(self) -> Money:
        """What is for no invoice."""
        return self.received - self.shared


async def choose(request: Request) -> Response:
    """From the boxes of a list of invoices to the form of the customer whose they are."""
    chosen = Chosen.asked(request)
    where = {"id": {"in": list(chosen.ids or ())[: MOST_INVOICES + 1]}}
    page = await ask(request, "partner/outside_payments/chosen", where=where)
    listed = page.content["invoices"]["nodes"]
    if page.content["invoices"]["totalCount"] != len(where["id"]["in"]):
        raise NotFound
    back, customers = chosen.back(request), {one["customer"]["id"] for one in listed}
    open_ = [one["id"] for one in listed if one["status"] == "OPEN"]
    if not listed:
        return go(request, back, "Choose the invoices that the payment is for.", tone="info")
    if len(where["id"]["in"]) > MOST_INVOICES:
        said = say("One payment is for at most {most} invoices.", most=MOST_INVOICES)
        return go(request, back, said, tone="warning")
    if len(customers) > 1:
        said = "Choose invoices of one customer: a payment is always one customer's."
        return go(request, back, said, tone="warning")
    if not open_:
        return go(request, back, "None of these invoices is open, so there is nothing to pay.", tone="info")
    query = urlencode([("invoice", one) for one in open_])
    return go(request, f"{place(request).home}/customers/{customers.pop()}/record-payment?{query}")


async def show_new(request: Request) -> Response:
    """The form with the invoices that the address names, each in full, or with all that are open."""
    asked = request.query_params.getlist("invoice")[:MOST_INVOICES]
    page = await _page(request, asked or None)
    rows = [
        {"invoice_id": one["id"], "amount": one["payable"]["amount"] if asked else ""}
        for one in page.content["invoices"]["nodes"]
        if _minor(page, one)
    ]
    form = Form.of({SHARES: rows, "key": token_urlsafe(16), "sendReceipt": True})
    return _show(request, page, form, chosen=len(asked))


async def record(request: Request) -> Response:
    """Write the payment down; or share it out and show the form again, if that is what was asked."""
    form = await read_form(request)
    customer_id, now = record_id(request, "customer_id", "cus"), house(request).clock()
    shared = [row for row in form.rows(SHARES) if row.value("amount").strip()]
    if form.pressed == TOTALS:
        return await _again(request, form)
    if form.pressed == SHARE or (form.value("amount").strip() and not shared):
        return await _shared_out(request, form)

    def work(db: Session, actor: Actor) -> Money:
        fields = OutsideInput(
            **{name: form.value(name) for name in FIELDS}, allocations=[_share(row) for row in shared],
            keep_rest=form.checked(KEEP), send_receipt=form.checked("send_receipt"),
        )  # fmt: skip
        key = f"form-{form.value('key')}"
        made = outside_payments.record(db, actor, fields=fields, request_key=key, now=now)
        if made.customer_id != customer_id:
            raise NotFound
        return Money(made.amount_minor, made.currency)

    try:
        amount = await act(request, work, form=form)
    except Invalid as wrong:
        return await _again(request, form.with_problems(_placed(shared, wrong)), status=422)
    except LessIsLeft as less:
        return await _again(request, form.with_problems(Invalid.of(less, "amount")), status=422)
    said = say("The payment of {amount} is recorded.", amount=amount)
    return go(request, f"{address_of(request)}/payments", said)


async def _shared_out(request: Request, form: Form) -> Response:
    """What came in, to the invoices of the form: what is due first is filled first."""
    page = await _page(request, _ids(form))
    currency = Currency(found(page)["currency"])
    lefts = {one["id"]: _minor(page, one) for one in page.content["invoices"]["nodes"]}
    rows = [row for row in form.rows(SHARES) if lefts.get(row.value("invoice_id"))]
    # As the document lists them, whatever order they came in.
    rows.sort(key=lambda row: list(lefts).index(row.value("invoice_id")))
    left = [lefts[row.value("invoice_id")] for row in rows]
    try:
        minor = _typed(form, currency).minor or sum(left)
    except Invalid as wrong:
        return _show(request, page, form.with_problems(wrong), status=422)
    typed = dict(form.typed)
    for row, share in zip(rows, share_out(minor, left), strict=True):
        typed[row.name("amount")] = (Money(share, currency).decimal_text() if share else "",)
    return _show(request, page, replace(form, typed=typed))


async def _again(request: Request, form: Form, *, status: int = 200) -> Response:
    return _show(request, await _page(request, _ids(form)), form, status=status)


async def _page(request: Request, only: Sequence[str] | None) -> Page:
    """The customer with those of its invoices, or with all that are open, what is due first first."""
    customer_id = request.path_params["customer_id"]
    where: dict[str, Any] = {"customer": {"id": {"eq": customer_id}}, "status": {"eq": "OPEN"}}
    if only is not None:
        where["id"] = {"in": list(only)}
    page = await ask(request, "partner/outside_payments/several", id=customer_id, where=where)
    found(page)
    return page


def _show(request: Request, page: Page, form: Form, *, status: int = 200, chosen: int = 0) -> Response:
    by_id = {one["id"]: one for one in page.content["invoices"]["nodes"]}
    rows = [
        (row, by_id[row.value("invoice_id")]) for row in form.rows(SHARES) if row.value("invoice_id") in by_id
    ]
    kinds = [(kind.value, say(way)) for kind, way in WAYS.items()]
    return show(
        request, "partner/outside_payments/several.html", page, form=form, kinds=kinds, rows=rows,
        sums=_sums(page, form), action=f"{address_of(request)}/record-payment", status=status,
        back=f"{address_of(request)}/payments", left_out=max(chosen - len(rows), 0),
        more=page.content["invoices"]["totalCount"] - len(by_id),
    )  # fmt: skip


def _sums(page: Page, form: Form) -> Sums:
    """What can be read of the amounts; the amount left empty is all that is shared out."""
    currency = Currency(found(page)["currency"])
    shared = Money(0, currency)
    for row in form.rows(SHARES):
        shared += _read(row.value("amount"), currency)
    received = _read(form.value("amount"), currency)
    return Sums(received if received.minor else shared, shared)


def _read(text: str, currency: Currency) -> Money:
    try:
        return parse_amount(text.strip(), currency) if text.strip() else Money(0, currency)
    except Invalid:
        return Money(0, currency)  # the rule says at the field what is wrong


def _typed(form: Form, currency: Currency) -> Money:
    text = form.value("amount").strip()
    return parse_amount(text, currency, path=("amount",)) if text else Money(0, currency)


def _minor(page: Page, invoice: Mapping[str, Any]) -> int:
    return parse_amount(invoice["payable"]["amount"], Currency(found(page)["currency"])).minor


def _ids(form: Form) -> list[str]:
    return [row.value("invoice_id") for row in form.rows(SHARES)][:MOST_INVOICES]


def _share(row: Row) -> OutsideShareInput:
    return OutsideShareInput(
        invoice_id=ids.parsed(row.value("invoice_id"), "inv"), amount=row.value("amount")
    )


def _placed(shared: Sequence[Row], wrong: Invalid) -> Invalid:
    """What the rule refused of the shares it was told, at those of the page."""
    return Invalid([
        problem._replace(path=(SHARES, shared[problem.path[1]].index, *problem.path[2:]))
        if problem.path[:1] == (SHARES,) and len(problem.path) > 1 and isinstance(problem.path[1], int)
        else problem
        for problem in wrong.problems
    ])  # fmt: skip


_HERE = "/partner/{slug}/customers/{customer_id}/record-payment"
CHOOSING = [
    Route("/partner/{slug}/invoices/record-payment", partner(choose, needs=Action.EDIT_INVOICES)),
]
ROUTES = [
    Route(_HERE, partner(show_new, needs=Action.EDIT_INVOICES)),
    Route(_HERE, partner(record), methods=["POST"]),
]

"""Paying by a pay link: type a card at the gateway, look at what will be charged, confirm, see what came.

Surprise: the token is in none of these addresses. It is in a cookie of the link's own, so that pages with
forms may tell our own pages where they are (portal/csrf.py asks for that), and the gateway's way back holds
no secret.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar
from uuid import UUID

from sqlmodel import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from auth.actors import Actor
from auth.throttle import TooMany
from auth.tokens import DeadLink
from billing import guest_payments, pay_links, payment_methods, payments
from billing.guest_payments import Due
from billing.invoice_balances import lacking_minor
from billing.invoices import Invoice
from billing.pay_links import Guest
from billing.payment_methods import NoGatewayAccount, PaymentMethod, PaymentMethodSetup
from billing.payment_orders import TotalChanged
from billing.payments import CannotCancel, Payment, PaymentStatus
from db.deadlines import within_deadline
from errors import Conflict, Limited, NotFound
from integrations import method_setups, paying
from integrations.pdf.receipts import receipt_sheet
from languages import known
from portal import visits
from portal.brand import brand_of
from portal.cookies import LANGUAGE, YEAR_SECONDS, remember
from portal.door import Endpoint, read_form, visitor
from portal.form import Form
from portal.guest_addresses import (
    LONGEST_ENTRY,
    ONE,
    PAYMENT,
    address_of,
    cookie_of,
    entry_of,
    held,
    here,
    home_of,
    link_of,
    payment_page,
    return_url,
    review_page,
)
from portal.headers import admit_gateway, withhold_address
from portal.house import house, record_id
from portal.papers import PDF, file
from portal.pay_links import LONGEST_TOKEN, ended, opened, shown_money

MOST_DIGITS = 12
Result = TypeVar("Result")


async def enter(request: Request) -> Response:
    """From the link's address to one without its token, which the browser keeps for this link alone."""
    withhold_address(request)
    guest = await run_in_threadpool(opened, request, False, lambda _, guest: guest)
    link_id = guest.actor.id
    assert link_id is not None
    answer = RedirectResponse(f"{home_of(link_id)}/pay", 303)
    remember(request, answer, cookie_of(request, link_id), request.path_params["token"])
    asked = known(request.query_params.get("language"))
    if asked is not None:
        remember(request, answer, house(request).cookie(LANGUAGE), asked, seconds=YEAR_SECONDS)
    return answer


async def show_start(request: Request) -> Response:
    """What is to be paid to whom, and the way to the card. A payment under way is shown instead."""
    return await _start(request)


async def begin(request: Request) -> Response:
    """Open the gateway's form for a card; again, if it is open already in this browser."""
    await _form(request)
    parts = house(request)

    def admit(db: Session, guest: Guest) -> Actor:
        guest_payments.admit_entry(db, guest.actor, address=address_of(request), now=parts.clock())
        return guest.actor

    try:
        actor = await run_in_threadpool(_in, request, admit)
    except TooMany as late:
        return await _start(request, refusal=late)
    customer_id = actor.customer_id
    assert customer_id is not None
    try:
        session = await run_in_threadpool(
            method_setups.begin, parts.database, parts.gateway, actor, customer_id=customer_id,
            return_url=return_url(request), browser=visits.browser(request), now=parts.clock(),
        )  # fmt: skip
    except (method_setups.GatewayDown, NoGatewayAccount) as down:
        return await _start(request, refusal=down)
    return RedirectResponse(f"{here(request)}/card?setup={session.id}", 303)


async def show_fields(request: Request) -> Response:
    """The gateway's form in a frame; for browsers without scripts the link to its page."""
    parts, guest = house(request), await run_in_threadpool(_in, request, lambda _, guest: guest)
    session = await run_in_threadpool(
        method_setups.reopen, parts.database, parts.gateway, guest.actor, gateway_setup=entry_of(request),
        return_url=return_url(request),
    )  # fmt: skip
    way_back = review_page(request, entry_of(request))
    if session is None:
        return RedirectResponse(way_back, 303)
    admit_gateway(request)
    return _page(request, guest, "guest/card.html", session=session, way_back=way_back)


async def show_review(request: Request) -> Response:
    """Exactly what will be charged, once the gateway has a card. Confirmed before: what came of it."""
    parts, guest = house(request), await run_in_threadpool(_in, request, lambda _, guest: guest)
    try:
        entered = await run_in_threadpool(
            method_setups.finish, parts.database, parts.gateway, guest.actor, gateway_setup=entry_of(request),
            now=parts.clock(),
        )  # fmt: skip
    except method_setups.GatewayDown as down:
        return await _start(request, refusal=down)
    if entered is None:
        return RedirectResponse(f"{here(request)}/pay", 303)

    def look(db: Session, guest: Guest) -> Due | UUID:
        setup = payment_methods.find_setup(
            db, guest.actor, gateway=parts.gateway.name, gateway_setup=entry_of(request)
        )
        begun = guest_payments.begun_with(db, guest.actor, setup=setup)
        return guest_payments.review(db, guest.actor, setup=setup) if begun is None else begun.id

    try:
        due = await run_in_threadpool(_in, request, look)
    except Conflict as late:
        return await _start(request, refusal=late, entry=entry_of(request))
    if isinstance(due, UUID):
        return RedirectResponse(payment_page(request, due), 303)
    return _review(request, guest, due, entry_of(request))


async def confirm(request: Request) -> Response:
    """Make the payment, or find the one this very card was typed for, and show what came of it.

    Is another amount due by now, that is asked about instead, and the card need not be typed again: an entry
    that no payment began with is as good as before.
    """
    form, parts = await _form(request), house(request)
    site, entry, shown = parts.public_url.rstrip("/"), form.value("setup")[:LONGEST_ENTRY], _minor(form)

    def setup_of(db: Session, guest: Guest) -> PaymentMethodSetup:
        return payment_methods.find_setup(db, guest.actor, gateway=parts.gateway.name, gateway_setup=entry)

    def work(db: Session, guest: Guest) -> tuple[Actor, UUID]:
        begun = guest_payments.begin(
            db, guest.actor, setup=setup_of(db, guest), expected_minor=shown, now=parts.clock(),
            return_url=lambda payment_id: f"{site}{payment_page(request, payment_id)}/return",
            address=address_of(request),
        )  # fmt: skip
        return guest.actor, begun.id

    def look(db: Session, guest: Guest) -> tuple[Guest, Due]:
        return guest, guest_payments.review(db, guest.actor, setup=setup_of(db, guest))

    try:
        try:
            actor, payment_id = await run_in_threadpool(_in, request, work)
        except TotalChanged:
            guest, due = await run_in_threadpool(_in, request, look)
            return _review(request, guest, due, entry, was=shown)
    except (Conflict, TooMany) as late:
        return await _start(request, refusal=late, entry=entry)
    parts.reached("reserve")
    payment = await run_in_threadpool(
        paying.send_and_see, parts.database, parts.gateway, actor, payment_id=payment_id, clock=parts.clock,
        reached=parts.reached,
    )  # fmt: skip
    await _note(request, payment)
    if payment.status is PaymentStatus.REQUIRES_ACTION and payment.action_url:
        return RedirectResponse(payment.action_url, 303)
    return RedirectResponse(payment_page(request, payment.id), 303)


async def show_payment(request: Request) -> Response:
    """How the payment stands, why it failed, what to do next."""
    return await _payment(request)


async def come_back(request: Request) -> Response:
    """Ask the gateway how a payment under way stands, and show it. What the address says is not believed."""
    parts, guest = house(request), await run_in_threadpool(_in, request, lambda _, guest: guest)
    payment = await run_in_threadpool(
        paying.refresh, parts.database, parts.gateway, guest.actor,
        payment_id=record_id(request, "payment_id", "pay"), clock=parts.clock,
    )  # fmt: skip
    await _note(request, payment)
    return RedirectResponse(payment_page(request, payment.id), 303)


async def give_up(request: Request) -> Response:
    """End a payment that waits for its payer, so that another card can be used."""
    await _form(request)
    parts, guest = house(request), await run_in_threadpool(_in, request, lambda _, guest: guest)
    payment_id = record_id(request, "payment_id", "pay")
    try:
        await run_in_threadpool(
            paying.cancel, parts.database, parts.gateway, guest.actor, payment_id=payment_id,
            clock=parts.clock,
        )  # fmt: skip
    except (CannotCancel, paying.GatewayDown) as refusal:
        return await _payment(request, refusal=refusal)
    return RedirectResponse(payment_page(request, payment_id), 303)


async def receipt(request: Request) -> Response:
    """The receipt as a PDF."""
    payment_id = record_id(request, "payment_id", "pay")
    sheet = await run_in_threadpool(
        _in, request, lambda db, guest: receipt_sheet(db, guest.actor, payment_id=payment_id)
    )
    pdf = await run_in_threadpool(house(request).press.pdf, sheet, here(request))
    return file(pdf, sheet.name, PDF, inline="view" in request.query_params)


async def back(request: Request) -> Response:
    """Whoever comes to a form's address without the form."""
    payment = request.path_params.get("payment_id")
    return RedirectResponse(f"{here(request)}/payments/{payment}" if payment else f"{here(request)}/pay", 303)


def _review(request: Request, guest: Guest, due: Due, setup: str, *, was: int | None = None) -> Response:
    """What will be charged; `was`: it is another amount than the one in cents that was confirmed."""
    # Chromium holds the redirect after the form, to the bank's page, against this page's policy.
    admit_gateway(request)
    currency = due.total.currency
    return _page(
        request, guest, "guest/review.html", status=200 if was is None else 409, invoice=due.invoice,
        method=_card(due.method), total=shown_money(due.total.minor, currency), setup=setup,
        minor=due.total.minor, was=None if was is None else shown_money(was, currency),
    )  # fmt: skip


async def _start(
    request: Request, *, refusal: Conflict | Limited | None = None, entry: str | None = None
) -> Response:
    """`entry`: of a card that is typed already, and waits for what is under way to end."""

    def look(db: Session, guest: Guest) -> tuple[Guest, Invoice, bool, bool, Payment | None]:
        invoice, now = guest_payments.invoice_of(db, guest.actor), house(request).clock()
        can_pay = guest_payments.can_pay(db, guest.actor, invoice=invoice)
        stopped = guest_payments.is_stopped(db, guest.actor, address=address_of(request), now=now)
        return guest, invoice, can_pay, stopped, guest_payments.under_way(db, guest.actor)

    guest, invoice, can_pay, stopped, begun = await run_in_threadpool(_in, request, look)
    if begun is not None:
        return RedirectResponse(payment_page(request, begun.id), 303)
    left = lacking_minor(invoice) if invoice.status == "OPEN" else 0
    status = 429 if can_pay and stopped else 409 if refusal else 200
    return _page(
        request, guest, "guest/pay.html", status=status, invoice=invoice, can_pay=can_pay, stopped=stopped,
        left=shown_money(left, invoice.currency), refusal=refusal.message if refusal else None,
        again=None if entry is None else review_page(request, entry),
    )  # fmt: skip


async def _payment(request: Request, *, refusal: Conflict | Limited | None = None) -> Response:
    payment_id = record_id(request, "payment_id", "pay")

    def look(db: Session, guest: Guest) -> tuple[Guest, Payment, Invoice, PaymentMethod]:
        payment = payments.find(db, guest.actor, payment_id=payment_id)
        method = payment_methods.usable(
            db, guest.actor, customer_id=payment.customer_id, method_id=payment.payment_method_id
        )
        return guest, payment, guest_payments.invoice_of(db, guest.actor), method

    guest, payment, invoice, method = await run_in_threadpool(_in, request, look)
    return _page(
        request, guest, "guest/payment.html", status=409 if refusal else 200, payment=payment,
        invoice=invoice, method=_card(method), amount=shown_money(payment.amount_minor, payment.currency),
        here=payment_page(request, payment.id), refusal=refusal.message if refusal else None,
    )  # fmt: skip


async def _note(request: Request, payment: Payment) -> None:
    """A card that paid is no declined one."""

    def work(db: Session, guest: Guest) -> None:
        now = house(request).clock()
        guest_payments.note_paid(db, guest.actor, payment=payment, address=address_of(request), now=now)

    await run_in_threadpool(_in, request, work)


async def _form(request: Request) -> Form:
    """The posted form, if one of our own pages sent it (D-5)."""
    form = await read_form(request)
    visits.check(request, form)
    return form


def _in(request: Request, work: Callable[[Session, Guest], Result]) -> Result:
    """Run `work` for whoever holds the link of this address, in one transaction. Refuses DeadLink."""
    parts, link_id = house(request), link_of(request)
    token = request.cookies.get(cookie_of(request, link_id), "")[:LONGEST_TOKEN]
    with parts.database.transaction() as db:
        guest = pay_links.let_in_to_pay(db, token=token, link_id=link_id, now=parts.clock())
        if request.method == "POST":
            return work(db, guest)
        with within_deadline(db):
            return work(db, guest)


def _page(request: Request, guest: Guest, template: str, *, status: int = 200, **context: Any) -> Response:
    partner = guest.partner
    return visits.page(
        request, template, status=status, place=partner.name, brand=brand_of(partner.accent, partner.logo),
        partner=partner, home=here(request), link=pay_links.path_of(held(request)), **context,
    )  # fmt: skip


def _card(method: PaymentMethod) -> Mapping[str, Any]:
    """A card as documents have it, for the template's filter."""
    return {"brand": method.brand, "last4": method.last4}


def _minor(form: Form) -> int:
    """The cents that were shown. Refuses NotFound: nobody types them."""
    text = form.value("minor")
    if not (text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS):
        raise NotFound
    return int(text)


def _guest(endpoint: Callable[[Request], Awaitable[Response]]) -> Endpoint:
    """The visitors' door, where a dead link is the page that says so."""

    async def known(request: Request) -> Response:
        try:
            return await endpoint(request)
        except DeadLink:
            return ended(request, held(request))

    return visitor(known)


ROUTES = [
    Route("/pay/{token}/pay", _guest(enter)),
    Route(ONE + "/pay", _guest(show_start)),
    Route(ONE + "/pay", _guest(begin), methods=["POST"]),
    Route(ONE + "/card", _guest(show_fields)),
    Route(ONE + "/review", _guest(show_review)),
    Route(ONE + "/review", _guest(confirm), methods=["POST"]),
    Route(PAYMENT, _guest(show_payment)),
    Route(PAYMENT + "/receipt.pdf", _guest(receipt)),
    Route(PAYMENT + "/return", _guest(come_back)),
    Route(PAYMENT + "/cancel", _guest(back)),
    Route(PAYMENT + "/cancel", _guest(give_up), methods=["POST"]),
]

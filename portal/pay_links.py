"""What a pay link opens: one invoice, to see and to download (to pay: `portal.guest_paying`).

Surprise: the token stays in the address, so that no cookie is needed; no page behind it tells its address to
anybody (`no-referrer`), and nothing in it is kept by the browser.
"""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from sqlmodel import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from auth import sessions
from auth.sessions import Door
from auth.tokens import DeadLink
from billing import guest_payments, papers, pay_links
from billing.derived import ShownStatus
from billing.invoice_balances import lacking_minor
from billing.invoices import InvoiceLine, InvoiceStatus
from billing.money import Currency, Money, quantity_text, rate_text
from billing.papers import InvoicePaper
from billing.pay_links import Guest
from db.deadlines import within_deadline
from integrations.pdf.invoices import invoice_sheet
from integrations.pdf.press import Sheet
from languages import known, speaking
from portal import named_taxes
from portal.brand import brand_of
from portal.cookies import remember
from portal.door import is_opened, visitor
from portal.headers import withhold_address
from portal.house import house, session_hash, session_token
from portal.papers import PDF, file

LONGEST_TOKEN = 100
# Where a fresh link is asked for, and the cookie that says in place of which.
FRESH, TRIED, ASKING = "/pay-link/fresh", "tried_link", "fresh"
Result = TypeVar("Result")


async def show_invoice(request: Request) -> Response:
    """The invoice. Opening it is a view of it, unless the partner's own staff look."""
    withhold_address(request)
    try:
        guest, paper, can_pay = await run_in_threadpool(_read, request)
    except DeadLink:
        return ended(request)
    partner = guest.partner
    return _page(
        request, "guest/invoice.html", place=partner.name, brand=brand_of(partner.accent, partner.logo),
        partner=partner, customer=paper.customer, here=request.url.path, can_pay=can_pay, **_shown(paper),
        standing=_standing(paper, house(request).clock().astimezone(ZoneInfo(partner.time_zone)).date()),
    )  # fmt: skip


async def download(request: Request) -> Response:
    """The invoice as a PDF. Whoever takes only that has opened it, too."""
    withhold_address(request)

    def look() -> Sheet:
        return opened(
            request, _is_read(request),
            lambda db, guest: invoice_sheet(db, guest.actor, invoice_id=guest.invoice_id),
        )  # fmt: skip

    try:
        sheet = await run_in_threadpool(look)
    except DeadLink:
        return ended(request)
    pdf = await run_in_threadpool(house(request).press.pdf, sheet, request.url.path)
    return file(pdf, sheet.name, PDF, inline="view" in request.query_params)


def _read(request: Request) -> tuple[Guest, InvoicePaper, bool]:
    def look(db: Session, guest: Guest) -> tuple[Guest, InvoicePaper, bool]:
        paper = papers.invoice_paper(db, guest.actor, invoice_id=guest.invoice_id)
        return guest, paper, guest_payments.can_pay(db, guest.actor, invoice=paper.invoice)

    return opened(request, _is_read(request), look)


def opened(request: Request, is_counted: bool, look: Callable[[Session, Guest], Result]) -> Result:
    """What `look` finds by the address's token. Refuses DeadLink."""
    parts, token = house(request), request.path_params["token"][:LONGEST_TOKEN]
    with parts.database.transaction() as db, within_deadline(db):
        guest = pay_links.open_link(db, token=token, is_counted=is_counted, now=parts.clock())
        return look(db, guest)


def _is_read(request: Request) -> bool:
    """Does a reader open it: neither a browser that fetches ahead, nor the partner's own staff?"""
    return is_opened(request) and not _is_staff(request)


def _is_staff(request: Request) -> bool:
    """Is somebody of the link's partner signed in here? Theirs is a preview."""
    if session_token(request) is None:
        return False
    slug = opened(request, False, lambda _, guest: guest.partner.slug)
    parts = house(request)
    with parts.database.transaction() as db:
        door, now = Door("partner"), parts.clock()
        visit = sessions.knock(db, token_hash=session_hash(request), door=door, slug=slug, now=now)
        return visit is not None and visit.actor is not None


def ended(request: Request, token: str | None = None) -> Response:
    """Expired, revoked and made up look the same, and lead alike to where a fresh link is asked for.

    `token`: what was tried, if the address does not say it.
    """
    if ASKING in request.query_params:
        answer = RedirectResponse(FRESH, 303)
        tried = token or request.path_params.get("token", "")
        remember(request, answer, house(request).cookie(TRIED), tried[:LONGEST_TOKEN])
        return answer
    return _page(request, "guest/ended.html", status=404)


def _page(request: Request, template: str, *, status: int = 200, **context: Any) -> Response:
    # A link on the page is enough to read it in the other language: there is no cookie to keep that in.
    asked = known(request.query_params.get("language"))
    if asked is None:
        return HTMLResponse(house(request).renderer.render(template, **context), status)
    with speaking(asked):
        return HTMLResponse(house(request).renderer.render(template, **context), status)


def _standing(paper: InvoicePaper, today: date) -> str:
    """As the portal says it: overdue says more than partially paid."""
    invoice = paper.invoice
    if invoice.status is not InvoiceStatus.OPEN:
        return invoice.status.value
    if invoice.due_on < today:
        return ShownStatus.OVERDUE.value
    return (ShownStatus.PARTIALLY_PAID if invoice.paid_minor else ShownStatus.OPEN).value


def _shown(paper: InvoicePaper) -> Mapping[str, Any]:
    invoice, currency = paper.invoice, paper.invoice.currency
    left = lacking_minor(invoice) if invoice.status == "OPEN" else 0
    return {
        "invoice": invoice,
        "lines": [_line(paper, line) for line in paper.lines],
        "net": shown_money(invoice.net_minor, currency),
        "taxes": named_taxes.of_paper(paper),
        "total": shown_money(invoice.total_minor, currency),
        "paid": shown_money(invoice.paid_minor, currency) if invoice.paid_minor else None,
        "credited": shown_money(invoice.credited_minor, currency) if invoice.credited_minor else None,
        "left": shown_money(left, currency),
        "under_way": shown_money(invoice.reserved_minor, currency)
        if left and invoice.reserved_minor
        else None,
    }


def as_seen(paper: InvoicePaper) -> Mapping[str, Any]:
    """What a guest's page shows of an invoice, for whoever wants to see it before it is sent."""
    return _shown(paper)


def _line(paper: InvoicePaper, line: InvoiceLine) -> Mapping[str, Any]:
    currency = paper.invoice.currency
    return {
        "description": line.description,
        "quantity": quantity_text(line.quantity_e4),
        "price": shown_money(line.unit_price_minor, currency),
        "discount": shown_money(line.discount_minor, currency) if line.discount_minor else None,
        "taxes": [{"name": tax.name, "rate": rate_text(tax.rate_e4)} for tax in paper.taxes.get(line.id, ())],
        "net": shown_money(line.net_minor, currency),
    }


def shown_money(minor: int, currency: Currency) -> dict[str, str]:
    """Money as documents have it, for the template's filter."""
    return {"amount": Money(minor, currency).decimal_text(), "currency": currency.value}


ROUTES = [
    Route("/pay/{token}", visitor(show_invoice)),
    Route("/pay/{token}/invoice.pdf", visitor(download)),
]

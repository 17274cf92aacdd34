"""An invoice as the customer will see it, before it is sent: as it is stored, or as it is typed.

Surprise: it is the very page that a pay link opens, so that it promises nothing else. Of a draft it says that
it is one, as its PDF does. What is typed is not saved for it: the page carries the form, and leads back.
"""

from typing import Any

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from auth.actors import Actor
from billing.invoices import InvoiceStatus
from billing.papers import InvoicePaper, invoice_paper
from languages import Locale, known, speaking, spoken
from portal.brand import brand_of
from portal.door import meet, partner
from portal.form import Form
from portal.house import house, record_id
from portal.partner.invoices import address
from portal.pay_links import as_seen

# The buttons of the editor's form: look at it, look at it in a language, and go on typing.
PREVIEW, EDIT = "preview", "edit"


async def show_preview(request: Request) -> Response:
    """The page of what is stored, in English or French."""
    invoice_id = record_id(request, "invoice_id", "inv")

    def work(db: Session, actor: Actor) -> InvoicePaper:
        return invoice_paper(db, actor, invoice_id=invoice_id)

    paper = await meet(request, work)
    locale = known(request.query_params.get("language")) or spoken()
    return _page(request, paper, locale, here=address(request), back=address(request), typed=None)


def is_asked(form: Form) -> bool:
    """Was a button pressed that asks for the page of what is typed?"""
    return form.pressed.partition("-")[0] == PREVIEW


def show_typed(request: Request, paper: InvoicePaper, form: Form) -> Response:
    """The page of what is typed in the editor at this address."""
    locale = known(form.pressed.partition("-")[2]) or spoken()
    return _page(request, paper, locale, here=None, back=request.url.path, typed=form)


def _page(request: Request, paper: InvoicePaper, locale: Locale, **more: Any) -> Response:
    seen, sender = as_seen(paper), paper.head.partner
    if paper.invoice.status is InvoiceStatus.DRAFT:
        seen = {**seen, "left": seen["total"]}  # what it will say once it is sent
    with speaking(locale):
        text = house(request).renderer.render(
            "guest/invoice.html", place=sender.name, brand=brand_of(sender.accent, sender.logo),
            partner=sender, customer=paper.customer, can_pay=False,
            standing=paper.invoice.status.value, **more, **seen,
        )  # fmt: skip
    return HTMLResponse(text)


ROUTES = [Route("/partner/{slug}/invoices/{invoice_id}/preview", partner(show_preview))]

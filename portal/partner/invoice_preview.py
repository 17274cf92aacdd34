"""An invoice as the customer will see it, before it is sent.

Surprise: it is the very page that a pay link opens, so that it promises nothing else. Of a draft it says that
it is one, as its PDF does.
"""

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from auth.actors import Actor
from billing.invoices import InvoiceStatus
from billing.papers import InvoicePaper, invoice_paper
from languages import known, speaking, spoken
from portal.brand import brand_of
from portal.door import meet, partner
from portal.house import house, record_id
from portal.partner.invoices import address
from portal.pay_links import as_seen


async def show_preview(request: Request) -> Response:
    """The page, in English or French."""
    invoice_id = record_id(request, "invoice_id", "inv")

    def work(db: Session, actor: Actor) -> InvoicePaper:
        return invoice_paper(db, actor, invoice_id=invoice_id)

    paper = await meet(request, work)
    seen, sender = as_seen(paper), paper.head.partner
    if paper.invoice.status is InvoiceStatus.DRAFT:
        seen = {**seen, "left": seen["total"]}  # what it will say once it is sent
    with speaking(known(request.query_params.get("language")) or spoken()):
        text = house(request).renderer.render(
            "guest/invoice.html", place=sender.name, brand=brand_of(sender.accent, sender.logo),
            partner=sender, customer=paper.customer, here=address(request), can_pay=False,
            standing=paper.invoice.status.value, back=address(request), **seen,
        )  # fmt: skip
    return HTMLResponse(text)


ROUTES = [Route("/partner/{slug}/invoices/{invoice_id}/preview", partner(show_preview))]

"""The dashboard's pay links of an invoice: making one, which is shown once, and ending one."""

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.actors import Action, Actor
from billing import pay_links
from errors import NotFound
from portal.door import act, go, partner, read_form
from portal.house import house, record_id
from portal.page import ask, show
from portal.partner.invoices import address, found


async def create(request: Request) -> Response:
    """Make a link and show where it leads, once."""
    form = await read_form(request)
    invoice_id, now = record_id(request, "invoice_id", "inv"), house(request).clock()

    def work(db: Session, actor: Actor) -> str:
        return pay_links.path_of(pay_links.create(db, actor, invoice_id=invoice_id, now=now).token)

    path = await act(request, work, form=form)
    page = await ask(request, "partner/pay_links/of_invoice", id=request.path_params["invoice_id"])
    found(page)
    return show(
        request, "partner/pay_links/made.html", page, url=house(request).public_url.rstrip("/") + path,
        back=address(request),
    )  # fmt: skip


async def confirm_revoke(request: Request) -> Response:
    """Asks before a link is ended."""
    page = await ask(request, "partner/pay_links/of_invoice", id=request.path_params["invoice_id"])
    wanted = request.path_params["link_id"]
    link = next((link for link in found(page)["payLinks"]["nodes"] if link["id"] == wanted), None)
    if link is None:
        raise NotFound
    return show(
        request, "partner/pay_links/revoke.html", page, link=link, action=request.url.path,
        back=address(request),
    )  # fmt: skip


async def revoke(request: Request) -> Response:
    """End the link."""
    form = await read_form(request)
    link_id, now = record_id(request, "link_id", "pln"), house(request).clock()

    def work(db: Session, actor: Actor) -> None:
        pay_links.revoke(db, actor, link_id=link_id, now=now)

    await act(request, work, form=form)
    return go(request, address(request), "The pay link is revoked. It opens nothing any more.")


async def back(request: Request) -> Response:
    """Whoever comes to the form's address without the form."""
    return go(request, address(request))


_ALL = "/partner/{slug}/invoices/{invoice_id}/pay-links"
ROUTES = [
    Route(_ALL, partner(back)),
    Route(_ALL, partner(create), methods=["POST"]),
    Route(_ALL + "/{link_id}/revoke", partner(confirm_revoke, needs=Action.EDIT_INVOICES)),
    Route(_ALL + "/{link_id}/revoke", partner(revoke), methods=["POST"]),
]

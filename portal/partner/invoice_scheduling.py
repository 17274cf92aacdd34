"""Sending a draft on a chosen day, from the page that asks before it is sent."""

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.actors import Actor
from billing import invoice_scheduling
from errors import Invalid
from portal.door import act, go, partner, read_form
from portal.house import house, record_id
from portal.partner.invoices import address, confirm_send


async def schedule(request: Request) -> Response:
    """Have the draft sent on the chosen day; a wrong day comes back at its field."""
    form = await read_form(request)
    invoice_id, now = record_id(request, "invoice_id", "inv"), house(request).clock()

    def work(db: Session, actor: Actor) -> None:
        invoice_scheduling.schedule(db, actor, invoice_id=invoice_id, send_on=form.value("send_on"), now=now)

    try:
        await act(request, work, form=form)
    except Invalid as wrong:
        return await confirm_send(request, planned=form.with_problems(wrong), status=422)
    return go(request, address(request), "The draft will be sent by itself. You can change it until then.")


async def unschedule(request: Request) -> Response:
    """Leave the draft to be sent by hand."""
    form = await read_form(request)
    invoice_id, now = record_id(request, "invoice_id", "inv"), house(request).clock()

    def work(db: Session, actor: Actor) -> None:
        invoice_scheduling.unschedule(db, actor, invoice_id=invoice_id, now=now)

    await act(request, work, form=form)
    return go(request, address(request), "The draft stays until you send it.")


_ONE = "/partner/{slug}/invoices/{invoice_id}"
ROUTES = [
    Route(_ONE + "/schedule", partner(schedule), methods=["POST"]),
    Route(_ONE + "/unschedule", partner(unschedule), methods=["POST"]),
]

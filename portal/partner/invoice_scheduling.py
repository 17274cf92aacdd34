"""Sending a draft on a chosen day, from the page that asks before it is sent."""

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.actors import Actor
from billing import invoice_scheduling
from billing.invoice_scheduling import Addressed
from db import ids
from errors import Invalid
from portal.door import act, go, partner, read_form
from portal.form import Form
from portal.house import house, place, record_id
from portal.partner.invoices import address, confirm_send

# What is pressed on the dashboard's home.
HOME = "home"


async def schedule(request: Request) -> Response:
    """Have the draft sent on the chosen day; a wrong day comes back at its field."""
    form = await read_form(request)
    invoice_id, now = record_id(request, "invoice_id", "inv"), house(request).clock()

    def work(db: Session, actor: Actor) -> None:
        invoice_scheduling.schedule(
            db, actor, invoice_id=invoice_id, send_on=form.value("send_on"), to=_addressed(form), now=now
        )

    try:
        await act(request, work, form=form)
    except Invalid as wrong:
        # The page asks for recipients twice: of the mail that goes at once, and of the one on a day.
        problems = [
            problem._replace(path=("planned_ids",)) if problem.path == ("recipient_ids",) else problem
            for problem in wrong.problems
        ]
        return await confirm_send(request, planned=form.with_problems(Invalid(problems)), status=422)
    return go(request, address(request), "The draft will be sent by itself. You can change it until then.")


async def unschedule(request: Request) -> Response:
    """Leave the draft to be sent by hand."""
    form = await read_form(request)
    invoice_id, now = record_id(request, "invoice_id", "inv"), house(request).clock()

    def work(db: Session, actor: Actor) -> None:
        invoice_scheduling.unschedule(db, actor, invoice_id=invoice_id, now=now)

    await act(request, work, form=form)
    return go(request, address(request), "The draft stays until you send it.")


async def dismiss(request: Request) -> Response:
    """Note that somebody has seen who was left out; back to where the button stood."""
    form = await read_form(request)
    invoice_id, now = record_id(request, "invoice_id", "inv"), house(request).clock()

    def work(db: Session, actor: Actor) -> None:
        invoice_scheduling.dismiss_left_out(db, actor, invoice_id=invoice_id, now=now)

    await act(request, work, form=form)
    return go(request, place(request).home if form.pressed == HOME else address(request))


def _addressed(form: Form) -> Addressed | None:
    """Whom it goes to. Left as it is offered, the managers and payers of that day; None for a page that was
    open before it was asked.
    """
    if not form.checked("addressed"):
        return None
    chosen, offered = form.values("planned_ids"), form.values("offered_ids")
    as_offered = bool(chosen) and set(chosen) == set(offered)
    return Addressed(None if as_offered else [ids.parsed(one, "usr") for one in chosen])


_ONE = "/partner/{slug}/invoices/{invoice_id}"
ROUTES = [
    Route(_ONE + "/schedule", partner(schedule), methods=["POST"]),
    Route(_ONE + "/unschedule", partner(unschedule), methods=["POST"]),
    Route(_ONE + "/left-out-seen", partner(dismiss), methods=["POST"]),
]

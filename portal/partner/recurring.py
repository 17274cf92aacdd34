"""The dashboard's recurring invoices: one of them, and ordering one from an invoice.

Surprise: what is repeated is an invoice, so an order begins on an invoice's page; and "Show the days" stores
nothing: the form comes back with the days that would follow.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.actors import Action, Actor
from billing import recurring_invoices
from billing.dates import day_text
from billing.recurrences import RecurringFrequency
from billing.recurring_fields import RecurringInput
from billing.recurring_invoices import AlreadyRepeated, Ended, Previewed
from db import ids
from errors import Conflict, Invalid
from languages import mark, say, spoken
from portal import meanwhile
from portal.door import act, go, partner, read_form
from portal.form import Form
from portal.house import house, place, record_id
from portal.meanwhile import Change, version_of
from portal.page import Page, ask, show
from portal.partner import recurring_list
from portal.partner.invoices import found
from portal.partner.recurring_list import FREQUENCIES, how_often
from portal.partner.refused_sending import NOT_MADE

# The fields of the form that say how it goes on.
LABELS = {
    "invoice": mark("What it repeats"),
    "frequency": mark("How often"),
    "every_days": mark("Days between two"),
    "next_on": mark("Next day"),
    "ends_on": mark("Last day"),
    "max_count": mark("How many at most"),
    "auto_send": mark("What is done on the day"),
}
_FIELDS = {
    "frequency": "frequency", "every_days": "everyDays", "next_on": "nextOn", "ends_on": "endsOn",
    "max_count": "maxCount",
}  # fmt: skip
_TRIES = 3
PREVIEW = "preview"


async def show_one(request: Request) -> Response:
    """How it goes on, and what it has made."""
    page = await _one(request)
    order = page.content["recurringInvoice"]
    return show(
        request, "partner/recurring/details.html", page, order=order, often=how_often(order),
        refusals=NOT_MADE,
    )  # fmt: skip


async def show_new(request: Request) -> Response:
    """The form for an invoice."""
    return await _new(request, Form.of({"frequency": "MONTHLY", "autoSend": "no"}))


async def create(request: Request) -> Response:
    """Order it, or show the days that would follow."""
    form = await read_form(request)
    invoice_id, now = record_id(request, "invoice_id", "inv"), house(request).clock()
    fields = _fields(form)

    def look(db: Session, actor: Actor) -> list[Previewed]:
        return list(recurring_invoices.preview(db, actor, invoice_id=invoice_id, fields=fields, now=now))

    def work(db: Session, actor: Actor) -> str:
        made = recurring_invoices.create(db, actor, invoice_id=invoice_id, fields=fields, now=now)
        return ids.shown("rin", made.id)

    try:
        if form.pressed == PREVIEW:
            return await _new(request, form, days=await act(request, look, form=form))
        made = await act(request, work, form=form)
    except AlreadyRepeated:  # the form was sent twice: it stands there
        return await _new(request, form)
    except Invalid as wrong:
        return await _new(request, form.with_problems(wrong), status=422)
    return go(request, f"{_list(request)}/{made}", "The invoice will be repeated. These are the next days.")


async def show_edit(request: Request) -> Response:
    """The form for one that goes on."""
    return await _edit(request, None)


async def update(request: Request) -> Response:
    """Change how it goes on."""
    form = await read_form(request)
    recurring_id, now = record_id(request, "recurring_id", "rin"), house(request).clock()
    version = version_of(form)

    def work(db: Session, actor: Actor) -> None:
        recurring_invoices.update(
            db, actor, recurring_id=recurring_id, fields=_fields(form),
            invoice_id=ids.parsed(form.value("invoice"), "inv"),
            version=version, now=now,
        )  # fmt: skip

    def look(db: Session, actor: Actor) -> list[Previewed]:
        return list(
            recurring_invoices.preview_update(
                db,
                actor,
                recurring_id=recurring_id,
                fields=_fields(form),
                invoice_id=ids.parsed(form.value("invoice"), "inv"),
                now=now,
            )
        )

    try:
        if form.pressed == PREVIEW:
            return await _edit(request, form, days=await act(request, look, form=form))
        for _ in range(_TRIES):
            try:
                await act(request, work, form=form)
            except (Ended, AlreadyRepeated):
                raise
            except Conflict:
                order = await _order(request)
                again, changes = meanwhile.merged(form, LABELS, _texts(order))
                if changes:
                    return await _edit(request, again, changes=changes, status=409)
                # Paused, or something else that this page doesn't show: nothing is in the way.
                version = order["version"]
                continue
            return go(request, _address(request), "The recurring invoice is changed.")
    except AlreadyRepeated as taken:
        wrong = Invalid.at("invoice", code=taken.code, message=taken.message)
        return await _edit(request, form.with_problems(wrong), status=422)
    except Invalid as wrong:
        at_field = [
            problem._replace(path=("invoice",)) if problem.path == ("invoice_id",) else problem
            for problem in wrong.problems
        ]
        return await _edit(request, form.with_problems(Invalid(at_field)), status=422)
    raise Conflict


async def pause(request: Request) -> Response:
    """Make none until it is resumed."""
    await _do(request, recurring_invoices.pause)
    return go(request, _address(request), "It is paused. Days that pass meanwhile are left out.")


async def resume(request: Request) -> Response:
    """Go on."""
    await _do(request, recurring_invoices.resume)
    return go(request, _address(request), "It goes on.")


async def skip(request: Request) -> Response:
    """Leave out the next one, if it is still the one that was shown."""
    form = await read_form(request)
    recurring_id, now = record_id(request, "recurring_id", "rin"), house(request).clock()

    def work(db: Session, actor: Actor) -> None:
        recurring_invoices.skip(db, actor, recurring_id=recurring_id, on=form.value("on"), now=now)

    await act(request, work, form=form)
    day = day_text(date.fromisoformat(form.value("on")), spoken())
    return go(request, _address(request), say("{day} is left out.", day=day))


async def confirm_end(request: Request) -> Response:
    """Asks before it ends for good."""
    page = await _one(request)
    return show(
        request, "partner/recurring/end.html", page, order=page.content["recurringInvoice"],
        back=_address(request),
    )  # fmt: skip


async def end(request: Request) -> Response:
    """Make no more."""
    await _do(request, recurring_invoices.end)
    return go(request, _address(request), "It has ended. What was made stays.")


async def _do(request: Request, rule: Any) -> None:
    form = await read_form(request)
    recurring_id, now = record_id(request, "recurring_id", "rin"), house(request).clock()

    def work(db: Session, actor: Actor) -> None:
        rule(db, actor, recurring_id=recurring_id, now=now)

    await act(request, work, form=form)


def _fields(form: Form) -> RecurringInput:
    # Without a script the days are there whatever is chosen above them.
    counted_in_days = form.value("frequency") == RecurringFrequency.EVERY_N_DAYS
    return RecurringInput(
        frequency=form.value("frequency"), every_days=form.value("every_days") if counted_in_days else None,
        next_on=form.value("next_on"), ends_on=form.value("ends_on"), max_count=form.value("max_count"),
        auto_send=form.value("auto_send") == "yes",
    )  # fmt: skip


async def _new(
    request: Request, form: Form, *, days: list[Previewed] | None = None, status: int = 200
) -> Response:
    page = await ask(request, "partner/recurring/repeat", id=request.path_params["invoice_id"])
    invoice = found(page)
    going = [order for order in invoice["repeatedBy"]["nodes"] if order["status"] != "ENDED"]
    if going:
        return go(request, f"{_list(request)}/{going[0]['id']}", "This invoice is repeated already.")
    return show(
        request, "partner/recurring/new.html", page, form=form, days=days, status=status,
        frequencies=_choices(), action=request.url.path,
        back=f"{place(request).home}/invoices/{invoice['id']}",
    )  # fmt: skip


async def _edit(
    request: Request, form: Form | None, *, changes: Sequence[Change] = (),
    days: list[Previewed] | None = None, status: int = 200,
) -> Response:  # fmt: skip
    page = await ask(request, "partner/recurring/edit", id=request.path_params["recurring_id"])
    order = found(page, "recurringInvoice")
    texts = _texts(order)
    hidden = meanwhile.shown(order["version"], texts)
    if form is not None and not changes:
        hidden = meanwhile.kept(form, LABELS)
    return show(
        request, "partner/recurring/edit.html", page, order=order, invoices=_patterns(order),
        form=Form.of(texts) if form is None else form, hidden=hidden, frequencies=_choices(),
        days=days, changes=[_named(change, order) for change in changes], action=request.url.path,
        back=_address(request), status=status,
    )  # fmt: skip


async def _order(request: Request) -> Mapping[str, Any]:
    page = await ask(request, "partner/recurring/edit", id=request.path_params["recurring_id"])
    return found(page, "recurringInvoice")


def _texts(order: Mapping[str, Any]) -> dict[str, str]:
    """The fields of the form as an order fills them."""
    texts = {name: order[field] for name, field in _FIELDS.items()}
    texts |= {"invoice": order["invoice"]["id"], "auto_send": "yes" if order["autoSend"] else "no"}
    return {name: "" if value is None else str(value) for name, value in texts.items()}


def _named(change: Change, order: Mapping[str, Any]) -> Change:
    """A change in the words of the page: what its fields offer by name, and days as days are written."""
    names = dict(_choices()) | {"yes": say("Send it"), "no": say("Make a draft")}
    names |= {one["id"]: one["number"] or say("Draft") for one in _patterns(order)}

    def said(text: str) -> str:
        if text in names:
            return names[text]
        try:
            return day_text(date.fromisoformat(text), spoken())
        except ValueError:
            return text or say("nothing")

    mine = None if change.mine is None else said(change.mine)
    return Change(change.label, said(change.before), said(change.now), mine)


def _patterns(order: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What it may repeat: what it does repeat, and the customer's newest invoices."""
    nodes = [order["invoice"], *order["customer"]["invoices"]["nodes"]]
    return list({node["id"]: node for node in nodes}.values())


def _choices() -> list[tuple[str, str]]:
    return [(frequency.value, say(text)) for frequency, text in FREQUENCIES.items()]


async def _one(request: Request) -> Page:
    page = await ask(request, "partner/recurring/one", id=request.path_params["recurring_id"])
    found(page, "recurringInvoice")
    return page


def _list(request: Request) -> str:
    return f"{place(request).home}/recurring"


def _address(request: Request) -> str:
    return f"{_list(request)}/{request.path_params['recurring_id']}"


_LIST = "/partner/{slug}/recurring"
_ONE = _LIST + "/{recurring_id}"
_REPEAT = "/partner/{slug}/invoices/{invoice_id}/repeat"
ROUTES = [
    *recurring_list.ROUTES,
    Route(_ONE, partner(show_one)),
    Route(_ONE + "/edit", partner(show_edit, needs=Action.EDIT_INVOICES)),
    Route(_ONE + "/edit", partner(update), methods=["POST"]),
    Route(_ONE + "/pause", partner(pause), methods=["POST"]),
    Route(_ONE + "/resume", partner(resume), methods=["POST"]),
    Route(_ONE + "/skip", partner(skip), methods=["POST"]),
    Route(_ONE + "/end", partner(confirm_end, needs=Action.EDIT_INVOICES)),
    Route(_ONE + "/end", partner(end), methods=["POST"]),
    Route(_REPEAT, partner(show_new, needs=Action.EDIT_INVOICES)),
    Route(_REPEAT, partner(create), methods=["POST"]),
]

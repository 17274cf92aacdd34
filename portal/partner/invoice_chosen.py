"""Many invoices at once in the dashboard: taken out as a file, sent.

Surprise: each invoice has its own outcome. The answer to the form is the page that tells it, and coming back
to that page sends nothing twice: what was sent since the page that asked was made stays as it is.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.actors import Action, Actor
from billing import invoice_bulk
from billing.chosen import MOST_AT_ONCE
from billing.invoice_bulk import Outcome
from db import ids
from errors import Forbidden
from languages import say, say_count
from portal import invoice_export
from portal.door import act, go, partner, read_form
from portal.form import Form
from portal.house import house, place
from portal.invoice_choice import Chosen, found, rows
from portal.page import ask, show
from portal.paging import counted
from portal.partner.invoice_narrowing import Narrowing

# Sent in one transaction, which holds the partner's next number: others wait for no more than these.
_PART = 25
ASKED_AT = "asked_at"


async def show_export(request: Request) -> Response:
    """What the file will hold."""
    return await invoice_export.show_export(request, _narrow)


async def export(request: Request) -> Response:
    """The file."""
    return await invoice_export.export(request, _narrow)


async def ask_to_send(request: Request) -> Response:
    """Which invoices would be sent, what they come to, and what that does to drafts."""
    chosen = Chosen.asked(request)
    page = await found(request, chosen, _narrow)
    if Action.EDIT_INVOICES.value not in page.shell.rights:
        raise Forbidden
    count, back = page.content["invoices"]["totalCount"], chosen.back(request)
    if not count:
        return go(request, back, "Choose the invoices to send.", tone="info")
    if count > MOST_AT_ONCE:
        said = say("At most {most} invoices can be sent at once. Narrow the list.", most=MOST_AT_ONCE)
        return go(request, back, said, tone="warning")
    listed = await rows(request, chosen, _narrow)
    sums = await ask(request, "partner/invoices/sums", where=_only(listed))
    now = house(request).clock()
    return show(
        request, "partner/invoices/send_many.html", sums, rows=listed, back=back,
        action=f"{place(request).home}/invoices/send", count=counted(count, "invoice", "invoices"),
        drafts=sum(one["shownStatus"] == "DRAFT" for one in listed),
        fields={"chosen": " ".join(one["id"] for one in listed), "narrowing": chosen.query,
                ASKED_AT: now.isoformat()},
    )  # fmt: skip


async def send(request: Request) -> Response:
    """Send them; then the list, or, if some were refused, the page that says which and why."""
    form = await read_form(request)
    chosen, asked_at, now = Chosen.posted(form), _instant(form), house(request).clock()
    await act(request, lambda _, actor: actor.require(Action.EDIT_INVOICES), form=form)
    outcomes: list[Outcome] = []
    for part in _parts([ids.parsed(text, "inv") for text in chosen.ids or ()]):

        def work(db: Session, actor: Actor, part: Sequence[UUID] = part) -> Sequence[Outcome]:
            return invoice_bulk.send(db, actor, invoice_ids=part, asked_at=asked_at, now=now)

        outcomes += await act(request, work, form=form)
    refused = [
        {"id": ids.shown("inv", one.invoice_id), "number": one.number, "company": one.company,
         "why": one.problem.message}
        for one in outcomes if one.problem
    ]  # fmt: skip
    sent = len(outcomes) - len(refused)
    said = say_count("{count} invoice is on its way.", "{count} invoices are on their way.", sent)
    if not refused:
        nothing = "Choose the invoices to send."
        return go(
            request, chosen.back(request), said if sent else nothing, tone="success" if sent else "info"
        )
    page = await ask(request, "partner/plain")
    return show(
        request, "partner/invoices/sent_many.html", page, refused=refused, back=chosen.back(request),
        sent=said if sent else None,
    )  # fmt: skip


def _narrow(query: str) -> Mapping[str, Any]:
    return Narrowing.written(query).sorted_variables


def _only(listed: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    return {"id": {"in": [one["id"] for one in listed]}}


def _instant(form: Form) -> datetime | None:
    """When the page that asked was made; None when that is no aware instant: then all of them are sent."""
    try:
        made = datetime.fromisoformat(form.value(ASKED_AT))
    except ValueError:
        return None
    return made if made.tzinfo else None


def _parts(chosen: Sequence[UUID]) -> Iterable[Sequence[UUID]]:
    for start in range(0, len(chosen), _PART):
        yield chosen[start : start + _PART]


_ALL = "/partner/{slug}/invoices"
ROUTES = [
    Route(_ALL + "/export", partner(show_export)),
    Route(_ALL + "/export", partner(export), methods=["POST"]),
    Route(_ALL + "/send", partner(ask_to_send)),
    Route(_ALL + "/send", partner(send), methods=["POST"]),
]

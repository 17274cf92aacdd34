"""Sending a draft on a chosen day, in the API."""

from datetime import date

import strawberry

from api.changes import Doing, Given, Outcome, change, changed, gives, opt, takes
from api.invoices import Invoice
from auth.actors import Action
from billing import invoice_scheduling
from billing.invoice_scheduling import Addressed


@takes(dry_run=True)
class ScheduleInvoiceInput:
    """A draft, and the day it is sent on."""

    id: strawberry.ID
    send_on: date = strawberry.field(
        description="From 9:00 of that day, in the partner's time zone. Not after the due date."
    )
    recipient_ids: list[strawberry.ID] | None = opt(
        "Users of the customer, 50 at most; null: its managers and payers of that day. Left out: as planned"
        " before, at first null. Who may get no mail any more on that day is left out then."
    )


@takes(dry_run=True)
class UnscheduleInvoiceInput:
    """A draft that is to be sent on a day."""

    id: strawberry.ID


@takes(dry_run=True)
class DismissLeftOutInput:
    """An invoice that was sent on a day without some who were to get it."""

    id: strawberry.ID


@gives
class ScheduleInvoicePayload:
    """The draft, with its day."""

    invoice: Invoice | None = changed()


@gives
class UnscheduleInvoicePayload:
    """The draft, without a day."""

    invoice: Invoice | None = changed()


@gives
class DismissLeftOutPayload:
    """The invoice, with nobody left out that has not been looked at."""

    invoice: Invoice | None = changed()


def _schedule(doing: Doing, given: Given) -> Outcome:
    to = None
    if "recipient_ids" in given:
        to = Addressed(None if given["recipient_ids"] is None else given.records("recipient_ids", "usr"))
    planned = invoice_scheduling.schedule(
        doing.db, doing.actor, invoice_id=given.record("id", "inv"), send_on=given["send_on"], to=to,
        now=doing.now,
    )  # fmt: skip
    return {"invoice": planned.id}


def _unschedule(doing: Doing, given: Given) -> Outcome:
    left = invoice_scheduling.unschedule(
        doing.db, doing.actor, invoice_id=given.record("id", "inv"), now=doing.now
    )
    return {"invoice": left.id}


def _dismiss(doing: Doing, given: Given) -> Outcome:
    seen = invoice_scheduling.dismiss_left_out(
        doing.db, doing.actor, invoice_id=given.record("id", "inv"), now=doing.now
    )
    return {"invoice": seen.id}


@strawberry.type
class InvoiceSchedulingMutations:
    """Changes of the day a draft is sent on."""

    schedule_invoice: ScheduleInvoicePayload | None = change(
        _schedule, ScheduleInvoiceInput, Action.EDIT_INVOICES,
        about="Have a draft sent by itself on a day; again, to choose another day.",
    )  # fmt: skip
    unschedule_invoice: UnscheduleInvoicePayload | None = change(
        _unschedule, UnscheduleInvoiceInput, Action.EDIT_INVOICES,
        about="Leave a draft to be sent by hand, whatever day was chosen.",
    )  # fmt: skip
    dismiss_left_out: DismissLeftOutPayload | None = change(
        _dismiss, DismissLeftOutInput, Action.EDIT_INVOICES,
        about="Note that somebody has seen whom the sending on a day left out.",
    )  # fmt: skip

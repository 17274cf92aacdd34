"""Recurring invoices in the API: for the partner's side only."""

from datetime import date, datetime

import strawberry

from api.changes import Doing, Given, Outcome, change, changed, gives, opt, takes
from api.customers import Customer
from api.invoices import Invoice
from api.nouns import Connection, Node, by_id, col, noun, one, page, sql
from api.reads import STAFF
from auth.actors import Action
from billing import recurrences as t
from billing import recurring_invoices as rules
from billing.derived import next_days
from billing.invoice_refusals import SendRefusal
from billing.recurring_fields import RecurringInput
from billing.recurring_preview import next_lines

strawberry.enum(t.RecurringFrequency, description=t.RecurringFrequency.__doc__)
strawberry.enum(t.RecurringStatus, description=t.RecurringStatus.__doc__)


@noun(t.RecurringInvoice, "rin", needs=Action.VIEW_INVOICES, order="-created_at", search=t.SEARCHED_AS)
class RecurringInvoice(Node):
    """An order to make an invoice like another one again and again. A customer's users never see it."""

    status: t.RecurringStatus = col(where=True)
    frequency: t.RecurringFrequency = col(where=True)
    every_days: int | None = col("For EVERY_N_DAYS.")
    starts_on: date = col("The day the others are counted from.")
    next_on: date | None = col("Null once it has ended.", where=True)
    next_days: list[date] = sql(next_days, "The days of the next six.")
    next_lines: list[str] = sql(
        next_lines, "What the lines of the next one will say, words like `{month}` filled in; the first 100.",
        see=STAFF,
    )  # fmt: skip
    ends_on: date | None = col("The last day on which one may be made.")
    max_count: int | None = col("It ends when so many are made.")
    made_count: int = col("How many it has made.")
    auto_send: bool = col("It sends them; else they wait as drafts.", where=True)
    refusal: SendRefusal | None = col(
        "Why the next one could not be made. It waits until resumed.", where=True
    )
    created_by: str = col("Who ordered it.", name="created_by_name")
    version: int = col("Rises with every change.")
    created_at: datetime = col(where=True, order=True)
    updated_at: datetime = col()
    customer: Customer = one("customer_id", where=True)
    invoice: Invoice = one("invoice_id", "What it repeats.", where=True)
    invoices: Connection[Invoice] = page("recurring_id", "What it has made.", see=STAFF)


@strawberry.type
class RecurringInvoiceQueries:
    """Root fields about recurring invoices."""

    recurring_invoice: RecurringInvoice | None = by_id(see=STAFF)
    recurring_invoices: Connection[RecurringInvoice] = page(see=STAFF)


@takes(dry_run=True)
class CreateRecurringInvoiceInput:
    """An invoice of any state, and how it is repeated."""

    invoice_id: strawberry.ID
    frequency: t.RecurringFrequency | None = opt("Required.")
    every_days: int | None = opt("Required for EVERY_N_DAYS, and only for that: 1 to 366.")
    next_on: date | None = opt(
        "The first day. Left out: counted from the invoice's own issue date, the first that is not over."
    )
    ends_on: date | None = opt("The last day on which one may be made.")
    max_count: int | None = opt("It ends when so many are made: 1 to 999.")
    auto_send: bool | None = opt("True: send them from 9:00. Left out: they wait as drafts.")


@takes(dry_run=True)
class UpdateRecurringInvoiceInput:
    """What to change; what is left out stays. What was refused is tried again."""

    id: strawberry.ID
    version: int | None = opt("The one that was shown: refused if it has changed since.")
    invoice_id: strawberry.ID | None = opt("What it repeats from now on: an invoice of the same customer.")
    frequency: t.RecurringFrequency | None = opt("Counted from the next day on.")
    every_days: int | None = opt("For EVERY_N_DAYS: 1 to 366.")
    next_on: date | None = opt("The others are counted from it.")
    ends_on: date | None = opt("Null: without end.")
    max_count: int | None = opt("In all, with those that are made. Null: without end.")
    auto_send: bool | None = opt("Whether they are sent.")


@takes(dry_run=True)
class PauseRecurringInvoiceInput:
    """Which one."""

    id: strawberry.ID


@takes(dry_run=True)
class ResumeRecurringInvoiceInput:
    """Which one."""

    id: strawberry.ID


@takes(dry_run=True)
class SkipRecurringInvoiceInput:
    """Which one, and its next day."""

    id: strawberry.ID
    on: date = strawberry.field(description="`nextOn` as it was shown: refused if it is another by now.")


@takes(dry_run=True)
class EndRecurringInvoiceInput:
    """Which one."""

    id: strawberry.ID


@gives
class CreateRecurringInvoicePayload:
    """The new one."""

    recurring_invoice: RecurringInvoice | None = changed()


@gives
class UpdateRecurringInvoicePayload:
    """As it is now."""

    recurring_invoice: RecurringInvoice | None = changed()


@gives
class PauseRecurringInvoicePayload:
    """PAUSED now."""

    recurring_invoice: RecurringInvoice | None = changed()


@gives
class ResumeRecurringInvoicePayload:
    """As it is now."""

    recurring_invoice: RecurringInvoice | None = changed()


@gives
class SkipRecurringInvoicePayload:
    """With the day after the one left out."""

    recurring_invoice: RecurringInvoice | None = changed()


@gives
class EndRecurringInvoicePayload:
    """ENDED now."""

    recurring_invoice: RecurringInvoice | None = changed()


def _create(doing: Doing, given: Given) -> Outcome:
    made = rules.create(
        doing.db, doing.actor, invoice_id=given.record("invoice_id", "inv"),
        fields=given.fields(RecurringInput), now=doing.now,
    )  # fmt: skip
    return {"recurring_invoice": made.id}


def _update(doing: Doing, given: Given) -> Outcome:
    other = given.record("invoice_id", "inv") if given.get("invoice_id") is not None else None
    kept = rules.update(
        doing.db, doing.actor, recurring_id=given.record("id", "rin"), invoice_id=other,
        fields=given.without_null("frequency").fields(RecurringInput), version=given.get("version"),
        now=doing.now,
    )  # fmt: skip
    return {"recurring_invoice": kept.id}


def _pause(doing: Doing, given: Given) -> Outcome:
    moved = rules.pause(doing.db, doing.actor, recurring_id=given.record("id", "rin"), now=doing.now)
    return {"recurring_invoice": moved.id}


def _resume(doing: Doing, given: Given) -> Outcome:
    moved = rules.resume(doing.db, doing.actor, recurring_id=given.record("id", "rin"), now=doing.now)
    return {"recurring_invoice": moved.id}


def _skip(doing: Doing, given: Given) -> Outcome:
    moved = rules.skip(
        doing.db, doing.actor, recurring_id=given.record("id", "rin"), on=given["on"], now=doing.now
    )
    return {"recurring_invoice": moved.id}


def _end(doing: Doing, given: Given) -> Outcome:
    moved = rules.end(doing.db, doing.actor, recurring_id=given.record("id", "rin"), now=doing.now)
    return {"recurring_invoice": moved.id}


@strawberry.type
class RecurringInvoiceMutations:
    """Changes of recurring invoices."""

    create_recurring_invoice: CreateRecurringInvoicePayload | None = change(
        _create, CreateRecurringInvoiceInput, Action.EDIT_INVOICES,
        about="Have invoices like this one made by themselves, again and again.",
    )  # fmt: skip
    update_recurring_invoice: UpdateRecurringInvoicePayload | None = change(
        _update, UpdateRecurringInvoiceInput, Action.EDIT_INVOICES,
        about="Change how often, until when, or what is repeated.",
    )  # fmt: skip
    pause_recurring_invoice: PauseRecurringInvoicePayload | None = change(
        _pause, PauseRecurringInvoiceInput, Action.EDIT_INVOICES,
        about="Make none until it is resumed; days that pass meanwhile are left out.",
    )  # fmt: skip
    resume_recurring_invoice: ResumeRecurringInvoicePayload | None = change(
        _resume, ResumeRecurringInvoiceInput, Action.EDIT_INVOICES,
        about="Go on after a pause, or try again what was refused: then missed days are made up for.",
    )  # fmt: skip
    skip_recurring_invoice: SkipRecurringInvoicePayload | None = change(
        _skip, SkipRecurringInvoiceInput, Action.EDIT_INVOICES, about="Leave out the next one."
    )
    end_recurring_invoice: EndRecurringInvoicePayload | None = change(
        _end, EndRecurringInvoiceInput, Action.EDIT_INVOICES,
        about="Make no more, for good. What was made stays.",
    )  # fmt: skip

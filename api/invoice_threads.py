"""Questions on invoices in the API: for both sides, each customer's users their own."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from api.changes import Doing, Given, Outcome, Work, change, changed, gives, opt, said, takes
from api.nouns import Connection, Node, by_id, col, lazy, noun, one, page
from api.own import own
from auth.actors import Action
from billing import invoice_threads as t
from billing import thread_reading
from billing.unread_threads import UnreadThread

if TYPE_CHECKING:
    from api.customers import Customer
    from api.invoices import Invoice, InvoiceLine

strawberry.enum(
    t.ThreadKind,
    description="While a DISPUTE is open, nobody is reminded of the invoice and it is not paid by itself.",
)
strawberry.enum(t.ThreadState, description="OPEN until either side says that it is settled.")


@noun(t.InvoiceThread, "thr", needs=Action.VIEW_INVOICES, order="-updated_at", search=t.SEARCHED_AS)
class InvoiceThread(Node):
    """A conversation on an invoice or one of its lines: found by what is written, and as its invoice is."""

    kind: t.ThreadKind = col(where=True)
    state: t.ThreadState = col(where=True)
    created_at: datetime = col()
    updated_at: datetime = col("When the last message or change of state was.", order=True)
    last_message_at: datetime = col(order=True)
    last_message_is_from_partner: bool = col(
        "Who wrote last. An open one waits for the other side.", name="last_from_partner", where=True
    )
    is_unread: bool | None = own(
        UnreadThread,
        "thread_id",
        "Has the other side written what one has not read? Null for keys and tokens, which read for nobody.",
        where=True,
    )
    unread_since: datetime | None = own(
        UnreadThread, "thread_id", "When the first message that one has not read was written.", column="since"
    )
    resolved_at: datetime | None = col()
    resolved_by: str | None = col("What whoever settled it was called then.")
    customer: Annotated["Customer", lazy("api.customers")] = one("customer_id", where=True)
    invoice: Annotated["Invoice", lazy("api.invoices")] = one("invoice_id", where=True)
    line: Annotated["InvoiceLine", lazy("api.invoices")] | None = one("line_id", "Null: on all of it.")
    messages: Connection[Annotated["ThreadMessage", lazy("api.invoice_threads")]] = page("thread_id")


@noun(t.ThreadMessage, "msg", needs=Action.VIEW_INVOICES, order="created_at")
class ThreadMessage(Node):
    """What somebody wrote in a conversation on an invoice. It is never changed."""

    text: str = col("May have several lines.")
    author_name: str = col("What the author was called then.")
    is_from_partner: bool = col("Written by the partner's side.")
    created_at: datetime = col(order=True)
    thread: InvoiceThread = one("thread_id")


@strawberry.type
class InvoiceThreadQueries:
    """Root fields about questions on invoices."""

    invoice_thread: InvoiceThread | None = by_id()
    invoice_threads: Connection[InvoiceThread] = page(None, "What moved last comes first.")


@takes(dry_run=True)
class OpenInvoiceThreadInput:
    """An issued invoice, and what is asked."""

    invoice_id: strawberry.ID
    line_id: strawberry.ID | None = opt("A line of this invoice. Left out: all of it.")
    kind: t.ThreadKind | None = opt("Left out: QUESTION.")
    text: str | None = opt("Required. 4,000 characters at most.")


@takes(dry_run=True)
class ReplyToInvoiceThreadInput:
    """An open conversation, and what to add to it."""

    id: strawberry.ID
    text: str | None = opt("Required. 4,000 characters at most.")


@takes(dry_run=True)
class ResolveInvoiceThreadInput:
    """A conversation that is settled."""

    id: strawberry.ID


@takes(dry_run=True)
class ReopenInvoiceThreadInput:
    """A settled conversation to go on with."""

    id: strawberry.ID


@takes()
class MarkInvoiceThreadReadInput:
    """A conversation that one has read."""

    id: strawberry.ID
    until: datetime | None = opt(
        "Its `lastMessageAt` as it was read: what was written later stays unread. Left out: all of it."
    )


@takes()
class MarkInvoiceThreadUnreadInput:
    """A conversation to come back to."""

    id: strawberry.ID


@takes()
class MarkAllInvoiceThreadsReadInput:
    """All that one has not read."""

    until: datetime | None = opt("What was written later stays unread. Left out: all there is.")


@gives
class OpenInvoiceThreadPayload:
    """The new conversation."""

    invoice_thread: InvoiceThread | None = changed()


@gives
class ReplyToInvoiceThreadPayload:
    """The conversation as it is now."""

    invoice_thread: InvoiceThread | None = changed()


@gives
class ResolveInvoiceThreadPayload:
    """The conversation, RESOLVED now."""

    invoice_thread: InvoiceThread | None = changed()


@gives
class ReopenInvoiceThreadPayload:
    """The conversation, OPEN now."""

    invoice_thread: InvoiceThread | None = changed()


@gives
class MarkInvoiceThreadReadPayload:
    """The conversation as one has read it."""

    invoice_thread: InvoiceThread | None = changed()


@gives
class MarkInvoiceThreadUnreadPayload:
    """The conversation, unread again."""

    invoice_thread: InvoiceThread | None = changed()


@gives
class MarkAllInvoiceThreadsReadPayload:
    """How much that was."""

    count: int | None = said("Conversations that were unread.")


def _open(doing: Doing, given: Given) -> Outcome:
    line_id = given.record("line_id", "lin") if given.get("line_id") is not None else None
    fields = t.Opening(given.get("kind") or t.ThreadKind.QUESTION, given.get("text"), line_id)
    made = t.open_thread(
        doing.db, doing.actor, invoice_id=given.record("invoice_id", "inv"), fields=fields, now=doing.now
    )
    return {"invoice_thread": made.id}


def _reply(doing: Doing, given: Given) -> Outcome:
    thread_id = given.record("id", "thr")
    t.reply(doing.db, doing.actor, thread_id=thread_id, text=given.get("text"), now=doing.now)
    return {"invoice_thread": thread_id}


def _moving(rule: Callable[..., Any]) -> Work:
    def work(doing: Doing, given: Given) -> Outcome:
        thread_id = given.record("id", "thr")
        rule(doing.db, doing.actor, thread_id=thread_id, now=doing.now)
        return {"invoice_thread": thread_id}

    return work


def _mark_read(doing: Doing, given: Given) -> Outcome:
    thread_id = given.record("id", "thr")
    thread_reading.mark_read(doing.db, doing.actor, thread_id=thread_id, until=given.get("until"))
    return {"invoice_thread": thread_id}


def _mark_unread(doing: Doing, given: Given) -> Outcome:
    thread_id = given.record("id", "thr")
    thread_reading.mark_unread(doing.db, doing.actor, thread_id=thread_id)
    return {"invoice_thread": thread_id}


def _mark_all_read(doing: Doing, given: Given) -> Outcome:
    return {"count": thread_reading.mark_all_read(doing.db, doing.actor, until=given.get("until"))}


@strawberry.type
class InvoiceThreadMutations:
    """Changes of questions on invoices."""

    open_invoice_thread: OpenInvoiceThreadPayload | None = change(
        _open, OpenInvoiceThreadInput, Action.DISCUSS, about="Ask about an invoice, or dispute it."
    )
    reply_to_invoice_thread: ReplyToInvoiceThreadPayload | None = change(
        _reply, ReplyToInvoiceThreadInput, Action.DISCUSS, about="Write into an open conversation."
    )
    resolve_invoice_thread: ResolveInvoiceThreadPayload | None = change(
        _moving(t.resolve), ResolveInvoiceThreadInput, Action.DISCUSS,
        about="Settle a conversation, or withdraw it. Either side may.",
    )  # fmt: skip
    reopen_invoice_thread: ReopenInvoiceThreadPayload | None = change(
        _moving(t.reopen), ReopenInvoiceThreadInput, Action.DISCUSS, about="Go on with a settled one."
    )
    mark_invoice_thread_read: MarkInvoiceThreadReadPayload | None = change(
        _mark_read, MarkInvoiceThreadReadInput, Action.VIEW_INVOICES,
        about="Say that one has read a conversation. For people only; reading it marks nothing by itself.",
    )  # fmt: skip
    mark_invoice_thread_unread: MarkInvoiceThreadUnreadPayload | None = change(
        _mark_unread, MarkInvoiceThreadUnreadInput, Action.VIEW_INVOICES,
        about="Have the other side's last message to read again. For people only.",
    )  # fmt: skip
    mark_all_invoice_threads_read: MarkAllInvoiceThreadsReadPayload | None = change(
        _mark_all_read, MarkAllInvoiceThreadsReadInput, Action.VIEW_INVOICES,
        about="Say that one has read everything. For people only.",
    )  # fmt: skip

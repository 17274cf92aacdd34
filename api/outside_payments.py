"""Payments from outside in the API, and giving up an invoice: what staff write down about money."""

from datetime import date, datetime
from typing import Annotated

import strawberry

from api.changes import Doing, Given, MoneyInput, Outcome, change, changed, gives, id_of, opt, takes
from api.customers import Customer
from api.invoices import Invoice
from api.nouns import Connection, Money, Node, by_id, col, lazy, money, noun, one, page, sql
from api.payments import PaymentAllocationInput
from api.reads import STAFF
from auth.actors import Action
from billing import invoice_life
from billing import outside_payments as t
from billing.derived import outside_receipt_path
from billing.money import Currency
from db.columns import new_id

strawberry.enum(t.OutsideKind, description="How money came in past Remit.")


@noun(t.OutsidePayment, "opm", needs=Action.VIEW_PAYMENTS, order="-created_at", search=t.SEARCHED_AS)
class OutsidePayment(Node):
    """Money that came in past Remit, as the partner's staff wrote it down: for one invoice or for several."""

    kind: t.OutsideKind = col(where=True)
    amount: Money = money("amount_minor", where=True, order=True)
    kept: Money = money("kept_minor", "What of it is for no invoice: the customer's credit.")
    currency: Currency = col(where=True)
    received_on: date = col(where=True, order=True)
    reference: str | None = col("The number of the check or the transfer.")
    note: str | None = col(see=STAFF)
    created_at: datetime = col(where=True, order=True)
    updated_at: datetime = col()
    reversed_at: datetime | None = col("It was taken back: it pays nothing any more.", where=True)
    reversal_reason: str | None = col()
    receipt_path: str = sql(outside_receipt_path, "The receipt as a PDF, as `Invoice.pdfPath`.")
    customer: Customer = one("customer_id", where=True)
    invoice: Invoice = one(
        "invoice_id", "The first of its invoices; all of them are in `allocations`.", where=True
    )
    allocations: Connection[Annotated["OutsidePaymentAllocation", lazy("api.outside_payments")]] = page(
        "payment_id", "What it is for.", where=True
    )


@noun(t.OutsideAllocation, "opa", needs=Action.VIEW_PAYMENTS, order="id")
class OutsidePaymentAllocation(Node):
    """How much of a payment from outside is for which invoice."""

    amount: Money = money("amount_minor", through=("invoice_id", "Invoice"))
    outside_payment: OutsidePayment = one("payment_id")
    invoice: Invoice = one("invoice_id", where=True)


@strawberry.type
class OutsidePaymentQueries:
    """Root fields about payments from outside."""

    outside_payment: OutsidePayment | None = by_id()
    outside_payments: Connection[OutsidePayment] = page()


@takes(dry_run=True, needs_key=True)
class RecordOutsidePaymentInput:
    """Money received for an open invoice, in full or in part, or for several invoices of one customer."""

    invoice_id: strawberry.ID | None = opt(
        "The one invoice it is for; with `allocations`, which of them is named first."
    )
    kind: t.OutsideKind
    amount: MoneyInput | None = opt("Left out: all that is left to pay, or all of `allocations`.")
    allocations: list[PaymentAllocationInput] | None = opt(
        "How it is shared out among several: 1 to 100 invoices of one customer, each once."
    )
    keep_rest_as_credit: bool | None = opt(
        "True: what the amount is above the invoices' shares (or above what is left of the one invoice)"
        " becomes the customer's credit. Left out: an amount above them is refused."
    )
    received_on: date | None = opt("Left out: today, in the partner's time zone. Not in the future.")
    reference: str | None = opt("The number of the check or the transfer.")
    note: str | None = opt("Never shown to the customer.")
    send_receipt: bool | None = opt("False: nobody gets a mail. Left out: the customer does.")


@takes(dry_run=True, needs_key=True)
class ReverseOutsidePaymentInput:
    """What to take back: the check bounced, or it was a mistake."""

    id: strawberry.ID
    reason: str


@takes(dry_run=True)
class MarkInvoiceUncollectibleInput:
    """An open invoice that will not be paid."""

    id: strawberry.ID
    reason: str | None = opt("Never shown to the customer.")


@takes(dry_run=True)
class ReopenInvoiceInput:
    """An uncollectible invoice."""

    id: strawberry.ID


@gives
class RecordOutsidePaymentPayload:
    """What was written down."""

    outside_payment: OutsidePayment | None = changed()


@gives
class ReverseOutsidePaymentPayload:
    """What was taken back."""

    outside_payment: OutsidePayment | None = changed()


@gives
class MarkInvoiceUncollectiblePayload:
    """The invoice, UNCOLLECTIBLE now."""

    invoice: Invoice | None = changed()


@gives
class ReopenInvoicePayload:
    """The invoice, OPEN now."""

    invoice: Invoice | None = changed()


def _record(doing: Doing, given: Given) -> Outcome:
    wanted = given.without_null("send_receipt").without_null("allocations")
    if "allocations" in wanted:
        shares = [{**one, "invoice_id": id_of(one["invoice_id"], "inv")} for one in wanted["allocations"]]
        wanted = Given({**wanted, "allocations": shares})
    wanted = Given({**wanted, "keep_rest": bool(given.get("keep_rest_as_credit"))})
    # A dry run has no key: one that nobody else has, for the look.
    made = t.record(
        doing.db, doing.actor, fields=wanted.fields(t.OutsideInput),
        invoice_id=given.record("invoice_id", "inv") if given.get("invoice_id") is not None else None,
        request_key=doing.key or new_id().hex, now=doing.now,
    )  # fmt: skip
    return {"outside_payment": made.id}


def _reverse(doing: Doing, given: Given) -> Outcome:
    payment_id = given.record("id", "opm")
    reversed_ = t.reverse(doing.db, doing.actor, payment_id=payment_id, reason=given["reason"], now=doing.now)
    return {"outside_payment": reversed_.id}


def _write_off(doing: Doing, given: Given) -> Outcome:
    moved = invoice_life.write_off(
        doing.db, doing.actor, invoice_id=given.record("id", "inv"), reason=given.get("reason"), now=doing.now
    )
    return {"invoice": moved.id}


def _reopen(doing: Doing, given: Given) -> Outcome:
    moved = invoice_life.reopen(doing.db, doing.actor, invoice_id=given.record("id", "inv"), now=doing.now)
    return {"invoice": moved.id}


@strawberry.type
class OutsidePaymentMutations:
    """Changes of what is written down about money."""

    record_outside_payment: RecordOutsidePaymentPayload | None = change(
        _record, RecordOutsidePaymentInput, Action.EDIT_INVOICES,
        about="Write down a check, a wire or cash received for an invoice, or for several of one customer;"
        " those paid in full are PAID.",
    )  # fmt: skip
    reverse_outside_payment: ReverseOutsidePaymentPayload | None = change(
        _reverse, ReverseOutsidePaymentInput, Action.VOID_INVOICES,
        about="Take back what was written down: all its invoices are owed again, and what was kept of it as"
        " credit is gone.",
    )  # fmt: skip
    mark_invoice_uncollectible: MarkInvoiceUncollectiblePayload | None = change(
        _write_off, MarkInvoiceUncollectibleInput, Action.VOID_INVOICES,
        about="Write off what an open invoice still lacks: it is no longer owed in the books.",
    )  # fmt: skip
    reopen_invoice: ReopenInvoicePayload | None = change(
        _reopen, ReopenInvoiceInput, Action.VOID_INVOICES,
        about="Take up again what was written off: it is open and owed as before.",
    )  # fmt: skip

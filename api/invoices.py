"""Invoices in the API. A customer's users never see drafts."""

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import strawberry

from api.changes import (
    Doing,
    Given,
    MoneyInput,
    Outcome,
    change,
    changed,
    gives,
    opt,
    said,
    takes,
)
from api.customers import Customer
from api.nouns import Connection, Money, Node, by_id, col, lazy, many, money, noun, one, page, sql
from api.reads import STAFF
from api.tags import Tag
from auth.actors import Action
from billing import invoice_sending
from billing import invoices as t
from billing.derived import (
    ShownStatus,
    balance,
    creditable_minor,
    is_asked_about,
    is_disputed,
    is_overdue,
    is_partially_paid,
    is_undelivered,
    number_if_any,
    payable,
    pdf_path,
    shown_status,
    shows_asked_about,
    shows_disputed,
    shows_undelivered,
)
from billing.invoice_fields import MOST_TAXES, InvoiceInput
from billing.invoice_refusals import SendRefusal
from billing.invoice_words import SEARCHED_AS
from billing.listed_ids import left_out, planned_recipients
from billing.mail_kinds import is_invoice_mail, is_void_mail
from billing.money import Currency
from billing.tags import InvoiceTag
from db import ids

if TYPE_CHECKING:
    from api.audit import AuditEvent
    from api.credit_notes import CreditApplication, CreditNote
    from api.invoice_threads import InvoiceThread
    from api.mails import Mail
    from api.outside_payments import OutsidePayment, OutsidePaymentAllocation
    from api.pay_links import PayLink
    from api.payments import PaymentAllocation
    from api.recurring_invoices import RecurringInvoice


strawberry.enum(
    t.InvoiceStatus, description="What is stored. What an OPEN one may also be: see `shownStatus`."
)
strawberry.enum(SendRefusal, description="Why what was to go out on a day did not.")
strawberry.enum(ShownStatus, name="InvoiceShownStatus", description="An invoice's status as people see it.")


@noun(t.Invoice, "inv", needs=Action.VIEW_INVOICES, order="-due_on", search=SEARCHED_AS)
class Invoice(Node):
    """A claim on a customer."""

    number: str | None = sql(number_if_any, "Null while it is a draft.", where=True, order=True, key="number")
    status: t.InvoiceStatus = col(where=True)
    shown_status: ShownStatus = sql(shown_status, "Overdue is judged by the partner's calendar.")
    is_overdue: bool = sql(is_overdue, where=True)
    is_partially_paid: bool = sql(is_partially_paid, where=True)
    is_disputed: bool = sql(
        shows_disputed,
        "The customer disputes it, and that is not settled yet.",
        where=True,
        holds=is_disputed,
    )
    has_open_thread: bool = sql(
        shows_asked_about,
        "A question or a dispute on it is not settled yet.",
        where=True,
        holds=is_asked_about,
    )
    currency: Currency = col(where=True)
    net: Money = money("net_minor", "Before tax.")
    tax: Money = money("tax_minor")
    total: Money = money("total_minor", where=True, order=True)
    paid: Money = money("paid_minor", where=True)
    credited: Money = money("credited_minor", "What credit notes and credit took off it.", where=True)
    balance: Money = money(balance, "What it still lacks; nothing unless it is open.", where=True)
    payable: Money = money(payable, "The balance without what payments under way are for.")
    issue_on: date = col(where=True, order=True)
    due_on: date = col(where=True, order=True)
    memo: str | None = col("Printed on it.", where=True)
    internal_note: str | None = col(see=STAFF)
    po_number: str | None = col(where=True)
    external_id: str | None = col("Its number in another system; imports find it by that.", where=True)
    version: int = col("Rises with every change.")
    created_at: datetime = col(where=True, order=True)
    updated_at: datetime = col(where=True, order=True)
    finalized_at: datetime | None = col("When it got its number.")
    sent_at: datetime | None = col("When a mail server last took a mail with it.", where=True)
    is_undelivered: bool = sql(
        shows_undelivered,
        "It is open, a mail of it was refused, given up or came back, and no server kept one.",
        where=True,
        holds=is_undelivered,
        see=STAFF,
    )
    mails: Connection[Annotated["Mail", lazy("api.mails")]] = page(
        "subject_id", "With it to users, the newest first.", only=is_invoice_mail, see=STAFF
    )
    void_mails: Connection[Annotated["Mail", lazy("api.mails")]] = page(
        "subject_id", "Those that tell users it is void, the newest first.", only=is_void_mail, see=STAFF
    )
    paid_at: datetime | None = col(where=True)
    voided_at: datetime | None = col()
    void_reason: str | None = col("Why it was voided, for the customer too.")
    archived_at: datetime | None = col(
        "When it was put out of the dashboard's lists; null while it is in them.", where=True, see=STAFF
    )
    send_on: date | None = col("The day a draft is to be sent by itself.", where=True)
    send_refusal: SendRefusal | None = col(
        "Why it was not sent on that day. It is not tried again until somebody plans anew.", where=True
    )
    send_to_ids: list[strawberry.ID] = sql(
        planned_recipients,
        "The users it then goes to, also those who are gone. Empty: its managers and payers of that day.",
        see=STAFF,
    )
    scheduled_by: str | None = col("Who planned that.", name="scheduled_by_name")
    left_out_ids: list[strawberry.ID] = sql(
        left_out,
        "The users it was to go to on that day, and who could get no mail by then. Empty once it is sent"
        " again, or somebody has seen it (`dismissLeftOut`).",
        see=STAFF,
    )
    left_out_at: datetime | None = col("When that happened; null with nobody.", where=True, see=STAFF)
    recurs_on: date | None = col("The day of `recurringInvoice` it was made for.", see=STAFF)
    recurring_invoice: Annotated["RecurringInvoice", lazy("api.recurring_invoices")] | None = one(
        "recurring_id", "What made it, where it was not made by hand.", see=STAFF
    )
    repeated_by: Connection[Annotated["RecurringInvoice", lazy("api.recurring_invoices")]] = page(
        "invoice_id", "What makes invoices like it.", see=STAFF
    )
    pdf_path: str = sql(
        pdf_path,
        "Its PDF, below this installation's address: GET it with the same key. `?language=fr`: French.",
    )
    customer: Customer = one("customer_id", where=True)
    lines: Connection[Annotated["InvoiceLine", lazy("api.invoices")]] = page("invoice_id")
    threads: Connection[Annotated["InvoiceThread", lazy("api.invoice_threads")]] = page(
        "invoice_id", "Questions on it, what moved last first."
    )
    allocations: Connection[Annotated["PaymentAllocation", lazy("api.payments")]] = page(
        "invoice_id", "Which payments are for it, and how much of each."
    )
    outside_payments: Connection[Annotated["OutsidePayment", lazy("api.outside_payments")]] = page(
        "invoice_id", "Payments from outside whose first invoice it is; all of them: `outsideAllocations`."
    )
    outside_allocations: Connection[Annotated["OutsidePaymentAllocation", lazy("api.outside_payments")]] = (
        page("invoice_id", "What was paid of it past Remit: of which payments, and how much of each.")
    )
    credit_notes: Connection[Annotated["CreditNote", lazy("api.credit_notes")]] = page(
        "invoice_id", "What was taken back of it."
    )
    credit_applications: Connection[Annotated["CreditApplication", lazy("api.credit_notes")]] = page(
        "invoice_id", "What of the customer's credit was taken off it."
    )
    audit_events: Connection[Annotated["AuditEvent", lazy("api.audit")]] = page(
        "subject_id", "What was done to it: sent, opened, credited and more."
    )
    pay_links: Connection[Annotated["PayLink", lazy("api.pay_links")]] = page("invoice_id", see=STAFF)
    tags: list[Tag] = many(
        (InvoiceTag, "invoice_id", "tag_id"),
        "Of the own side, by name.",
        sort="name_key",
        limit=50,
        where=True,
    )


_INVOICE = ("invoice_id", "Invoice")


@noun(t.InvoiceLine, "lin", needs=Action.VIEW_INVOICES, order="position")
class InvoiceLine(Node):
    """One line of an invoice, in its currency."""

    position: int = col("From the top.")
    description: str = col()
    quantity: Decimal = col(name="quantity_e4", places=4)
    unit_price: Money = money("unit_price_minor", through=_INVOICE)
    discount: Money = money("discount_minor", through=_INVOICE)
    discount_percent: Decimal | None = col(
        "What the discount was given as; null where it was given as an amount.",
        name="discount_rate_e4", places=4,
    )  # fmt: skip
    # Their own table is what ties them to the line: there is no other between.
    taxes: list[Annotated["InvoiceLineTax", lazy("api.invoices")]] = many(
        (t.InvoiceLineTax, "line_id", "id"),
        "In the order they were given.",
        sort="position",
        limit=MOST_TAXES,
    )
    net: Money = money("net_minor", through=_INVOICE)
    tax: Money = money("tax_minor", through=_INVOICE)
    total: Money = money("total_minor", through=_INVOICE)
    creditable: Money = money(
        creditable_minor, "What no credit note took back of it yet, with its taxes.", through=_INVOICE
    )
    invoice: Invoice = one("invoice_id")


@noun(t.InvoiceLineTax, "ltx", needs=Action.VIEW_INVOICES, order="position")
class InvoiceLineTax(Node):
    """A tax on a line, of the line's net amount, rounded by itself half away from zero."""

    position: int = col()
    name: str = col()
    rate: Decimal = col("In per cent.", name="rate_e4", places=4)
    tax: Money = money("tax_minor", through=_INVOICE)


@strawberry.type
class InvoiceQueries:
    """Root fields about invoices."""

    invoice: Invoice | None = by_id()
    invoices: Connection[Invoice] = page()


@strawberry.input(description="A tax on a line.")
class InvoiceLineTaxInput:
    """A tax on a line."""

    name: str | None = opt('As it is printed: "GST". Required.')
    rate: Decimal | None = opt("In per cent, at most four decimals. Required.")


@strawberry.input(description="One line of an invoice.")
class InvoiceLineInput:
    """One line of an invoice."""

    description: str | None = opt("Required.")
    quantity: Decimal | None = opt("Above zero, at most four decimals. Required.")
    unit_price: MoneyInput | None = opt("Required.")
    discount: MoneyInput | None = opt("Taken off the line before tax; not more than the line.")
    discount_percent: Decimal | None = opt("Instead of `discount`: in per cent, at most four decimals.")
    taxes: list[InvoiceLineTaxInput] | None = opt("At most 5, each of the line after its discount.")


@takes(dry_run=True)
class CreateInvoiceInput:
    """A draft, which only the partner's side sees."""

    customer_id: strawberry.ID
    issue_on: date | None = opt("Left out: today, in the partner's time zone.")
    due_on: date | None = opt("Left out: by the payment terms.")
    terms_days: int | None = opt("Due so many days after the issue date, instead of `dueOn`: 0 to 365.")
    memo: str | None = opt("Printed on it.")
    internal_note: str | None = opt("Never shown to the customer.")
    po_number: str | None = opt()
    external_id: str | None = opt("Its number in another system; unique.")
    lines: list[InvoiceLineInput] = strawberry.field(description="1 to 200, in the customer's currency.")


@takes(dry_run=True)
class UpdateInvoiceInput:
    """A draft, and what to change of it. What is not given stays as it is."""

    id: strawberry.ID
    version: int | None = opt("The one you saw: refused (CONFLICT) if it is another one by now.")
    issue_on: date | None = opt()
    due_on: date | None = opt()
    terms_days: int | None = opt("Due so many days after the issue date, instead of `dueOn`.")
    memo: str | None = opt("Null takes it away.")
    internal_note: str | None = opt("Null takes it away.")
    po_number: str | None = opt("Null takes it away.")
    external_id: str | None = opt("Null takes it away.")
    lines: list[InvoiceLineInput] | None = opt("Instead of all the lines there are.")


@takes(dry_run=True)
class DeleteDraftInvoiceInput:
    """A draft to delete."""

    id: strawberry.ID


@takes(dry_run=True)
class SendInvoiceInput:
    """A draft or an issued invoice, and whom it is mailed to."""

    id: strawberry.ID
    recipient_ids: list[strawberry.ID] | None = opt(
        "Users of the customer, 50 at most. Left out: its managers and payers."
    )


@gives
class CreateInvoicePayload:
    """The new draft."""

    invoice: Invoice | None = changed()


@gives
class UpdateInvoicePayload:
    """The draft as it is now."""

    invoice: Invoice | None = changed()


@gives
class DeleteDraftInvoicePayload:
    """What is gone."""

    deleted_id: strawberry.ID | None = said()


@gives
class SendInvoicePayload:
    """The invoice, with its number."""

    invoice: Invoice | None = changed()


def _create(doing: Doing, given: Given) -> Outcome:
    made = t.create_draft(
        doing.db, doing.actor, customer_id=given.record("customer_id", "cus"),
        fields=given.fields(InvoiceInput), now=doing.now,
    )  # fmt: skip
    return {"invoice": made.id}


def _update(doing: Doing, given: Given) -> Outcome:
    changed = t.update_draft(
        doing.db, doing.actor, invoice_id=given.record("id", "inv"),
        fields=given.without_null("lines").fields(InvoiceInput), version=given.get("version"), now=doing.now,
    )  # fmt: skip
    return {"invoice": changed.id}


def _delete(doing: Doing, given: Given) -> Outcome:
    invoice_id = given.record("id", "inv")
    t.delete_draft(doing.db, doing.actor, invoice_id=invoice_id, now=doing.now)
    return {"deleted_id": ids.shown("inv", invoice_id)}


def _send(doing: Doing, given: Given) -> Outcome:
    chosen = given.records("recipient_ids", "usr") if given.get("recipient_ids") is not None else None
    sent = invoice_sending.send(
        doing.db, doing.actor, invoice_id=given.record("id", "inv"), recipients=chosen, now=doing.now
    )
    return {"invoice": sent.id}


@strawberry.type
class InvoiceMutations:
    """Changes of invoices."""

    create_invoice: CreateInvoicePayload | None = change(
        _create, CreateInvoiceInput, Action.EDIT_INVOICES, about="Make a draft."
    )
    update_invoice: UpdateInvoicePayload | None = change(
        _update, UpdateInvoiceInput, Action.EDIT_INVOICES, about="Change a draft."
    )
    delete_draft_invoice: DeleteDraftInvoicePayload | None = change(
        _delete, DeleteDraftInvoiceInput, Action.EDIT_INVOICES,
        about="Delete a draft for good; it never had a number.",
    )  # fmt: skip
    send_invoice: SendInvoicePayload | None = change(
        _send, SendInvoiceInput, Action.EDIT_INVOICES,
        about="Mail it to users of the customer; a draft is issued first, and gets its number.",
    )  # fmt: skip

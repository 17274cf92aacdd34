"""Credit notes in the API, and a customer's credit: what need not be paid any more of an invoice."""

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from api.changes import Doing, Given, MoneyInput, Outcome, change, changed, gives, id_of, opt, takes
from api.customers import Customer
from api.invoices import Invoice, InvoiceLine
from api.nouns import Connection, Money, Node, by_id, col, lazy, money, noun, one, page, sql
from api.reads import STAFF
from auth.actors import Action
from billing import credit_note_sending, crediting
from billing import credit_notes as t
from billing.crediting import CreditNoteInput
from billing.derived import credit_note_path, kept_minor
from billing.mail_kinds import is_credit_note_mail
from billing.money import Currency
from db.columns import new_id

if TYPE_CHECKING:
    from api.mails import Mail


@noun(t.CreditNote, "crn", needs=Action.VIEW_INVOICES, order="-created_at", search=t.SEARCHED_AS)
class CreditNote(Node):
    """An invoice taken back, in full or in part. It never changes."""

    number: str = col("The partner's next, without gaps.", where=True, order=True)
    currency: Currency = col(where=True)
    net: Money = money("net_minor", "Before tax.")
    tax: Money = money("tax_minor")
    total: Money = money("total_minor", where=True, order=True)
    applied: Money = money("applied_minor", "Taken off what was open of its invoice.")
    kept: Money = money(kept_minor, "The rest: it became the customer's credit.", where=True)
    reason: str = col("Printed on it.")
    issue_on: date = col(where=True, order=True)
    created_at: datetime = col(where=True, order=True)
    updated_at: datetime = col()
    pdf_path: str = sql(credit_note_path, "The credit note as a PDF, as `Invoice.pdfPath`.")
    customer: Customer = one("customer_id", where=True)
    invoice: Invoice = one("invoice_id", where=True)
    lines: Connection[Annotated["CreditNoteLine", lazy("api.credit_notes")]] = page("credit_note_id")
    mails: Connection[Annotated["Mail", lazy("api.mails")]] = page(
        "subject_id", "With it to users, the newest first.", only=is_credit_note_mail, see=STAFF
    )


_NOTE = ("credit_note_id", "CreditNote")


@noun(t.CreditNoteLine, "cnl", needs=Action.VIEW_INVOICES, order="position")
class CreditNoteLine(Node):
    """What is taken back of one line of the invoice."""

    position: int = col("From the top.")
    net: Money = money("net_minor", through=_NOTE)
    tax: Money = money("tax_minor", through=_NOTE)
    total: Money = money("total_minor", through=_NOTE)
    credit_note: CreditNote = one("credit_note_id")
    invoice_line: InvoiceLine = one("line_id")


@noun(t.CreditApplication, "cap", needs=Action.VIEW_INVOICES, order="-created_at")
class CreditApplication(Node):
    """A part of the customer's credit, taken off an invoice. It never changes."""

    amount: Money = money("amount_minor")
    currency: Currency = col(where=True)
    created_at: datetime = col(where=True, order=True)
    updated_at: datetime = col()
    customer: Customer = one("customer_id", where=True)
    invoice: Invoice = one("invoice_id")


@strawberry.type
class CreditNoteQueries:
    """Root fields about credit notes and applied credit."""

    credit_note: CreditNote | None = by_id()
    credit_notes: Connection[CreditNote] = page()
    credit_application: CreditApplication | None = by_id()
    credit_applications: Connection[CreditApplication] = page()


@strawberry.input(description="A line of the invoice to credit.")
class CreditNoteLineInput:
    """A line of the invoice to credit."""

    line_id: strawberry.ID
    amount: MoneyInput | None = opt("With its taxes. Left out: all that is not credited of it yet.")


@takes(dry_run=True, needs_key=True)
class CreateCreditNoteInput:
    """An open or a paid invoice to take back, whole or by line."""

    invoice_id: strawberry.ID
    reason: str = strawberry.field(description="Printed on the note.")
    lines: list[CreditNoteLineInput] | None = opt("Left out: all that is not credited yet.")
    send: bool | None = opt(
        "False: nobody gets a mail. Left out: the customer's managers and payers do, if there are any."
    )


@takes(dry_run=True)
class SendCreditNoteInput:
    """A credit note, and whom it is mailed to."""

    id: strawberry.ID
    recipient_ids: list[strawberry.ID] | None = opt(
        "Users of the customer, 50 at most. Left out: its managers and payers."
    )


@takes(dry_run=True, needs_key=True)
class ApplyCreditInput:
    """An open invoice to take the customer's credit off."""

    invoice_id: strawberry.ID
    amount: MoneyInput | None = opt("Left out: as much as is open and as there is credit.")


@gives
class CreateCreditNotePayload:
    """The new note."""

    credit_note: CreditNote | None = changed()


@gives
class SendCreditNotePayload:
    """The note, on its way."""

    credit_note: CreditNote | None = changed()


@gives
class ApplyCreditPayload:
    """What was applied."""

    credit_application: CreditApplication | None = changed()


def _issue(doing: Doing, given: Given) -> Outcome:
    lines = given.get("lines")
    if lines is not None:
        lines = [{**line, "line_id": id_of(line["line_id"], "lin")} for line in lines]
    # A dry run has no key: one that nobody else has, for the look.
    made = crediting.issue(
        doing.db, doing.actor, invoice_id=given.record("invoice_id", "inv"),
        fields=CreditNoteInput.read({"reason": given["reason"], "lines": lines}),
        request_key=doing.key or new_id().hex, send=given.get("send") is not False, now=doing.now,
    )  # fmt: skip
    return {"credit_note": made.id}


def _send(doing: Doing, given: Given) -> Outcome:
    chosen = given.records("recipient_ids", "usr") if given.get("recipient_ids") is not None else None
    sent = credit_note_sending.send(
        doing.db, doing.actor, note_id=given.record("id", "crn"), recipients=chosen, now=doing.now
    )
    return {"credit_note": sent.id}


def _apply(doing: Doing, given: Given) -> Outcome:
    fields = given.fields(crediting.ApplyInput)
    made = crediting.apply(
        doing.db, doing.actor, invoice_id=given.record("invoice_id", "inv"), fields=fields,
        request_key=doing.key or new_id().hex, now=doing.now,
    )  # fmt: skip
    return {"credit_application": made.id}


@strawberry.type
class CreditNoteMutations:
    """Taking claims back, and applying what that left."""

    create_credit_note: CreateCreditNotePayload | None = change(
        _issue, CreateCreditNoteInput, Action.VOID_INVOICES,
        about="Take an open or a paid invoice back, whole or by line. What is open of it goes first, the "
        "rest becomes the customer's credit. It is mailed unless `send` says no.",
    )  # fmt: skip
    send_credit_note: SendCreditNotePayload | None = change(
        _send, SendCreditNoteInput, Action.EDIT_INVOICES,
        about="Mail it to users of the customer, as often as wanted.",
    )  # fmt: skip
    apply_credit: ApplyCreditPayload | None = change(
        _apply, ApplyCreditInput, Action.EDIT_INVOICES,
        about="Take the customer's credit off an open invoice; with nothing left to pay, it is PAID.",
    )  # fmt: skip

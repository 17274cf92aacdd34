"""An invoice on paper: what its page shows, and what the law wants on it."""

from uuid import UUID

from sqlmodel import Session

from auth.actors import Actor
from billing.dates import day_text
from billing.invoice_balances import lacking_minor
from billing.invoices import Invoice, InvoiceStatus
from billing.money import quantity_text
from billing.papers import InvoicePaper, invoice_paper
from integrations.pdf.press import Sheet
from integrations.pdf.writing import (
    GOOD,
    GREY,
    Part,
    column,
    file_name,
    money,
    number_text,
    row,
    sheet,
    table,
    tax_text,
    total,
)
from languages import mark, say, spoken

_STAMPS = {
    InvoiceStatus.DRAFT: (mark("Draft"), GREY),
    InvoiceStatus.PAID: (mark("Paid"), GOOD),
    InvoiceStatus.VOID: (mark("Void"), GREY),
    InvoiceStatus.UNCOLLECTIBLE: (mark("Uncollectible"), GREY),
}


def invoice_sheet(db: Session, actor: Actor, *, invoice_id: UUID) -> Sheet:
    """The invoice, said in the language of the work in hand. Refuses as `papers.invoice_paper`."""
    paper = invoice_paper(db, actor, invoice_id=invoice_id)
    invoice, locale = paper.invoice, spoken()
    stamp = _STAMPS.get(invoice.status)
    return sheet(
        paper.head,
        name=file_name(say("Invoice"), invoice.number or say("Draft")),
        made_at=invoice.updated_at,
        kind=say("Invoice"),
        number=invoice.number or None,
        to=paper.customer,
        to_label=say("Billed to"),
        stamp={"text": say(stamp[0]), "colour": stamp[1]} if stamp else None,
        watermark=say("Draft") if invoice.status is InvoiceStatus.DRAFT else None,
        facts=[
            (say("Invoice number"), invoice.number),
            (say("Issued"), day_text(invoice.issue_on, locale)),
            (say("Due"), day_text(invoice.due_on, locale)),
            (say("Terms"), _terms(invoice)),
            (say("PO number"), invoice.po_number),
            (say("Currency"), invoice.currency.value),
        ],
        headline=_headline(invoice),
        tables=[_lines(paper)],
        totals=_totals(paper),
        notes=[
            (say("Voided because"), invoice.void_reason),
            (say("Memo"), invoice.memo),
            *_other_ways(paper),
        ],
    )


def _terms(invoice: Invoice) -> str:
    days = (invoice.due_on - invoice.issue_on).days
    return say("Net {days} days", days=days) if days else say("Due on receipt")


def _headline(invoice: Invoice) -> Part | None:
    if invoice.status is not InvoiceStatus.OPEN:
        return None
    left = money(lacking_minor(invoice), invoice.currency)
    due = say("Please pay by {day}.", day=day_text(invoice.due_on, spoken()))
    return {"label": say("Left to pay"), "value": left, "note": due}


def _other_ways(paper: InvoicePaper) -> list[tuple[str, str | None]]:
    """How else it is paid than by card, while something is left to pay."""
    is_open = paper.invoice.status is InvoiceStatus.OPEN
    return [(say("Other ways to pay"), paper.head.partner.payment_instructions)] if is_open else []


def _lines(paper: InvoicePaper) -> Part:
    discounted = any(line.discount_minor for line in paper.lines)
    columns = [
        column(say("Description"), wide=True), column(say("Quantity"), figures=True),
        column(say("Price"), figures=True),
    ]  # fmt: skip
    columns += [column(say("Discount"), figures=True)] if discounted else []
    columns.append(column(say("Amount"), figures=True))
    currency, rows = paper.invoice.currency, []
    for line in paper.lines:
        cells = [
            line.description, number_text(quantity_text(line.quantity_e4)),
            money(line.unit_price_minor, currency),
        ]  # fmt: skip
        cells += [money(line.discount_minor, currency) if line.discount_minor else ""] if discounted else []
        # Below the description: as a column of their own, a few taxes leave no room for anything else.
        taxes = " · ".join(tax_text(tax.name, tax.rate_e4) for tax in paper.taxes.get(line.id, ()))
        rows.append(row([*cells, money(line.net_minor, currency)], below=taxes))
    return table(columns, rows)


def _totals(paper: InvoicePaper) -> list[Part]:
    invoice, currency = paper.invoice, paper.invoice.currency
    found = [total(say("Subtotal"), money(invoice.net_minor, currency))]
    for (name, rate_e4), minor in paper.named_taxes.items():
        found.append(total(tax_text(name, rate_e4), money(minor, currency)))
    found.append(total(say("Total"), money(invoice.total_minor, currency), strong=True))
    if invoice.credited_minor:
        found.append(total(say("Credited"), money(invoice.credited_minor, currency)))
    if invoice.paid_minor:
        found.append(total(say("Payments"), money(invoice.paid_minor, currency)))
    if invoice.credited_minor or invoice.paid_minor:
        found.append(total(say("Left to pay"), money(lacking_minor(invoice), currency), strong=True))
    return found

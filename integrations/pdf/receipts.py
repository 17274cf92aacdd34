"""The receipt of a payment: what was received, how, and for which invoices.

Surprise: a receipt stays when the money goes back; then it says so.
"""

from collections.abc import Sequence
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlmodel import Session

from auth.actors import Actor
from billing import outside_payments
from billing.card_brands import card_text
from billing.dates import day_text
from billing.money import Currency
from billing.outside_payments import WAYS
from billing.papers import customer_of, letterhead, receipt_paper
from billing.payments import PaymentStatus
from db import ids
from integrations.pdf.press import Sheet
from integrations.pdf.writing import GOOD, GREY, Part, column, file_name, money, row, sheet, table, total
from languages import mark, say, spoken

_STAMPS = {
    PaymentStatus.SUCCEEDED: (mark("Received", context="stamp"), GOOD),
    PaymentStatus.RETURNED: (mark("Returned"), GREY),
    PaymentStatus.DISPUTED: (mark("Disputed"), GREY),
    PaymentStatus.REFUNDED: (mark("Refunded"), GREY),
    PaymentStatus.PARTIALLY_REFUNDED: (mark("Partially refunded"), GREY),
}


def receipt_sheet(db: Session, actor: Actor, *, payment_id: UUID) -> Sheet:
    """The receipt, said in the language of the work in hand. Refuses as `papers.receipt_paper`."""
    paper = receipt_paper(db, actor, payment_id=payment_id)
    payment = paper.payment
    day = day_text(paper.received_at.astimezone(ZoneInfo(paper.head.partner.time_zone)).date(), spoken())
    amount, stamp = money(payment.amount_minor, payment.currency), _STAMPS.get(payment.status)
    return sheet(
        paper.head,
        name=file_name(say("Receipt"), payment.id.hex[-8:]),
        made_at=payment.updated_at,
        kind=say("Receipt"),
        number=None,
        to=paper.customer,
        to_label=say("Received from"),
        stamp={"text": say(stamp[0]), "colour": stamp[1]} if stamp else None,
        facts=[
            (say("Received on"), day),
            (say("Paid with"), card_text({"brand": paper.method.brand, "last4": paper.method.last4})),
            (say("Currency"), payment.currency.value),
        ],
        headline={"label": say("Amount received"), "value": amount, "note": say("Thank you.")},
        tables=[_shares(paper.shares, payment.currency)],
        totals=[total(say("Total received"), amount, strong=True)],
        notes=[(say("Payment reference"), ids.shown("pay", payment.id))],
    )


def outside_receipt_sheet(db: Session, actor: Actor, *, payment_id: UUID) -> Sheet:
    """The receipt of money that came in past Remit. Refuses as `outside_payments.with_invoices`."""
    payment, shares = outside_payments.with_invoices(db, actor, payment_id=payment_id)
    amount = money(payment.amount_minor, payment.currency)
    text, colour = (
        (mark("Taken back"), GREY) if payment.reversed_at else (mark("Received", context="stamp"), GOOD)
    )
    facts: list[tuple[str, str | None]] = [
        (say("Received on"), day_text(payment.received_on, spoken())),
        (say("Paid by"), say(WAYS[payment.kind])),
        (say("Currency"), payment.currency.value),
    ]
    if payment.reference:
        facts.insert(2, (say("Reference"), payment.reference))
    kept = []
    if payment.kept_minor:
        kept.append(total(say("Kept as credit"), money(payment.kept_minor, payment.currency)))
    return sheet(
        letterhead(db, actor),
        name=file_name(say("Receipt"), payment.id.hex[-8:]),
        made_at=payment.updated_at,
        kind=say("Receipt"),
        number=None,
        to=customer_of(db, actor, payment.customer_id),
        to_label=say("Received from"),
        stamp={"text": say(text), "colour": colour},
        facts=facts,
        headline={"label": say("Amount received"), "value": amount, "note": say("Thank you.")},
        tables=[_shares([(one.number, one.total_minor, share) for one, share in shares], payment.currency)],
        totals=[*kept, total(say("Total received"), amount, strong=True)],
        notes=[(say("Payment reference"), ids.shown("opm", payment.id))],
    )


def _shares(shares: Sequence[tuple[str, int, int]], currency: Currency) -> Part:
    """By invoice, its number and total, and what of the payment is for it: a receipt never says what is left,
    for that changes.
    """
    columns = [
        column(say("Invoice"), wide=True), column(say("Invoice total"), figures=True),
        column(say("For this invoice"), figures=True),
    ]  # fmt: skip
    return table(
        columns,
        [row([number, money(all_, currency), money(minor, currency)]) for number, all_, minor in shares],
    )

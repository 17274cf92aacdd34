"""What somebody wants to pay: checked against the invoices as they are now, before anything is reserved.

Surprise: amounts are never worked out here. What was shown is what is paid, or nothing is (GUARANTEES M-17).
"""

import hashlib
import json
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from auth.actors import Actor
from billing import invoice_balances
from billing.invoice_life import NotOpen
from billing.invoices import Invoice, InvoiceStatus
from billing.money import Currency, Money
from billing.texts import Checks
from errors import Conflict, NotFound
from languages import say

MOST_INVOICES = 200
LONGEST_KEY = 255


class Share(NamedTuple):
    """How much of an invoice to pay, as it was shown to whoever pays."""

    invoice_id: UUID
    amount: Money


class LessIsLeft(Conflict):
    """More is asked than is left: too much was typed, or somebody else pays or paid part. Never says who."""

    code = "LESS_IS_LEFT"

    def __init__(self, invoice: Invoice, left: Money) -> None:
        super().__init__(
            say(
                "Only {left} of invoice {number} is left to pay: what is paid, credited or under way is "
                "taken off already. Look at the invoice again.",
                left=left,
                number=invoice.number,
            )
        )


class TotalChanged(Conflict):
    """What was shown is not what would be paid."""

    code = "TOTAL_CHANGED"
    meanwhile = True

    def __init__(self, total: Money) -> None:
        super().__init__(
            say("The total is {total}, not what was shown. Review the payment again.", total=total)
        )


class OtherRequest(Conflict):
    """An idempotency key stands for one request."""

    code = "IDEMPOTENCY_CONFLICT"
    message = "This key was used for another payment. Use a new key for a new payment."


def require_shape(shares: Sequence[Share], idempotency_key: str | None) -> None:
    """Refuse (Invalid) what is no order at all, whatever the invoices are like. No key: it is only reviewed.

    Codes: BAD_KEY at ("idempotency_key",); REQUIRED and TOO_MANY at ("allocations",); DUPLICATE and
    NOT_POSITIVE at ("allocations", row, field).
    """
    checks = Checks()
    if idempotency_key is not None and not is_key(idempotency_key):
        message = say(
            "Give each payment a key of its own: 1 to {longest_key} printable characters.",
            longest_key=LONGEST_KEY,
        )
        checks.refuse("idempotency_key", code="BAD_KEY", message=message)
    if not shares:
        checks.refuse("allocations", code="REQUIRED", message="Choose at least one invoice to pay.")
    if len(shares) > MOST_INVOICES:
        message = say(
            "Pay at most {most_invoices} invoices at once; these are {count}.",
            most_invoices=MOST_INVOICES,
            count=len(shares),
        )
        checks.refuse("allocations", code="TOO_MANY", message=message)
    seen: set[UUID] = set()
    for row, share in enumerate(shares):
        here = checks.under("allocations", row)
        if share.invoice_id in seen:
            here.refuse("invoice_id", code="DUPLICATE", message="This invoice is in the list twice.")
        if share.amount.minor <= 0:
            here.refuse("amount", code="NOT_POSITIVE", message="Enter an amount above zero.")
        seen.add(share.invoice_id)
    checks.done()


def require_payable(shares: Sequence[Share], invoices: Sequence[Invoice], currency: Currency) -> Money:
    """The total, if each invoice is open and has that much left. `invoices` are locked rows.

    Refuses NotOpen, LessIsLeft, and at ("allocations", row, "amount") OTHER_CURRENCY and MORE_THAN_INVOICE.
    """
    by_id = {invoice.id: invoice for invoice in invoices}
    checks = Checks()
    for row, share in enumerate(shares):
        invoice, here = by_id[share.invoice_id], checks.under("allocations", row)
        if share.amount.currency is not invoice.currency or invoice.currency is not currency:
            message = say(
                "Invoice {number} is in {currency}: give the amount in that.",
                number=invoice.number,
                currency=invoice.currency,
            )
            here.refuse("amount", code="OTHER_CURRENCY", message=message)
        elif share.amount.minor > invoice.total_minor:
            message = say(
                "Only {left} of invoice {number} is left to pay. Enter that much or less.",
                left=Money(invoice_balances.left_minor(invoice), invoice.currency),
                number=invoice.number,
            )
            here.refuse("amount", code="MORE_THAN_INVOICE", message=message)
    checks.done()
    for share in shares:
        invoice = by_id[share.invoice_id]
        if invoice.status is not InvoiceStatus.OPEN:
            raise NotOpen(invoice)
        left = invoice_balances.left_minor(invoice)
        if share.amount.minor > left:
            raise LessIsLeft(invoice, Money(left, invoice.currency))
    return Money(sum(share.amount.minor for share in shares), currency)


def require_guests(actor: Actor, shares: Sequence[Share], invoices: Sequence[Invoice]) -> None:
    """Refuse a guest anything but all of the link's own invoice, while nobody else is paying a part of it.

    Everybody else passes. Refuses NotFound, LessIsLeft, TotalChanged.
    """
    if not actor.is_guest:
        return
    if [share.invoice_id for share in shares] != [actor.invoice_id]:
        raise NotFound
    (share,), (invoice,) = shares, invoices
    if invoice.status is not InvoiceStatus.OPEN:
        raise NotOpen(invoice)
    left = Money(invoice_balances.left_minor(invoice), invoice.currency)
    if invoice.reserved_minor or not left.minor:
        raise LessIsLeft(invoice, left)
    if share.amount != left:
        raise TotalChanged(left)


def is_key(text: str) -> bool:
    """May a payment be known by this: 1 to 255 printable characters?"""
    return 0 < len(text) <= LONGEST_KEY and text.isprintable()


def digest_of(
    customer_id: UUID, shares: Sequence[Share], payment_method_id: UUID, expected_total: Money
) -> bytes:
    """The same for the same order, however its lines are sorted."""
    lines = sorted([str(share.invoice_id), share.amount.minor, share.amount.currency] for share in shares)
    order = [str(customer_id), str(payment_method_id), expected_total.minor, expected_total.currency, lines]
    return hashlib.sha256(json.dumps(order).encode()).digest()

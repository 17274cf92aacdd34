"""How money that came in past Remit is shared out among the invoices it is for.

Surprise: what is for no invoice is never kept silently. It is the customer's credit if somebody says so, else
the whole record is refused.
"""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from billing import invoice_balances, invoice_life
from billing.inputs import Input
from billing.invoice_fields import AmountInput, read_amount
from billing.invoices import Invoice
from billing.money import Currency, Money
from billing.payment_orders import LessIsLeft
from billing.texts import Checks
from errors import Conflict, Invalid, NotFound
from languages import say

# As many as a list of the API holds, and a form of 64 KiB has room for.
MOST_INVOICES = 100
SHARES = "allocations"


class OutsideShareInput(Input):
    """An invoice, and how much of the money is for it."""

    invoice_id: UUID
    amount: str | AmountInput | None = None


class OneWrittenOff(invoice_life.WrittenOff):
    """One of several is."""

    def __init__(self, invoice: Invoice) -> None:
        Conflict.__init__(
            self,
            say("Invoice {number} is written off as uncollectible. Reopen it first.", number=invoice.number),
        )


class NothingLeft(Conflict):
    """All of it is paid, or payments under way are for the rest."""

    code = "NOTHING_LEFT"
    message = "Nothing of this invoice is left to pay, or a payment for it is under way."


class CreditUsed(Conflict):
    """What was kept as credit is not there any more to be taken back."""

    code = "CREDIT_USED"

    def __init__(self, kept: Money, credit: Money) -> None:
        super().__init__(
            say(
                "{kept} of this payment was kept as credit, and only {credit} of the customer's credit is "
                "left: the rest was applied to invoices. "
                "Record the money that comes in its place first, and keep "
                "as much of that as credit; then take this payment back.",
                kept=kept,
                credit=credit,
            )
        )


def share_out(minor: int, left: Sequence[int]) -> list[int]:
    """How much of `minor` goes to each: what stands first is filled first, what is above all stays out."""
    shares = []
    for room in left:
        shares.append(min(minor, room))
        minor -= shares[-1]
    return shares


def ids_of(invoice_id: UUID | None, typed: Sequence[OutsideShareInput] | None) -> list[UUID]:
    """The invoices that are meant, as they were given; `invoice_id` is the only one, or the first of them.

    Refuses NotFound if it is none of them, at ("invoice_id",) REQUIRED, at ("allocations",) REQUIRED and
    TOO_MANY, and at ("allocations", row, "invoice_id") DUPLICATE.
    """
    checks = Checks()
    if typed is None:
        if invoice_id is None:
            raise Invalid.at("invoice_id", code="REQUIRED", message="Say which invoice this is for.")
        return [invoice_id]
    if not typed:
        checks.refuse(SHARES, code="REQUIRED", message="Choose at least one invoice.")
    if len(typed) > MOST_INVOICES:
        message = say(
            "One payment is for at most {most} invoices; these are {count}.",
            most=MOST_INVOICES, count=len(typed),
        )  # fmt: skip
        checks.refuse(SHARES, code="TOO_MANY", message=message)
    seen: dict[UUID, None] = {}
    for row, share in enumerate(typed):
        if share.invoice_id in seen:
            message = "This invoice is in the list twice."
            checks.under(SHARES, row).refuse("invoice_id", code="DUPLICATE", message=message)
        seen[share.invoice_id] = None
    checks.done()
    if invoice_id is not None and invoice_id not in seen:
        raise NotFound  # whatever it is: it is none of these
    return list(seen) if invoice_id is None else [invoice_id, *(one for one in seen if one != invoice_id)]


def read(
    checks: Checks, typed: Sequence[OutsideShareInput] | None, currency: Currency
) -> dict[UUID, int] | None:
    """The shares that were typed, None where one invoice takes all there is; what is wrong is noted."""
    if typed is None:
        return None
    shares = {}
    for row, share in enumerate(typed):
        at, problems = checks.under(SHARES, row), len(checks.problems)
        amount = read_amount(at, "amount", share.amount, currency, required=True)
        if not amount.minor and len(checks.problems) == problems:
            at.refuse("amount", code="NOT_POSITIVE", message="Enter an amount above zero.")
        shares[share.invoice_id] = amount.minor
    return shares


def within(
    invoices: Collection[Invoice], amount: Money, shares: Mapping[UUID, int] | None, *, keep_rest: bool
) -> Mapping[UUID, int]:
    """The shares, if each invoice has that much left and together they are the amount, or less of it whose
    rest is to be kept.

    The invoices are locked and open. Refuses LessIsLeft, and at ("amount",) OTHER_TOTAL.
    """
    left = {one.id: Money(invoice_balances.left_minor(one), one.currency) for one in invoices}
    if shares is None:
        ((only, rest),) = left.items()
        shares = {only: min(amount.minor, rest.minor) if keep_rest else amount.minor}
    for one in invoices:
        if shares[one.id] > left[one.id].minor:
            raise LessIsLeft(one, left[one.id])
    total = Money(sum(shares.values()), amount.currency)
    if total > amount:
        message = say(
            "The invoices come to {total}, which is more than the {amount} that came in.",
            total=total, amount=amount,
        )  # fmt: skip
        raise Invalid.at("amount", code="OTHER_TOTAL", message=message)
    if total < amount and not keep_rest:
        message = say(
            "{rest} of it is for no invoice. Share that out too, or keep it as the customer's credit.",
            rest=amount - total,
        )  # fmt: skip
        raise Invalid.at("amount", code="OTHER_TOTAL", message=message)
    return shares

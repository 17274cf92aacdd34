"""Payments as a CSV file: its columns, and the right to take them out.

Surprise: whoever may read payments may take them out, at both doors. What the gateway calls a payment is the
partner's to know, so a company's own file has no such column.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from auth.actors import Action
from billing.csv_out import Cell
from billing.declines import why_failed
from billing.exports import Export

EXPORT = Export("payment", Action.VIEW_PAYMENTS)
# So many at a time, each with the 200 invoices that one may be for: what one document may cost.
PAGE = 10
_COLUMNS = (
    "Payment id", "Customer", "Status", "Started", "Settled", "Currency", "Amount", "Method", "Last four",
    "Asked for by", "Invoices", "Amounts by invoice", "Why it failed",
)  # fmt: skip
REFERENCE = "Reference"


def columns(*, staffs: bool) -> Sequence[str]:
    """What stands above the cells."""
    return (*_COLUMNS, REFERENCE) if staffs else _COLUMNS


def rows_of(*, staffs: bool) -> Callable[[Mapping[str, Any]], list[Cell]]:
    """Makes a payment, as the API tells of it, into the cells of `columns`."""

    def row(payment: Mapping[str, Any]) -> list[Cell]:
        method, amount = payment["paymentMethod"], payment["amount"]
        shares = _shares(payment)
        cells: list[Cell] = [
            payment["id"], payment["customer"]["company"], payment["status"], payment["createdAt"],
            payment["settledAt"], amount["currency"], Decimal(amount["amount"]), method["brand"],
            method["last4"], payment["askedByKind"], ", ".join(shares), ", ".join(shares.values()),
            why_failed(payment["failureCode"], payment["failureMessage"], staff=staffs),
        ]  # fmt: skip
        return [*cells, payment["gatewayRef"]] if staffs else cells

    return row


def _shares(payment: Mapping[str, Any]) -> dict[str, str]:
    """Amounts by the numbers of the invoices. A list of the API ends at a hundred: it came from both ends."""
    both = [*payment["firsts"]["nodes"], *payment["lasts"]["nodes"]]
    return {share["invoice"]["number"]: share["amount"]["amount"] for share in both}

"""Payments from outside as a CSV file: its columns, and the right to take them out.

Surprise: whoever may read them may take them out, at both doors; the partner's notes are in its own file
only.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from auth.actors import Action
from billing.csv_out import Cell
from billing.exports import Export

EXPORT = Export("outside_payment", Action.VIEW_PAYMENTS)
# So many at a time, each with the 100 invoices that one may be for: what one document may cost.
PAGE = 20
_COLUMNS = (
    "Payment id", "Customer", "Invoice", "Received", "How it came", "Reference", "Currency", "Amount",
    "Status", "Recorded", "Taken back", "Why it was taken back", "Amounts by invoice", "Kept as credit",
)  # fmt: skip
NOTE = "Note"


def columns(*, staffs: bool) -> Sequence[str]:
    """What stands above the cells."""
    return (*_COLUMNS, NOTE) if staffs else _COLUMNS


def rows_of(*, staffs: bool) -> Callable[[Mapping[str, Any]], list[Cell]]:
    """Makes a payment, as the API tells of it, into the cells of `columns`."""

    def row(payment: Mapping[str, Any]) -> list[Cell]:
        amount, back = payment["amount"], payment["reversedAt"]
        shares = payment["allocations"]["nodes"]
        cells: list[Cell] = [
            payment["id"], payment["customer"]["company"],
            ", ".join(one["invoice"]["number"] for one in shares),
            payment["receivedOn"], payment["kind"], payment["reference"], amount["currency"],
            Decimal(amount["amount"]), "REVERSED" if back else "RECEIVED", payment["createdAt"], back,
            payment["reversalReason"], ", ".join(one["amount"]["amount"] for one in shares),
            Decimal(payment["kept"]["amount"]),
        ]  # fmt: skip
        return [*cells, payment["note"]] if staffs else cells

    return row

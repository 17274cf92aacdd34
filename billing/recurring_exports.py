"""Recurring invoices as a CSV file: its columns, and the right to take them out.

Surprise: whoever may read them may take them out, as with invoices; a customer's users read none.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from auth.actors import Action
from billing.csv_out import Cell
from billing.exports import Export

EXPORT = Export("recurring_invoice", Action.VIEW_INVOICES)
COLUMNS = (
    "Recurring invoice id", "Customer", "Repeats", "Currency", "Total", "Status", "Frequency", "Every days",
    "Next", "Last day", "At most", "Made", "Sent by itself", "Not made because", "Ordered by", "Created",
)  # fmt: skip


def row(order: Mapping[str, Any]) -> list[Cell]:
    """A recurring invoice, as the API tells of it, in the order of `COLUMNS`."""
    repeats = order["invoice"]
    return [
        order["id"], order["customer"]["company"], repeats["number"] or repeats["id"],
        repeats["total"]["currency"], Decimal(repeats["total"]["amount"]), order["status"],
        order["frequency"], order["everyDays"], order["nextOn"], order["endsOn"], order["maxCount"],
        order["madeCount"], "yes" if order["autoSend"] else "no", order["refusal"], order["createdBy"],
        order["createdAt"],
    ]  # fmt: skip

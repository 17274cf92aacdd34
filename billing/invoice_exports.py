"""Invoices as a CSV file: its columns, and the right to take them out.

Surprise: whoever may read invoices may take them out, at both doors. The file is made of what the API tells
of an invoice, and a company's own people find their own in it and nothing of the partner's notes.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from auth.actors import Action
from billing.csv_out import Cell
from billing.exports import Export

EXPORT = Export("invoice", Action.VIEW_INVOICES)
COLUMNS = (
    "Invoice id", "Number", "Customer", "Status", "Issued", "Due", "Currency", "Net", "Tax", "Total", "Paid",
    "Credited", "Balance", "PO number", "Memo", "Tags", "Sent", "Paid at", "Created", "Last changed",
)  # fmt: skip


def row(invoice: Mapping[str, Any]) -> list[Cell]:
    """An invoice, as the API tells of it, in the order of `COLUMNS`."""
    names = ("net", "tax", "total", "paid", "credited", "balance")
    amounts = (Decimal(invoice[name]["amount"]) for name in names)
    return [
        invoice["id"], invoice["number"], invoice["customer"]["company"], invoice["shownStatus"],
        invoice["issueOn"], invoice["dueOn"], invoice["currency"], *amounts, invoice["poNumber"],
        invoice["memo"], ", ".join(tag["name"] for tag in invoice["tags"]), invoice["sentAt"],
        invoice["paidAt"], invoice["createdAt"], invoice["updatedAt"],
    ]  # fmt: skip

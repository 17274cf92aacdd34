"""Credit notes as a CSV file: its columns, and the right to take them out.

Surprise: as with invoices, whoever may read them may take them out, and the file is made of what the API
tells of a note.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from auth.actors import Action
from billing.csv_out import Cell
from billing.exports import Export

EXPORT = Export("credit_note", Action.VIEW_INVOICES)
COLUMNS = (
    "Credit note id", "Number", "Customer", "Invoice", "Issued", "Currency", "Net", "Tax", "Total",
    "Off the invoice", "Kept as credit", "Reason", "Created",
)  # fmt: skip


def row(note: Mapping[str, Any]) -> list[Cell]:
    """A credit note, as the API tells of it, in the order of `COLUMNS`."""
    amounts = (Decimal(note[name]["amount"]) for name in ("net", "tax", "total", "applied", "kept"))
    return [
        note["id"], note["number"], note["customer"]["company"], note["invoice"]["number"], note["issueOn"],
        note["currency"], *amounts, note["reason"], note["createdAt"],
    ]  # fmt: skip

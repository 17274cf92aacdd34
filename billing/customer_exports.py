"""Customers as a CSV file: its columns, and the right to take them out.

Surprise: a row is made of what the API tells of a customer, so the file can hold nothing that its reader may
not see.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from auth.actors import Action
from billing.addresses import Country
from billing.csv_out import Cell
from billing.exports import Export
from billing.tax_ids import display_tax_id

COLUMNS = (
    "Customer id", "Company", "Legal name", "Tax ID", "Address", "Address line 2", "City", "State/Province",
    "ZIP/Postal code", "Country", "Status", "Currency", "Balance", "Overdue", "Tags", "Terms (days)",
    "Time zone", "External id", "Added", "Last changed",
)  # fmt: skip


EXPORT = Export("customer", Action.EXPORT_CUSTOMERS)


def row(customer: Mapping[str, Any]) -> list[Cell]:
    """A customer, as the API tells of it, in the order of `COLUMNS`."""
    tax_id = customer["taxId"]
    return [
        customer["id"], customer["company"], customer["legalName"],
        display_tax_id(tax_id, Country(customer["country"])) if tax_id else None,
        customer["address"], customer["address2"], customer["city"], customer["state"],
        customer["postalCode"], customer["country"], customer["status"], customer["currency"],
        Decimal(customer["balance"]["amount"]), Decimal(customer["overdue"]["amount"]),
        ", ".join(tag["name"] for tag in customer["tags"]), customer["termsDays"], customer["timeZone"],
        customer["externalId"], customer["createdAt"], customer["updatedAt"],
    ]  # fmt: skip

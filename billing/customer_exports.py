"""Customers as a CSV file: its columns, and the log of who took what out.

Surprise: an export is written down twice, when it begins (with what was asked for) and when it is whole (with
its number of rows), so that one broken off half way has left a trace too.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlmodel import Session

from auth import audit
from auth.actors import Action, Actor
from billing.addresses import Country
from billing.csv_out import Cell
from billing.tax_ids import display_tax_id

COLUMNS = (
    "Customer id", "Company", "Legal name", "EIN", "Address", "Address line 2", "City", "State/Province",
    "ZIP/Postal code", "Country", "Status", "Currency", "Balance", "Overdue", "Tags", "Terms (days)",
    "Time zone", "External id", "Added", "Last changed",
)  # fmt: skip


def begin(
    db: Session, actor: Actor, *, asked: Mapping[str, str], chosen: Sequence[str] = (), now: datetime
) -> Actor:
    """Write down that an export begins: `asked` is the filter, `chosen` the ids of single ones.

    Gives back the actor, for `finish`. Refuses whoever may not export customers.
    """
    actor.require(Action.EXPORT_CUSTOMERS)
    what = {"chosen": list(chosen)} if chosen else {"filter": _said(asked)}
    _record(db, actor, "customer.export_started", now, what)
    return actor


def finish(db: Session, actor: Actor, *, rows: int, now: datetime) -> None:
    """Write down that an export of so many rows went out whole."""
    actor.require(Action.EXPORT_CUSTOMERS)
    _record(db, actor, "customer.exported", now, {"rows": rows})


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


def _said(asked: Mapping[str, str]) -> str:
    return ", ".join(f"{name}: {text}" for name, text in asked.items()) or "all"


def _record(db: Session, actor: Actor, action: str, now: datetime, what: Mapping[str, Any]) -> None:
    audit.record(db, actor, action=action, subject_kind="customer", subject_id=None, now=now, **what)

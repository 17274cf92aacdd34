"""Imports, carried through by the worker: one batch after the other, each its own transaction.

Surprise: nothing is remembered here between two batches. Whoever runs it next, after a kill say, finds in the
database how far it came.
"""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from billing import customer_import_rows, invoice_import_rows
from db.session import Database


def import_customers(
    database: Database, *, partner_id: UUID, import_id: UUID, clock: Callable[[], datetime]
) -> None:
    """Do what is left of a stage of an import of customers. Running it again changes nothing."""
    _carry_through(customer_import_rows.step, database, partner_id, import_id, clock)


def import_invoices(
    database: Database, *, partner_id: UUID, import_id: UUID, clock: Callable[[], datetime]
) -> None:
    """Do what is left of a stage of an import of invoices. Running it again changes nothing."""
    _carry_through(invoice_import_rows.step, database, partner_id, import_id, clock)


def _carry_through(
    step: Callable[..., bool], database: Database, partner_id: UUID, import_id: UUID,
    clock: Callable[[], datetime],
) -> None:  # fmt: skip
    more = True
    while more:
        with database.transaction(partner_id=partner_id) as db:
            more = step(db, partner_id, import_id=import_id, now=clock())

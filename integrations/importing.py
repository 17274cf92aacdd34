"""Imports of customers, carried through by the worker: one batch after the other, each its own transaction.

Surprise: nothing is remembered here between two batches. Whoever runs it next, after a kill say, finds in the
database how far it came.
"""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from billing import customer_import_rows
from db.session import Database


def import_customers(
    database: Database, *, partner_id: UUID, import_id: UUID, clock: Callable[[], datetime]
) -> None:
    """Do what is left of the import's stage. Running it again changes nothing."""
    while True:
        with database.transaction(partner_id=partner_id) as db:
            more = customer_import_rows.step(db, partner_id, import_id=import_id, now=clock())
        if not more:
            return

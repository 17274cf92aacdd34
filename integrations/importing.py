"""Imports, carried through by the worker: one batch after the other, each its own transaction.

Surprise: while the database writes a batch down, the next one is read and checked already. Nothing hangs on
that: a batch is only taken as it was checked if the import still stands where it did, and whoever runs it
next, after a kill say, finds in the database how far it came.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from billing import customer_import_rows, invoice_import_rows
from billing.import_batches import Batches
from billing.import_files import Judged
from db.session import Database


def import_customers(
    database: Database, *, partner_id: UUID, import_id: UUID, clock: Callable[[], datetime]
) -> None:
    """Do what is left of a stage of an import of customers. Running it again changes nothing."""
    _carry_through(customer_import_rows.BATCHES, database, partner_id, import_id, clock)


def import_invoices(
    database: Database, *, partner_id: UUID, import_id: UUID, clock: Callable[[], datetime]
) -> None:
    """Do what is left of a stage of an import of invoices. Running it again changes nothing."""
    _carry_through(invoice_import_rows.BATCHES, database, partner_id, import_id, clock)


def _carry_through(
    rows: Batches[Any], database: Database, partner_id: UUID, import_id: UUID, clock: Callable[[], datetime]
) -> None:
    """With two connections at most: one writes, one reads ahead while there is something to check."""

    def step(ahead: Judged | None) -> bool:
        with database.transaction(partner_id=partner_id) as db:
            return rows.step(db, partner_id, import_id=import_id, now=clock(), ahead=ahead)

    def look(after: int | None) -> Judged | None:
        with database.transaction(partner_id=partner_id) as db:
            return rows.look_ahead(db, partner_id, import_id=import_id, after=after, now=clock())

    ahead = look(None)
    with ThreadPoolExecutor(1) as writer:
        while ahead is not None:
            writing = writer.submit(partial(step, ahead))
            ahead = look(ahead.reached)
            if not writing.result():
                return
    while step(None):
        pass

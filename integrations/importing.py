"""Imports of customers, carried through by the worker: one batch after the other, each its own transaction.

Surprise: nothing is remembered here between two batches. Whoever runs it next, after a kill say, finds in the
database how far it came.
"""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from auth.actors import system
from billing import customer_import_rows, customer_imports
from db.session import Database

_log = structlog.get_logger(__name__)


def import_customers(
    database: Database, *, partner_id: UUID, import_id: UUID, clock: Callable[[], datetime]
) -> None:
    """Do what is left of the import's stage. Running it again changes nothing."""
    while True:
        with database.transaction(partner_id=partner_id) as db:
            more = customer_import_rows.step(db, partner_id, import_id=import_id, now=clock())
        if not more:
            return


def clear_imports(database: Database, *, now: datetime) -> int:
    """Delete the rows of imports older than 30 days, partner by partner; how many imports."""
    with database.transaction() as db:
        partner_ids = list(db.scalars(text("select partner_ids()")))
    count = 0
    for partner_id in partner_ids:
        try:
            with database.transaction(partner_id=partner_id) as db:
                count += customer_imports.clear_old(db, system(partner_id), now=now)
        except SQLAlchemyError:
            _log.exception("imports not cleared", partner=str(partner_id))
    return count

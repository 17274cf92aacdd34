"""The reminder of open invites, partner by partner.

Surprise: each partner has a transaction of its own: what goes wrong with one is not in the way of others,
and is tried again at the next run.
"""

from datetime import datetime

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from auth.actors import system
from billing import invite_reminders
from db.session import Database

_log = structlog.get_logger(__name__)


def remind_invites(database: Database, *, now: datetime) -> int:
    """Queue all reminders that are due; how many. Running it again changes nothing."""
    with database.transaction() as db:
        partner_ids = list(db.scalars(text("select partner_ids()")))
    count = 0
    for partner_id in partner_ids:
        try:
            with database.transaction(partner_id=partner_id) as db:
                count += invite_reminders.remind(db, system(partner_id), now=now)
        except SQLAlchemyError:
            _log.exception("invites not reminded of", partner=str(partner_id))
    return count

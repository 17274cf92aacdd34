"""Telling the other side of a conversation, by the worker."""

from datetime import datetime
from uuid import UUID

from billing import thread_mails
from db.session import Database


def announce(database: Database, *, partner_id: UUID, message_id: UUID, now: datetime) -> int:
    """Queue the mails about one message; how many. Running it again changes nothing."""
    with database.transaction(partner_id=partner_id) as db:
        return thread_mails.announce(db, partner_id=partner_id, message_id=message_id, now=now)

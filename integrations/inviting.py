"""Mailing an address once more what it was invited to, by the worker."""

from datetime import datetime
from uuid import UUID

from auth import asked_invites
from billing import pending_invites
from db.session import Database
from errors import Conflict, Limited


def send_waiting(database: Database, *, partner_id: UUID, invite_id: UUID, now: datetime) -> int:
    """Queue the mails of all invites that wait for the address of this one; how many.

    What was revoked, closed or asked for too often meanwhile is left out, the others still go.
    """
    with database.transaction(partner_id=partner_id) as db:
        found = asked_invites.waiting_with(db, partner_id=partner_id, invite_id=invite_id)
    sent = 0
    for waiting in found:
        try:
            with database.transaction(partner_id=waiting.partner_id) as db:
                sent += pending_invites.send_again(
                    db, partner_id=waiting.partner_id, invite_id=waiting.invite_id, now=now
                )
        except (Conflict, Limited):
            continue
    return sent

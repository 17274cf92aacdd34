"""Invites that the invited asks for once more, because the mail was lost or its link is too old.

Surprise: whoever asks shows nothing, so nothing is shown to them: each asking is the same statements and the
same job, with ids nobody has for an address that no invite waits for (GUARANTEES B-4). The mail goes to the
invited address alone.
"""

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from auth import throttle
from auth.invites import Invite
from auth.throttle import Limit
from auth.tokens import digest_of
from db.columns import new_id
from db.session import defer

ADDRESS = Limit("invite asked address", 10, timedelta(minutes=5))


class Waiting(NamedTuple):
    """An invite that nobody has accepted yet, and whose tenant it is."""

    partner_id: UUID
    invite_id: UUID


def for_address(db: Session, *, email_key: str, has_account: bool) -> None:
    """Have what waits for the address mailed once more; nothing for who has an account to sign in with."""
    waiting = waiting_for(db, email_key=email_key)
    _defer(db, waiting[0] if waiting and not has_account else None)


def for_link(db: Session, *, token: str, address: str, now: datetime) -> None:
    """The same for whoever the invite behind this link was for, alive or dead; account or not.

    A link that was none is answered alike. Refuses TooMany per IP `address`.
    """
    throttle.count_all(db, [throttle.bucket_of(db, ADDRESS, throttle.network_of(address))], now=now)
    found = db.execute(
        text("select partner_id, invite_id from find_invite(:hash)"), {"hash": digest_of(token)}
    ).one_or_none()
    _defer(db, None if found is None else Waiting(*found))


def waiting_with(db: Session, *, partner_id: UUID, invite_id: UUID) -> list[Waiting]:
    """All that waits for the address of this invite, at any partner; none for an id nobody has.

    For the worker, which entered the invite's partner.
    """
    invite = db.get(Invite, (partner_id, invite_id))
    return [] if invite is None else waiting_for(db, email_key=invite.email_key)


def waiting_for(db: Session, *, email_key: str) -> list[Waiting]:
    """What waits for an address, the newest first: ids only."""
    found = db.execute(
        text("select partner_id, invite_id from find_waiting_invites(:key)"), {"key": email_key}
    )
    return [Waiting(*row) for row in found]


def _defer(db: Session, waiting: Waiting | None) -> None:
    partner_id, invite_id = waiting or Waiting(new_id(), new_id())
    defer(db, "send_waiting_invites", partner_id=partner_id, invite_id=invite_id)

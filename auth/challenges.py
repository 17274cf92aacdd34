"""Challenges: what an authenticator signs so that its answer is good once, here, in this browser, now.

Surprise: nobody is known when signing in begins, so the table is behind two functions, and using a challenge
deletes it: of many at once with the same answer one finds it. What the browser holds is kept as digests only.
"""

import secrets
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Field, Session, SQLModel

from auth import throttle
from auth.throttle import Limit
from auth.tokens import keyed_digest
from db.columns import instant
from db.policies import Guard, guarded
from languages import mark

LIFE = timedelta(minutes=5)
ADDRESS = Limit("passkey challenge", 60, timedelta(minutes=5), mark("Too many tries. Wait five minutes."))
# Pages that are only opened, which nobody's pressing of a button should have to wait for.
UNASKED = Limit("passkey suggestion", 60, timedelta(minutes=5), ADDRESS.message)
_BYTES = 32


class Use(StrEnum):
    """What the answer may do. A challenge made for one use is none for another."""

    ADD = "ADD"
    SIGN_IN = "SIGN_IN"
    SECOND_STEP = "SECOND_STEP"
    STEP_UP = "STEP_UP"
    INVITE = "INVITE"


class Challenge(SQLModel, table=True):
    """One that waits for its answer. `browser_hash` binds it to a use and to who asked for it."""

    __tablename__ = "passkey_challenge"
    __table_args__ = (guarded(Guard.GLOBAL),)

    challenge_hash: bytes = Field(primary_key=True)
    browser_hash: bytes
    about: UUID
    expires_at: datetime = instant(index=True)


def issue(
    db: Session,
    *,
    use: Use,
    browser: str,
    about: UUID,
    address: str,
    limit: Limit = ADDRESS,
    now: datetime,
) -> bytes:
    """A new challenge for `browser` (an id of its session, or from before any), about a person perhaps to be.

    Refuses TooMany per network.
    """
    throttle.count_all(db, [throttle.bucket_of(db, limit, throttle.network_of(address))], now=now)
    challenge = secrets.token_bytes(_BYTES)
    db.execute(
        text("select issue_challenge(:challenge, :browser, :about, :now, :expires)"),
        {
            "challenge": keyed_digest(db, "passkey challenge", challenge.hex()),
            "browser": _browser(db, use, browser), "about": about, "now": now,
            "expires": now.astimezone(UTC) + LIFE,
        },
    )  # fmt: skip
    return challenge


def use_up(db: Session, challenge: bytes, *, use: Use, browser: str, now: datetime) -> UUID | None:
    """Whom the challenge is about, once; None for one that was used, is over, or was never given to it."""
    about: UUID | None = db.execute(
        text("select use_challenge(:challenge, :browser, :now)"),
        {
            "challenge": keyed_digest(db, "passkey challenge", challenge.hex()),
            "browser": _browser(db, use, browser), "now": now,
        },
    ).scalar_one()  # fmt: skip
    return about


def _browser(db: Session, use: Use, browser: str) -> bytes:
    return keyed_digest(db, "passkey browser", use.value, browser)

"""Signing in with a mailed code: instead of a password, or after it in a browser not seen before.

Surprise: it shows who reads the mail and nothing else. Whoever has a second factor is asked for it after the
code too, so a stolen mailbox alone opens no account that has one (GUARANTEES B-6).
"""

from datetime import datetime

from sqlalchemy import text
from sqlmodel import Session

from auth import mailed_codes, pending, second_factors, sessions
from auth.audit import record_personal
from auth.mailed_codes import CodePurpose
from auth.pending import Halfway
from auth.sessions import SignedIn
from auth.tokens import digest_of


def finish(
    db: Session,
    *,
    token: str,
    code: str,
    address: str,
    agent: str,
    device_token: str | None = None,
    replaces: bytes | None = None,
    now: datetime,
) -> SignedIn | Halfway | None:
    """Sign in whoever was mailed this code in this browser; half a sign-in if they have a second factor.

    None when the code is wrong: commit, then say so. Refuses TooMany. `replaces` as in signin.finish.
    """
    reader = mailed_codes.read(db, token=token, code=code, address=address, agent=agent, now=now)
    if reader is None:
        return None
    user_id = reader.user_id
    device = db.execute(
        text("select device_id, user_id from find_device(:hash)"), {"hash": digest_of(device_token or "")}
    ).one_or_none()
    device_id = device.device_id if device is not None and device.user_id == user_id else None
    if second_factors.has_any(db, user_id=user_id):
        return pending.begin(db, user_id=user_id, device_id=device_id, now=now)
    # The person reads the mail in this browser: from now on it is known.
    signed_in = sessions.begin(
        db, user_id=user_id, device_id=device_id, address=address, agent=agent, replaces=replaces, now=now
    )
    if reader.purpose is CodePurpose.DEVICE:
        action = "device.confirmed"
        record_personal(db, user_id=user_id, action=action, address=address, agent=agent, now=now)
    record_personal(db, user_id=user_id, action="sign_in", address=address, agent=agent, now=now)
    return signed_in

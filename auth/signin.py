"""Signing in with a password, and the acts that ask for the password again.

Surprise: it takes three steps, because hashing is slow and counting must be committed before it: `begin`
(a transaction: counts the try), `check` (no transaction: hashes, in the door's HashingPool), `finish` (a
transaction: the session). What is wrong is not told apart, nor does it take other work (GUARANTEES B-4):
an unknown address, an invited or disabled person, and a wrong password run the same statements.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text, update
from sqlmodel import Session, col, select

from auth import mailed_codes, pending, personal_tokens, second_factors, sessions, throttle, users
from auth.audit import record_personal
from auth.emails import normal_form
from auth.mailed_codes import Mailed
from auth.passwords import NewPassword, verify, verify_nothing
from auth.pending import Halfway
from auth.personal_tokens import Purpose
from auth.sessions import SignedIn
from auth.throttle import Bucket, Limit
from auth.tokens import digest_of
from auth.users import User
from db.columns import new_id
from db.session import defer, enter
from errors import Unauthenticated
from languages import mark

_FIVE_MINUTES = timedelta(minutes=5)
# Ten windows at most lie in any 24 hours, so that at most 100 guesses a day are hashed per account (B-3).
_SLOW = timedelta(minutes=160)
_WAIT = mark("Too many tries. Wait five minutes and try again.")
_RESET = mark("Too many tries. Use “Forgot password?”, or try again later.")
ADDRESS = Limit("sign-in address", 10, _FIVE_MINUTES, _WAIT)
# No tighter than ADDRESS today: it begins to count for itself when an operator gives a proxy more room.
PAIR = Limit("sign-in account and address", 10, _FIVE_MINUTES, _WAIT)
ACCOUNT = Limit("sign-in account", 10, _SLOW, _RESET)
DEVICE = Limit("sign-in device", 10, _FIVE_MINUTES, _WAIT)
DEVICE_SLOW = Limit("sign-in device slowly", 10, _SLOW, _RESET)


class WrongSignIn(Unauthenticated):
    """The one answer to every sign-in that fails. For doors to raise, after `finish` was committed."""

    code = "WRONG_SIGN_IN"
    message = "This e-mail address and password don't match. Try again, or choose “Forgot password?”."


@dataclass(frozen=True, slots=True)
class Attempt:
    """A counted try. `user_id` is an id nobody has if the address is unknown."""

    user_id: UUID
    password_hash: str | None = field(repr=False)
    device_id: UUID | None
    buckets: tuple[Bucket, ...]
    address: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Checked:
    """An attempt whose password was hashed and compared."""

    attempt: Attempt
    ok: bool
    new_hash: str | None = field(repr=False)


def begin(
    db: Session, *, email: str, address: str, device_token: str | None = None, now: datetime
) -> Attempt:
    """Count a try to sign in as `email` from the IP `address`, and fetch what `check` compares with.

    A browser whose device cookie is this person's is counted by itself, so that nobody else's tries keep the
    owner out. Refuses: TooMany before anything is hashed (B-3), Invalid for what is no e-mail address.
    """
    key = normal_form(email)
    found = db.execute(
        text(
            "select find_user(:key) as user_id, d.device_id, d.user_id as owner_id "
            "from (select 1) as always left join find_device(:hash) as d on true"
        ),
        {"key": key, "hash": digest_of(device_token or "")},
    ).one()
    device_id = found.device_id if found.owner_id == found.user_id else None
    buckets = _buckets(db, key, throttle.network_of(address), device_id)
    throttle.count_all(db, buckets, now=now)
    user_id = found.user_id or new_id()
    enter(db, user_id=user_id)
    stored = db.exec(
        select(User.password_hash).where(User.id == user_id, col(User.disabled_at).is_(None))
    ).one_or_none()
    return Attempt(user_id, stored, device_id, buckets, address, now)


def check(attempt: Attempt, password: str) -> Checked:
    """Hash and compare; exactly one hash unless the password is right and its hash outdated. No database."""
    stored = attempt.password_hash
    verified = verify_nothing() if stored is None else verify(password, stored)
    return Checked(attempt, verified.ok, verified.new_hash)


def finish(
    db: Session,
    checked: Checked,
    *,
    agent: str,
    replaces: bytes | None = None,
    reads_mail: bool = False,
    now: datetime,
) -> SignedIn | Halfway | Mailed | None:
    """Sign the person in, or write the failure down and give None: commit, then refuse with `WrongSignIn`.

    Whoever has a second factor gets no session yet: `pending.finish` with a code makes it. Nor does a
    customer's user in a browser not seen before: `mailed_sign_in.finish` with the mailed code makes it.
    Unless the browser `reads_mail` of theirs: it came with a mailed link. Refuses TooMany of those.

    Whoever was disabled, or changed the password, since `begin` fails too (A-8). `replaces` is the hash of
    the session cookie the browser came with; it ends.
    """
    attempt = checked.attempt
    if not _proven(db, checked, action="sign_in.failed", agent=agent, now=now):
        return None
    if second_factors.has_any(db, user_id=attempt.user_id):
        return pending.begin(db, user_id=attempt.user_id, device_id=attempt.device_id, now=now)
    if attempt.device_id is None and not reads_mail and users.confirms_browsers(db):
        return mailed_codes.confirm_browser(
            db, user_id=attempt.user_id, address=attempt.address, agent=agent, now=now
        )
    signed_in = sessions.begin(
        db, user_id=attempt.user_id, device_id=attempt.device_id, address=attempt.address, agent=agent,
        replaces=replaces, now=now,
    )  # fmt: skip
    _note(db, attempt, "sign_in", agent, now)
    return signed_in


def step_up(db: Session, checked: Checked, *, session_id: UUID, agent: str, now: datetime) -> str | None:
    """After `begin` and `check` with the own e-mail: the session's new id; None if the password was wrong."""
    if not _proven(db, checked, action="step_up.failed", agent=agent, now=now):
        return None
    _note(db, checked.attempt, "step_up", agent, now)
    return sessions.step_up(db, user_id=checked.attempt.user_id, session_id=session_id, now=now)


def change_password(
    db: Session, checked: Checked, *, session_id: UUID, new: NewPassword, agent: str, now: datetime
) -> str | None:
    """After `begin` and `check` with the old password: store the new one, end all other sessions and
    open reset links, tell by mail.

    The session's new id; None if the old password was wrong.
    """
    user_id = checked.attempt.user_id
    if not _proven(db, checked, action="password.change_failed", agent=agent, now=now):
        return None
    users.set_password(db, user_id=user_id, new=new, now=now)
    personal_tokens.kill(db, user_id=user_id, purposes=(Purpose.RESET,), now=now)
    sessions.end_all(db, user_id=user_id, but=session_id, now=now)
    event_id = _note(db, checked.attempt, "password.changed", agent, now)
    defer(db, "send_password_changed", user_id=user_id, event_id=event_id)
    return sessions.step_up(db, user_id=user_id, session_id=session_id, now=now)


def _buckets(db: Session, key: str, network: str, device_id: UUID | None) -> tuple[Bucket, ...]:
    if device_id is not None:
        return tuple(throttle.bucket_of(db, limit, key, device_id) for limit in (DEVICE, DEVICE_SLOW))
    return (
        throttle.bucket_of(db, ADDRESS, network),
        throttle.bucket_of(db, PAIR, key, network),
        throttle.bucket_of(db, ACCOUNT, key),
    )


def _proven(db: Session, checked: Checked, *, action: str, agent: str, now: datetime) -> bool:
    """Enter the person, and say whether the proof still holds; if not, write `action` down."""
    attempt = checked.attempt
    enter(db, user_id=attempt.user_id)
    if not (checked.ok and _unchanged(db, attempt)):
        _note(db, attempt, action, agent, now)
        return False
    if checked.new_hash is not None:
        mine = col(User.id) == attempt.user_id
        db.execute(update(User).where(mine).values(password_hash=checked.new_hash, updated_at=now))
    throttle.give_back(db, attempt.buckets, counted_at=attempt.at)
    return True


def _unchanged(db: Session, attempt: Attempt) -> bool:
    """Is the hash that was compared still the person's, and the person not disabled? Locks the row."""
    still = select(User.id).where(
        User.id == attempt.user_id,
        User.password_hash == attempt.password_hash,
        col(User.disabled_at).is_(None),
    )
    return db.exec(still.with_for_update(key_share=True)).one_or_none() is not None


def _note(db: Session, attempt: Attempt, action: str, agent: str, now: datetime) -> UUID:
    return record_personal(
        db, user_id=attempt.user_id, action=action, address=attempt.address, agent=agent, now=now
    )

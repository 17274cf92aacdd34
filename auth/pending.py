"""Half a sign-in: the password or mailed code was right, a second factor is still asked for.

Surprise: no session comes of it alone. It lives in the browser that typed the password or code (a cookie with
256 random bits, kept as a digest), for ten minutes, once. It dies too when the password changes or the person
is disabled meanwhile.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import UniqueConstraint, delete, text, update
from sqlmodel import Field, Session, SQLModel, col, select

from auth import passkeys, second_factors, sessions
from auth.audit import record_personal
from auth.challenges import Use
from auth.factor_tables import apps_of, passkeys_of
from auth.passkeys import Asking
from auth.sessions import SignedIn
from auth.tokens import digest_of, new_token
from auth.users import User
from db.columns import instant, key, new_id
from db.policies import Guard, guarded
from db.session import enter
from errors import Unauthenticated

LIFE = timedelta(minutes=10)


class PendingSignIn(SQLModel, table=True):
    """A right password or mailed code that waits for a second factor. `password_digest` is of the hash it was
    compared with.
    """

    __tablename__ = "pending_sign_in"
    __table_args__ = (UniqueConstraint("token_hash"), guarded(Guard.PERSONAL))

    id: UUID = key()
    user_id: UUID = Field(foreign_key="person.id", index=True)
    token_hash: bytes
    password_digest: bytes
    device_id: UUID | None = None
    created_at: datetime = instant()
    expires_at: datetime = instant()
    used_at: datetime | None = instant(default=None)


@dataclass(frozen=True, slots=True)
class Ways:
    """What the person may finish with."""

    app: bool
    passkey: bool


@dataclass(frozen=True, slots=True)
class Halfway:
    """What the browser gets instead of a session, once."""

    user_id: UUID
    token: str = field(repr=False)
    ways: Ways


class PendingOver(Unauthenticated):
    """No sign-in waits for a code in this browser (any more)."""

    code = "PENDING_OVER"
    message = "This took too long, or was finished in another tab. Sign in again with your password."


def begin(db: Session, *, user_id: UUID, device_id: UUID | None, now: datetime) -> Halfway:
    """For the entered person, whose password or mailed code was just found right.

    What is over of theirs is forgotten.
    """
    over = (col(PendingSignIn.user_id) == user_id, col(PendingSignIn.expires_at) <= now)
    db.execute(delete(PendingSignIn).where(*over))
    token, password_digest = new_token(), _password(db, user_id)
    assert password_digest is not None  # whoever signs in was seen not to be disabled, and is locked
    db.add(
        PendingSignIn(
            id=new_id(), user_id=user_id, token_hash=digest_of(token), password_digest=password_digest,
            device_id=device_id, created_at=now, expires_at=now.astimezone(UTC) + LIFE,
        )
    )  # fmt: skip
    db.flush()
    return Halfway(user_id, token, _ways(db, user_id))


def look(db: Session, *, token: str, now: datetime) -> Ways:
    """How the sign-in behind the token may be finished. Consumes nothing. Refuses `PendingOver`."""
    return _ways(db, _open(db, token, now).user_id)


def ask_passkey(db: Session, asking: Asking, *, token: str, address: str, now: datetime) -> str:
    """What the browser asks the person's authenticator, as JSON. Refuses `PendingOver`, TooMany."""
    waiting = _open(db, token, now)
    return passkeys.ask(
        db, asking, use=Use.SECOND_STEP, user_id=waiting.user_id, address=address, now=now
    )  # fmt: skip


def finish(
    db: Session,
    *,
    token: str,
    code: str,
    address: str,
    agent: str,
    replaces: bytes | None = None,
    now: datetime,
) -> SignedIn | None:
    """The session, if the code is right; None if it is wrong: commit, then say so.

    Refuses `PendingOver`, TooMany. Of many at once with right codes one wins. `replaces` as in signin.finish.
    """
    waiting = _open(db, token, now)
    way = second_factors.prove(
        db, user_id=waiting.user_id, code=code, browser_id=waiting.device_id, address=address, agent=agent,
        now=now,
    )  # fmt: skip
    return None if way is None else _sign_in(db, waiting, address, agent, replaces, now)


def finish_with_passkey(
    db: Session,
    asking: Asking,
    *,
    token: str,
    answer: str,
    address: str,
    agent: str,
    replaces: bytes | None = None,
    now: datetime,
) -> SignedIn | None:
    """As `finish`, with a passkey's answer to `ask_passkey` instead of a code."""
    waiting = _open(db, token, now)
    proved = passkeys.prove(
        db, asking, use=Use.SECOND_STEP, user_id=waiting.user_id, answer=answer, browser_id=waiting.device_id,
        address=address, agent=agent, now=now,
    )  # fmt: skip
    return _sign_in(db, waiting, address, agent, replaces, now) if proved else None


def _sign_in(
    db: Session, waiting: PendingSignIn, address: str, agent: str, replaces: bytes | None, now: datetime
) -> SignedIn:
    """The session of whoever proved the second factor. Refuses `PendingOver` if another request was first."""
    user_id = waiting.user_id
    unused = (
        col(PendingSignIn.id) == waiting.id,
        col(PendingSignIn.user_id) == user_id,
        col(PendingSignIn.used_at).is_(None),
    )
    used = update(PendingSignIn).where(*unused).values(used_at=now).returning(col(PendingSignIn.id))
    if db.execute(used).one_or_none() is None:
        raise PendingOver
    signed_in = sessions.begin(
        db, user_id=user_id, device_id=waiting.device_id, address=address, agent=agent, replaces=replaces,
        now=now,
    )  # fmt: skip
    record_personal(db, user_id=user_id, action="sign_in", address=address, agent=agent, now=now)
    return signed_in


def _ways(db: Session, user_id: UUID) -> Ways:
    return Ways(app=bool(apps_of(db, user_id=user_id)), passkey=bool(passkeys_of(db, user_id=user_id)))


def _open(db: Session, token: str, now: datetime) -> PendingSignIn:
    """What waits behind the token, its person entered."""
    found = db.execute(
        text("select pending_id, user_id from find_pending_sign_in(:hash)"), {"hash": digest_of(token)}
    ).one_or_none()
    if found is None:
        raise PendingOver
    enter(db, user_id=found.user_id)
    waiting = db.exec(select(PendingSignIn).where(PendingSignIn.id == found.pending_id)).one()
    alive = waiting.used_at is None and now < waiting.expires_at
    if not (alive and waiting.password_digest == _password(db, found.user_id)):
        raise PendingOver
    return waiting


def _password(db: Session, user_id: UUID) -> bytes | None:
    """The digest of the stored password hash, or of nothing; None for somebody disabled, who can't finish."""
    enabled = select(User).where(User.id == user_id, col(User.disabled_at).is_(None))
    user = db.exec(enabled.with_for_update(key_share=True)).one_or_none()
    return None if user is None else digest_of(user.password_hash or "")

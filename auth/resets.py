"""Password resets: e-mailed, single use, an hour long.

Surprise: asking for a reset of an unknown address does the same work, queues the same job and gives the same
answer. The job then finds nothing to send.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import UniqueConstraint, insert, literal, text, update
from sqlalchemy import select as select_columns
from sqlmodel import Field, Session, SQLModel, col, select

from auth import sessions, throttle, users
from auth.audit import record_personal, shown
from auth.emails import normal_form
from auth.passwords import NewPassword
from auth.throttle import Limit
from auth.tokens import DeadLink, digest_of, link_token, new_token, same
from auth.users import User
from db.columns import choice, instant, key, new_id
from db.policies import Guard, guarded
from db.session import defer, enter

LIFE = timedelta(hours=1)
PURPOSE = "reset"
ADDRESS = Limit("reset address", 10, timedelta(minutes=5))
RECIPIENT = Limit(
    "reset recipient", 5, timedelta(hours=1),
    "Several links were asked for. Open the newest mail, or try again in an hour.",
)  # fmt: skip


class Purpose(StrEnum):
    """What a personal link or code is good for. One made for a purpose opens nothing else."""

    RESET = "RESET"
    DEVICE = "DEVICE"


class PersonalToken(SQLModel, table=True):
    """A link or code mailed to one person. Dead once used, superseded or past `expires_at`."""

    __tablename__ = "personal_token"
    __table_args__ = (UniqueConstraint("token_hash"), guarded(Guard.PERSONAL))

    id: UUID = key()
    user_id: UUID = Field(foreign_key="person.id", index=True)
    purpose: Purpose = choice(Purpose)
    token_hash: bytes
    created_at: datetime = instant()
    expires_at: datetime = instant()
    used_at: datetime | None = instant(default=None)


@dataclass(frozen=True, slots=True)
class OpenReset:
    """What a live link is for: the person's address, and what the new password must not be made of."""

    email: str
    words: tuple[str, ...]


def begin(db: Session, *, email: str, address: str, agent: str, now: datetime) -> None:
    """Mail a link to whoever has the address `email`, if anybody; an earlier link dies.

    Nothing in the answer, the statements or the jobs tells whether somebody does (GUARANTEES B-4). Refuses:
    Invalid for what is no e-mail address; TooMany per IP `address` and per recipient, known or not.
    """
    email_key = normal_form(email)
    buckets = (
        throttle.bucket_of(db, ADDRESS, throttle.network_of(address)),
        throttle.bucket_of(db, RECIPIENT, email_key),
    )
    throttle.count_all(db, buckets, now=now)
    # An id nobody has stands for nobody: the same statements then touch no row.
    user_id, token_id = users.find(db, email_key) or new_id(), new_id()
    enter(db, user_id=user_id)
    _lock(db, user_id)
    kill_open(db, user_id=user_id, now=now)
    token_hash = digest_of(_token(db, token_id, user_id, email_key))
    row = select_columns(
        literal(token_id), col(User.id), literal(Purpose.RESET, PersonalToken.__table__.c.purpose.type),  # type: ignore[attr-defined]
        literal(token_hash), literal(now), literal(now.astimezone(UTC) + LIFE),
    ).where(col(User.id) == user_id, col(User.disabled_at).is_(None))  # fmt: skip
    columns = ["id", "user_id", "purpose", "token_hash", "created_at", "expires_at"]
    db.execute(insert(PersonalToken).from_select(columns, row))
    record_personal(db, user_id=user_id, action="password.reset_asked", address=address, agent=agent, now=now)
    defer(db, "send_reset", user_id=user_id, token_id=token_id)


def token_of(db: Session, token: PersonalToken) -> str:
    """What the link in the mail ends with. For the worker, which entered the token's person."""
    email_key = users.one(db, user_id=token.user_id).email_key
    return _token(db, token.id, token.user_id, email_key)


def look(db: Session, *, token: str, now: datetime) -> OpenReset:
    """What the link is for. Consumes nothing. Refuses `DeadLink` for every link that opens nothing."""
    user = _open(db, token, now, lock=False)[1]
    return OpenReset(user.email, users.words_of(db, user_id=user.id))


def finish(db: Session, *, token: str, new: NewPassword, address: str, agent: str, now: datetime) -> str:
    """Store the new password, end all the person's sessions, tell the person by mail.

    The token of the browser that did it, for the device cookie: it has shown that it reads the person's
    mail, so a throttled account lets it sign in. Of many at once exactly one wins; the others: `DeadLink`.
    """
    opened, user = _open(db, token, now, lock=True)
    opened.used_at = now
    db.flush()
    users.set_password(db, user_id=user.id, new=new, now=now)
    sessions.end_all(db, user_id=user.id, now=now)
    event_id = record_personal(
        db, user_id=user.id, action="password.reset", address=address, agent=agent, now=now
    )
    defer(db, "send_password_changed", user_id=user.id, event_id=event_id)
    device_token = new_token()
    users.remember_device(
        db, user_id=user.id, token_hash=digest_of(device_token), label=shown(agent), now=now
    )
    return device_token


def kill_open(db: Session, *, user_id: UUID, now: datetime) -> None:
    """Whatever link the entered person has open dies."""
    open_ones = (
        col(PersonalToken.user_id) == user_id,
        col(PersonalToken.purpose) == Purpose.RESET,
        col(PersonalToken.used_at).is_(None),
        col(PersonalToken.expires_at) > now,
    )
    db.execute(update(PersonalToken).where(*open_ones).values(expires_at=now))


def _open(db: Session, token: str, now: datetime, *, lock: bool) -> tuple[PersonalToken, User]:
    """The live reset behind the token, and its person, who is entered; with `lock`, one at a time."""
    found = db.execute(
        text("select token_id, user_id from find_personal_token(:hash)"), {"hash": digest_of(token)}
    ).one_or_none()
    if found is None:
        raise DeadLink
    enter(db, user_id=found.user_id)
    if lock:
        _lock(db, found.user_id)
    opened = db.exec(select(PersonalToken).where(PersonalToken.id == found.token_id)).one()
    user = users.one(db, user_id=found.user_id)
    alive = (
        opened.purpose is Purpose.RESET
        and opened.used_at is None
        and now < opened.expires_at
        and user.disabled_at is None
        and same(token, _token(db, opened.id, user.id, user.email_key))
    )
    if not alive:
        raise DeadLink
    return opened, user


def _token(db: Session, token_id: UUID, user_id: UUID, email_key: str) -> str:
    return link_token(db, PURPOSE, token_id, user_id, email_key)


def _lock(db: Session, user_id: UUID) -> None:
    """Whoever makes or uses a person's links comes one after the other: one live link per person."""
    db.exec(select(User.id).where(User.id == user_id).with_for_update(key_share=True)).all()

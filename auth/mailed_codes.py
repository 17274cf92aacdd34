"""Codes mailed to a person: to sign in with instead of a password, and to confirm a browser not seen before.

Surprise: the code itself is nowhere at rest. It is an HMAC over its record, the address and the browser with
the server's secret, so the mail can be written from the record, and another address makes it dead. It shows
who reads the mailbox and nothing more: it is never a second factor (GUARANTEES B-1, B-6).
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import UniqueConstraint, delete, insert, literal, text
from sqlalchemy import select as select_columns
from sqlmodel import Field, Session, SQLModel, col, select

from auth import asked_invites, throttle, users
from auth.audit import record_personal, shown
from auth.emails import normal_form
from auth.throttle import Limit
from auth.tokens import digest_of, keyed_digest, new_token, same
from auth.users import User
from db.columns import choice, instant, key, new_id
from db.policies import Guard, guarded
from db.session import defer, enter
from languages import mark

LIFE = timedelta(minutes=10)
DIGITS = 8
_OFTEN = mark("Several codes were asked for. Use the newest mail, or try again in an hour.")
ADDRESS = Limit("mailed code address", 10, timedelta(minutes=5))
RECIPIENT = Limit("mailed code recipient", 5, timedelta(hours=1), _OFTEN)
BROWSERS = Limit("browsers to confirm", 10, timedelta(hours=1), _OFTEN)
_BROWSER = "browser."
# Beyond it the code is dead: it lives no longer than the window.
TRIES = Limit("mailed code", 5, LIFE, mark("Too many wrong codes. Ask for a new one."))


class CodePurpose(StrEnum):
    """What the code is good for. One made for a purpose does nothing else."""

    SIGN_IN = "SIGN_IN"
    DEVICE = "DEVICE"


class MailedCode(SQLModel, table=True):
    """A code that waits in one browser. `password_digest` is of the hash that was compared before, if any."""

    __tablename__ = "mailed_code"
    __table_args__ = (UniqueConstraint("token_hash"), guarded(Guard.PERSONAL))

    id: UUID = key()
    user_id: UUID = Field(foreign_key="person.id", index=True)
    purpose: CodePurpose = choice(CodePurpose)
    token_hash: bytes
    password_digest: bytes | None = None
    address: str
    agent: str
    created_at: datetime = instant()
    expires_at: datetime = instant()
    used_at: datetime | None = instant(default=None)


@dataclass(frozen=True, slots=True)
class Mailed:
    """What the browser gets instead of a session, once."""

    user_id: UUID
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Read:
    """Somebody reads the mailbox of this person, in the browser that asked."""

    user_id: UUID
    purpose: CodePurpose


def begin(db: Session, *, email: str, address: str, agent: str, now: datetime) -> str:
    """Mail a code to whoever has the address `email`, if anybody. The token binds it to the browser. Whoever
    was only invited so far is mailed the invite once more instead.

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
    holder = users.find(db, email_key)
    asked_invites.for_address(db, email_key=email_key, has_account=holder is not None)
    user_id = holder or new_id()
    enter(db, user_id=user_id)
    token = _mail(db, user_id, CodePurpose.SIGN_IN, None, address, agent, now)
    record_personal(db, user_id=user_id, action="sign_in.code_asked", address=address, agent=agent, now=now)
    return token


def confirm_browser(db: Session, *, user_id: UUID, address: str, agent: str, now: datetime) -> Mailed:
    """Mail the entered person a code for a browser not seen before; their password was just found right.

    It dies when the password changes. Refuses TooMany per person: only who has the password gets here.
    """
    throttle.count_all(db, [throttle.bucket_of(db, BROWSERS, user_id)], now=now)
    password_digest = digest_of(users.one(db, user_id=user_id).password_hash or "")
    token = _mail(db, user_id, CodePurpose.DEVICE, password_digest, address, agent, now)
    record_personal(db, user_id=user_id, action="device.code_sent", address=address, agent=agent, now=now)
    return Mailed(user_id, token)


def forget(db: Session, *, user_id: UUID) -> None:
    """No code that the entered person was mailed works any more."""
    db.execute(delete(MailedCode).where(col(MailedCode.user_id) == user_id))


def is_for_browser(token: str) -> bool:
    """Does the browser confirm itself with this token, or sign in? Told by the token alone (B-4)."""
    return token.startswith(_BROWSER)


def read(db: Session, *, token: str, code: str, address: str, agent: str, now: datetime) -> Read | None:
    """Who was mailed this code in this browser; once. Their transaction is entered.

    None when the code is wrong, over or nobody's: commit, so that the try stays counted. Refuses TooMany:
    five tries a code, and per IP `address`. Of many at once with the right code one wins.
    """
    buckets = (
        throttle.bucket_of(db, ADDRESS, throttle.network_of(address)),
        throttle.bucket_of(db, TRIES, digest_of(token).hex()),
    )
    throttle.count_all(db, buckets, now=now)
    found = _found(db, token) or (new_id(), new_id())
    enter(db, user_id=found[1])
    waiting = _locked(db, *found, now)
    row, user = waiting if waiting is not None else (_nobodys(token, found, now), None)
    right = same("".join(code.split()), code_of(db, row, email_key=user.email_key if user else ""))
    if user is None or not right:
        action = "sign_in.code_failed"
        record_personal(db, user_id=found[1], action=action, address=address, agent=agent, now=now)
        return None
    row.used_at = now  # locked when it was seen to be unused
    db.flush()
    throttle.give_back(db, buckets[:1], counted_at=now)
    if row.purpose is CodePurpose.DEVICE:
        throttle.give_back(db, [throttle.bucket_of(db, BROWSERS, user.id)], counted_at=row.created_at)
    return Read(user.id, row.purpose)


def code_of(db: Session, row: MailedCode, *, email_key: str) -> str:
    """The eight digits that the mail shows."""
    bits = keyed_digest(db, "mailed code", row.id, row.user_id, email_key, row.token_hash.hex())
    return str(int.from_bytes(bits) % 10**DIGITS).zfill(DIGITS)


def _mail(
    db: Session, user_id: UUID, purpose: CodePurpose, password_digest: bytes | None, address: str, agent: str,
    now: datetime,
) -> str:  # fmt: skip
    """Keep a code of the entered person, if there is one, and have it mailed; the browser's token."""
    over = (col(MailedCode.user_id) == user_id, col(MailedCode.expires_at) <= now)
    db.execute(delete(MailedCode).where(*over))
    code_id, token = new_id(), new_token(_BROWSER if purpose is CodePurpose.DEVICE else "")
    table = MailedCode.__table__  # type: ignore[attr-defined]
    row = select_columns(
        literal(code_id), col(User.id), literal(purpose, table.c.purpose.type), literal(digest_of(token)),
        literal(password_digest, table.c.password_digest.type), literal(address), literal(shown(agent)),
        literal(now), literal(now.astimezone(UTC) + LIFE),
    ).where(col(User.id) == user_id, col(User.disabled_at).is_(None))  # fmt: skip
    columns = [
        "id", "user_id", "purpose", "token_hash", "password_digest", "address", "agent", "created_at",
        "expires_at",
    ]  # fmt: skip
    db.execute(insert(MailedCode).from_select(columns, row))
    defer(db, "send_mailed_code", user_id=user_id, code_id=code_id)
    return token


def _found(db: Session, token: str) -> tuple[UUID, UUID] | None:
    """The code behind a browser's token and whose it is. Enter the person to read on."""
    row = db.execute(
        text("select code_id, user_id from find_mailed_code(:hash)"), {"hash": digest_of(token)}
    ).one_or_none()
    return None if row is None else (row.code_id, row.user_id)


def _locked(db: Session, code_id: UUID, user_id: UUID, now: datetime) -> tuple[MailedCode, User] | None:
    """The code, if it is alive and its person not disabled; nobody changes the password meanwhile."""
    alive = (
        select(MailedCode, User)
        .join(User, col(User.id) == col(MailedCode.user_id))
        .where(
            MailedCode.id == code_id, MailedCode.user_id == user_id, col(MailedCode.used_at).is_(None),
            MailedCode.expires_at > now, col(User.disabled_at).is_(None),
        )
    )  # fmt: skip
    found = db.exec(alive.with_for_update(key_share=True)).one_or_none()
    if found is None:
        return None
    row, user = found
    if row.password_digest is not None and row.password_digest != digest_of(user.password_hash or ""):
        return None
    return row, user


def _nobodys(token: str, ids: tuple[UUID, UUID], now: datetime) -> MailedCode:
    """What a code is compared with where there is none, for equal work."""
    return MailedCode(
        id=ids[0], user_id=ids[1], purpose=CodePurpose.SIGN_IN, token_hash=digest_of(token), address="",
        agent="", created_at=now, expires_at=now,
    )  # fmt: skip

"""Links mailed to one person: single use, dead after a while, one table for every purpose.

Surprise: they belong to a person and to no tenant, so the look-up by hash is one of the closed list. What
makes a link good is its purpose: one made for a reset never changes an address.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import UniqueConstraint, text, update
from sqlmodel import Field, Session, SQLModel, col, select

from auth import users
from auth.tokens import DeadLink, digest_of, link_token, same
from auth.users import User
from db.columns import choice, instant, key
from db.policies import Guard, guarded
from db.session import enter


class Purpose(StrEnum):
    """What a personal link is good for. One made for a purpose opens nothing else."""

    RESET = "RESET"
    DEVICE = "DEVICE"
    EMAIL_CHANGE = "EMAIL_CHANGE"
    EMAIL_UNDO = "EMAIL_UNDO"


class PersonalToken(SQLModel, table=True):
    """A link mailed to one person. Dead once used, superseded or past `expires_at`.

    `email` is the address a change goes to, or which undoing one brings back; null for a reset.
    """

    __tablename__ = "personal_token"
    __table_args__ = (UniqueConstraint("token_hash"), guarded(Guard.PERSONAL))

    id: UUID = key()
    user_id: UUID = Field(foreign_key="person.id", index=True)
    purpose: Purpose = choice(Purpose)
    token_hash: bytes
    email: str | None = None
    created_at: datetime = instant()
    expires_at: datetime = instant()
    used_at: datetime | None = instant(default=None)


def derived(db: Session, *, purpose: Purpose, token_id: UUID, user_id: UUID, bound_to: str) -> str:
    """What the link ends with; `bound_to` is an address: once the record has another, the link is dead."""
    return link_token(db, purpose.value.lower(), token_id, user_id, bound_to)


def opened(
    db: Session, *, token: str, purpose: Purpose, now: datetime, lock: bool
) -> tuple[PersonalToken, User]:
    """The live link behind `token` and its person, who is entered; with `lock`, one at a time.

    Refuses `DeadLink` for unknown, used, superseded and expired ones, and those of another purpose, alike.
    """
    found = db.execute(
        text("select token_id, user_id from find_personal_token(:hash)"), {"hash": digest_of(token)}
    ).one_or_none()
    if found is None:
        raise DeadLink
    enter(db, user_id=found.user_id)
    if lock:
        users.hold(db, user_id=found.user_id)
    link = db.exec(select(PersonalToken).where(PersonalToken.id == found.token_id)).one()
    user = users.one(db, user_id=found.user_id)
    alive = (
        link.purpose is purpose
        and link.used_at is None
        and now < link.expires_at
        and user.disabled_at is None
        and same(token, token_of(db, link))
    )
    if not alive:
        raise DeadLink
    return link, user


def token_of(db: Session, link: PersonalToken) -> str:
    """What the link in the mail ends with. For whoever entered the link's person."""
    bound_to = link.email or users.one(db, user_id=link.user_id).email_key
    return derived(db, purpose=link.purpose, token_id=link.id, user_id=link.user_id, bound_to=bound_to)


def kill(db: Session, *, user_id: UUID, purposes: tuple[Purpose, ...], now: datetime) -> None:
    """Whatever links for `purposes` the entered person has open die."""
    open_ones = (
        col(PersonalToken.user_id) == user_id,
        col(PersonalToken.purpose).in_(purposes),
        col(PersonalToken.used_at).is_(None),
        col(PersonalToken.expires_at) > now,
    )
    db.execute(update(PersonalToken).where(*open_ones).values(expires_at=now))

"""Recovery codes: ten, each good once instead of the authenticator app, for whoever lost the phone.

Surprise: they are as long as tokens need to be (80 random bits), so a plain digest keeps them, and changing
the server's secret does not kill them. They are shown when they are made and never again.
"""

import re
import secrets
from base64 import b32encode
from datetime import datetime
from uuid import UUID

from sqlalchemy import UniqueConstraint, delete, func, update
from sqlmodel import Field, Session, SQLModel, col, select

from auth.tokens import digest_of
from db.columns import instant, key, new_id
from db.policies import Guard, guarded

HOW_MANY = 10
_BYTES = 10


class RecoveryCode(SQLModel, table=True):
    """One code of one person."""

    __tablename__ = "recovery_code"
    __table_args__ = (UniqueConstraint("user_id", "code_hash"), guarded(Guard.PERSONAL))

    id: UUID = key()
    user_id: UUID = Field(foreign_key="person.id")
    code_hash: bytes
    created_at: datetime = instant()
    used_at: datetime | None = instant(default=None)


def renew(db: Session, *, user_id: UUID, now: datetime) -> list[str]:
    """Ten new codes of the entered person, as they are shown; the old ones are forgotten."""
    forget(db, user_id=user_id)
    codes = [b32encode(secrets.token_bytes(_BYTES)).decode().lower() for _ in range(HOW_MANY)]
    for code in codes:
        db.add(RecoveryCode(id=new_id(), user_id=user_id, code_hash=digest_of(code), created_at=now))
    db.flush()
    return ["-".join(re.findall("....", code)) for code in codes]


def forget(db: Session, *, user_id: UUID) -> None:
    """No code of the entered person works any more."""
    db.execute(delete(RecoveryCode).where(col(RecoveryCode.user_id) == user_id))


def left(db: Session, *, user_id: UUID) -> int:
    """How many of the entered person's codes still work."""
    unused = select(func.count()).where(RecoveryCode.user_id == user_id, col(RecoveryCode.used_at).is_(None))
    return db.exec(unused).one()


def looks_like_one(code: str) -> bool:
    """Is it a recovery code rather than an app's six digits? However it is grouped or written."""
    return re.fullmatch(r"[a-z2-7]{16}", _plain(code)) is not None


def use(db: Session, *, user_id: UUID, code: str, now: datetime) -> bool:
    """Use the entered person's code up. False if it is none, or was used: of many at once one wins."""
    unused = (
        col(RecoveryCode.user_id) == user_id,
        col(RecoveryCode.code_hash) == digest_of(_plain(code)),
        col(RecoveryCode.used_at).is_(None),
    )
    used = update(RecoveryCode).where(*unused).values(used_at=now).returning(col(RecoveryCode.id))
    return db.execute(used).one_or_none() is not None


def _plain(code: str) -> str:
    return re.sub(r"[\s-]", "", code[:100]).lower()

"""The tables of second factors: authenticator apps and passkeys. Their verbs are in auth/second_factors.py
and auth/passkeys.py.

Surprise: they stand apart because each side asks for the other's: removing somebody's last app is no loss
while there is a passkey.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, UniqueConstraint
from sqlmodel import Field, Session, SQLModel, col, select

from db.columns import instant, key
from db.policies import Guard, guarded


class TotpFactor(SQLModel, table=True):
    """An authenticator app. `last_step` is the 30-second step of the latest code that was taken."""

    __tablename__ = "totp_factor"
    __table_args__ = (UniqueConstraint("user_id", "id"), guarded(Guard.PERSONAL))

    id: UUID = key()
    user_id: UUID = Field(foreign_key="person.id")
    name: str
    seed_sealed: bytes
    last_step: int = 0
    created_at: datetime = instant()
    confirmed_at: datetime | None = instant(default=None)
    used_at: datetime | None = instant(default=None)


class Passkey(SQLModel, table=True):
    """A passkey: its public half. `sign_count` is what the authenticator counted last; 0: it doesn't."""

    __tablename__ = "passkey"
    __table_args__ = (UniqueConstraint("credential_id"), guarded(Guard.PERSONAL))

    id: UUID = key()
    user_id: UUID = Field(foreign_key="person.id", index=True)
    name: str
    credential_id: bytes
    public_key: bytes
    sign_count: int = Field(sa_type=BigInteger)
    created_at: datetime = instant()
    used_at: datetime | None = instant(default=None)


def apps_of(db: Session, *, user_id: UUID) -> list[TotpFactor]:
    """The entered person's apps that count, the oldest first."""
    mine = select(TotpFactor).where(TotpFactor.user_id == user_id, col(TotpFactor.confirmed_at).is_not(None))
    return list(db.exec(mine.order_by(col(TotpFactor.created_at), col(TotpFactor.id))))


def passkeys_of(db: Session, *, user_id: UUID) -> list[Passkey]:
    """The entered person's passkeys, the oldest first."""
    mine = select(Passkey).where(Passkey.user_id == user_id)
    return list(db.exec(mine.order_by(col(Passkey.created_at), col(Passkey.id))))

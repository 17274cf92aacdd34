"""Steps of stories with a second factor: a phone, and what the doors do around the rules."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import pyotp
from sqlalchemy import Connection, text

from auth import pending, second_factors
from auth.pending import Halfway
from auth.second_factors import Way
from auth.sessions import SignedIn
from db.session import Database
from tests.auth.steps import BROWSER, HOME, sign_in
from tests.cast import Cast

STEP = timedelta(seconds=30)


@dataclass
class App:
    """Somebody's phone."""

    seed: str
    factor_id: UUID
    codes: list[str]

    def code(self, at: datetime) -> str:
        return pyotp.TOTP(self.seed).at(at)


def set_up(database: Database, user_id: UUID, now: datetime, *, name: str = "Phone") -> App:
    """An app of this person's; its first code is used up."""
    with database.transaction(user_id=user_id) as db:
        factor = second_factors.begin(db, user_id=user_id, name=name, now=now)
        seed = second_factors.seed_of(db, factor)
    with database.transaction(user_id=user_id) as db:
        codes = second_factors.confirm(
            db, user_id=user_id, code=pyotp.TOTP(seed).at(now), address=HOME, agent=BROWSER, now=now
        )
    assert codes is not None
    return App(seed, factor.id, codes)


def finish(
    database: Database, token: str, code: str, now: datetime, *, replaces: bytes | None = None
) -> SignedIn | None:
    with database.transaction() as db:
        return pending.finish(
            db, token=token, code=code, address=HOME, agent=BROWSER, replaces=replaces, now=now
        )


def prove(database: Database, user_id: UUID, code: str, now: datetime) -> Way | None:
    with database.transaction(user_id=user_id) as db:
        return second_factors.prove(
            db, user_id=user_id, code=code, address=HOME, agent=BROWSER, now=now
        )  # fmt: skip


def halfway(database: Database, cast: Cast, now: datetime, name: str = "petra") -> Halfway:
    half = sign_in(database, cast.emails[name], now)
    assert isinstance(half, Halfway)
    return half


def sessions_of(owner: Connection, user_id: UUID) -> int:
    return int(
        owner.execute(text("select count(*) from session where user_id = :id"), {"id": user_id}).scalar_one()
    )

"""Steps of stories about profiles: what the pages do around the rules, and what a mail would say."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from sqlmodel import Session, select

from auth import email_changes, personal_tokens
from auth.personal_tokens import PersonalToken, Purpose
from billing import profiles
from db.session import Database
from tests.auth.steps import BROWSER, HOME, start_session
from tests.cast import Cast

NEW = "petra@elsewhere.example"
FROM = {"address": HOME, "agent": BROWSER}


def as_person(database: Database, user_id: UUID | None, work: Callable[[Session], object]) -> object:
    assert user_id is not None
    with database.transaction(user_id=user_id) as db:
        return work(db)


def describe(database: Database, cast: Cast, now: datetime, **given: str) -> None:
    typed = {"name": "Petra", "time_zone": "", "locale": "", **given}
    as_person(database, cast.petra.user_id, lambda db: profiles.describe(
        db, user_id=cast.petra.user_id, now=now, **FROM, **typed  # type: ignore[arg-type]
    ))  # fmt: skip


def begin(database: Database, cast: Cast, now: datetime, email: str = NEW, who: str = "petra") -> None:
    user_id = getattr(cast, who).user_id
    as_person(database, user_id, lambda db: email_changes.begin(
        db, user_id=user_id, email=email, now=now, **FROM
    ))  # fmt: skip


def mailed(database: Database, cast: Cast, purpose: Purpose, who: str = "petra") -> str:
    """The token in the newest mail for this purpose."""

    def read(db: Session) -> str:
        wanted = select(PersonalToken).where(PersonalToken.purpose == purpose)
        return personal_tokens.token_of(db, db.exec(wanted).all()[-1])

    token = as_person(database, getattr(cast, who).user_id, read)
    assert isinstance(token, str)
    return token


def confirm(database: Database, cast: Cast, token: str, now: datetime, who: str = "petra") -> None:
    user_id = getattr(cast, who).user_id
    session = start_session(database, user_id, now)
    as_person(database, user_id, lambda db: profiles.confirm_email(
        db, token=token, user_id=user_id, session_id=session.session_id, now=now, **FROM
    ))  # fmt: skip


def undo(database: Database, token: str, now: datetime) -> None:
    with database.transaction() as db:
        profiles.undo_email(db, token=token, now=now, **FROM)


def changed(database: Database, cast: Cast, now: datetime) -> tuple[str, str]:
    """Petra's address is changed; the two links that did it and could undo it."""
    begin(database, cast, now)
    links = (mailed(database, cast, Purpose.EMAIL_CHANGE), mailed(database, cast, Purpose.EMAIL_UNDO))
    confirm(database, cast, links[0], now)
    return links

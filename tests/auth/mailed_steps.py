"""Steps of stories with mailed codes: what the doors do around the rules, and a mailbox to look into."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, text
from sqlmodel import select

from auth import mailed_codes, mailed_sign_in
from auth.mailed_codes import MailedCode
from auth.pending import Halfway
from auth.sessions import SignedIn
from auth.tokens import digest_of
from auth.users import User
from db.session import Database
from tests.auth.steps import BROWSER, HOME


def ask(database: Database, email: str, now: datetime, *, address: str = HOME) -> str:
    """The token of the browser that asked."""
    with database.transaction() as db:
        return mailed_codes.begin(db, email=email, address=address, agent=BROWSER, now=now)


def mailed(database: Database, owner: Connection, token: str) -> str | None:
    """What the mail says to whoever asked in the browser with this token; None: there is none to send."""
    asked = text("select id, user_id from mailed_code where token_hash = :hash")
    row = owner.execute(asked, {"hash": digest_of(token)}).one_or_none()
    return None if row is None else code_in(database, row.id, row.user_id)


def code_in(database: Database, code_id: UUID, user_id: UUID) -> str:
    with database.transaction(user_id=user_id) as db:
        code = db.exec(select(MailedCode).where(MailedCode.id == code_id)).one()
        user = db.exec(select(User).where(User.id == user_id)).one()
        return mailed_codes.code_of(db, code, email_key=user.email_key)


def finish(
    database: Database,
    token: str,
    code: str,
    now: datetime,
    *,
    address: str = HOME,
    device_token: str | None = None,
    replaces: bytes | None = None,
) -> SignedIn | Halfway | None:
    with database.transaction() as db:
        return mailed_sign_in.finish(
            db, token=token, code=code, address=address, agent=BROWSER, device_token=device_token,
            replaces=replaces, now=now,
        )  # fmt: skip


def other_than(code: str) -> str:
    """A code of the same shape that is wrong."""
    return f"{(int(code) + 1) % 10**mailed_codes.DIGITS:0{mailed_codes.DIGITS}}"

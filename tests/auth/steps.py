"""Steps that many stories of identity share: what a door does around the rules, and nothing more."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from passlib.hash import argon2
from sqlalchemy import Connection, text
from sqlmodel import select

from auth import (
    accepting,
    mailed_codes,
    mailed_sign_in,
    memberships,
    personal_tokens,
    resets,
    sessions,
    signin,
)
from auth.accepting import Accepted
from auth.actors import Actor
from auth.emails import parse_email
from auth.invites import Invite, token_of
from auth.mailed_codes import Mailed, MailedCode
from auth.memberships import Role
from auth.passwords import NewPassword
from auth.personal_tokens import PersonalToken
from auth.sessions import Door, SignedIn, Visit
from auth.tokens import digest_of
from auth.users import User
from db.session import Database, enter
from tests.cast import PASSWORD, PASSWORD_HASH

NEW_PASSWORD = "gravel-otter-mislaid-42"
# PASSWORD, hashed long ago: making a hash in each test would show nothing more.
CHOSEN = NewPassword(PASSWORD_HASH)
HOME, BROWSER = "203.0.113.7", "Firefox"


@dataclass
class Newcomer:
    """Somebody who was invited, and what the mail would say."""

    membership_id: UUID
    invite_id: UUID
    email: str
    token: str = field(repr=False)


def weak_hash(password: str) -> str:
    """As it was stored when the policy asked for less."""
    return str(argon2.using(type="ID", memory_cost=8192, time_cost=1, parallelism=1).hash(password))


def invite(
    database: Database,
    actor: Actor,
    *,
    customer_id: UUID | None,
    email: str = "nia@acme.example",
    name: str = "Nia",
    role: Role | None = Role.PAYER,
    now: datetime,
) -> Newcomer:
    with database.transaction(partner_id=actor.partner_id, customer_id=actor.customer_id) as db:
        membership, issued = memberships.add(
            db, actor, customer_id=customer_id, name=name, email=parse_email(email), role=role, now=now
        )
        return Newcomer(membership.id, issued.id, email, token_of(db, issued))


def token_of_invite(database: Database, issued: Invite) -> str:
    with database.transaction(partner_id=issued.partner_id) as db:
        return token_of(db, issued)


def look(database: Database, token: str, now: datetime) -> accepting.Offer:
    with database.transaction() as db:
        return accepting.look(db, token=token, now=now)


def accept(database: Database, token: str, now: datetime, *, new: NewPassword = CHOSEN) -> Accepted:
    with database.transaction() as db:
        return accepting.accept_as_new(db, token=token, new=new, address=HOME, agent=BROWSER, now=now)


def accept_as(database: Database, token: str, user_id: UUID, now: datetime) -> Accepted:
    with database.transaction() as db:
        return accepting.accept_as(db, token=token, user_id=user_id, now=now)


def sign_in(
    database: Database,
    email: str,
    now: datetime,
    *,
    password: str = PASSWORD,
    address: str = HOME,
    device_token: str | None = None,
    replaces: bytes | None = None,
    reads_mail: bool = True,
) -> SignedIn | None:
    """Type the password, and in a new browser the mailed code; without `reads_mail`, only the password."""
    with database.transaction() as db:
        attempt = signin.begin(db, email=email, address=address, device_token=device_token, now=now)
    checked = signin.check(attempt, password)
    with database.transaction() as db:
        done = signin.finish(db, checked, agent=BROWSER, replaces=replaces, now=now)
    if isinstance(done, Mailed) and reads_mail:
        code = code_for(database, done)
        with database.transaction() as db:
            return mailed_sign_in.finish(
                db, token=done.token, code=code, address=address, agent=BROWSER, device_token=device_token,
                replaces=replaces, now=now,
            )  # fmt: skip
    return done


def code_for(database: Database, mailed: Mailed) -> str:
    """What the mail to whoever sits at this browser says."""
    with database.transaction(user_id=mailed.user_id) as db:
        code = db.exec(select(MailedCode).where(MailedCode.token_hash == digest_of(mailed.token))).one()
        user = db.exec(select(User).where(User.id == mailed.user_id)).one()
        return mailed_codes.code_of(db, code, email_key=user.email_key)


def start_session(database: Database, user_id: UUID, now: datetime) -> SignedIn:
    """A session without the hashing: for stories that begin after the sign-in."""
    with database.transaction(user_id=user_id) as db:
        return sessions.begin(
            db, user_id=user_id, device_id=None, address=HOME, agent=BROWSER, replaces=None, now=now
        )


def knock(database: Database, session_token: str, door: Door, slug: str, now: datetime) -> Visit | None:
    with database.transaction() as db:
        return sessions.knock(db, token_hash=digest_of(session_token), door=door, slug=slug, now=now)


def ask_for_reset(
    database: Database, owner: Connection, email: str, now: datetime, *, address: str = HOME
) -> str | None:
    """The token of the mail that the worker would send, None when it would send nothing."""
    with database.transaction() as db:
        resets.begin(db, email=email, address=address, agent=BROWSER, now=now)
    job = owner.execute(
        text("select args from procrastinate_jobs where task_name = 'send_reset' order by id desc limit 1")
    ).scalar_one()
    with database.transaction() as db:
        enter(db, user_id=UUID(job["user_id"]))
        row = db.exec(select(PersonalToken).where(PersonalToken.id == UUID(job["token_id"]))).one_or_none()
        return None if row is None else personal_tokens.token_of(db, row)


def finish_reset(database: Database, token: str, now: datetime, *, new: NewPassword = CHOSEN) -> str:
    with database.transaction() as db:
        return resets.finish(db, token=token, new=new, address=HOME, agent=BROWSER, now=now)

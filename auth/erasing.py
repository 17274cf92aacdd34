"""Forgetting a person: what names them is replaced, what only they need is deleted, records stay.

Surprise: the logs can only be added to. The one exception is a function of the database that replaces the
name of whoever is erased already; it changes nothing else in them.
"""

import json
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, or_, text, update
from sqlmodel import Session, col, select

from auth import memberships, users
from auth.actors import Actor
from auth.audit import record
from auth.factor_tables import Passkey, TotpFactor
from auth.invites import Invite
from auth.mailed_codes import MailedCode
from auth.memberships import name_key
from auth.pending import PendingSignIn
from auth.personal_tokens import PersonalToken
from auth.recovery_codes import RecoveryCode
from auth.replays import StoredAnswer
from auth.roles import Membership, MembershipStatus
from auth.sessions import Session as SignedInBrowser
from auth.users import Device, User
from db import ids

NAME = "Erased user"
ENDING = "@erased.invalid"
_THEIRS = (
    SignedInBrowser,
    Device,
    PersonalToken,
    TotpFactor,
    Passkey,
    RecoveryCode,
    PendingSignIn,
    MailedCode,
)


def seats_of(db: Session, *, user_id: UUID) -> list[Membership]:
    """Every membership the entered person has or had, anywhere."""
    return list(db.exec(select(Membership).where(Membership.user_id == user_id)))


def invited_as(db: Session, *, partner_id: UUID, email_key: str) -> list[Membership]:
    """Every membership of the entered partner under an address, also those nobody ever accepted."""
    mine = (Membership.partner_id == partner_id, Membership.email_key == email_key)
    return list(db.exec(select(Membership).where(*mine)))


def erase_seat(db: Session, actor: Actor, *, membership_id: UUID, now: datetime) -> Membership:
    """End a place, if it has not ended, and replace what names its person. The place is entered.

    Refuses: as `memberships.remove`: LastOne for the last Admin or Manager.
    """
    mine = (Membership.partner_id == actor.partner_id, Membership.id == membership_id)
    seat = db.exec(select(Membership).where(*mine)).one()
    if seat.status is not MembershipStatus.REMOVED:
        seat = memberships.remove(db, actor, membership_id=membership_id, now=now)
    before = (seat.name, seat.email)
    address = _address(seat.id)
    seat.name, seat.name_key, seat.email, seat.email_key = NAME, name_key(NAME), address, address
    seat.time_zone, seat.locale, seat.updated_at = None, None, now
    db.flush()
    invites = (col(Invite.partner_id) == seat.partner_id, col(Invite.membership_id) == seat.id)
    db.execute(update(Invite).where(*invites).values(email_key=address))
    _clean_answers(db, seat, before)
    record(
        db, actor, action="user.erased", subject_kind="user", subject_id=seat.id,
        customer_id=seat.customer_id, now=now,
    )  # fmt: skip
    return seat


def erase_person(db: Session, *, user_id: UUID, now: datetime) -> None:
    """Replace what names the entered person, and delete how they signed in: nobody ever does so again."""
    users.hold(db, user_id=user_id)
    for table in _THEIRS:
        db.execute(delete(table).where(col(table.user_id) == user_id))
    address = _address(user_id)
    values = {
        "name": NAME, "email": address, "email_key": address, "password_hash": None, "time_zone": None,
        "locale": None, "disabled_at": now, "updated_at": now,
    }  # fmt: skip
    db.execute(update(User).where(col(User.id) == user_id).values(**values))


def clean_logs(db: Session, *, user_id: UUID | None, memberships: list[UUID]) -> None:
    """The audit log calls the erased memberships what they are now; the person's own history is deleted."""
    db.execute(
        text("select erase_from_logs(:user, :memberships)"), {"user": user_id, "memberships": memberships}
    )


def _clean_answers(db: Session, seat: Membership, before: tuple[str, str]) -> None:
    """Answers kept for repeated requests name people too: the key stays used, the answer names nobody.

    Whom an answer is about is told by the address or the id in it: a name alone may be somebody else's.
    """
    name, email = (json.dumps(text, ensure_ascii=False) for text in before)
    answer = col(StoredAnswer.answer)
    about = or_(answer.contains(email, autoescape=True), answer.contains(ids.shown("usr", seat.id)))
    cleaned = func.replace(func.replace(answer, email, json.dumps(seat.email)), name, json.dumps(NAME))
    db.execute(
        update(StoredAnswer)
        .where(col(StoredAnswer.partner_id) == seat.partner_id, about)
        .values(answer=cleaned)
        .execution_options(synchronize_session=False)
    )


def _address(record_id: UUID) -> str:
    """An address nobody can have; its end is what the database knows the erased by."""
    return f"{record_id.hex}{ENDING}"

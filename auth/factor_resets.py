"""Taking every second factor from somebody who lost them all, by whoever runs the server.

Surprise: it gives the account to nobody: the password stays, and so does the mailbox that a forgotten one is
set anew by. It is no act of a partner's, for the person may have places with others (GUARANTEES A-10): each
of them reads in its log that it was done.
"""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import delete
from sqlmodel import Session, col, select

from auth import recovery_codes, second_factors, sessions, users
from auth.actors import system
from auth.audit import record
from auth.emails import normal_form
from auth.factor_tables import Passkey, TotpFactor
from auth.pending import PendingSignIn
from auth.roles import Membership, MembershipStatus
from db.session import enter
from errors import Conflict, NotFound

AGENT = "remit user reset-factors"


class NoAccount(NotFound):
    """Nobody signs in with the address."""

    code = "NO_ACCOUNT"
    message = "Nobody signs in with this address. Enter the one they sign in with."


class NoFactor(Conflict):
    """There is nothing to take away."""

    code = "NO_FACTOR"
    message = "They have no second step: no passkey and no authenticator app. Nothing was changed."


class Reset(NamedTuple):
    """How many of each are gone; `places` is how many logs say so."""

    passkeys: int
    apps: int
    places: int


def reset(db: Session, *, email: str, now: datetime) -> Reset:
    """Forget all passkeys, apps and recovery codes of whoever signs in with an address, end all their
    sessions and what waits for a code, forget their browsers, and tell them by mail.

    Refuses: Invalid for what is no address, NoAccount, NoFactor.
    """
    user_id = users.find(db, normal_form(email))
    if user_id is None:
        raise NoAccount
    enter(db, user_id=user_id)
    users.hold(db, user_id=user_id)
    if not second_factors.has_any(db, user_id=user_id):
        raise NoFactor
    gone = [
        len(db.execute(delete(table).where(col(table.user_id) == user_id).returning(col(table.id))).all())
        for table in (Passkey, TotpFactor, PendingSignIn)
    ]
    recovery_codes.forget(db, user_id=user_id)
    sessions.end_all(db, user_id=user_id, now=now)
    second_factors.tell(db, user_id=user_id, action="factors.reset", address="", agent=AGENT, now=now)
    return Reset(gone[0], gone[1], _tell_places(db, user_id, now))


def _tell_places(db: Session, user_id: UUID, now: datetime) -> int:
    """Write it into the log of every partner and customer that the entered person has a place in."""
    mine = (Membership.user_id == user_id, col(Membership.status) != MembershipStatus.REMOVED)
    seats = db.exec(select(Membership).where(*mine).order_by(col(Membership.partner_id))).all()
    for seat in seats:
        enter(db, partner_id=seat.partner_id)
        record(
            db, system(seat.partner_id), action="user.factors_reset", subject_kind="user",
            subject_id=seat.id, customer_id=seat.customer_id, now=now,
        )  # fmt: skip
    return len(seats)

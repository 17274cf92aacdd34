"""Another e-mail address: asked for by whoever is signed in, confirmed from the new one, undone from the old.

Surprise: nothing tells whether the new address has an account already (GUARANTEES B-4); only the mail that
goes there does. And confirming takes being signed in as well: whoever gets a mail meant for somebody with a
similar address must not become them.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlmodel import Session, col, select

from auth import personal_tokens, sessions, throttle, users
from auth.audit import record_personal
from auth.emails import Email, parse_email
from auth.personal_tokens import PersonalToken, Purpose
from auth.throttle import Limit
from auth.tokens import digest_of
from db.columns import new_id
from db.session import defer
from errors import Conflict, Invalid
from languages import mark

CONFIRM_LIFE = timedelta(hours=24)
UNDO_LIFE = timedelta(days=7)
PERSON = Limit(
    "email change person", 5, timedelta(hours=1),
    mark("The address was to be changed several times. Open the newest mail, or try again in an hour."),
)  # fmt: skip
RECIPIENT = Limit(
    "email change recipient", 5, timedelta(hours=1),
    mark("Several mails went to this address. Open the newest one, or try again in an hour."),
)  # fmt: skip


class OtherAccount(Conflict):
    """The link is for somebody else than who is signed in."""

    code = "OTHER_ACCOUNT"
    message = "This link is for another account. Sign out, sign in as that person, and open it again."


@dataclass(frozen=True, slots=True)
class Change:
    """What a live link does: `user_id`'s address goes from `old` to `new`."""

    user_id: UUID
    old: str
    new: Email


def begin(db: Session, *, user_id: UUID, email: str, address: str, agent: str, now: datetime) -> None:
    """Mail the new address a link to confirm, and the present one a link to stop it or undo it later.

    An earlier link to confirm dies. Refuses: Invalid at ("email",): as parse_email, SAME_ADDRESS; TooMany
    per person and per recipient, known or not.
    """
    wanted = parse_email(email)
    user = users.one(db, user_id=user_id)
    if wanted.address == user.email:
        raise Invalid.at("email", code="SAME_ADDRESS", message="This is the present address. Enter another.")
    buckets = (
        throttle.bucket_of(db, PERSON, str(user_id)),
        throttle.bucket_of(db, RECIPIENT, wanted.normal),
    )
    throttle.count_all(db, buckets, now=now)
    users.hold(db, user_id=user_id)
    personal_tokens.kill(db, user_id=user_id, purposes=(Purpose.EMAIL_CHANGE,), now=now)
    change = _made(db, user_id, Purpose.EMAIL_CHANGE, wanted.address, now, now + CONFIRM_LIFE)
    undo = _made(db, user_id, Purpose.EMAIL_UNDO, user.email, now, now + UNDO_LIFE)
    record_personal(db, user_id=user_id, action="email.change_asked", address=address, agent=agent, now=now)
    defer(db, "send_email_change", user_id=user_id, token_id=change.id)
    defer(db, "send_email_undo", user_id=user_id, token_id=undo.id)


def open_of(db: Session, *, user_id: UUID, now: datetime) -> PersonalToken | None:
    """The change of the entered person that waits to be confirmed."""
    waiting = select(PersonalToken).where(
        PersonalToken.user_id == user_id, PersonalToken.purpose == Purpose.EMAIL_CHANGE,
        col(PersonalToken.used_at).is_(None), PersonalToken.expires_at > now,
    )  # fmt: skip
    return db.exec(waiting).one_or_none()


def stop(db: Session, *, user_id: UUID, address: str, agent: str, now: datetime) -> None:
    """Kill the entered person's change that waits to be confirmed. Without one, nothing happens."""
    users.hold(db, user_id=user_id)
    if open_of(db, user_id=user_id, now=now) is None:
        return
    personal_tokens.kill(db, user_id=user_id, purposes=(Purpose.EMAIL_CHANGE,), now=now)
    record_personal(db, user_id=user_id, action="email.change_stopped", address=address, agent=agent, now=now)


def look(db: Session, *, token: str, purpose: Purpose, now: datetime) -> Change:
    """What the link would do. Consumes nothing. Refuses `DeadLink`."""
    link, user = personal_tokens.opened(db, token=token, purpose=purpose, now=now, lock=False)
    return Change(user.id, user.email, parse_email(link.email))


def confirm(
    db: Session, *, token: str, user_id: UUID, session_id: UUID, address: str, agent: str, now: datetime
) -> Change:
    """The person's own row gets the new address; every other browser is signed out. Of many one wins.

    The caller goes on to the copies at the person's places, in this transaction. Refuses: DeadLink,
    OtherAccount, AddressTaken.
    """
    link, user = personal_tokens.opened(db, token=token, purpose=Purpose.EMAIL_CHANGE, now=now, lock=True)
    if user.id != user_id:
        raise OtherAccount
    change = Change(user.id, user.email, parse_email(link.email))
    link.used_at = now
    db.flush()
    users.readdress(db, user_id=user.id, email=change.new, now=now)
    personal_tokens.kill(db, user_id=user.id, purposes=(Purpose.RESET,), now=now)
    sessions.end_all(db, user_id=user.id, but=session_id, now=now)
    record_personal(db, user_id=user.id, action="email.changed", address=address, agent=agent, now=now)
    return change


def undo(db: Session, *, token: str, address: str, agent: str, now: datetime) -> Change:
    """Bring the old address back, or stop the change that waits: for whoever reads mail at the old one.

    Every browser is signed out and every link of the person dies, also those sent to the newer address.
    The caller goes on to the copies. Refuses: DeadLink, AddressTaken.
    """
    link, user = personal_tokens.opened(db, token=token, purpose=Purpose.EMAIL_UNDO, now=now, lock=True)
    change = Change(user.id, user.email, parse_email(link.email))
    link.used_at = now
    db.flush()
    if change.new.address != user.email:
        users.readdress(db, user_id=user.id, email=change.new, now=now)
    personal_tokens.kill(db, user_id=user.id, purposes=tuple(Purpose), now=now)
    sessions.end_all(db, user_id=user.id, now=now)
    record_personal(db, user_id=user.id, action="email.change_undone", address=address, agent=agent, now=now)
    return change


def _made(
    db: Session, user_id: UUID, purpose: Purpose, email: str, now: datetime, until: datetime
) -> PersonalToken:
    token_id = new_id()
    token = personal_tokens.derived(db, purpose=purpose, token_id=token_id, user_id=user_id, bound_to=email)
    link = PersonalToken(
        id=token_id, user_id=user_id, purpose=purpose, token_hash=digest_of(token), email=email,
        created_at=now, expires_at=until.astimezone(UTC),
    )  # fmt: skip
    db.add(link)
    db.flush()
    return link

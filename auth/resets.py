"""Password resets: e-mailed, single use, an hour long.

Surprise: asking for a reset of an unknown address does the same work, queues the same job and gives the same
answer. The job then finds nothing to send.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import insert, literal
from sqlalchemy import select as select_columns
from sqlmodel import Session, col

from auth import asked_invites, personal_tokens, sessions, throttle, users
from auth.audit import record_personal, shown
from auth.emails import normal_form
from auth.passwords import NewPassword
from auth.personal_tokens import PersonalToken, Purpose
from auth.throttle import Limit
from auth.tokens import digest_of, new_token
from auth.users import User
from db.columns import new_id
from db.session import defer, enter
from languages import mark

LIFE = timedelta(hours=1)
ADDRESS = Limit("reset address", 10, timedelta(minutes=5))
RECIPIENT = Limit(
    "reset recipient", 5, timedelta(hours=1),
    mark("Several links were asked for. Open the newest mail, or try again in an hour."),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class OpenReset:
    """What a live link is for: the person's address, and what the new password must not be made of."""

    email: str
    words: tuple[str, ...]


def begin(db: Session, *, email: str, address: str, agent: str, now: datetime) -> None:
    """Mail a link to whoever has the address `email`, if anybody; an earlier link dies. Whoever was only
    invited so far is mailed the invite once more.

    Nothing in the answer, the statements or the jobs tells whether somebody does (GUARANTEES B-4). Refuses:
    Invalid for what is no e-mail address; TooMany per IP `address` and per recipient, known or not.
    """
    email_key = normal_form(email)
    buckets = (
        throttle.bucket_of(db, ADDRESS, throttle.network_of(address)),
        throttle.bucket_of(db, RECIPIENT, email_key),
    )
    throttle.count_all(db, buckets, now=now)
    # An id nobody has stands for nobody: the same statements then touch no row.
    holder = users.find(db, email_key)
    asked_invites.for_address(db, email_key=email_key, has_account=holder is not None)
    user_id, token_id = holder or new_id(), new_id()
    enter(db, user_id=user_id)
    users.hold(db, user_id=user_id)
    personal_tokens.kill(db, user_id=user_id, purposes=(Purpose.RESET,), now=now)
    token = personal_tokens.derived(
        db, purpose=Purpose.RESET, token_id=token_id, user_id=user_id, bound_to=email_key
    )
    token_hash = digest_of(token)
    row = select_columns(
        literal(token_id), col(User.id), literal(Purpose.RESET, PersonalToken.__table__.c.purpose.type),  # type: ignore[attr-defined]
        literal(token_hash), literal(now), literal(now.astimezone(UTC) + LIFE),
    ).where(col(User.id) == user_id, col(User.disabled_at).is_(None))  # fmt: skip
    columns = ["id", "user_id", "purpose", "token_hash", "created_at", "expires_at"]
    db.execute(insert(PersonalToken).from_select(columns, row))
    record_personal(db, user_id=user_id, action="password.reset_asked", address=address, agent=agent, now=now)
    defer(db, "send_reset", user_id=user_id, token_id=token_id)


def look(db: Session, *, token: str, now: datetime) -> OpenReset:
    """What the link is for. Consumes nothing. Refuses `DeadLink` for every link that opens nothing."""
    _, user = personal_tokens.opened(db, token=token, purpose=Purpose.RESET, now=now, lock=False)
    return OpenReset(user.email, users.words_of(db, user_id=user.id))


def finish(db: Session, *, token: str, new: NewPassword, address: str, agent: str, now: datetime) -> str:
    """Store the new password, end all the person's sessions, tell the person by mail.

    The token of the browser that did it, for the device cookie: it has shown that it reads the person's
    mail, so a throttled account lets it sign in. Of many at once exactly one wins; the others: `DeadLink`.
    """
    opened, user = personal_tokens.opened(db, token=token, purpose=Purpose.RESET, now=now, lock=True)
    opened.used_at = now
    db.flush()
    users.set_password(db, user_id=user.id, new=new, now=now)
    sessions.end_all(db, user_id=user.id, now=now)
    event_id = record_personal(
        db, user_id=user.id, action="password.reset", address=address, agent=agent, now=now
    )
    defer(db, "send_password_changed", user_id=user.id, event_id=event_id)
    device_token = new_token()
    users.remember_device(
        db, user_id=user.id, token_hash=digest_of(device_token), label=shown(agent), now=now
    )
    return device_token

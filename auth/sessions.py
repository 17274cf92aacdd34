"""Server-side sessions: a random cookie whose SHA-256 is looked up at every request.

Surprise: a session says only who the person is. The partner or customer in hand is in the URL, and the
membership is looked up for it each time, so a removed member is out at the next request. How long a session
lasts is judged by the look-ups in SQL, which also note (once a minute) that it was seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import UniqueConstraint, text, update
from sqlmodel import Field, SQLModel, col, select
from sqlmodel import Session as Db

from auth import mailed_codes
from auth.actors import Actor, ActorKind
from auth.audit import record_personal, shown
from auth.roles import Role
from auth.tokens import digest_of, new_token
from auth.users import Device, User, forget_devices, remember_device
from db.columns import instant, key, new_id
from db.policies import Guard, guarded
from db.session import enter
from errors import Forbidden, NotFound
from languages import Locale, known

# Whoever is staff anywhere has the shorter one everywhere; knock_session and find_session know them too.
IDLE_STAFF = timedelta(minutes=30)
IDLE_CUSTOMER = timedelta(hours=2)
ABSOLUTE = timedelta(hours=12)


class Session(SQLModel, table=True):
    """One signed-in browser. `expires_at` is absolute; idleness is judged from `last_seen_at`."""

    __tablename__ = "session"
    __table_args__ = (UniqueConstraint("token_hash"), guarded(Guard.PERSONAL))

    id: UUID = key()
    user_id: UUID = Field(foreign_key="person.id", index=True)
    token_hash: bytes
    device_id: UUID | None = None
    address: str
    agent: str
    created_at: datetime = instant()
    last_seen_at: datetime = instant()
    expires_at: datetime = instant()
    stepped_up_at: datetime = instant()
    ended_at: datetime | None = instant(default=None)


class Door(StrEnum):
    """The two worlds of pages, as the first word of their URLs."""

    PARTNER = "partner"
    PORTAL = "portal"


@dataclass(frozen=True, slots=True)
class Visit:
    """A live session at a door; it ends after `idle_for` without a request. `actor` is None for a person
    without a place there: show what a place that does not exist shows. Whoever `lacks_factor` has a place
    that opens only with a second factor: ask `admitted` for the actor, and nothing opens by oversight.
    """

    user_id: UUID
    session_id: UUID
    actor: Actor | None
    last_seen_at: datetime
    stepped_up_at: datetime
    expires_at: datetime
    idle_for: timedelta
    lacks_factor: bool

    def admitted(self) -> Actor:
        """Who may act here. Refuses NotFound, as for a place that does not exist, and FactorNeeded."""
        if self.actor is None:
            raise NotFound
        if self.lacks_factor:
            raise FactorNeeded
        return self.actor

    def ends_in(self, now: datetime) -> timedelta:
        """How long the session lasts if nothing more is asked: idleness counts from now, the end is fixed."""
        return min(self.idle_for, self.expires_at - now)


class FactorNeeded(Forbidden):
    """The partner asks for a second factor, and the person has none yet. The door leads to setting one up."""

    code = "SECOND_FACTOR_REQUIRED"
    message = (
        "This company asks for a second step of signing in. Add a passkey or an authenticator app first."
    )


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What the browser gets, once. `device_token` is None when it holds a good one already.

    `locale` is the language the person reads in, if they chose one.
    """

    user_id: UUID
    session_id: UUID
    session_token: str = field(repr=False)
    device_token: str | None = field(repr=False)
    locale: Locale | None


def begin(
    db: Db,
    *,
    user_id: UUID,
    device_id: UUID | None,
    address: str,
    agent: str,
    replaces: bytes | None = None,
    now: datetime,
) -> SignedIn:
    """Sign the entered person in: a new session with a new 256-bit id, on a known device or a new one.

    `replaces` is the hash of the session the browser came with, whoever's: it ends (GUARANTEES D-1).
    """
    if replaces is not None:
        _end_replaced(db, replaces, user_id, address, agent, now)
    device_token = None
    if device_id is None:
        device_token = new_token()
        label = shown(agent)
        device_id = remember_device(
            db, user_id=user_id, token_hash=digest_of(device_token), label=label, now=now
        )
    else:
        mine = (col(Device.id) == device_id, col(Device.user_id) == user_id)
        db.execute(update(Device).where(*mine).values(last_seen_at=now))
    token = new_token()
    session = Session(
        id=new_id(), user_id=user_id, token_hash=digest_of(token), device_id=device_id, address=address,
        agent=shown(agent), created_at=now, last_seen_at=now, expires_at=now.astimezone(UTC) + ABSOLUTE,
        stepped_up_at=now,
    )  # fmt: skip
    db.add(session)
    db.flush()
    locale = db.exec(select(User.locale).where(User.id == user_id)).one()
    return SignedIn(user_id, session.id, token, device_token, known(locale))


def knock(db: Db, *, token_hash: bytes, door: Door, slug: str, now: datetime) -> Visit | None:
    """Who knocks with this session at this place? Sets the tenant; None: no live session, so sign in."""
    row = db.execute(
        text("select * from knock_session(:hash, :door, :slug, :now)"),
        {"hash": token_hash, "door": door.value, "slug": slug, "now": now},
    ).one_or_none()
    return None if row is None else visit_of(row)


def visit_of(row: Sequence[Any]) -> Visit:
    """The visit that a row of `knock_session` tells of, whichever driver fetched it."""
    session_id, user_id, member_id, partner_id, customer_id, role, name, *times = row
    seen_at, stepped_at, expires_at, idle_seconds, lacks_factor = times
    actor = None
    if member_id is not None:
        kind = ActorKind.STAFF if customer_id is None else ActorKind.CUSTOMER_USER
        actor = Actor(
            kind=kind, partner_id=partner_id, id=member_id, customer_id=customer_id, role=Role(role),
            name=name, user_id=user_id, session_id=session_id, proved_at=stepped_at,
        )  # fmt: skip
    idle_for = timedelta(seconds=idle_seconds)
    return Visit(user_id, session_id, actor, seen_at, stepped_at, expires_at, idle_for, lacks_factor)


def find(db: Db, *, token_hash: bytes, now: datetime) -> tuple[UUID, UUID] | None:
    """`(session_id, user_id)` of a live session, where no place is at hand. Enter the user to read on."""
    row = db.execute(
        text("select session_id, user_id from find_session(:hash, :now)"), {"hash": token_hash, "now": now}
    ).one_or_none()
    return None if row is None else (row.session_id, row.user_id)


def live_of(db: Db, *, user_id: UUID, now: datetime) -> list[Session]:
    """The entered person's sessions that are not over, the latest first: the list of browsers."""
    mine = select(Session).where(
        Session.user_id == user_id, col(Session.ended_at).is_(None), Session.expires_at > now
    )
    return list(db.exec(mine.order_by(col(Session.last_seen_at).desc(), col(Session.id).desc())))


def step_up(db: Db, *, user_id: UUID, session_id: UUID, now: datetime) -> str:
    """Note that the entered person just proved who they are again; the session's new id (D-1).

    The caller holds the proof: signin.step_up, signin.change_password, second_factors.step_up,
    passkeys.step_up.
    """
    token = new_token()
    mine = (col(Session.id) == session_id, col(Session.user_id) == user_id, col(Session.ended_at).is_(None))
    db.execute(update(Session).where(*mine).values(token_hash=digest_of(token), stepped_up_at=now))
    return token


def end(
    db: Db,
    *,
    user_id: UUID,
    session_id: UUID,
    forget: bool = False,
    address: str,
    agent: str,
    now: datetime,
) -> None:
    """Sign one browser of the entered person out. A session that is over, or another's, is left alone.

    `forget`: the browser is not known any more either, as for one that is signed out from elsewhere.
    """
    mine = (col(Session.id) == session_id, col(Session.user_id) == user_id, col(Session.ended_at).is_(None))
    end_it = update(Session).where(*mine).values(ended_at=now).returning(col(Session.device_id))
    ended = db.execute(end_it).all()
    if ended:
        if forget and ended[0].device_id is not None:
            forget_devices(db, user_id=user_id, only=ended[0].device_id)
        record_personal(db, user_id=user_id, action="session.ended", address=address, agent=agent, now=now)


def forget_browser(
    db: Db, *, user_id: UUID, device_id: UUID, address: str, agent: str, now: datetime
) -> None:
    """A browser of the entered person is known no more, and signed out there. Refuses `NotFound`."""
    if not forget_devices(db, user_id=user_id, only=device_id):
        raise NotFound
    there = (
        col(Session.user_id) == user_id, col(Session.device_id) == device_id, col(Session.ended_at).is_(None),
    )  # fmt: skip
    db.execute(update(Session).where(*there).values(ended_at=now))
    record_personal(db, user_id=user_id, action="device.forgotten", address=address, agent=agent, now=now)


def end_others(db: Db, *, user_id: UUID, but: UUID, address: str, agent: str, now: datetime) -> None:
    """Sign the entered person out everywhere but in the session `but`, and write it down."""
    end_all(db, user_id=user_id, but=but, now=now)
    record_personal(db, user_id=user_id, action="sessions.ended", address=address, agent=agent, now=now)


def end_all(db: Db, *, user_id: UUID, but: UUID | None = None, now: datetime) -> None:
    """Sign the entered person out everywhere, but in one session perhaps: dead at the next request (D-2).

    The browsers are forgotten too, and codes on their way by mail: whoever sat at one of them, or read one,
    needs more than that to come back.
    """
    mailed_codes.forget(db, user_id=user_id)
    mine = [col(Session.user_id) == user_id, col(Session.ended_at).is_(None)]
    if but is not None:
        mine.append(col(Session.id) != but)
    db.execute(update(Session).where(*mine).values(ended_at=now))
    stays = None
    if but is not None:
        this = select(Session.device_id).where(Session.id == but, Session.user_id == user_id)
        stays = db.exec(this).one_or_none()
    forget_devices(db, user_id=user_id, but=stays)


def _end_replaced(db: Db, token_hash: bytes, user_id: UUID, address: str, agent: str, now: datetime) -> None:
    found = find(db, token_hash=token_hash, now=now)
    if found is None:
        return
    session_id, other_id = found
    enter(db, user_id=other_id)
    end(db, user_id=other_id, session_id=session_id, address=address, agent=agent, now=now)
    enter(db, user_id=user_id)

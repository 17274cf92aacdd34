"""Passkeys: adding and removing them, and signing in with one.

Surprise: a passkey is both factors at once, because its authenticator checks the owner before it signs. And
whoever has one is asked for it after a password too: else the password alone would go round it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, or_, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from auth import authenticators, challenges, second_factors, sessions, throttle, users
from auth.audit import record_personal
from auth.authenticators import Answer, Made, Owner, Site
from auth.challenges import Use
from auth.factor_tables import Passkey, passkeys_of
from auth.sessions import SignedIn
from auth.throttle import Bucket, Limit
from auth.tokens import digest_of
from auth.users import User
from db.columns import new_id
from db.session import enter
from errors import Conflict, Invalid, NotFound
from languages import mark, say

MOST = 10
LONGEST_NAME = 60
ADDRESS = Limit(
    "passkey sign-in address",
    10,
    timedelta(minutes=5),
    mark("Too many tries. Wait five minutes and try again."),
)


@dataclass(frozen=True, slots=True)
class Asking:
    """Which site asks which browser, by an id of its session or of the time before one."""

    site: Site
    browser: str


class TooManyPasskeys(Conflict):
    """A person has so many passkeys and no more."""

    code = "TOO_MANY_PASSKEYS"

    def __init__(self) -> None:
        super().__init__(say("You have {most} passkeys. Remove one you no longer use first.", most=MOST))


def named(name: str) -> str:
    """A passkey's name as it is kept. Refuses one that is blank or longer than 60 characters."""
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME:
        message = say(
            "Name the passkey, in at most {longest_name} characters: “Laptop” will do.",
            longest_name=LONGEST_NAME,
        )
        raise Invalid.at("name", code="BAD_NAME", message=message)
    return name


def ask_for_new(
    db: Session, asking: Asking, owner: Owner, *, use: Use = Use.ADD, address: str, now: datetime
) -> str:
    """What the browser asks an authenticator to make the entered person's passkey with. Refuses TooMany."""
    held = passkeys_of(db, user_id=owner.user_id)
    challenge = challenges.issue(
        db, use=use, browser=asking.browser, about=owner.user_id, address=address, now=now
    )
    return authenticators.ask_for_new(
        asking.site, challenge, owner, but=[passkey.credential_id for passkey in held]
    )


def ask(
    db: Session, asking: Asking, *, use: Use, user_id: UUID | None, unasked: bool = False, address: str,
    now: datetime,
) -> str:  # fmt: skip
    """What the browser asks an authenticator to prove its owner with: the entered person, or anybody at all.

    `unasked`: the page does it by itself, to suggest a passkey. Refuses TooMany.
    """
    held = [] if user_id is None else passkeys_of(db, user_id=user_id)
    challenge = challenges.issue(
        db, use=use, browser=asking.browser, about=user_id or new_id(), address=address,
        limit=challenges.UNASKED if unasked else challenges.ADDRESS, now=now,
    )  # fmt: skip
    return authenticators.ask(asking.site, challenge, among=[passkey.credential_id for passkey in held])


def receive(
    db: Session, asking: Asking, *, answer: str, use: Use = Use.ADD, now: datetime
) -> tuple[UUID, Made] | None:
    """The new passkey that answers `ask_for_new`, and for whom; None if it does not: commit either way.

    The challenge is used up. The caller keeps the passkey (`keep`), once.
    """
    given = authenticators.read_new(answer)
    if given is None:
        return None
    owner = challenges.use_up(db, given.challenge, use=use, browser=asking.browser, now=now)
    made = authenticators.check_new(asking.site, given)
    return None if owner is None or made is None else (owner, made)


def keep(db: Session, *, user_id: UUID, name: str, made: Made, now: datetime) -> bool:
    """Store a passkey of the entered person; False if somebody has the very same one."""
    added = (
        insert(Passkey)
        .values(
            id=new_id(), user_id=user_id, name=name, credential_id=made.credential_id,
            public_key=made.public_key, sign_count=made.sign_count, created_at=now,
        )
        .on_conflict_do_nothing()
        .returning(col(Passkey.id))
    )  # fmt: skip
    return db.execute(added).one_or_none() is not None


def add(
    db: Session, asking: Asking, *, user_id: UUID, name: str, answer: str, address: str, agent: str,
    now: datetime,
) -> list[str] | None:  # fmt: skip
    """Add a passkey of the entered person, and tell them by mail. The first factor brings recovery codes.

    None when the answer is none to a question this browser was asked: commit, then say so. Refuses a bad
    name, TooManyPasskeys.
    """
    name = named(name)
    users.hold(db, user_id=user_id)
    if len(passkeys_of(db, user_id=user_id)) >= MOST:
        raise TooManyPasskeys
    received = receive(db, asking, answer=answer, now=now)
    if received is None or received[0] != user_id:
        return None
    if not keep(db, user_id=user_id, name=name, made=received[1], now=now):
        return None
    second_factors.tell(db, user_id=user_id, action="passkey.added", address=address, agent=agent, now=now)
    return second_factors.codes_if_none(db, user_id=user_id, now=now)


def remove(db: Session, *, user_id: UUID, passkey_id: UUID, address: str, agent: str, now: datetime) -> None:
    """Forget a passkey of the entered person, and tell them by mail. Refuses `NotFound`, LastFactor."""
    users.hold(db, user_id=user_id)
    mine = (col(Passkey.id) == passkey_id, col(Passkey.user_id) == user_id)
    if db.execute(delete(Passkey).where(*mine).returning(col(Passkey.id))).one_or_none() is None:
        raise NotFound
    second_factors.let_go(db, user_id=user_id)
    second_factors.tell(db, user_id=user_id, action="passkey.removed", address=address, agent=agent, now=now)


def prove(
    db: Session, asking: Asking, *, use: Use, user_id: UUID, answer: str, browser_id: UUID | None = None,
    address: str, agent: str, now: datetime,
) -> bool:  # fmt: skip
    """Did a passkey of the entered person answer what this browser was asked for this use, just now, once?

    False when not: commit, so that the try stays counted. Tries are counted with those of codes. Refuses
    TooMany.
    """
    buckets = second_factors.count_try(db, user_id=user_id, browser_id=browser_id, now=now)
    given = authenticators.read(answer)
    about = None
    if given is not None:
        about = challenges.use_up(db, given.challenge, use=use, browser=asking.browser, now=now)
    ok = _answered(db, asking.site, given, user_id, about == user_id, address, agent, now)
    if ok:
        throttle.give_back(db, buckets, counted_at=now)
    return ok


def step_up(
    db: Session, asking: Asking, *, user_id: UUID, session_id: UUID, answer: str, address: str, agent: str,
    now: datetime,
) -> str | None:  # fmt: skip
    """The entered person proved it again in this session: its new id. None and TooMany as `prove`."""
    proved = prove(
        db, asking, use=Use.STEP_UP, user_id=user_id, answer=answer, browser_id=session_id, address=address,
        agent=agent, now=now,
    )  # fmt: skip
    if not proved:
        return None
    record_personal(db, user_id=user_id, action="step_up", address=address, agent=agent, now=now)
    return sessions.step_up(db, user_id=user_id, session_id=session_id, now=now)


def sign_in(
    db: Session, asking: Asking, *, answer: str, device_token: str | None = None, address: str, agent: str,
    replaces: bytes | None = None, now: datetime,
) -> SignedIn | None:  # fmt: skip
    """A session for whoever's passkey answered what this browser was asked; both factors are proved by it.

    None when none did: commit, so that the try stays counted. An unknown passkey is the same work as a wrong
    answer of a known one (B-4). `replaces` as in signin.finish. Refuses TooMany per network.
    """
    buckets: Sequence[Bucket] = [throttle.bucket_of(db, ADDRESS, throttle.network_of(address))]
    throttle.count_all(db, buckets, now=now)
    given = authenticators.read(answer)
    if given is None:
        return None
    asked = challenges.use_up(db, given.challenge, use=Use.SIGN_IN, browser=asking.browser, now=now)
    found = db.execute(
        text(
            "select p.user_id, d.device_id, d.user_id as owner_id from (select 1) as always "
            "left join find_passkey(:credential) as p on true left join find_device(:device) as d on true"
        ),
        {"credential": given.credential_id, "device": digest_of(device_token or "")},
    ).one()
    user_id = found.user_id or new_id()
    enter(db, user_id=user_id)
    if not _answered(db, asking.site, given, user_id, asked is not None, address, agent, now):
        return None
    throttle.give_back(db, buckets, counted_at=now)
    signed_in = sessions.begin(
        db, user_id=user_id, device_id=found.device_id if found.owner_id == user_id else None,
        address=address, agent=agent, replaces=replaces, now=now,
    )  # fmt: skip
    record_personal(db, user_id=user_id, action="sign_in", address=address, agent=agent, now=now)
    return signed_in


def _answered(
    db: Session, site: Site, given: Answer | None, user_id: UUID, was_asked: bool, address: str, agent: str,
    now: datetime,
) -> bool:  # fmt: skip
    """Is the answer a passkey's of the entered person, who is not disabled? Writes down why not."""
    passkey, counted = None, None
    if given is not None:
        passkey = _locked(db, user_id, given.credential_id)
        public_key = authenticators.NOBODYS_KEY if passkey is None else passkey.public_key
        counted = authenticators.check(site, given, public_key=public_key)
        if given.user_id not in (None, user_id.bytes):
            counted = None
    if passkey is None or counted is None or not was_asked:
        action = "passkey.failed"
        record_personal(db, user_id=user_id, action=action, address=address, agent=agent, now=now)
        return False
    if not _count_on(db, passkey, counted, now):
        # Two authenticators count for one passkey: one of them is a copy, and nobody can say which.
        action = "passkey.copied"
        second_factors.tell(db, user_id=user_id, action=action, address=address, agent=agent, now=now)
        return False
    return True


def _locked(db: Session, user_id: UUID, credential_id: bytes) -> Passkey | None:
    """The entered person's passkey, if they are not disabled; who uses it comes one after the other."""
    mine = (
        select(Passkey)
        .join(User, col(User.id) == col(Passkey.user_id))
        .where(
            Passkey.user_id == user_id,
            Passkey.credential_id == credential_id,
            col(User.disabled_at).is_(None),
        )
    )
    return db.exec(mine.with_for_update(key_share=True)).one_or_none()


def _count_on(db: Session, passkey: Passkey, counted: int, now: datetime) -> bool:
    """Note the use; False if the authenticator counted no further than before, though it counts (B-6)."""
    mine = (
        col(Passkey.id) == passkey.id,
        col(Passkey.user_id) == passkey.user_id,
        or_(col(Passkey.sign_count) < counted, (col(Passkey.sign_count) == 0) & (counted == 0)),
    )
    used = update(Passkey).where(*mine).values(sign_count=counted, used_at=now)
    return db.execute(used.returning(col(Passkey.id))).one_or_none() is not None

"""Second factors: authenticator apps (TOTP), and the one question "is this code right, and unused?".

A passkey is a factor too (auth/passkeys.py). Surprise: an app counts only once a code of it was typed. A code
works once: the step it was made for is kept, and only a later one is taken (GUARANTEES B-6). The tries are
counted per person (or per known browser), whether it is at sign-in or at a page that asks again.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID

import pyotp
from sqlalchemy import delete, func, or_, update
from sqlmodel import Session, col, select

from auth import recovery_codes, sessions, throttle, users
from auth.actors import Actor
from auth.audit import record_personal
from auth.factor_tables import Passkey, TotpFactor, apps_of, passkeys_of
from auth.sealing import is_current, seal, unseal
from auth.throttle import Bucket, Limit
from db.columns import new_id
from db.session import defer, enter
from errors import Conflict, Invalid, NotFound
from languages import mark, say

STEP_SECONDS = 30
DRIFT_STEPS = 1  # a phone's clock may be so many steps off
MOST = 5
LONGEST_NAME = 60
SEED_COLUMN = "totp_factor.seed_sealed"
_TRY_AGAIN = mark("Too many wrong codes. Wait five minutes and try again.")
QUICK = Limit("second factor", 10, timedelta(minutes=5), _TRY_AGAIN)
SLOW = Limit(
    "second factor slowly", 20, timedelta(hours=24), mark("Too many wrong codes today. Try again tomorrow.")
)


class Way(StrEnum):
    """What was proved with."""

    APP = "APP"
    RECOVERY_CODE = "RECOVERY_CODE"


class TooManyFactors(Conflict):
    """A person has so many authenticator apps and no more."""

    code = "TOO_MANY_FACTORS"

    def __init__(self) -> None:
        super().__init__(
            say("You have {most} authenticator apps. Remove one you no longer use first.", most=MOST)
        )


class LastFactor(Conflict):
    """A place of the person's opens only with a second factor, and this is the only one."""

    code = "LAST_FACTOR"
    message = (
        "A company you belong to asks for a second step of signing in, and this is your only one. "
        "Add another passkey or authenticator app first."
    )


def has_any(db: Session, *, user_id: UUID) -> bool:
    """Does the entered person need more than the password to sign in: a code of an app, or a passkey?"""
    app = select(TotpFactor.id).where(
        TotpFactor.user_id == user_id, col(TotpFactor.confirmed_at).is_not(None)
    )
    passkey = select(Passkey.id).where(Passkey.user_id == user_id)
    return bool(db.execute(select(or_(app.exists(), passkey.exists()))).scalar_one())


def count_of(db: Session, *, user_id: UUID) -> int:
    """How many apps and passkeys the entered person has."""
    return len(apps_of(db, user_id=user_id)) + len(passkeys_of(db, user_id=user_id))


def held_by(db: Session, actor: Actor) -> bool:
    """Has the person behind a membership a second factor? Nobody removes the last one meanwhile.

    The transaction enters the person for the look, and is the actor's again afterwards.
    """
    if actor.user_id is None:
        return False
    place = {"partner_id": actor.partner_id, "customer_id": actor.customer_id}
    enter(db, **place, user_id=actor.user_id)
    users.hold(db, user_id=actor.user_id)
    held = has_any(db, user_id=actor.user_id)
    enter(db, **place)
    return held


def begin(db: Session, *, user_id: UUID, name: str, now: datetime) -> TotpFactor:
    """Make a seed for an app of the entered person; one that was begun and never confirmed is forgotten.

    Refuses `TooManyFactors`, and a name that is blank or longer than 60 characters.
    """
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME:
        message = say("Name the app, in at most {most} characters: “Phone” will do.", most=LONGEST_NAME)
        raise Invalid.at("name", code="BAD_NAME", message=message)
    users.hold(db, user_id=user_id)
    db.execute(
        delete(TotpFactor).where(col(TotpFactor.user_id) == user_id, col(TotpFactor.confirmed_at).is_(None))
    )
    if len(apps_of(db, user_id=user_id)) >= MOST:
        raise TooManyFactors
    factor_id = new_id()
    sealed = seal(db, pyotp.random_base32(), column=SEED_COLUMN, owner=user_id, row=factor_id)
    factor = TotpFactor(id=factor_id, user_id=user_id, name=name, seed_sealed=sealed, created_at=now)
    db.add(factor)
    db.flush()
    return factor


def begun(db: Session, *, user_id: UUID) -> TotpFactor | None:
    """The app that waits for its first code."""
    waiting = select(TotpFactor).where(TotpFactor.user_id == user_id, col(TotpFactor.confirmed_at).is_(None))
    return db.exec(waiting).one_or_none()


def seed_of(db: Session, factor: TotpFactor) -> str:
    """The seed in Base32, as apps take it. Only to be shown while the app is being set up."""
    return unseal(db, factor.seed_sealed, column=SEED_COLUMN, owner=factor.user_id, row=factor.id)


def address_of(seed: str, email: str) -> str:
    """What the QR code says: `otpauth://totp/Remit:…`."""
    return pyotp.TOTP(seed).provisioning_uri(name=email, issuer_name="Remit")


def confirm(
    db: Session, *, user_id: UUID, code: str, address: str, agent: str, now: datetime
) -> list[str] | None:
    """The app counts from now on if the code is its own. The first app brings recovery codes: shown once.

    None when the code is wrong: commit, so that the try stays counted. Refuses `NotFound` when none was
    begun, TooMany.
    """
    users.hold(db, user_id=user_id)
    factor = begun(db, user_id=user_id)
    if factor is None:
        raise NotFound("There is no app waiting for a code. Begin again.")
    buckets = count_try(db, user_id=user_id, browser_id=None, now=now)
    step = _step_of(seed_of(db, factor), code, now)
    if step is None:
        return None
    throttle.give_back(db, buckets, counted_at=now)
    factor.confirmed_at = factor.used_at = now
    factor.last_step = step
    db.flush()
    tell(db, user_id=user_id, action="factor.added", address=address, agent=agent, now=now)
    return codes_if_none(db, user_id=user_id, now=now)


def remove(db: Session, *, user_id: UUID, factor_id: UUID, address: str, agent: str, now: datetime) -> None:
    """Forget an app of the entered person, and with the last factor the recovery codes.

    Refuses `NotFound`, LastFactor.
    """
    users.hold(db, user_id=user_id)
    gone = db.execute(
        delete(TotpFactor)
        .where(
            col(TotpFactor.id) == factor_id,
            col(TotpFactor.user_id) == user_id,
            col(TotpFactor.confirmed_at).is_not(None),
        )
        .returning(col(TotpFactor.id))
    ).one_or_none()
    if gone is None:
        raise NotFound
    let_go(db, user_id=user_id)
    tell(db, user_id=user_id, action="factor.removed", address=address, agent=agent, now=now)


def let_go(db: Session, *, user_id: UUID) -> None:
    """What follows when an app or passkey of the entered person was deleted: nothing, unless it was the last.

    Recovery codes go with it: they stand in for a factor. Refuses LastFactor.
    """
    if has_any(db, user_id=user_id):
        return
    if users.needing_factor(db):
        raise LastFactor
    recovery_codes.forget(db, user_id=user_id)


def codes_if_none(db: Session, *, user_id: UUID, now: datetime) -> list[str]:
    """The recovery codes that come with the first factor; none for a person who has some left."""
    if recovery_codes.left(db, user_id=user_id):
        return []
    return recovery_codes.renew(db, user_id=user_id, now=now)


def renew_codes(db: Session, *, user_id: UUID, address: str, agent: str, now: datetime) -> list[str]:
    """New recovery codes, shown once; the old ones are dead. Refuses `NotFound` without any factor."""
    users.hold(db, user_id=user_id)
    if not has_any(db, user_id=user_id):
        raise NotFound("Add a passkey or an authenticator app first: recovery codes stand in for it.")
    codes = recovery_codes.renew(db, user_id=user_id, now=now)
    tell(db, user_id=user_id, action="recovery_codes.renewed", address=address, agent=agent, now=now)
    return codes


def count_try(db: Session, *, user_id: UUID, browser_id: UUID | None, now: datetime) -> Sequence[Bucket]:
    """Count one try of the person, or of a browser known to be theirs. Refuses TooMany."""
    counted = (user_id,) if browser_id is None else (user_id, browser_id)
    buckets = [throttle.bucket_of(db, limit, *counted) for limit in (QUICK, SLOW)]
    throttle.count_all(db, buckets, now=now)
    return buckets


def prove(
    db: Session,
    *,
    user_id: UUID,
    code: str,
    browser_id: UUID | None = None,
    address: str,
    agent: str,
    now: datetime,
) -> Way | None:
    """Is it a code of one of the entered person's apps, or a recovery code; and is it its first use?

    None when it is not: commit, so that the try stays counted. Refuses TooMany.
    """
    buckets = count_try(db, user_id=user_id, browser_id=browser_id, now=now)
    way = None
    if recovery_codes.looks_like_one(code):
        if recovery_codes.use(db, user_id=user_id, code=code, now=now):
            way = Way.RECOVERY_CODE
            tell(db, user_id=user_id, action="recovery_code.used", address=address, agent=agent, now=now)
    elif _use_step(db, user_id, code, now):
        way = Way.APP
    if way is None:
        record_personal(
            db, user_id=user_id, action="second_factor.failed", address=address, agent=agent, now=now
        )
        return None
    throttle.give_back(db, buckets, counted_at=now)
    return way


def step_up(
    db: Session, *, user_id: UUID, session_id: UUID, code: str, address: str, agent: str, now: datetime
) -> str | None:
    """The entered person proved it again in this session: its new id. None and TooMany as `prove`."""
    way = prove(
        db, user_id=user_id, code=code, browser_id=session_id, address=address, agent=agent, now=now
    )  # fmt: skip
    if way is None:
        return None
    record_personal(db, user_id=user_id, action="step_up", address=address, agent=agent, now=now)
    return sessions.step_up(db, user_id=user_id, session_id=session_id, now=now)


def reseal(db: Session, *, user_id: UUID) -> int:
    """Seal what the entered person has under an older key anew under the first; how many there were."""
    changed = 0
    for factor in db.exec(select(TotpFactor).where(TotpFactor.user_id == user_id).with_for_update()):
        if not is_current(db, factor.seed_sealed):
            seed = seed_of(db, factor)
            factor.seed_sealed = seal(db, seed, column=SEED_COLUMN, owner=user_id, row=factor.id)
            changed += 1
    db.flush()
    return changed


def people(db: Session) -> list[UUID]:
    """Everybody who has a sealed seed: for `remit reseal`, which enters them one by one."""
    return list(db.execute(select(func.people_with_seeds())).scalars())


def tell(db: Session, *, user_id: UUID, action: str, address: str, agent: str, now: datetime) -> None:
    """Write down that the way of signing in changed, and tell the owner by mail."""
    event_id = record_personal(db, user_id=user_id, action=action, address=address, agent=agent, now=now)
    defer(db, "send_factors_changed", user_id=user_id, event_id=event_id)


def _use_step(db: Session, user_id: UUID, code: str, now: datetime) -> bool:
    """Is the code one app's, for a step later than any used? Of many at once one wins."""
    for factor in apps_of(db, user_id=user_id):
        step = _step_of(seed_of(db, factor), code, now)
        if step is None:
            continue
        later = (
            col(TotpFactor.id) == factor.id,
            col(TotpFactor.user_id) == user_id,
            col(TotpFactor.last_step) < step,
        )
        used = update(TotpFactor).where(*later).values(last_step=step, used_at=now)
        if db.execute(used.returning(col(TotpFactor.id))).one_or_none() is not None:
            return True
    return False


def _step_of(seed: str, code: str, now: datetime) -> int | None:
    """The step for which the app shows this code, if it is now's or a neighbour's."""
    digits = re.sub(r"[\s-]", "", code)
    if re.fullmatch(r"[0-9]{6}", digits) is None:
        return None
    app = pyotp.TOTP(seed, interval=STEP_SECONDS)
    current = int(now.astimezone(UTC).timestamp()) // STEP_SECONDS
    # The latest first: a code that is right for two steps is used up for both.
    for step in range(current + DRIFT_STEPS, current - DRIFT_STEPS - 1, -1):
        if pyotp.utils.strings_equal(app.generate_otp(step), digits):
            return step
    return None

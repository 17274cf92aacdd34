"""API keys for servers, and the short portal tokens a partner's own front end gets for one customer.

Surprise: both are found by one look-up, and both are shown once; only their SHA-256 is kept. A portal token
dies with the key that made it. The look-up also notes, once a minute, that a key was used.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint, or_, text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, SQLModel, col, select

from auth import companies
from auth.actors import KEY_SCOPES, Action, Actor, ActorKind
from auth.audit import record
from auth.roles import Role
from auth.tokens import KEY_PREFIX, digest_of, keyed_digest, new_token
from db.columns import instant, key, new_id, tenant, texts
from db.policies import Guard, guarded
from errors import Conflict, Forbidden, Invalid, NotFound, Problem
from languages import say

PORTAL_LIFE = timedelta(minutes=15)
# How long a rotated key goes on beside its successor: long enough to put the new one everywhere.
OVERLAP = timedelta(hours=24)
PORTAL_PREFIX = "remit_portal_"
LONGEST_NAME, MOST_ORIGINS, LONGEST_ORIGIN = 100, 10, 200
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_HOST_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-")


class ApiKey(SQLModel, table=True):
    """A key of the partner's, with the scopes it was given."""

    __tablename__ = "api_key"
    __table_args__ = (
        ForeignKeyConstraint(["partner_id"], ["partner.id"]),
        UniqueConstraint("token_hash"),
        Index("ix_api_key_created", "partner_id", "created_at", "id"),
        guarded(Guard.STAFF),
    )

    partner_id: UUID = tenant()
    id: UUID = key()
    name: str
    token_hash: bytes
    scopes: list[str] = texts()
    created_at: datetime = instant()
    created_by: UUID | None = None
    expires_at: datetime | None = instant(default=None)
    revoked_at: datetime | None = instant(default=None)
    last_used_at: datetime | None = instant(default=None)
    replaced_at: datetime | None = instant(default=None)


class PortalToken(SQLModel, table=True):
    """Fifteen minutes in one customer's portal world, for browsers at the listed origins."""

    __tablename__ = "portal_token"
    __table_args__ = (
        ForeignKeyConstraint(["partner_id", "customer_id"], ["customer.partner_id", "customer.id"]),
        ForeignKeyConstraint(["partner_id", "api_key_id"], ["api_key.partner_id", "api_key.id"]),
        UniqueConstraint("token_hash"),
        guarded(Guard.STAFF),
    )

    partner_id: UUID = tenant()
    id: UUID = key()
    customer_id: UUID
    api_key_id: UUID
    token_hash: bytes
    origins: list[str] = texts()
    created_at: datetime = instant()
    expires_at: datetime = instant()


class KeyOnly(Forbidden):
    """Portal tokens are made by servers."""

    code = "API_KEY_ONLY"
    message = "Make portal sessions from your server, with an API key."


class KeyOver(Conflict):
    """What has ended, or was rotated before, has no successor."""

    code = "API_KEY_OVER"
    message = "This key has ended or was rotated already. Create a new one instead."


class RotatedAlready(KeyOver):
    """It has its successor."""

    code = "API_KEY_ROTATED"
    message = (
        "This key was rotated already, and its successor's text was shown that once."
        " If nobody copied it, revoke the successor and create a new key."
    )


class MadeAlready(Conflict):
    """The same request made its key before; nobody can read that one's text again."""

    code = "API_KEY_MADE"
    message = (
        "This form made a key already, and its text was shown that once."
        " If nobody copied it, revoke it and create a new one."
    )


class Shown(NamedTuple):
    """A new key and its token, which is shown this once."""

    key: ApiKey
    token: str


class PortalSession(NamedTuple):
    """A new portal token and what it is called by, which is shown this once."""

    row: PortalToken
    token: str


@dataclass(frozen=True, slots=True)
class KeyVisit:
    """Who knocks with a key or portal token. A portal token is good from `origins` only, a key from none."""

    actor: Actor
    origins: tuple[str, ...]
    expires_at: datetime | None


def live(db: Session, partner_id: UUID, *, key_id: UUID, now: datetime) -> ApiKey | None:
    """The partner's key of that id, if it still opens: for work it began and a job goes on with."""
    wanted = select(ApiKey).where(
        ApiKey.partner_id == partner_id, ApiKey.id == key_id, col(ApiKey.revoked_at).is_(None),
        or_(col(ApiKey.expires_at).is_(None), col(ApiKey.expires_at) > now),
    )  # fmt: skip
    return db.exec(wanted).one_or_none()


def create(
    db: Session,
    actor: Actor,
    *,
    name: str,
    scopes: Sequence[str],
    expires_at: datetime | None = None,
    request_key: str | None = None,
    now: datetime,
) -> Shown:
    """A key with some of the maker's rights. `expires_at` None: until revoked.

    The same actor's same `request_key` makes one key, also of two at once: from the second time on it refuses
    MadeAlready. Refuses too: MissingRight, ProofRequired; Invalid at name (REQUIRED, TOO_LONG,
    BAD_CHARACTERS), scopes (REQUIRED, UNKNOWN_SCOPE, also for what keys never may), expires_at (IN_THE_PAST).
    """
    actor.require(Action.MANAGE_KEYS)
    actor.require_proof(now)
    spoken = " ".join(unicodedata.normalize("NFC", name).split())
    wanted = sorted(set(scopes))
    problems = [*_wrong_name(spoken), *_wrong_scopes(wanted)]
    if expires_at is not None and expires_at <= now:
        problems.append(Problem("IN_THE_PAST", ("expires_at",), "Choose an expiry date in the future."))
    if problems:
        raise Invalid(problems)
    for scope in wanted:
        actor.require(Action(scope))
    id_ = new_id() if request_key is None else _id_for(db, actor, request_key)
    return _made(db, actor, id_=id_, name=spoken, scopes=wanted, expires_at=expires_at, now=now)


def rotate(db: Session, actor: Actor, *, key_id: UUID, now: datetime) -> Shown:
    """A successor with the same name, scopes and expiry; the key itself goes on for 24 hours at most.

    Refuses: MissingRight (also for a scope the actor has not), ProofRequired, NotFound, KeyOver for a key
    that is revoked or expired, RotatedAlready: of two who rotate it at once, one gets the successor.
    """
    actor.require(Action.MANAGE_KEYS)
    actor.require_proof(now)
    row = _locked(db, actor, key_id)
    if row.revoked_at or (row.expires_at is not None and row.expires_at <= now):
        raise KeyOver
    if row.replaced_at:
        raise RotatedAlready
    for scope in row.scopes:
        actor.require(Action(scope))
    until, ends = now + OVERLAP, row.expires_at
    row.replaced_at = now
    row.expires_at = until if ends is None else min(ends, until)
    db.add(row)
    db.flush()
    _record(db, actor, row, "api_key.rotated", now)
    return _made(db, actor, id_=new_id(), name=row.name, scopes=row.scopes, expires_at=ends, now=now)


def revoke(db: Session, actor: Actor, *, key_id: UUID, now: datetime) -> ApiKey:
    """End a key, and the portal tokens it made, at their next request. Twice is once.

    Refuses: MissingRight, ProofRequired, NotFound.
    """
    actor.require(Action.MANAGE_KEYS)
    actor.require_proof(now)
    row = _locked(db, actor, key_id)
    if row.revoked_at is None:
        row.revoked_at = now
        db.add(row)
        db.flush()
        _record(db, actor, row, "api_key.revoked", now)
    return row


def create_portal_token(
    db: Session, actor: Actor, *, customer_id: UUID, origins: Sequence[str], now: datetime
) -> PortalSession:
    """Fifteen minutes as a payer of one customer, for browsers at `origins` (GUARANTEES A-9).

    Refuses: MissingRight, KeyOnly (the actor is no API key), NotFound, CustomerClosed, CustomerNotReady,
    Invalid at ("origins",) or ("origins", row): REQUIRED, TOO_MANY, BAD_ORIGIN.
    """
    actor.require(Action.CREATE_PORTAL_SESSIONS)
    if actor.kind is not ActorKind.API_KEY or actor.id is None:
        raise KeyOnly
    companies.require_active(companies.lock(db, actor, customer_id=customer_id))
    listed = _origins(origins)
    token = new_token(PORTAL_PREFIX)
    row = PortalToken(
        partner_id=actor.partner_id, id=new_id(), customer_id=customer_id, api_key_id=actor.id,
        token_hash=digest_of(token), origins=listed, created_at=now,
        expires_at=now.astimezone(UTC) + PORTAL_LIFE,
    )  # fmt: skip
    db.add(row)
    db.flush()
    record(
        db, actor, action="portal_session.created", subject_kind="customer", subject_id=customer_id,
        customer_id=customer_id, now=now, origins=listed,
    )  # fmt: skip
    return PortalSession(row, token)


def knock(db: Session, *, token_hash: bytes, now: datetime) -> KeyVisit | None:
    """Who knocks with this key or portal token? Sets the tenant; None: nobody alive."""
    row = db.execute(
        text("select * from knock_key(:hash, :now)"), {"hash": token_hash, "now": now}
    ).one_or_none()
    return None if row is None else visit_of(row)


def visit_of(row: Sequence[Any]) -> KeyVisit:
    """The visit that a row of `knock_key` tells of, whichever driver fetched it."""
    kind, token_id, partner_id, customer_id, role, scopes, name, origins, expires_at = row
    actor = Actor(
        kind=ActorKind(kind), partner_id=partner_id, id=token_id, customer_id=customer_id,
        role=Role(role) if role else None, scopes=frozenset(scopes), name=name,
    )  # fmt: skip
    return KeyVisit(actor, tuple(origins), expires_at)


def parse_origin(typed: str) -> str | None:
    """An origin as browsers send it: https (http for loopback only), host, port if unusual. Else None."""
    lowered = typed.strip().lower()
    try:
        parts = urlsplit(lowered)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    if parts.scheme not in ("https", "http") or (parts.scheme == "http" and host not in _LOOPBACK):
        return None
    if host != "::1" and (not host.strip(".-") or not set(host) <= _HOST_CHARACTERS):
        return None
    shown_host = f"[{host}]" if ":" in host else host
    usual = {"https": 443, "http": 80}[parts.scheme]
    origin = f"{parts.scheme}://{shown_host}" + (f":{port}" if port not in (None, usual) else "")
    # Anything more than an origin (a path, a name, a password) would be left out above: refuse it instead.
    written = {origin, f"{origin}:{usual}"}
    return origin if lowered in written and len(lowered) <= LONGEST_ORIGIN else None


def _made(
    db: Session,
    actor: Actor,
    *,
    id_: UUID,
    name: str,
    scopes: list[str],
    expires_at: datetime | None,
    now: datetime,
) -> Shown:
    token = new_token(KEY_PREFIX)
    row = ApiKey(
        partner_id=actor.partner_id, id=id_, name=name, token_hash=digest_of(token), scopes=scopes,
        created_at=now, created_by=actor.id, expires_at=expires_at,
    )  # fmt: skip
    # Whoever asks the same at the same time waits here until one of them is through.
    fresh = insert(ApiKey).values(**row.model_dump()).on_conflict_do_nothing(constraint="pk_api_key")
    if db.execute(fresh.returning(col(ApiKey.id))).one_or_none() is None:
        raise MadeAlready
    _record(db, actor, row, "api_key.created", now)
    return Shown(row, token)


def _id_for(db: Session, actor: Actor, request_key: str) -> UUID:
    """The id of the one key that this request of the actor's makes: nobody chooses an id by it."""
    digest = keyed_digest(db, "api key", actor.partner_id, actor.id or "", request_key)
    return UUID(bytes=digest[:16], version=4)


def _locked(db: Session, actor: Actor, key_id: UUID) -> ApiKey:
    mine = select(ApiKey).where(ApiKey.partner_id == actor.partner_id, ApiKey.id == key_id)
    row = db.exec(
        mine.with_for_update(key_share=True).execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        raise NotFound
    return row


def _origins(typed: Sequence[str]) -> list[str]:
    if not typed:
        message = "List at least one origin, like https://billing.example.com."
        raise Invalid.at("origins", code="REQUIRED", message=message)
    if len(typed) > MOST_ORIGINS:
        message = say("List at most {most_origins} origins.", most_origins=MOST_ORIGINS)
        raise Invalid.at("origins", code="TOO_MANY", message=message)
    parsed = [parse_origin(text) for text in typed]
    message = "Enter the origin like https://billing.example.com: no path, no star."
    wrong = [
        Problem("BAD_ORIGIN", ("origins", row), message)
        for row, origin in enumerate(parsed)
        if origin is None
    ]
    if wrong:
        raise Invalid(wrong)
    return sorted({origin for origin in parsed if origin is not None})


def _wrong_name(name: str) -> Iterable[Problem]:
    if not name:
        yield Problem("REQUIRED", ("name",), "Enter a name that says where the key is used.")
    elif len(name) > LONGEST_NAME:
        yield Problem(
            "TOO_LONG",
            ("name",),
            say("Shorten the name to {longest_name} characters.", longest_name=LONGEST_NAME),
        )
    elif any(unicodedata.category(char) in ("Cc", "Cs") for char in name):
        yield Problem("BAD_CHARACTERS", ("name",), "Remove the invisible characters from the name.")


def _wrong_scopes(scopes: Sequence[str]) -> Iterable[Problem]:
    if not scopes:
        yield Problem("REQUIRED", ("scopes",), "Choose at least one scope.")
    known = {action.value for action in KEY_SCOPES}
    for scope in scopes:
        if scope not in known:
            message = say("Remove the scope “{scope}”: no API key can have it.", scope=scope[:50])
            yield Problem("UNKNOWN_SCOPE", ("scopes",), message)


def _record(db: Session, actor: Actor, row: ApiKey, action: str, now: datetime) -> None:
    record(
        db, actor, action=action, subject_kind="api_key", subject_id=row.id, now=now, name=row.name,
        scopes=row.scopes,
    )  # fmt: skip

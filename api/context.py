"""Who asks: credentials, the look-up that travels with the statement, and the actors remembered from before.

The surprise: a remembered actor is only a guess, made so that a request needs one trip to the database. The
look-up (`knock_key`, `knock_session`) goes first in the same pipeline, sets the tenant itself, and says who
is alive now; if that is not whom the statement was planned for, the answer is dropped and planned again. So a
revoked key, a removed member or a changed role is felt at the very next request.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from api.plan.planning import Rights
from auth import api_keys, impersonations, sessions
from auth.actors import Actor, ActorKind, Stopped
from db.deadlines import DEADLINE
from db.trips import Found
from errors import Refusal, Unauthenticated

MOST_REMEMBERED = 10_000
LONGEST_WAIT = 3  # seconds for somebody else's lock, before a mutation tries anew

# The tenant is set by then, so that the partner's own row can be read.
_ZONE = (
    "(select p.time_zone from partner p where p.id = k.partner_id),"
    f"set_config('statement_timeout','{DEADLINE * 1000}',true)"
)
_MORE: Mapping[bool, str] = {
    # For a read, nothing can be written from here on.
    False: f"{_ZONE},set_config('transaction_read_only','on',true)",
    True: f"{_ZONE},set_config('lock_timeout','{LONGEST_WAIT * 1000}',true)",
}
_KNOCK_KEY = {
    writing: f"select k.*,{more} from knock_key($1::bytea,$2::timestamptz) k"
    for writing, more in _MORE.items()
}
_KNOCK_SESSION = {
    writing: f"select k.*,{more} from knock_session($1::bytea,$2::text,$3::text,$4::timestamptz) k"
    for writing, more in _MORE.items()
}

_KNOCK_IMPERSONATION = {
    writing: f"select k.*,{more} from knock_impersonation($1::bytea,$2::text,$3::uuid,$4::timestamptz) k"
    for writing, more in _MORE.items()
}


class KeyInBrowser(Stopped):
    """An API key was sent by a web page."""

    code = "KEY_IN_BROWSER"
    message = "API keys are for servers. In a browser, use a token from createPortalSession."


class WrongOrigin(Stopped):
    """A portal token was sent from a site it was not made for."""

    code = "WRONG_ORIGIN"
    message = "This portal token was made for other origins. List this one when you create it."


@dataclass(frozen=True, slots=True)
class Bearer:
    """A key or portal token, as its hash, and the `Origin` header it came with."""

    token_hash: bytes
    origin: str | None = None

    def statement(self, now: datetime, *, writing: bool = False) -> tuple[str, tuple[Any, ...]]:
        """The look-up, for a transaction that may write or may not."""
        return _KNOCK_KEY[writing], (self.token_hash, now)

    def visit(self, row: Sequence[Any]) -> "Visit":
        """Who it was. Refuses a key in a browser, and a portal token of other origins."""
        found = api_keys.visit_of(row[:-3])
        if found.actor.kind is ActorKind.API_KEY and self.origin is not None:
            raise KeyInBrowser(found.actor)
        if found.actor.kind is ActorKind.PORTAL_TOKEN and self.origin not in found.origins:
            raise WrongOrigin(found.actor)
        return Visit(found.actor, Rights.of(found.actor), row[-3], None)


@dataclass(frozen=True, slots=True)
class SessionAt:
    """A session cookie, as its hash, at a partner's dashboard or a customer's portal."""

    token_hash: bytes
    place: Literal["partner", "portal"]
    slug: str

    def statement(self, now: datetime, *, writing: bool = False) -> tuple[str, tuple[Any, ...]]:
        """The look-up, for a transaction that may write or may not."""
        return _KNOCK_SESSION[writing], (self.token_hash, self.place, self.slug, now)

    def visit(self, row: Sequence[Any]) -> "Visit":
        """Who it was. Refuses (NotFound) a person without a place there, as if it did not exist, and
        FactorNeeded.
        """
        found = sessions.visit_of(row[:-3])
        actor = found.admitted()
        return Visit(actor, Rights.of(actor), row[-3], found)


@dataclass(frozen=True, slots=True)
class GrantAt:
    """A staff session's cookie, as its hash, and the grant by which it looks at a customer's portal."""

    token_hash: bytes
    slug: str
    grant_id: UUID

    def statement(self, now: datetime, *, writing: bool = False) -> tuple[str, tuple[Any, ...]]:
        """The look-up. The transaction is read-only either way: the look-up itself sees to that."""
        return _KNOCK_IMPERSONATION[writing], (self.token_hash, self.slug, self.grant_id, now)

    def visit(self, row: Sequence[Any]) -> "Visit":
        """Who is looked as. Refuses as `View.admitted`: NotFound, FactorNeeded, MissingRight, ViewOver."""
        found = impersonations.view_of(row[:-3])
        actor = found.admitted()
        return Visit(actor, Rights.of(actor), row[-3], found)


Credential = Bearer | SessionAt | GrantAt


@dataclass(frozen=True, slots=True)
class Visit:
    """A live actor and its rights, the partner's time zone, and for people their session."""

    actor: Actor
    rights: Rights
    time_zone: str
    session: sessions.Visit | None

    def today(self, now: datetime) -> date:
        """The partner's calendar day."""
        return now.astimezone(ZoneInfo(self.time_zone)).date()

    def is_same(self, other: "Visit") -> bool:
        """Would the same statement with the same parameters be right for both?"""
        return self.actor == other.actor and self.time_zone == other.time_zone


def visit_of(credential: Credential, row: Sequence[Any] | None) -> Visit:
    """Who a look-up found. Refuses (Unauthenticated) nobody, and what the credential itself refuses."""
    if row is None:
        raise Unauthenticated
    return credential.visit(row)


class Memory:
    """The actors seen lately, by credential. Never the authority on anything."""

    def __init__(self) -> None:
        self._seen: OrderedDict[Credential, tuple[Sequence[bytes | None], Visit]] = OrderedDict()

    def recall(self, credential: Credential) -> Visit | None:
        """Who it was the last time."""
        seen = self._seen.get(credential)
        if seen is None:
            return None
        self._seen.move_to_end(credential)
        return seen[1]

    def note(self, credential: Credential, found: Found) -> Visit:
        """Who it is now, by what its look-up just found. Refuses as `visit_of`."""
        seen = self._seen.get(credential)
        if seen is not None and seen[0] == found.raw:
            return seen[1]
        try:
            visit = visit_of(credential, found.row())
        except Refusal:
            self._seen.pop(credential, None)
            raise
        assert found.raw is not None
        self._seen[credential] = found.raw, visit
        self._seen.move_to_end(credential)
        while len(self._seen) > MOST_REMEMBERED:
            self._seen.popitem(last=False)
        return visit

"""Who acts, and the one table of who may do what.

Surprise: an actor is looked up again at every request; nothing here is remembered from sign-in. The
table below is the only place where roles and scopes are turned into rights, for pages, API and jobs.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from auth.proofs import ProofRequired, is_recent
from auth.roles import Role
from errors import Forbidden
from languages import say


class ActorKind(StrEnum):
    """What stands behind a request."""

    STAFF = "STAFF"
    CUSTOMER_USER = "CUSTOMER_USER"
    API_KEY = "API_KEY"
    PORTAL_TOKEN = "PORTAL_TOKEN"  # noqa: S105 - a kind of actor, not a secret
    IMPERSONATION = "IMPERSONATION"
    GUEST = "GUEST"
    SYSTEM = "SYSTEM"


class Action(StrEnum):
    """What a right is about. The value is the API key scope that grants it."""

    VIEW_CUSTOMERS = "customers:read"
    EDIT_CUSTOMERS = "customers:write"
    EXPORT_CUSTOMERS = "customers:export"
    VIEW_USERS = "users:read"
    MANAGE_USERS = "users:write"
    VIEW_INVOICES = "invoices:read"
    EDIT_INVOICES = "invoices:write"
    VOID_INVOICES = "invoices:void"
    DISCUSS = "threads:write"
    VIEW_PAYMENTS = "payments:read"
    PAY = "payments:write"
    VIEW_METHODS = "payment_methods:read"
    MANAGE_METHODS = "payment_methods:write"
    VIEW_TAGS = "tags:read"
    EDIT_TAGS = "tags:write"
    CREATE_PORTAL_SESSIONS = "portal_sessions:write"
    VIEW_KEYS = "api_keys:read"
    MANAGE_KEYS = "api_keys:write"
    MANAGE_SETTINGS = "settings:write"
    MANAGE_TEAM = "team:write"
    VIEW_AUDIT = "audit:read"
    SEE_VIEWS = "views:read"
    SHARE_VIEWS = "views:write"
    MANAGE_VIEWS = "views:manage"
    IMPERSONATE = "customers:impersonate"


_VIEW = frozenset({
    Action.VIEW_CUSTOMERS, Action.VIEW_USERS, Action.VIEW_INVOICES, Action.VIEW_PAYMENTS,
    Action.VIEW_METHODS, Action.VIEW_TAGS,
})  # fmt: skip
# Whoever may see saved views may also keep some for themselves: nobody else ever sees those.
_LOOK = _VIEW | {Action.SEE_VIEWS}
_EDIT = _LOOK | {
    Action.EDIT_CUSTOMERS, Action.MANAGE_USERS, Action.EDIT_INVOICES, Action.EDIT_TAGS, Action.IMPERSONATE,
    Action.SHARE_VIEWS, Action.DISCUSS,
}  # fmt: skip
_RUN = _EDIT | {
    Action.VOID_INVOICES, Action.PAY, Action.MANAGE_METHODS, Action.CREATE_PORTAL_SESSIONS,
    Action.MANAGE_SETTINGS, Action.VIEW_AUDIT, Action.EXPORT_CUSTOMERS, Action.MANAGE_VIEWS,
}  # fmt: skip
_PAY = _VIEW | {Action.PAY, Action.MANAGE_METHODS, Action.EDIT_TAGS, Action.DISCUSS}

RIGHTS: dict[Role, frozenset[Action]] = {
    Role.ADMIN: frozenset(Action),
    Role.SUB_ADMIN: frozenset(_RUN),
    Role.MEMBER: frozenset(_EDIT),
    Role.READ_ONLY: _LOOK,
    Role.MANAGER: frozenset(_PAY | {Action.MANAGE_USERS, Action.VIEW_AUDIT}),
    Role.PAYER: frozenset(_PAY),
    Role.VIEWER: _VIEW,
}

# Keys act for servers: what changes the team or keys, and who needs a second factor, is left to people. A CSV
# file is for people too; programs read lists. And so is looking at a portal: a page somebody sits before.
KEY_SCOPES = frozenset(Action) - {
    Action.MANAGE_KEYS, Action.MANAGE_TEAM, Action.EXPORT_CUSTOMERS, Action.IMPERSONATE,
}  # fmt: skip

# All that is left of a customer's rights to staff who look at its portal (GUARANTEES D-8).
READS = _VIEW | {Action.VIEW_AUDIT}
# Whoever came by a pay link: to see and to pay its one invoice. Rules and database bound it to that (C-10).
GUEST_RIGHTS = frozenset({Action.VIEW_INVOICES, Action.PAY})


class Stopped(Forbidden):
    """A refusal that an operator should hear of, with whom it stopped if that is known."""

    matters = True

    def __init__(self, actor: "Actor | None" = None, message: str | None = None) -> None:
        self._actor = actor
        super().__init__(message)

    def about(self) -> dict[str, str]:
        """Who it was."""
        return self._actor.traced() if self._actor else {}


class MissingRight(Stopped):
    """The actor's role or key does not include an action."""

    def __init__(self, action: Action, *, by_key: bool, actor: "Actor | None" = None) -> None:
        self.scope = action.value
        super().__init__(
            actor,
            say(
                "This API key lacks the scope {scope}. Add it to the key, or use another key.",
                scope=action.value,
            )
            if by_key
            else "Your role does not allow this. Ask an administrator.",
        )

    def about(self) -> dict[str, str]:
        """The right, and who lacks it."""
        return {"scope": self.scope, **super().about()}


class ViewOnly(Stopped):
    """Staff who look at a customer's portal tried to change something there."""

    code = "VIEW_ONLY"
    message = "You are only looking at this portal: nothing can be changed here. Nothing was."


@dataclass(frozen=True, slots=True)
class Actor:
    """A membership, key, token, impersonation, pay link or the system at work, by its `id`.

    An impersonation has the role of whom it looks as, and `viewed_id` if that is one user. `proved_at` is
    when the person behind a session last gave a password, code or passkey, or when a guest was mailed the
    link. `invoice_id` is a guest's one.
    """

    kind: ActorKind
    partner_id: UUID
    id: UUID | None = None
    customer_id: UUID | None = None
    role: Role | None = None
    scopes: frozenset[str] = frozenset()
    name: str = ""
    user_id: UUID | None = None
    session_id: UUID | None = None
    viewed_id: UUID | None = None
    invoice_id: UUID | None = None
    proved_at: datetime | None = field(default=None, compare=False)

    @property
    def is_staff_side(self) -> bool:
        """Acts for the partner, not for one customer."""
        return self.customer_id is None

    @property
    def is_guest(self) -> bool:
        """Came by a pay link, and is nobody's user."""
        return self.kind is ActorKind.GUEST

    @property
    def reach(self) -> dict[str, UUID | None]:
        """Whose rows a transaction of this actor's own is about: what `db.session` is told."""
        return {
            "partner_id": self.partner_id, "customer_id": self.customer_id, "invoice_id": self.invoice_id,
        }  # fmt: skip

    @property
    def member_id(self) -> UUID | None:
        """The place of the person who acts, on either side; only people have what is theirs alone."""
        return self.id if self.kind in (ActorKind.STAFF, ActorKind.CUSTOMER_USER) else None

    def may(self, action: Action) -> bool:
        """Is `action` among the rights of this actor's role or key?"""
        if self.kind is ActorKind.SYSTEM:
            return True
        if self.kind is ActorKind.API_KEY:
            return action in KEY_SCOPES and action.value in self.scopes
        if self.kind is ActorKind.GUEST:
            return action in GUEST_RIGHTS
        if self.kind is ActorKind.IMPERSONATION and action not in READS:
            return False
        return self.role is not None and action in RIGHTS[self.role]

    def require(self, action: Action) -> None:
        """Refuse (`MissingRight`) unless the actor may do `action`; ViewOnly whoever only looks."""
        if self.kind is ActorKind.IMPERSONATION and action not in READS:
            raise ViewOnly(self)
        if not self.may(action):
            raise MissingRight(action, by_key=self.kind is ActorKind.API_KEY, actor=self)

    def require_proof(self, now: datetime) -> None:
        """Refuse (`ProofRequired`) a session whose person proved it too long ago (GUARANTEES D-4).

        A key has nobody who could: its scopes are what bounds it. Nor have jobs and the command line.
        """
        if self.session_id is not None and not (self.proved_at and is_recent(self.proved_at, now)):
            raise ProofRequired

    def require_writer(self) -> None:
        """Refuse (`ViewOnly`) an impersonation: it writes nothing, whatever its role may."""
        if self.kind is ActorKind.IMPERSONATION:
            raise ViewOnly(self)

    def traced(self) -> dict[str, str]:
        """Who this is, for the server's log: ids only."""
        return {"kind": self.kind.value, "actor": str(self.id), "partner": str(self.partner_id)}


def system(partner_id: UUID) -> Actor:
    """The actor of jobs that no person asked for."""
    return Actor(kind=ActorKind.SYSTEM, partner_id=partner_id, name="Remit")

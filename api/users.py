"""Users and invites in the API.

The surprise: a `User` is a membership, a person's place in the partner or in one customer, with its own name
and e-mail. The person behind it is in no document.
"""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from api.changes import Doing, Given, Outcome, Work, change, changed, gives, opt, takes
from api.nouns import Connection, Node, by_id, col, latest, lazy, noun, one, page, sql
from api.reads import STAFF
from api.roles import Role
from auth import invites, memberships
from auth.actors import Action
from billing import customer_users as rules
from billing.bounces import is_bounced, is_bouncing, shows_bouncing
from billing.customer_fields import key_of
from billing.derived import InviteStatus, invite_status, is_customers_user, is_open_invite
from billing.user_words import USER_SEARCHED_AS

if TYPE_CHECKING:
    from api.customers import Customer
    from api.mails import Mail


strawberry.enum(memberships.MembershipStatus, description="INVITED until the invite is accepted.")
strawberry.enum(InviteStatus, description="What became of an invite.")


@noun(memberships.Membership, "usr", needs=Action.VIEW_USERS, order="name", search=USER_SEARCHED_AS)
class User(Node):
    """A person's place in a customer, or in the partner."""

    name: str = col(where=True, order=True, key="name_key", fold=key_of)
    email: str = col(where=True, key="email_key", fold=key_of)
    role: Role = col(where=True)
    status: memberships.MembershipStatus = col(where=True)
    created_at: datetime = col(where=True, order=True)
    updated_at: datetime = col(where=True)
    removed_at: datetime | None = col()
    locale: str | None = col(
        "The language of mails to them: `en` or `fr`. Null: the partner's. Once they accept, their own."
    )
    mail_bounces: bool = sql(
        shows_bouncing,
        "The last mail to this address came back: correct the address before you send there again.",
        where=True,
        holds=is_bouncing,
        see=STAFF,
    )
    bounced_mail: Annotated["Mail", lazy("api.mails")] | None = latest(
        "membership_id", "The last one that came back, if any did.", only=is_bounced, see=STAFF
    )
    customer: Annotated["Customer", lazy("api.customers")] | None = one(
        "customer_id", "Null for the partner's staff.", where=True
    )
    invite: Annotated["Invite", lazy("api.users")] | None = latest(
        "membership_id", "The one still open, if any; it may have expired.", only=is_open_invite
    )
    invites: Connection[Annotated["Invite", lazy("api.users")]] = page("membership_id")


@noun(invites.Invite, "ivt", needs=Action.VIEW_USERS, order="-created_at")
class Invite(Node):
    """An e-mailed, single-use invitation."""

    status: InviteStatus = sql(invite_status)
    created_at: datetime = col(order=True)
    expires_at: datetime = col()
    accepted_at: datetime | None = col()
    revoked_at: datetime | None = col()
    reminded_at: datetime | None = col("When one reminder of it was mailed, two days after it.")
    user: User = one("membership_id")


@strawberry.type
class UserQueries:
    """Root fields about users."""

    user: User | None = by_id()
    users: Connection[User] = page(
        None, "Of all customers; the staff is listed at the partner.", only=is_customers_user, see=STAFF
    )


@strawberry.enum(description="The roles of a customer's users.")
class CustomerRole(StrEnum):
    """The roles of a customer's users: nobody is made staff here (GUARANTEES A-5)."""

    MANAGER = "MANAGER"
    PAYER = "PAYER"
    VIEWER = "VIEWER"


# What invites somebody takes besides.
LANGUAGE = "`en` or `fr`: the language of mails to them until they accept. Left out: the partner's."


@strawberry.input(description="A person to invite.")
class NewUserInput:
    """A person to invite."""

    name: str | None = opt("Required.")
    email: str | None = opt("Required.")
    role: CustomerRole | None = opt("Left out: MANAGER for the customer's first user, PAYER for later ones.")
    locale: str | None = opt(LANGUAGE)


@takes(dry_run=True)
class InviteUserInput:
    """A person to invite to a customer; the first one makes it ACTIVE."""

    customer_id: strawberry.ID
    name: str | None = opt("Required.")
    email: str | None = opt("Required.")
    role: CustomerRole | None = opt("Left out: MANAGER for the customer's first user, PAYER for later ones.")
    locale: str | None = opt(LANGUAGE)


@takes(dry_run=True)
class ResendInviteInput:
    """A user who has not accepted yet."""

    user_id: strawberry.ID


@takes(dry_run=True)
class RevokeInviteInput:
    """A user who has not accepted yet."""

    user_id: strawberry.ID


@takes(dry_run=True)
class UpdateUserRoleInput:
    """A customer's user, and the new role."""

    id: strawberry.ID
    role: CustomerRole


@takes(dry_run=True)
class CorrectUserInput:
    """A customer's user who has not accepted yet. What is left out stays."""

    id: strawberry.ID
    name: str | None = opt("Left out, or null: as it is.")
    email: str | None = opt("Left out, or null: as it is. Another address gets a new invite.")
    locale: str | None = opt("`en` or `fr`. Left out, or null: as it is; empty: the partner's.")


@takes(dry_run=True)
class DisableUserInput:
    """A customer's user."""

    id: strawberry.ID


@takes(dry_run=True)
class EnableUserInput:
    """A customer's user who is DISABLED."""

    id: strawberry.ID


@takes(dry_run=True)
class RemoveUserInput:
    """A customer's user."""

    id: strawberry.ID


@gives
class InviteUserPayload:
    """The new user, with its invite."""

    user: User | None = changed()


@gives
class ResendInvitePayload:
    """The user, with the new invite."""

    user: User | None = changed()


@gives
class RevokeInvitePayload:
    """The user, who can be invited again."""

    user: User | None = changed()


@gives
class UpdateUserRolePayload:
    """The user as it is now."""

    user: User | None = changed()


@gives
class CorrectUserPayload:
    """The user as it is now, with the new invite if the address is another one."""

    user: User | None = changed()


@gives
class DisableUserPayload:
    """The user, DISABLED now."""

    user: User | None = changed()


@gives
class EnableUserPayload:
    """The user: ACTIVE again, or INVITED without an open invite if none was ever accepted."""

    user: User | None = changed()


@gives
class RemoveUserPayload:
    """The user, REMOVED now."""

    user: User | None = changed()


def _invite(doing: Doing, given: Given) -> Outcome:
    typed = {name: given.get(name) for name in ("name", "email", "role", "locale")}
    user = rules.invite(
        doing.db, doing.actor, customer_id=given.record("customer_id", "cus"), **typed, now=doing.now
    )
    return {"user": user.id}


def _moving(rule: Callable[..., memberships.Membership], named: str) -> Work:
    """What needs nothing but the user."""

    def run(doing: Doing, given: Given) -> Outcome:
        user = rule(doing.db, doing.actor, membership_id=given.record(named, "usr"), now=doing.now)
        return {"user": user.id}

    return run


def _update_role(doing: Doing, given: Given) -> Outcome:
    what: dict[str, Any] = {"membership_id": given.record("id", "usr"), "role": given["role"]}
    return {"user": rules.change_role(doing.db, doing.actor, **what, now=doing.now).id}


def _correct(doing: Doing, given: Given) -> Outcome:
    typed = {name: given.get(name) for name in ("name", "email", "locale")}
    user = rules.correct(
        doing.db, doing.actor, membership_id=given.record("id", "usr"), **typed, now=doing.now
    )
    return {"user": user.id}


# Beside what needs a password, code or passkey of a signed-in person within 15 minutes (D-4).
_PROVEN = "Of a session it takes a fresh proof (PROOF_REQUIRED)."
_PROVEN_BY_MANAGERS = "Of a Manager's session it takes a fresh proof (PROOF_REQUIRED)."


@strawberry.type
class UserMutations:
    """Changes of customers' users. The partner's staff is managed in pages only."""

    invite_user: InviteUserPayload | None = change(
        _invite, InviteUserInput, Action.MANAGE_USERS, alone=True,
        about=f"Invite one more user by mail. {_PROVEN_BY_MANAGERS}",
    )  # fmt: skip
    resend_invite: ResendInvitePayload | None = change(
        _moving(rules.resend_invite, "user_id"), ResendInviteInput, Action.MANAGE_USERS,
        about=f"Mail a new invite; the earlier link dies. {_PROVEN_BY_MANAGERS}",
    )  # fmt: skip
    revoke_invite: RevokeInvitePayload | None = change(
        _moving(rules.revoke_invite, "user_id"), RevokeInviteInput, Action.MANAGE_USERS,
        about=f"Kill the link of an invite. Twice is once. {_PROVEN_BY_MANAGERS}",
    )  # fmt: skip
    update_user_role: UpdateUserRolePayload | None = change(
        _update_role, UpdateUserRoleInput, Action.MANAGE_USERS,
        about=f"Change a user's role; an open invite is replaced and mailed again. {_PROVEN}",
    )  # fmt: skip
    correct_user: CorrectUserPayload | None = change(
        _correct, CorrectUserInput, Action.MANAGE_USERS,
        about="Correct the name, address or language of a user who never accepted; with another address the "
        "earlier link dies and a new invite is mailed. Refused (NOT_INVITED) afterwards. "
        f"{_PROVEN_BY_MANAGERS}",
    )  # fmt: skip
    disable_user: DisableUserPayload | None = change(
        _moving(rules.disable, "id"), DisableUserInput, Action.MANAGE_USERS,
        about=f"Keep a user out until `enableUser`; an open invite dies. Twice is once. {_PROVEN}",
    )  # fmt: skip
    enable_user: EnableUserPayload | None = change(
        _moving(rules.enable, "id"), EnableUserInput, Action.MANAGE_USERS,
        about=f"Let a disabled user in again; an invite that died is to be sent anew. {_PROVEN}",
    )  # fmt: skip
    remove_user: RemoveUserPayload | None = change(
        _moving(rules.remove, "id"), RemoveUserInput, Action.MANAGE_USERS,
        about=f"End a user's place; the record stays. {_PROVEN}",
    )  # fmt: skip

"""Whether an actor may manage somebody's place: the checks that invites and memberships share.

Surprise: a place of somebody else's, be it another partner's or another customer's, is `NotFound` before
any right is looked at.
"""

from uuid import UUID

from sqlmodel import Session, col, select

from auth import companies
from auth.actors import RIGHTS, Action, Actor, ActorKind
from auth.api_keys import ApiKey
from auth.roles import CUSTOMER_ROLES, STAFF_ROLES, Membership, MembershipStatus, Role
from errors import Conflict, Forbidden, Invalid, NotFound
from languages import mark, say

LIVE = frozenset({MembershipStatus.ACTIVE, MembershipStatus.INVITED})
_ROLES_HERE = {True: mark("Admin, Sub-admin, Member or Read-only"), False: mark("Manager, Payer or Viewer")}


class AboveOwnRole(Forbidden):
    """Nobody gives away, or takes away, more than they have."""

    code = "ABOVE_OWN_ROLE"
    message = "This role may do more than yours. Ask somebody who has it."


class NoLongerHere(Forbidden):
    """The actor's own place, role or key changed while it waited its turn."""

    code = "NO_LONGER_HERE"
    message = "Your access changed in the meantime. Reload the page to see what you may do now."


class UserRemoved(Conflict):
    """A removed membership is kept for the records only."""

    code = "USER_REMOVED"
    message = "This user was removed. Add the address again to invite it anew."


def require_place(actor: Actor, *, customer_id: UUID | None, path: tuple[str | int, ...], role: Role) -> None:
    """May the actor give `role` at this place (a customer, or the partner itself)?

    Staff roles take MANAGE_TEAM, customer roles MANAGE_USERS. Refuses: MissingRight, NotFound (not the
    actor's customer), Invalid at (*path, "role") if the role is none of this place, AboveOwnRole.
    """
    require_managing(actor, customer_id=customer_id)
    if role not in (STAFF_ROLES if customer_id is None else CUSTOMER_ROLES):
        message = say("Choose {roles} as the role.", roles=_ROLES_HERE[customer_id is None])
        raise Invalid.at(*path, "role", code="UNKNOWN_ROLE", message=message)
    require_not_above(actor, customer_id=customer_id, role=role)


def require_managing(actor: Actor, *, customer_id: UUID | None) -> None:
    """May the actor manage the people of this place? Refuses NotFound, MissingRight."""
    if actor.customer_id is not None and actor.customer_id != customer_id:
        raise NotFound
    actor.require(Action.MANAGE_TEAM if customer_id is None else Action.MANAGE_USERS)


def require_not_above(actor: Actor, *, customer_id: UUID | None, role: Role) -> None:
    """Refuse (`AboveOwnRole`) a role of the actor's own world that may do more than the actor may.

    Staff give customers' users any role: they run the customer's account, but its rights are not theirs.
    """
    if actor.is_staff_side and customer_id is not None:
        return
    if not all(actor.may(action) for action in RIGHTS[role]):
        raise AboveOwnRole


def lock_place(db: Session, actor: Actor, *, customer_id: UUID | None) -> str:
    """`companies.lock`, then a look whether the actor still is who it was: it may have waited (A-8).

    Of two admins who remove each other the second one is gone when its turn comes. Refuses NotFound,
    NoLongerHere.
    """
    status = companies.lock(db, actor, customer_id=customer_id)
    if actor.kind in (ActorKind.STAFF, ActorKind.CUSTOMER_USER):
        same = select(Membership.id).where(
            Membership.partner_id == actor.partner_id,
            Membership.id == actor.id,
            Membership.role == actor.role,
            Membership.status == MembershipStatus.ACTIVE,
        )
    elif actor.kind is ActorKind.API_KEY:
        same = select(ApiKey.id).where(
            ApiKey.partner_id == actor.partner_id, ApiKey.id == actor.id, col(ApiKey.revoked_at).is_(None)
        )
    else:
        return status
    if db.exec(same).one_or_none() is None:
        raise NoLongerHere
    return status


def scoped(db: Session, actor: Actor, *, membership_id: UUID) -> Membership:
    """The membership, if it is in the actor's world and the actor may manage it; its row is not locked.

    Refuses: NotFound, MissingRight.
    """
    wanted = select(Membership).where(
        Membership.partner_id == actor.partner_id, Membership.id == membership_id
    )
    if actor.customer_id is not None:
        wanted = wanted.where(Membership.customer_id == actor.customer_id)
    membership = db.exec(wanted).one_or_none()
    if membership is None:
        raise NotFound
    require_managing(actor, customer_id=membership.customer_id)
    return membership


def managed(db: Session, actor: Actor, *, membership_id: UUID) -> Membership:
    """`scoped`, with the row locked until the transaction ends and as it is now.

    Refuses also: AboveOwnRole (nobody manages somebody who may do more), UserRemoved.
    """
    membership = scoped(db, actor, membership_id=membership_id)
    db.refresh(membership, with_for_update={"key_share": True})
    require_not_above(actor, customer_id=membership.customer_id, role=membership.role)
    if membership.status is MembershipStatus.REMOVED:
        raise UserRemoved
    return membership

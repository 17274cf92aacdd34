"""Impersonation, as rules: begin to look at a customer's portal, end it, note what was tried meanwhile.

Surprise: these are the acts of the staff member. Whoever looks through the grant is another actor, which can
do nothing at all (`auth.impersonations`).
"""

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import update
from sqlmodel import Session, col, select

from auth.actors import Action, Actor, ActorKind
from auth.audit import record
from auth.impersonations import ANYBODY, LIFE, Impersonation, ViewOver
from auth.memberships import Membership, MembershipStatus
from auth.roles import Role
from billing.customers import Customer, CustomerStatus
from billing.texts import Checks
from errors import Conflict, Forbidden, NotFound
from languages import say

LONGEST_REASON = 200
LONGEST_TRIED = 200


class StaffOnly(Forbidden):
    """A key, a token, a customer's user or the system tried."""

    code = "STAFF_ONLY"
    message = "Only a member of the staff looks at a customer's portal, signed in to the dashboard."


class NoPortal(Conflict):
    """The customer has no portal that anybody could see."""

    code = "NO_PORTAL"
    message = "This customer's portal is not open: there is nothing to see. Finish its setup, or restore it."


def start(
    db: Session,
    actor: Actor,
    *,
    customer_id: UUID,
    viewed_id: UUID | None = None,
    role: str = Role.MANAGER.value,
    reason: str = "",
    now: datetime,
) -> Impersonation:
    """Begin to look at the customer's portal, as one of its users or as anybody with `role`, for 30 minutes.

    `reason` is kept in the log alone, where only the partner's side reads it. Refuses: MissingRight,
    StaffOnly, ProofRequired, NotFound (not the partner's customer, not the customer's user), NoPortal unless
    ACTIVE, at ("whose",) a user who can't sign in or a role that is no customer's, a wrong `reason`.
    """
    actor.require(Action.IMPERSONATE)
    if actor.kind is not ActorKind.STAFF or actor.id is None or actor.session_id is None:
        raise StaffOnly
    actor.require_proof(now)
    customer = db.exec(
        select(Customer).where(Customer.partner_id == actor.partner_id, Customer.id == customer_id)
    ).one_or_none()
    if customer is None:
        raise NotFound
    viewed = None if viewed_id is None else _user(db, actor, customer_id, viewed_id)
    if customer.status is not CustomerStatus.ACTIVE:
        raise NoPortal
    checks = Checks()
    if viewed is not None and viewed.status is not MembershipStatus.ACTIVE:
        message = say(
            "{name} can't sign in, so there is nothing to see. Choose somebody else.", name=viewed.name
        )
        checks.refuse("whose", code="CANNOT_SIGN_IN", message=message)
    if viewed is None and role not in ANYBODY:
        checks.refuse("whose", code="UNKNOWN_ROLE", message="Choose whose view to open.")
    why = checks.line("reason", reason, required=False, limit=LONGEST_REASON)
    checks.done()
    grant = Impersonation(
        partner_id=actor.partner_id, membership_id=actor.id, session_id=actor.session_id,
        customer_id=customer_id, viewed_id=viewed_id, role=None if viewed else Role(role),
        created_at=now, expires_at=now.astimezone(UTC) + LIFE,
    )  # fmt: skip
    db.add(grant)
    db.flush()
    _record(db, actor, grant, "impersonation.started", now, **({"reason": why} if why else {}))
    return grant


def end(db: Session, actor: Actor, *, grant_id: UUID, now: datetime) -> Impersonation:
    """Stop looking, before the time is up. What is over already stays as it ended. Refuses NotFound."""
    grant = mine(db, actor, grant_id=grant_id)
    ended = db.execute(
        update(Impersonation)
        .where(
            col(Impersonation.partner_id) == actor.partner_id,
            col(Impersonation.id) == grant.id,
            col(Impersonation.ended_at).is_(None),
            col(Impersonation.expires_at) > now,
        )
        .values(ended_at=now)
        .returning(col(Impersonation.id))
    ).all()
    if ended:
        _record(db, actor, grant, "impersonation.ended", now)
    return grant


def note_refused(db: Session, actor: Actor, *, grant_id: UUID, tried: str, now: datetime) -> None:
    """Write down that somebody who only looks tried to change something: `tried` is the page's address.

    Refuses MissingRight, NotFound, and ViewOver for a grant that opens nothing any more.
    """
    actor.require(Action.IMPERSONATE)
    grant = mine(db, actor, grant_id=grant_id)
    if grant.ended_at is not None or grant.expires_at <= now or grant.session_id != actor.session_id:
        raise ViewOver(grant.customer_id)
    _record(db, actor, grant, "impersonation.refused", now, tried=tried[:LONGEST_TRIED])


def mine(db: Session, actor: Actor, *, grant_id: UUID) -> Impersonation:
    """The actor's own grant. Refuses NotFound: a colleague's is none."""
    grant = db.exec(
        select(Impersonation).where(
            Impersonation.partner_id == actor.partner_id,
            Impersonation.id == grant_id,
            Impersonation.membership_id == actor.id,
        )
    ).one_or_none()
    if grant is None:
        raise NotFound
    return grant


def _user(db: Session, actor: Actor, customer_id: UUID, membership_id: UUID) -> Membership:
    viewed = db.exec(
        select(Membership).where(
            Membership.partner_id == actor.partner_id,
            Membership.customer_id == customer_id,
            Membership.id == membership_id,
        )
    ).one_or_none()
    if viewed is None:
        raise NotFound
    return viewed


def _record(db: Session, actor: Actor, grant: Impersonation, action: str, now: datetime, **more: str) -> None:
    """On both sides' log: about the user who is looked as, or about the customer."""
    record(
        db, actor, action=action, subject_kind="user" if grant.viewed_id else "customer",
        subject_id=grant.viewed_id or grant.customer_id, customer_id=grant.customer_id, now=now,
        **({} if grant.role is None else {"role": grant.role.value}), **more,
    )  # fmt: skip

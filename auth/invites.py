"""Invites: single-use e-mailed links that turn a membership from INVITED to ACTIVE.

Surprise: the token is never stored, queued or logged. It is derived from the invite when the mail is
sent, and only its SHA-256 is kept; opening a link consumes nothing. Accepting stands in accepting.py.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, ForeignKeyConstraint, Index, UniqueConstraint, update
from sqlmodel import Session, SQLModel, col, select

from auth import companies, throttle
from auth.actors import Actor
from auth.audit import record
from auth.authority import lock_place, managed, require_managing, scoped
from auth.roles import Membership, MembershipStatus
from auth.throttle import Limit
from auth.tokens import digest_of, link_token
from db.columns import instant, key, new_id, tenant
from db.policies import Guard, guarded
from errors import Conflict
from languages import mark

LIFE = timedelta(hours=72)
PURPOSE = "invite"
_DAY = timedelta(hours=24)
# Counted per partner, also for the recipient: else one partner's invites would tell about another's.
PARTNER_DAY = Limit(
    "invites of a partner", 1000, _DAY, mark("1,000 invites were sent today. Send the others tomorrow.")
)
RECIPIENT_DAY = Limit(
    "invites to a recipient", 5, _DAY, mark("This person was invited five times today. Try again tomorrow.")
)


class Invite(SQLModel, table=True):
    """One e-mailed invitation. Dead once accepted, revoked, superseded or past `expires_at`."""

    __tablename__ = "invite"
    __table_args__ = (
        ForeignKeyConstraint(["partner_id", "membership_id"], ["membership.partner_id", "membership.id"]),
        ForeignKeyConstraint(["partner_id", "customer_id"], ["customer.partner_id", "customer.id"]),
        UniqueConstraint("token_hash"),
        Index("ix_invite_membership", "partner_id", "membership_id", "created_at", "id"),
        Index("ix_invite_email", "email_key", "created_at"),
        Index(
            "ix_invite_unreminded", "partner_id", "created_at", "id",
            postgresql_where="accepted_at is null and revoked_at is null and reminded_at is null",
        ),
        guarded(Guard.CUSTOMER),
    )  # fmt: skip

    partner_id: UUID = tenant()
    id: UUID = key()
    customer_id: UUID | None = None
    membership_id: UUID
    email_key: str
    token_hash: bytes
    created_at: datetime = instant()
    created_by: UUID | None = None
    expires_at: datetime = instant()
    accepted_at: datetime | None = instant(default=None)
    revoked_at: datetime | None = instant(default=None)
    reminded_at: datetime | None = instant(default=None)


class NothingToInvite(Conflict):
    """Only somebody who has not accepted yet is invited."""

    code = "NOT_INVITED"
    message = "This user has accepted already, or was disabled. Reload the page to see how things stand."


def issue(db: Session, actor: Actor, *, membership: Membership, now: datetime) -> Invite:
    """A new invite for an INVITED membership, good for 72 hours; earlier ones die. The caller mails it.

    Refuses: as `managed`, NothingToInvite, TooMany beyond 1,000 a day per partner or 5 a day per recipient
    (GUARANTEES C-7). Does not look whether the person has an account, so nothing can tell (C-6).
    """
    require_managing(actor, customer_id=membership.customer_id)
    if membership.status is not MembershipStatus.INVITED:
        raise NothingToInvite
    buckets = (
        throttle.bucket_of(db, PARTNER_DAY, membership.partner_id),
        throttle.bucket_of(db, RECIPIENT_DAY, membership.partner_id, membership.email_key),
    )
    throttle.count_all(db, buckets, now=now)
    kill(db, membership=membership, now=now)
    invite = Invite(
        partner_id=membership.partner_id, id=new_id(), customer_id=membership.customer_id,
        membership_id=membership.id, email_key=membership.email_key, token_hash=b"", created_at=now,
        created_by=actor.id, expires_at=now.astimezone(UTC) + LIFE,
    )  # fmt: skip
    invite.token_hash = digest_of(token_for(db, invite, membership))
    db.add(invite)
    db.flush()
    return invite


def token_of(db: Session, invite: Invite) -> str:
    """What the link in the mail ends with. For the worker, which entered the invite's partner."""
    membership = db.exec(
        select(Membership).where(
            Membership.partner_id == invite.partner_id, Membership.id == invite.membership_id
        )
    ).one()
    return token_for(db, invite, membership)


def token_for(db: Session, invite: Invite, membership: Membership) -> str:
    """The invite's token as of the membership's role now: with another role it is another token (C-4)."""
    return link_token(db, PURPOSE, invite.partner_id, invite.id, invite.email_key, membership.role)


def resend(db: Session, actor: Actor, *, membership_id: UUID, now: datetime) -> Invite:
    """A new invite instead of the earlier one. The caller mails it.

    Refuses: as `issue`, AboveOwnRole, UserRemoved, CustomerClosed.
    """
    customer_id = scoped(db, actor, membership_id=membership_id).customer_id
    companies.require_open(lock_place(db, actor, customer_id=customer_id))
    membership = managed(db, actor, membership_id=membership_id)
    invite = issue(db, actor, membership=membership, now=now)
    _record(db, actor, membership, "user.invite_resent", now)
    return invite


def revoke(db: Session, actor: Actor, *, membership_id: UUID, now: datetime) -> Membership:
    """Kill the open invite. The membership stays INVITED: it can be invited again, or removed.

    Revoking twice changes nothing. Refuses: NotFound, MissingRight, AboveOwnRole, UserRemoved,
    NothingToInvite once it was accepted.
    """
    customer_id = scoped(db, actor, membership_id=membership_id).customer_id
    lock_place(db, actor, customer_id=customer_id)
    membership = managed(db, actor, membership_id=membership_id)
    if membership.status is not MembershipStatus.INVITED:
        raise NothingToInvite
    if kill(db, membership=membership, now=now):
        _record(db, actor, membership, "user.invite_revoked", now)
    return membership


def kill(db: Session, *, membership: Membership, now: datetime) -> int:
    """Revoke every open invite of a locked membership; how many there were."""
    return _revoke(db, membership.partner_id, col(Invite.membership_id) == membership.id, now)


def kill_of_customers(db: Session, actor: Actor, *, customer_ids: Sequence[UUID], now: datetime) -> int:
    """Revoke every open invite of customers that are being archived (C-3); how many there were.

    The caller holds the customers' rows and the right to archive them.
    """
    return _revoke(db, actor.partner_id, col(Invite.customer_id).in_(customer_ids), now)


def _revoke(db: Session, partner_id: UUID, whose: ColumnElement[bool], now: datetime) -> int:
    done = db.execute(
        update(Invite)
        .where(
            col(Invite.partner_id) == partner_id,
            whose,
            col(Invite.accepted_at).is_(None),
            col(Invite.revoked_at).is_(None),
        )
        .values(revoked_at=now)
        .returning(col(Invite.id))
    )
    return len(done.all())


def _record(db: Session, actor: Actor, membership: Membership, action: str, now: datetime) -> None:
    record(
        db, actor, action=action, subject_kind="user", subject_id=membership.id,
        customer_id=membership.customer_id, now=now,
    )  # fmt: skip

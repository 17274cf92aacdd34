"""Requests for access: somebody on the partner's billing link asks to be let in, staff decide.

Surprise: whether an address is known is told by mail only (GUARANTEES B-4). The page answers every address
alike, and the request itself is written by whoever opened the link in that mail.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, delete, text, update
from sqlmodel import Session, SQLModel, col, select

from auth import throttle
from auth.actors import Action, Actor, system
from auth.audit import record
from auth.emails import parse_email
from auth.memberships import LONGEST_NAME, Membership, MembershipStatus, Role
from auth.throttle import Limit
from auth.tokens import DeadLink, digest_of, link_token, same
from billing import customer_users, mails
from billing.customer_fields import LONGEST_COMPANY
from billing.mails import MailKind
from billing.partners import Partner
from billing.texts import Checks
from db.columns import choice, instant, key, new_id, sort_key, tenant
from db.policies import Guard, guarded
from db.session import defer, enter
from errors import Conflict, NotFound
from languages import mark

PURPOSE = "access"
LINK_LIFE = timedelta(hours=24)
LIFE = timedelta(days=30)
LONGEST_MESSAGE = 1_000
NETWORK = Limit("access network", 10, timedelta(hours=1))
RECIPIENT = Limit(
    "access recipient", 3, timedelta(hours=1),
    mark("Several mails went to this address. Open the newest one, or try again in an hour."),
)  # fmt: skip
PARTNER = Limit("access partner", 300, timedelta(hours=24))
# Whom a new request is mailed to.
TOLD = (Role.ADMIN, Role.SUB_ADMIN)


class AccessStatus(StrEnum):
    """OPEN until staff decide; EXPIRED when nobody did for 30 days."""

    OPEN = "OPEN"
    APPROVED = "APPROVED"
    DENIED = "DENIED"
    EXPIRED = "EXPIRED"


class AccessLink(SQLModel, table=True):
    """A link mailed to an address that was entered on the billing link. Dead once used or past its day."""

    __tablename__ = "access_link"
    __table_args__ = (
        ForeignKeyConstraint(["partner_id"], ["partner.id"]),
        UniqueConstraint("token_hash"),
        guarded(Guard.STAFF),
    )

    partner_id: UUID = tenant()
    id: UUID = key()
    email: str
    email_key: str = sort_key()
    token_hash: bytes
    created_at: datetime = instant()
    expires_at: datetime = instant()
    used_at: datetime | None = instant(default=None)


class AccessRequest(SQLModel, table=True):
    """Somebody who asks to be let in. `membership_id`: the user an approval made.

    `owner_id` is always null: the guard that keeps a partner's tags from customers keeps these too.
    """

    __tablename__ = "access_request"
    __table_args__ = (
        ForeignKeyConstraint(["partner_id"], ["partner.id"]),
        ForeignKeyConstraint(["partner_id", "membership_id"], ["membership.partner_id", "membership.id"]),
        CheckConstraint("(status = 'APPROVED') = (membership_id is not null)", name="approved_has_user"),
        CheckConstraint("(status = 'OPEN') = (resolved_at is null)", name="resolved_has_time"),
        Index(
            "uq_access_request_open", "partner_id", "email_key",
            unique=True, postgresql_where="status = 'OPEN'",
        ),
        Index("ix_access_request_created", "partner_id", "created_at", "id"),
        Index("ix_access_request_status", "partner_id", "status", "created_at", "id"),
        CheckConstraint("owner_id is null", name="partners_only"),
        guarded(Guard.OWN),
    )  # fmt: skip

    partner_id: UUID = tenant()
    id: UUID = key()
    owner_id: UUID | None = None
    status: AccessStatus = choice(AccessStatus)
    name: str
    email: str
    email_key: str = sort_key()
    company: str
    message: str | None = None
    membership_id: UUID | None = None
    created_at: datetime = instant()
    expires_at: datetime = instant()
    resolved_at: datetime | None = instant(default=None)


class AlreadyResolved(Conflict):
    """Somebody else was quicker, or it expired."""

    code = "ALREADY_RESOLVED"
    meanwhile = True
    message = "This request is resolved already. Reload the page to see how."


class AlreadyIn(Conflict):
    """The address has a place at this partner."""

    code = "ALREADY_IN"
    message = "You have access already: sign in with this address. Ask for a new password if you have none."


@dataclass(frozen=True, slots=True)
class Offer:
    """What a live link opens: the form to ask `partner` for access, for one address."""

    partner: str
    email: str
    accent: str | None = None
    logo: str | None = None


def partner_of(db: Session, *, slug: str) -> Partner:
    """The partner whose billing link this is; it is entered. Refuses NotFound."""
    found = db.execute(text("select find_partner(:slug)"), {"slug": slug}).scalar_one()
    if found is None:
        raise NotFound
    enter(db, partner_id=found)
    return db.exec(select(Partner).where(Partner.id == found)).one()


def begin(db: Session, *, slug: str, email: str, address: str, now: datetime) -> None:
    """Mail whoever has the address: the way in for who has a place here, else the link to ask for one.

    Which of the two is settled when the mail is written; statements and jobs are the same. Refuses:
    NotFound; Invalid at ("email",); TooMany per IP `address`, recipient and partner.
    """
    wanted = parse_email(email)
    partner = partner_of(db, slug=slug)
    buckets = (
        throttle.bucket_of(db, NETWORK, throttle.network_of(address)),
        throttle.bucket_of(db, RECIPIENT, str(partner.id), wanted.normal),
        throttle.bucket_of(db, PARTNER, str(partner.id)),
    )
    throttle.count_all(db, buckets, now=now)
    link = AccessLink(
        partner_id=partner.id, id=new_id(), email=wanted.address, email_key=wanted.normal, token_hash=b"",
        created_at=now, expires_at=now.astimezone(UTC) + LINK_LIFE,
    )  # fmt: skip
    link.token_hash = digest_of(token_of(db, link))
    db.add(link)
    db.flush()
    defer(db, "send_access_link", partner_id=partner.id, link_id=link.id)


def token_of(db: Session, link: AccessLink) -> str:
    """What the link in the mail ends with."""
    return link_token(db, PURPOSE, link.partner_id, link.id, link.email_key)


def place_of(db: Session, *, partner_id: UUID, email_key: str) -> Membership | None:
    """A live place the address has at the partner, one that was accepted rather than not."""
    mine = (
        Membership.partner_id == partner_id, Membership.email_key == email_key,
        col(Membership.status).in_([MembershipStatus.ACTIVE, MembershipStatus.INVITED]),
    )  # fmt: skip
    found = db.exec(select(Membership).where(*mine).order_by(col(Membership.status), col(Membership.id)))
    return found.first()


def look(db: Session, *, token: str, now: datetime) -> Offer:
    """What the link opens. Consumes nothing. Refuses `DeadLink`."""
    link, partner = _opened(db, token, now, lock=False)
    return Offer(partner.name, link.email, partner.accent, partner.logo)


def ask(
    db: Session, *, token: str, name: str | None, company: str | None, message: str | None, now: datetime
) -> AccessRequest:
    """Write the request down, and tell the partner's Admins and Sub-admins by mail. Of many one wins.

    Who asks again while a request is open changes what it says. Refuses: DeadLink, AlreadyIn, Invalid at
    ("name",), ("company",), ("message",).
    """
    link, partner = _opened(db, token, now, lock=True)
    checks = Checks()
    spoken = checks.line("name", name, required=True, limit=LONGEST_NAME)
    belongs = checks.line("company", company, required=True, limit=LONGEST_COMPANY)
    says = checks.block("message", message, required=False, limit=LONGEST_MESSAGE)
    checks.done()
    place = place_of(db, partner_id=partner.id, email_key=link.email_key)
    if place is not None and place.status is MembershipStatus.ACTIVE:
        raise AlreadyIn
    link.used_at = now
    present = _open_one(db, partner.id, link.email_key)
    if present is not None and present.expires_at <= now:
        present.status, present.resolved_at = AccessStatus.EXPIRED, now
        db.flush()
        present = None
    if present is not None:
        present.name, present.company, present.message = spoken, belongs, says
        db.flush()
        return present
    request = AccessRequest(
        partner_id=partner.id, id=new_id(), status=AccessStatus.OPEN, email=link.email,
        email_key=link.email_key, name=spoken, company=belongs, message=says, created_at=now,
        expires_at=now.astimezone(UTC) + LIFE,
    )  # fmt: skip
    db.add(request)
    db.flush()
    _record(db, system(partner.id), request, "access.asked", now)
    _tell_staff(db, request, now)
    return request


def approve(
    db: Session, actor: Actor, *, request_id: UUID, customer_id: UUID, role: str | None,
    locale: str | None = None, now: datetime,
) -> AccessRequest:  # fmt: skip
    """Give whoever asked a place at a customer: they get the invite. In set-up, it becomes ACTIVE.

    Refuses: MissingRight, NotFound, AlreadyResolved, and as `customer_users.invite`: ALREADY_USER at
    ("email",), UNKNOWN_ROLE and NO_MANAGER at ("role",), UNKNOWN_LANGUAGE at ("locale",), CustomerClosed,
    TooMany.
    """
    request = _locked(db, actor, request_id, now)
    member = customer_users.invite(
        db, actor, customer_id=customer_id, name=request.name, email=request.email, role=role, locale=locale,
        now=now,
    )  # fmt: skip
    request.status, request.resolved_at, request.membership_id = AccessStatus.APPROVED, now, member.id
    db.flush()
    _record(db, actor, request, "access.approved", now, customer_id=customer_id)
    return request


def deny(db: Session, actor: Actor, *, request_id: UUID, now: datetime) -> AccessRequest:
    """Say no; whoever asked is told so by mail. Refuses: MissingRight, NotFound, AlreadyResolved."""
    request = _locked(db, actor, request_id, now)
    request.status, request.resolved_at = AccessStatus.DENIED, now
    db.flush()
    _record(db, actor, request, "access.denied", now)
    defer(db, "send_access_denied", partner_id=request.partner_id, request_id=request.id)
    return request


def tidy(db: Session, actor: Actor, *, now: datetime) -> int:
    """Let open requests expire that nobody resolved, and forget dead links; how many expired."""
    old = (
        col(AccessRequest.partner_id) == actor.partner_id, col(AccessRequest.status) == AccessStatus.OPEN,
        col(AccessRequest.expires_at) <= now,
    )  # fmt: skip
    expired = update(AccessRequest).where(*old).values(status=AccessStatus.EXPIRED, resolved_at=now)
    count = len(db.execute(expired.returning(col(AccessRequest.id))).all())
    dead = (col(AccessLink.partner_id) == actor.partner_id, col(AccessLink.expires_at) <= now)
    db.execute(delete(AccessLink).where(*dead))
    return count


def erase(db: Session, *, partner_id: UUID, email_key: str) -> int:
    """Forget what an address asked the entered partner for: its requests and links are deleted; how many."""
    count = 0
    for table in (AccessRequest, AccessLink):
        mine = (col(table.partner_id) == partner_id, col(table.email_key) == email_key)
        count += len(db.execute(delete(table).where(*mine).returning(col(table.id))).all())
    return count


def _opened(db: Session, token: str, now: datetime, *, lock: bool) -> tuple[AccessLink, Partner]:
    """The live link behind the token, its partner entered; with `lock`, one at a time."""
    found = db.execute(
        text("select partner_id, link_id from find_access_link(:hash)"), {"hash": digest_of(token)}
    ).one_or_none()
    if found is None:
        raise DeadLink
    enter(db, partner_id=found.partner_id)
    wanted = select(AccessLink).where(
        AccessLink.partner_id == found.partner_id, AccessLink.id == found.link_id
    )
    link = db.exec(wanted.with_for_update(key_share=True) if lock else wanted).one_or_none()
    alive = (
        link is not None
        and link.used_at is None
        and now < link.expires_at
        and same(token, token_of(db, link))
    )
    if link is None or not alive:
        raise DeadLink
    return link, db.exec(select(Partner).where(Partner.id == link.partner_id)).one()


def _open_one(db: Session, partner_id: UUID, email_key: str) -> AccessRequest | None:
    # Two links of one address at once: whoever comes second waits here and finds the first one's request.
    db.exec(select(Partner.id).where(Partner.id == partner_id).with_for_update(key_share=True)).all()
    mine = (
        AccessRequest.partner_id == partner_id, AccessRequest.email_key == email_key,
        AccessRequest.status == AccessStatus.OPEN,
    )  # fmt: skip
    return db.exec(select(AccessRequest).where(*mine).with_for_update()).one_or_none()


def _locked(db: Session, actor: Actor, request_id: UUID, now: datetime) -> AccessRequest:
    actor.require(Action.EDIT_CUSTOMERS)
    if not actor.is_staff_side:
        raise NotFound
    mine = (AccessRequest.partner_id == actor.partner_id, AccessRequest.id == request_id)
    wanted = select(AccessRequest).where(*mine).with_for_update()
    request = db.exec(wanted.execution_options(populate_existing=True)).one_or_none()
    if request is None:
        raise NotFound
    if request.status is not AccessStatus.OPEN or request.expires_at <= now:
        raise AlreadyResolved
    return request


def _tell_staff(db: Session, request: AccessRequest, now: datetime) -> None:
    staff = select(Membership).where(
        Membership.partner_id == request.partner_id, col(Membership.customer_id).is_(None),
        col(Membership.role).in_(TOLD), Membership.status == MembershipStatus.ACTIVE,
    )  # fmt: skip
    for member in db.exec(staff.order_by(col(Membership.id))).all():
        mails.queue(
            db, partner_id=request.partner_id, kind=MailKind.ACCESS_ASKED, membership_id=member.id,
            subject_id=request.id, customer_id=None, now=now,
        )  # fmt: skip


def _record(
    db: Session, actor: Actor, request: AccessRequest, action: str, now: datetime, **details: UUID
) -> None:
    record(
        db, actor, action=action, subject_kind="access_request", subject_id=request.id,
        customer_id=details.get("customer_id"), now=now,
    )  # fmt: skip

"""A user's place in a partner (staff) or in a customer (customer user), with a role: the API's `User`.

Surprise: name and e-mail here are the membership's own copy; changing the person's credentials is the
person's business alone (GUARANTEES A-10). The table itself stands in roles.py, and is imported from here.
"""

import unicodedata
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from auth import companies, invites
from auth.actors import Actor
from auth.audit import record
from auth.authority import LIVE, lock_place, managed, require_place, scoped
from auth.emails import Email
from auth.invites import Invite, NothingToInvite
from auth.roles import CUSTOMER_ROLES as CUSTOMER_ROLES
from auth.roles import STAFF_ROLES as STAFF_ROLES
from auth.roles import Membership as Membership
from auth.roles import MembershipStatus as MembershipStatus
from auth.roles import Role as Role
from db.columns import new_id
from errors import Conflict, Invalid
from languages import Locale, say

LONGEST_NAME = 100


class LastOne(Conflict):
    """A partner keeps an admin who can sign in; a customer keeps a manager."""

    code = "LAST_ONE"
    message = "This is the last {role}. Make somebody else {role} first."

    def __init__(self, role: Role) -> None:
        super().__init__(say(self.message, role=say("Admin") if role is Role.ADMIN else say("Manager")))


class NotDisabled(Conflict):
    """Only a disabled user can be let in again."""

    code = "NOT_DISABLED"
    message = "This user is not disabled. Reload the page to see how things stand."


class Added(NamedTuple):
    """A membership and the invite that has to be mailed for it."""

    membership: Membership
    invite: Invite


class Changed(NamedTuple):
    """`invite` replaces the open invite, if there was one: it has to be mailed, the earlier link is dead."""

    membership: Membership
    invite: Invite | None


def add(
    db: Session,
    actor: Actor,
    *,
    customer_id: UUID | None,
    name: str,
    email: Email,
    role: Role | None = None,
    locale: Locale | None = None,
    path: tuple[str | int, ...] = (),
    now: datetime,
) -> Added:
    """Give somebody a place and issue the invite; the caller mails it in this transaction.

    Refuses: as `place` and `invites.issue`.
    """
    membership = place(
        db, actor, customer_id=customer_id, name=name, email=email, role=role, locale=locale, path=path,
        now=now,
    )  # fmt: skip
    return Added(membership, invite(db, actor, membership=membership, now=now))


def invite(db: Session, actor: Actor, *, membership: Membership, now: datetime) -> Invite:
    """The first invite of somebody who has a place; the caller mails it. Refuses: as `invites.issue`."""
    issued = invites.issue(db, actor, membership=membership, now=now)
    _record(db, actor, membership, "user.invited", now, role=membership.role)
    return issued


def place(
    db: Session,
    actor: Actor,
    *,
    customer_id: UUID | None,
    name: str,
    email: Email,
    role: Role | None = None,
    locale: Locale | None = None,
    path: tuple[str | int, ...] = (),
    now: datetime,
) -> Membership:
    """Give somebody a place, INVITED, without an invite so far.

    `customer_id` None: partner staff. `role` None: a customer's first user is a Manager, later ones are
    Payers (PRODUCT.md). `locale` None: mails to them are in the partner's language. Refuses: as
    `require_place`, NotFound, CustomerClosed, Invalid at (*path, "name"/"email"): REQUIRED, TOO_LONG,
    BAD_CHARACTERS, ALREADY_USER.
    """
    companies.require_open(lock_place(db, actor, customer_id=customer_id))
    if role is None and customer_id is not None:
        role = Role.PAYER if _has_people(db, actor, customer_id) else Role.MANAGER
    if role is None:
        raise Invalid.at(*path, "role", code="REQUIRED", message="Choose a role.")
    require_place(actor, customer_id=customer_id, path=path, role=role)
    spoken = _name(name, path)
    membership_id = new_id()
    row = {
        "partner_id": actor.partner_id, "id": membership_id, "customer_id": customer_id, "role": role,
        "status": MembershipStatus.INVITED, "name": spoken, "name_key": name_key(spoken),
        "email": email.address, "email_key": email.normal, "locale": locale, "created_at": now,
        "updated_at": now,
    }  # fmt: skip
    # Only the unique index knows the winner of two at once.
    placed = insert(Membership).values(**row).on_conflict_do_nothing().returning(col(Membership.id))
    if db.execute(placed).one_or_none() is None:
        raise _already_user(path)
    return scoped(db, actor, membership_id=membership_id)


def change_role(db: Session, actor: Actor, *, membership_id: UUID, role: Role, now: datetime) -> Changed:
    """Another role of the same place. An open invite is bound to its role: it dies, and a new one is issued.

    Refuses: as `managed` and `require_place` (the new role as well as the old one), LastOne, CustomerClosed.
    """
    membership = _lock(db, actor, membership_id)
    require_place(actor, customer_id=membership.customer_id, path=(), role=role)
    if role is membership.role:
        return Changed(membership, None)
    _require_another(db, membership)
    before, membership.role, membership.updated_at = membership.role, role, now
    db.add(membership)
    db.flush()
    _record(db, actor, membership, "user.role_changed", now, before=before, role=role)
    renewed = None
    if membership.status is MembershipStatus.INVITED and invites.kill(db, membership=membership, now=now):
        renewed = invites.issue(db, actor, membership=membership, now=now)
    return Changed(membership, renewed)


def correct(
    db: Session, actor: Actor, *, membership_id: UUID, name: str, email: Email, locale: Locale | None,
    now: datetime,
) -> Changed:  # fmt: skip
    """Another name, address and language of somebody who never accepted. With another address the earlier
    link dies, and there is a new invite, which the caller mails.

    Once accepted, all three are the person's own (A-10). Refuses: as `managed` and `invites.issue`,
    CustomerClosed, NothingToInvite, Invalid at ("name",) and ("email",): as `place`.
    """
    customer_id = scoped(db, actor, membership_id=membership_id).customer_id
    companies.require_open(lock_place(db, actor, customer_id=customer_id))
    membership = managed(db, actor, membership_id=membership_id)
    if membership.status is not MembershipStatus.INVITED:
        raise NothingToInvite
    spoken = _name(name, ())
    values = {
        "name": spoken, "name_key": name_key(spoken), "email": email.address, "email_key": email.normal,
        "locale": locale, "updated_at": now,
    }  # fmt: skip
    fields = [
        field for field in ("email", "locale", "name") if getattr(membership, field) != values[field]
    ]  # fmt: skip
    if not fields:
        return Changed(membership, None)
    try:
        with db.begin_nested():
            for field, value in values.items():
                setattr(membership, field, value)
            db.flush()
    except IntegrityError:  # only the unique index knows the winner of two at once
        raise _already_user(()) from None
    _record(db, actor, membership, "user.corrected", now, fields=fields)
    issued = invites.issue(db, actor, membership=membership, now=now) if "email" in fields else None
    return Changed(membership, issued)


def disable(db: Session, actor: Actor, *, membership_id: UUID, now: datetime) -> Membership:
    """Keep somebody out until `enable`; open invites die. Twice is once. Refuses: as `managed`, LastOne."""
    membership = _lock(db, actor, membership_id)
    if membership.status is not MembershipStatus.DISABLED:
        _require_another(db, membership)
        _set(db, membership, MembershipStatus.DISABLED, now)
        invites.kill(db, membership=membership, now=now)
        _record(db, actor, membership, "user.disabled", now)
    return membership


def enable(db: Session, actor: Actor, *, membership_id: UUID, now: datetime) -> Membership:
    """Let a disabled user in again: ACTIVE, or INVITED (without an open invite) if never accepted.

    Refuses: as `managed`, NotDisabled.
    """
    membership = _lock(db, actor, membership_id)
    if membership.status is not MembershipStatus.DISABLED:
        raise NotDisabled
    accepted = membership.user_id is not None
    _set(db, membership, MembershipStatus.ACTIVE if accepted else MembershipStatus.INVITED, now)
    _record(db, actor, membership, "user.enabled", now)
    return membership


def remove(db: Session, actor: Actor, *, membership_id: UUID, now: datetime) -> Membership:
    """End somebody's place for good; open invites die, the record stays, the address may be added anew.

    Refuses: as `managed`, LastOne.
    """
    membership = _lock(db, actor, membership_id)
    _require_another(db, membership)
    membership.removed_at = now
    _set(db, membership, MembershipStatus.REMOVED, now)
    invites.kill(db, membership=membership, now=now)
    _record(db, actor, membership, "user.removed", now)
    return membership


def _lock(db: Session, actor: Actor, membership_id: UUID) -> Membership:
    """The managed membership, its place locked first: two who remove each other come one after the other."""
    customer_id = scoped(db, actor, membership_id=membership_id).customer_id
    lock_place(db, actor, customer_id=customer_id)
    return managed(db, actor, membership_id=membership_id)


def _require_another(db: Session, membership: Membership) -> None:
    """Refuse (`LastOne`) to take away a place's last head. The place is locked.

    Staff need another admin who has accepted, for nobody else could let one in. A customer may be left with
    an invited manager: the partner's staff help, and somebody who left must not stay in until then.
    """
    head = Role.ADMIN if membership.customer_id is None else Role.MANAGER
    if membership.role is not head or membership.status not in LIVE:
        return
    enough = LIVE
    if head is Role.ADMIN and membership.status is MembershipStatus.ACTIVE:
        enough = frozenset({MembershipStatus.ACTIVE})
    others = select(Membership.id).where(
        Membership.partner_id == membership.partner_id,
        col(Membership.customer_id).is_not_distinct_from(membership.customer_id),
        Membership.id != membership.id,
        Membership.role == head,
        col(Membership.status).in_(enough),
    )
    if db.exec(others.limit(1)).one_or_none() is None:
        raise LastOne(head)


def _has_people(db: Session, actor: Actor, customer_id: UUID) -> bool:
    live = select(Membership.id).where(
        Membership.partner_id == actor.partner_id,
        Membership.customer_id == customer_id,
        col(Membership.status).in_(LIVE),
    )
    return db.exec(live.limit(1)).one_or_none() is not None


def _set(db: Session, membership: Membership, status: MembershipStatus, now: datetime) -> None:
    membership.status, membership.updated_at = status, now
    db.add(membership)
    db.flush()


def _already_user(path: tuple[str | int, ...]) -> Invalid:
    message = "This address has a user here already. Open that user to send the invite again."
    return Invalid.at(*path, "email", code="ALREADY_USER", message=message)


def _name(text: str, path: tuple[str | int, ...]) -> str:
    """One line of 1 to 100 characters. Doors clean texts before (billing.texts); this is the floor."""
    spoken = " ".join(unicodedata.normalize("NFC", text).split())
    if not spoken:
        raise Invalid.at(*path, "name", code="REQUIRED", message="Enter the name.")
    if len(spoken) > LONGEST_NAME:
        message = say("Shorten the name to {longest_name} characters.", longest_name=LONGEST_NAME)
        raise Invalid.at(*path, "name", code="TOO_LONG", message=message)
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in spoken):
        message = "Remove the invisible characters from the name."
        raise Invalid.at(*path, "name", code="BAD_CHARACTERS", message=message)
    return spoken


def name_key(name: str) -> str:
    """The form names are sorted by: without case, and without ways of writing the same."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def _record(
    db: Session, actor: Actor, membership: Membership, action: str, now: datetime, **details: object
) -> None:
    record(
        db, actor, action=action, subject_kind="user", subject_id=membership.id,
        customer_id=membership.customer_id, now=now, **details,
    )  # fmt: skip

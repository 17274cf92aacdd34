"""The copies of a person's name, address and time zone at each of their places.

Surprise: a person reads the own memberships anywhere, but changes a row only as the place it lies in, so each
place is entered in turn. What staff and colleagues see is these copies, never the person (GUARANTEES A-10).
"""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlmodel import Session, col, select

from auth import companies
from auth.actors import Actor, ActorKind
from auth.audit import record
from auth.emails import Email
from auth.memberships import LONGEST_NAME as LONGEST_NAME
from auth.memberships import name_key
from auth.roles import Membership, MembershipStatus
from db.session import enter
from errors import Conflict
from languages import Locale, say


class Seat(NamedTuple):
    """One of the person's places, entered and locked, and the person as who acts there."""

    actor: Actor
    membership: Membership


class PlaceTaken(Conflict):
    """At one of the person's places somebody else was invited by the address."""

    code = "PLACE_TAKEN"
    message = (
        "At {place} another user has this address. Ask somebody there to remove that user, then open the "
        "link again."
    )

    def __init__(self, place: str) -> None:
        super().__init__(say(self.message, place=place))


def seats(db: Session, *, user_id: UUID) -> Iterator[Seat]:
    """Each place of the entered person, one after the other, entered for as long as it is in hand.

    In the order of their ids, so that two who change places at once never wait for each other. A removed
    membership is no place any more: it stays as it was. Afterwards the person alone is entered again.
    """
    mine = select(Membership).where(
        Membership.user_id == user_id, Membership.status != MembershipStatus.REMOVED
    )
    found = db.exec(
        mine.order_by(col(Membership.partner_id), col(Membership.customer_id), col(Membership.id))
    )
    for membership in found.all():
        enter(db, partner_id=membership.partner_id, customer_id=membership.customer_id, user_id=user_id)
        is_staff = membership.customer_id is None
        actor = Actor(
            kind=ActorKind.STAFF if is_staff else ActorKind.CUSTOMER_USER, partner_id=membership.partner_id,
            id=membership.id, customer_id=membership.customer_id, role=membership.role, name=membership.name,
            user_id=user_id,
        )  # fmt: skip
        companies.lock(db, actor, customer_id=membership.customer_id)
        db.refresh(membership, with_for_update={"key_share": True})
        if membership.status is not MembershipStatus.REMOVED:
            yield Seat(actor, membership)
    enter(db, user_id=user_id)


def copy_description(
    db: Session, seat: Seat, *, name: str, time_zone: str | None, locale: Locale | None, now: datetime
) -> None:
    """Write name, time zone and language into a place's copy, and a new name into its log."""
    actor, membership = seat
    renamed = membership.name != name
    membership.name, membership.name_key = name, name_key(name)
    membership.time_zone, membership.locale = time_zone, locale
    membership.updated_at = now
    db.flush()
    if renamed:
        _record(db, actor, membership, "user.renamed", now)


def copy_address(db: Session, seat: Seat, *, email: Email, now: datetime) -> None:
    """Write an address into a place's copy and its log. Refuses PlaceTaken. The place is locked."""
    actor, membership = seat
    others = select(Membership.id).where(
        Membership.partner_id == membership.partner_id,
        col(Membership.customer_id).is_not_distinct_from(membership.customer_id),
        Membership.email_key == email.normal,
        Membership.id != membership.id,
        Membership.status != MembershipStatus.REMOVED,
    )
    if db.exec(others.limit(1)).one_or_none() is not None:
        company = companies.company_of(
            db, partner_id=membership.partner_id, customer_id=membership.customer_id, hold=False
        )
        raise PlaceTaken(company.name)
    membership.email, membership.email_key, membership.updated_at = email.address, email.normal, now
    db.flush()
    _record(db, actor, membership, "user.address_changed", now)


def _record(db: Session, actor: Actor, membership: Membership, action: str, now: datetime) -> None:
    record(
        db, actor, action=action, subject_kind="user", subject_id=membership.id,
        customer_id=membership.customer_id, now=now,
    )  # fmt: skip

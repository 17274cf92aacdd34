"""A person's profile, changed by that person: the own row, then the copy at every place, all or nothing.

Surprise: no actor and no partner is at hand here, only the person, who may have places at many partners. Each
copy is written and logged at its own place, and nothing of one place is read at another.
"""

from datetime import datetime
from uuid import UUID

from sqlmodel import Session, select

from auth import email_changes, profiles, users
from auth.audit import record_personal
from auth.email_changes import Change
from auth.emails import Email
from auth.profiles import LONGEST_NAME, Seat
from billing.customer_fields import read_locale, read_time_zone
from billing.customers import Customer, keep_words
from billing.texts import Checks
from billing.user_words import keep_user_words
from languages import known


def describe(
    db: Session,
    *,
    user_id: UUID,
    name: str | None,
    time_zone: str | None,
    locale: str | None,
    address: str,
    agent: str,
    now: datetime,
) -> None:
    """Store the entered person's name, and the time zone and language they read in (empty: each place's own).

    Refuses Invalid at ("name",): REQUIRED, TOO_LONG, BAD_CHARACTERS, CARD_NUMBER; at ("time_zone",):
    UNKNOWN_TIME_ZONE; at ("locale",): UNKNOWN_LANGUAGE.
    """
    checks = Checks()
    spoken = checks.line("name", name, required=True, limit=LONGEST_NAME)
    zone = read_time_zone(checks, time_zone)
    language = read_locale(checks, locale)
    checks.done()
    users.hold(db, user_id=user_id)
    # Whoever has, and keeps, no language of their own reads at each place the one they were invited in.
    none_as_before = language is None and users.one(db, user_id=user_id).locale is None
    users.describe(db, user_id=user_id, name=spoken, time_zone=zone, locale=language, now=now)
    record_personal(db, user_id=user_id, action="profile.changed", address=address, agent=agent, now=now)
    for seat in profiles.seats(db, user_id=user_id):
        reads = known(seat.membership.locale) if none_as_before else language
        profiles.copy_description(db, seat, name=spoken, time_zone=zone, locale=reads, now=now)
        _keep_words(db, seat)


def confirm_email(
    db: Session, *, token: str, user_id: UUID, session_id: UUID, address: str, agent: str, now: datetime
) -> Change:
    """Take the new address everywhere. Refuses: as email_changes.confirm, PlaceTaken."""
    change = email_changes.confirm(
        db, token=token, user_id=user_id, session_id=session_id, address=address, agent=agent, now=now
    )
    _copy_address(db, change.user_id, change.new, now)
    return change


def undo_email(db: Session, *, token: str, address: str, agent: str, now: datetime) -> Change:
    """Bring the old address back everywhere. Refuses: as email_changes.undo, PlaceTaken."""
    change = email_changes.undo(db, token=token, address=address, agent=agent, now=now)
    _copy_address(db, change.user_id, change.new, now)
    return change


def _copy_address(db: Session, user_id: UUID, email: Email, now: datetime) -> None:
    for seat in profiles.seats(db, user_id=user_id):
        if seat.membership.email != email.address:
            profiles.copy_address(db, seat, email=email, now=now)
            _keep_words(db, seat)


def _keep_words(db: Session, seat: Seat) -> None:
    """A customer's user is found by name and address, and so is the customer; staff are not searched for."""
    member = seat.membership
    if member.customer_id is None:
        return
    wanted = select(Customer).where(
        Customer.partner_id == member.partner_id, Customer.id == member.customer_id
    )
    keep_words(db, db.exec(wanted).one())
    keep_user_words(db, member)

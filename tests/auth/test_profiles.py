"""A-2, A-8: one's places one after the other, past row-level security and while others change them."""

from datetime import datetime
from uuid import UUID

import pytest
from sqlalchemy import Connection, text
from sqlmodel import Session

from auth import memberships, profiles
from auth.emails import parse_email
from auth.memberships import Role
from auth.profiles import PlaceTaken
from db.session import Database
from tests.auth.steps import accept_as, invite
from tests.auth.test_interleavings import meanwhile
from tests.cast import Cast

NEW = "new@elsewhere.example"


def own(database: Database, user_id: UUID | None) -> list[UUID]:
    """The memberships of somebody's places."""
    assert user_id is not None
    with database.transaction(user_id=user_id) as db:
        return [seat.membership.id for seat in profiles.seats(db, user_id=user_id)]


def take(database: Database, user_id: UUID | None, now: datetime, email: str = NEW) -> None:
    """Somebody has another address from now on."""
    assert user_id is not None
    with database.transaction(user_id=user_id) as db:
        for seat in profiles.seats(db, user_id=user_id):
            profiles.copy_address(db, seat, email=parse_email(email), now=now)


def address_of(owner: Connection, membership_id: UUID | None) -> str:
    wanted = text("select email from membership where id = :id")
    return str(owner.execute(wanted, {"id": membership_id}).scalar_one())


def test_ones_places_are_ones_own_that_have_not_ended(
    unguarded: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    petra = cast.petra.user_id
    assert petra is not None
    there, ended = (
        invite(unguarded, actor, customer_id=cast.customers[customer], email=cast.emails["petra"], now=now)
        for actor, customer in ((cast.mallory, "initech"), (cast.ada, "globex"))
    )
    for place in (there, ended):
        accept_as(unguarded, place.token, petra, now)
    removed = text("update membership set status = 'REMOVED' where id = :id")
    owner.execute(removed, {"id": ended.membership_id})
    assert set(own(unguarded, petra)) == {cast.petra.id, there.membership_id}


def test_the_person_alone_is_entered_afterwards(database: Database, cast: Cast) -> None:
    petra = cast.petra.user_id
    assert petra is not None
    entered = text("select current_setting('remit.partner'), current_setting('remit.user')")
    with database.transaction(user_id=petra) as db:
        seats = profiles.seats(db, user_id=petra)
        next(seats)
        assert db.execute(entered).one() == (str(cast.petra.partner_id), str(petra))
        assert list(seats) == []
        assert db.execute(entered).one() == ("", str(petra))


def test_a_place_that_ends_meanwhile_is_none(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    petra = cast.petra.id
    assert petra is not None
    outcome = meanwhile(
        database, owner,
        lambda db: memberships.remove(db, cast.ada, membership_id=petra, now=now),
        lambda: own(database, cast.petra.user_id),
        partner_id=cast.ada.partner_id,
    )  # fmt: skip
    assert outcome == []


def test_an_address_that_is_invited_meanwhile_is_taken(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    def first(db: Session) -> object:
        return memberships.add(
            db, cast.ada, customer_id=cast.customers["acme"], name="New", email=parse_email(NEW),
            role=Role.PAYER, now=now,
        )  # fmt: skip

    def second() -> None:
        take(database, cast.petra.user_id, now)

    assert meanwhile(database, owner, first, second, partner_id=cast.ada.partner_id) is PlaceTaken
    assert address_of(owner, cast.petra.id) == cast.emails["petra"]


def test_only_who_is_at_the_same_place_has_the_address_there(
    unguarded: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    """Not who is at the partner's other customer, at another partner, or was removed."""
    invite(unguarded, cast.ada, customer_id=cast.customers["globex"], email=NEW, now=now)
    invite(unguarded, cast.mallory, customer_id=None, role=Role.MEMBER, email=NEW, now=now)
    gone = invite(unguarded, cast.ada, customer_id=cast.customers["acme"], email=NEW, now=now)
    with pytest.raises(PlaceTaken):
        take(unguarded, cast.petra.user_id, now)
    removed = text("update membership set status = 'REMOVED' where id = :id")
    owner.execute(removed, {"id": gone.membership_id})
    for actor in (cast.petra, cast.clem):
        take(unguarded, actor.user_id, now)
        assert address_of(owner, actor.id) == NEW

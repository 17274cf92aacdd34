"""G-9 at one partner's door: its Admin erases who was removed, and nobody else's."""

from datetime import datetime
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, text

from auth.actors import Actor, MissingRight
from auth.memberships import Role
from billing import customer_notes, customer_users, erasing_former, staff
from billing.erasing import Erased
from billing.erasing_former import ElsewhereToo, StillHere
from db.session import Database
from errors import NotFound
from tests.auth import steps
from tests.billing.access_steps import enter_address
from tests.billing.test_erasing import BOOKS, named
from tests.cast import Cast
from tests.world import nothing_changes, world


@pytest.fixture
def gone(database: Database, cast: Cast, now: datetime) -> UUID:
    """Petra's place at Acme, which Ada ended."""
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        return customer_users.remove(db, cast.ada, membership_id=cast.petra.id, now=now).id


def erase(database: Database, who: Actor, membership_id: UUID, now: datetime) -> Erased:
    with database.transaction(partner_id=who.partner_id, customer_id=who.customer_id) as db:
        return erasing_former.erase_former(db, who, membership_id=membership_id, now=now)


def test_a_removed_user_is_named_nowhere_any_more(
    database: Database, owner: Connection, cast: Cast, gone: UUID, now: datetime
) -> None:
    steps.start_session(database, cast.petra.user_id, now)
    books = {table: rows for table, rows in world(owner).items() if table in BOOKS}
    assert named(owner, "petra")
    assert erase(database, cast.ada, gone, now) == Erased(places=1, had_account=True)
    assert named(owner, "petra") == []
    assert {table: rows for table, rows in world(owner).items() if table in BOOKS} == books
    assert steps.sign_in(database, cast.emails["petra"], now) is None
    events = owner.execute(
        text("select actor_name, subject_id from audit_event where action = 'user.erased'")
    )
    assert [tuple(row) for row in events] == [("Ada", gone)]
    with nothing_changes(owner), pytest.raises(NotFound):
        erase(database, cast.ada, gone, now)


def test_a_former_colleague_is_erased_with_the_names_on_notes(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        customer_notes.add(db, cast.clem, customer_id=cast.customers["acme"], text="Pays late.", now=now)
        staff.remove(db, cast.ada, membership_id=cast.clem.id, now=now)
    erase(database, cast.ada, cast.clem.id, now)
    assert named(owner, "clem") == []
    assert owner.scalar(text("select author_name from customer_note")) == "Erased user"


def test_an_invite_nobody_accepted_is_erased(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    given = {"customer_id": cast.customers["acme"], "name": "Zelda", "email": "zelda@acme.example"}
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        member = customer_users.invite(db, cast.ada, **given, now=now)
        customer_users.remove(db, cast.ada, membership_id=member.id, now=now)
    assert erase(database, cast.ada, member.id, now) == Erased(places=1, had_account=False)
    assert named(owner, "zelda") == []


def test_an_invite_to_somebody_who_came_in_by_another_one_is_no_stranger(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    given = {"customer_id": cast.customers["globex"], "name": "P.", "email": cast.emails["petra"]}
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        member = customer_users.invite(db, cast.ada, **given, now=now)
        customer_users.remove(db, cast.ada, membership_id=member.id, now=now)
    with nothing_changes(owner), pytest.raises(StillHere):
        erase(database, cast.ada, member.id, now)


def test_requests_of_whoever_has_the_address_now_stay(
    database: Database, owner: Connection, cast: Cast, gone: UUID, now: datetime
) -> None:
    owner.execute(
        text("update person set email = 'p@new.example', email_key = 'p@new.example' where id = :id"),
        {"id": cast.petra.user_id},
    )
    owner.execute(
        text("update person set email = :email, email_key = :email where id = :id"),
        {"email": cast.emails["petra"], "id": cast.ines.user_id},
    )
    enter_address(database, now, email=cast.emails["petra"])
    erase(database, cast.ada, gone, now)
    assert owner.scalar(text("select count(*) from access_link")) == 1


def test_who_still_has_a_place_here_is_not_erased(
    database: Database, owner: Connection, cast: Cast, gone: UUID, now: datetime
) -> None:
    invited = steps.invite(
        database, cast.ada, customer_id=cast.customers["globex"], email=cast.emails["petra"], name="Petra",
        role=Role.PAYER, now=now,
    )  # fmt: skip
    for step in ("invited", "accepted"):
        with nothing_changes(owner), pytest.raises(StillHere):
            erase(database, cast.ada, gone, now)
        if step == "invited":
            steps.accept_as(database, invited.token, cast.petra.user_id, now)
    with nothing_changes(owner), pytest.raises(StillHere):
        erase(database, cast.ada, cast.carl.id, now)


def test_who_is_somebody_elses_too_is_not_erased(
    database: Database, owner: Connection, cast: Cast, gone: UUID, now: datetime
) -> None:
    invited = steps.invite(
        database, cast.mallory, customer_id=None, email=cast.emails["petra"], name="Petra", role=Role.MEMBER,
        now=now,
    )  # fmt: skip
    steps.accept_as(database, invited.token, cast.petra.user_id, now)
    with nothing_changes(owner), pytest.raises(ElsewhereToo) as refused:
        erase(database, cast.ada, gone, now)
    assert "contoso" not in refused.value.message.lower()
    # Not even once that place has ended: it is theirs to forget.
    with database.transaction(partner_id=cast.mallory.partner_id) as db:
        staff.remove(db, cast.mallory, membership_id=invited.membership_id, now=now)
    with nothing_changes(owner), pytest.raises(ElsewhereToo):
        erase(database, cast.ada, gone, now)


@pytest.mark.parametrize("who", ["sue", "clem", "rita", "northwind_key", "carl", "vera"])
def test_only_an_admin_erases(
    database: Database, owner: Connection, cast: Cast, gone: UUID, now: datetime, who: str
) -> None:
    with nothing_changes(owner), pytest.raises(MissingRight):
        erase(database, cast.actors[who], gone, now)


def test_a_stranger_finds_nobody_to_erase(
    layers: Database, owner: Connection, cast: Cast, gone: UUID, now: datetime
) -> None:
    for asked in (gone, uuid4()):
        with nothing_changes(owner), pytest.raises(NotFound):
            erase(layers, cast.mallory, asked, now)

"""C-4, C-6, A-10: who gets in through an invite, as whom, and what it may not do."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, text

from auth.accepting import OtherPerson
from auth.memberships import Role
from auth.passwords import NewPassword
from auth.sessions import Door
from auth.tokens import DeadLink, digest_of
from auth.users import AccountExists
from db.session import Database
from tests.auth import steps
from tests.auth.steps import Newcomer, accept, accept_as, invite, knock, look, sign_in, start_session
from tests.cast import PASSWORD, Cast
from tests.world import nothing_changes


@pytest.fixture
def nia(database: Database, cast: Cast, now: datetime) -> Newcomer:
    """Invited to Acme by Ada; without an account."""
    return invite(database, cast.ada, customer_id=cast.customers["acme"], email="Nia@ACME.example", now=now)


@pytest.fixture
def petra_at_initech(database: Database, cast: Cast, now: datetime) -> Newcomer:
    """Petra of Acme, invited to Contoso's Initech under another name by Mallory."""
    return invite(
        database, cast.mallory, customer_id=cast.customers["initech"], email=cast.emails["petra"],
        name="P. from Acme", now=now,
    )  # fmt: skip


def test_a_newcomer_chooses_a_password_and_is_signed_in(
    database: Database, owner: Connection, nia: Newcomer, cast: Cast, now: datetime
) -> None:
    later = now + timedelta(hours=1)
    accepted = accept(database, nia.token, later)
    assert (accepted.membership_id, accepted.door, accepted.slug) == (
        nia.membership_id, Door.PORTAL, "acme-1a2b3c",
    )  # fmt: skip
    assert accepted.signed_in is not None
    visit = knock(database, accepted.signed_in.session_token, Door.PORTAL, accepted.slug, later)
    assert visit is not None
    assert visit.actor is not None
    assert (visit.actor.id, visit.actor.role) == (nia.membership_id, Role.PAYER)
    person = owner.execute(text("select * from person where email_key = 'nia@acme.example'")).one()
    assert (person.name, person.email, person.id) == ("Nia", "Nia@ACME.example", visit.user_id)
    assert (person.created_at, person.disabled_at) == (later, None)
    member = owner.execute(text("select * from membership where id = :id"), {"id": nia.membership_id}).one()
    assert (member.status, member.user_id, member.updated_at) == ("ACTIVE", person.id, later)
    assert owner.execute(text("select accepted_at from invite")).scalar_one() == later
    again = sign_in(
        database, nia.email, later, password=PASSWORD, device_token=accepted.signed_in.device_token
    )
    assert again is not None
    assert again.device_token is None


def test_accepting_is_in_both_logs(
    database: Database, owner: Connection, nia: Newcomer, cast: Cast, now: datetime
) -> None:
    accept(database, nia.token, now)
    event = owner.execute(text("select * from audit_event where action = 'user.activated'")).one()
    assert (event.partner_id, event.customer_id) == (cast.ada.partner_id, cast.customers["acme"])
    assert (event.actor_kind, event.actor_id, event.actor_name) == ("CUSTOMER_USER", nia.membership_id, "Nia")
    assert (event.subject_kind, event.subject_id) == ("user", nia.membership_id)
    personal = owner.execute(text("select action, address, agent from personal_event")).all()
    assert [tuple(row) for row in personal] == [("account.created", steps.HOME, steps.BROWSER)]


def test_a_member_of_staff_lands_in_the_dashboard(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    stan = invite(database, cast.ada, customer_id=None, email="stan@n.example", role=Role.MEMBER, now=now)
    assert look(database, stan.token, now).company == "Northwind"
    accepted = accept(database, stan.token, now)
    assert (accepted.door, accepted.slug) == (Door.PARTNER, "northwind")
    assert accepted.signed_in is not None
    visit = knock(database, accepted.signed_in.session_token, Door.PARTNER, "northwind", now)
    assert visit is not None
    assert visit.actor is not None
    assert visit.actor.role is Role.MEMBER
    event = owner.execute(text("select * from audit_event where action = 'user.activated'")).one()
    assert (event.actor_kind, event.customer_id) == ("STAFF", None)


def test_a_link_is_good_once(database: Database, owner: Connection, nia: Newcomer, now: datetime) -> None:
    accept(database, nia.token, now)
    with nothing_changes(owner):
        for act in (look, accept):
            with pytest.raises(DeadLink):
                act(database, nia.token, now)


def test_the_session_the_browser_came_with_ends(
    database: Database, nia: Newcomer, cast: Cast, now: datetime
) -> None:
    carl = start_session(database, cast.carl.user_id, now)
    with database.transaction() as db:
        steps.accepting.accept_as_new(
            db, token=nia.token, new=steps.CHOSEN, address=steps.HOME, agent=steps.BROWSER,
            replaces=digest_of(carl.session_token), now=now,
        )  # fmt: skip
    assert knock(database, carl.session_token, Door.PORTAL, "acme-1a2b3c", now) is None


# Whoever has an account signs in first.


def test_a_person_with_an_account_is_never_given_a_new_password(
    database: Database, owner: Connection, petra_at_initech: Newcomer, now: datetime
) -> None:
    """A-10: a hostile partner that reads the link itself cannot take Petra's account over."""
    assert look(database, petra_at_initech.token, now).has_account
    with nothing_changes(owner), pytest.raises(AccountExists):
        accept(database, petra_at_initech.token, now, new=NewPassword("mallory's choice"))


def test_petra_signed_in_accepts_a_second_place(
    database: Database, owner: Connection, petra_at_initech: Newcomer, cast: Cast, now: datetime
) -> None:
    person = owner.execute(text("select * from person where name = 'Petra'")).one()
    session = start_session(database, cast.petra.user_id, now)
    accepted = accept_as(database, petra_at_initech.token, cast.petra.user_id, now)
    assert (accepted.slug, accepted.signed_in) == ("initech-1a2b3c", None)
    at_initech = knock(database, session.session_token, Door.PORTAL, "initech-1a2b3c", now)
    at_acme = knock(database, session.session_token, Door.PORTAL, "acme-1a2b3c", now)
    assert at_initech is not None
    assert at_acme is not None
    assert at_initech.actor is not None
    assert at_acme.actor is not None
    assert (at_initech.actor.name, at_acme.actor.name) == ("P. from Acme", "Petra")
    assert at_initech.actor.partner_id == cast.partners["contoso"]
    assert owner.execute(text("select * from person where name = 'Petra'")).one() == person


def test_somebody_else_signed_in_cannot_take_the_invite(
    database: Database, owner: Connection, petra_at_initech: Newcomer, cast: Cast, now: datetime
) -> None:
    for person in (cast.carl, cast.mallory, cast.ines):
        with nothing_changes(owner), pytest.raises(OtherPerson):
            accept_as(database, petra_at_initech.token, person.user_id, now)
    accept_as(database, petra_at_initech.token, cast.petra.user_id, now)


def test_an_account_that_was_disabled_takes_no_place(
    database: Database, owner: Connection, petra_at_initech: Newcomer, cast: Cast, now: datetime
) -> None:
    owner.execute(text("update person set disabled_at = now() where id = :id"), {"id": cast.petra.user_id})
    with nothing_changes(owner), pytest.raises(OtherPerson):
        accept_as(database, petra_at_initech.token, cast.petra.user_id, now)


def test_a_dead_link_is_dead_for_somebody_signed_in_too(
    database: Database, owner: Connection, petra_at_initech: Newcomer, cast: Cast, now: datetime
) -> None:
    with nothing_changes(owner), pytest.raises(DeadLink):
        accept_as(database, petra_at_initech.token, cast.petra.user_id, now + timedelta(hours=72))
    accept_as(database, petra_at_initech.token, cast.petra.user_id, now)
    with nothing_changes(owner), pytest.raises(DeadLink):
        accept_as(database, petra_at_initech.token, cast.petra.user_id, now)


def test_two_invites_to_one_newcomer_make_one_account(
    database: Database, owner: Connection, nia: Newcomer, cast: Cast, now: datetime
) -> None:
    second = invite(
        database, cast.mallory, customer_id=cast.customers["initech"], email="nia@acme.example", now=now
    )
    accepted = accept(database, nia.token, now)
    assert accepted.signed_in is not None
    with nothing_changes(owner), pytest.raises(AccountExists):
        accept(database, second.token, now)
    accept_as(database, second.token, accepted.signed_in.user_id, now)
    people = owner.scalars(
        text("select distinct user_id from membership where email_key = 'nia@acme.example'")
    ).all()
    assert people == [accepted.signed_in.user_id]


def test_what_the_link_offers_is_all_the_bearer_sees(
    database: Database, petra_at_initech: Newcomer, now: datetime
) -> None:
    with database.transaction() as db:
        steps.accepting.look(db, token=petra_at_initech.token, now=now)
        seen = {
            table: db.execute(text(f"select count(*) from {table}")).scalar_one()
            for table in ("customer", "membership", "person", "session", "invite")
        }
    assert seen == {"customer": 1, "membership": 2, "person": 0, "session": 0, "invite": 1}

"""A-8, C-3: what one transaction did is seen by another that had to wait for it. No luck is needed.

The first holds its lock, uncommitted; the second is started and seen to wait in the database; then the first
commits. Each second one read the world before, and must look again.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from uuid import UUID

import pytest
from sqlalchemy import Connection, text
from sqlmodel import Session

from auth import erasing, invites, memberships, resets, sessions, signin, users
from auth.actors import Actor
from auth.authority import NoLongerHere, UserRemoved
from auth.invites import NothingToInvite
from auth.memberships import LastOne, Role
from auth.tokens import DeadLink
from db.session import Database
from errors import Refusal
from tests.auth import steps
from tests.auth.steps import Newcomer, accept, ask_for_reset, finish_reset, invite
from tests.auth.team_steps import add, change, strike
from tests.cast import PASSWORD, Cast

WAITING = text(
    "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
)


def meanwhile(
    database: Database,
    owner: Connection,
    first: Callable[[Session], object],
    second: Callable[[], object],
    **tenant: UUID | None,
) -> object:
    """What `second` comes to, having waited for `first` to commit; a refusal is given back, not raised."""
    with ThreadPoolExecutor(1) as thread:
        with database.transaction(**tenant) as db:
            first(db)
            waiting = thread.submit(second)
            while not owner.execute(WAITING).scalar_one():
                assert not waiting.done(), "the second did not wait"
        try:
            return waiting.result(60)
        except Refusal as refusal:
            return type(refusal)


@pytest.fixture
def nia(database: Database, cast: Cast, now: datetime) -> Newcomer:
    return invite(database, cast.ada, customer_id=cast.customers["acme"], now=now)


def status_of(owner: Connection, membership_id: UUID | None) -> str:
    found = text("select status from membership where id = :id")
    return str(owner.execute(found, {"id": membership_id}).scalar_one())


def test_a_link_that_is_revoked_while_it_is_accepted_is_dead(
    database: Database, owner: Connection, nia: Newcomer, cast: Cast, now: datetime
) -> None:
    outcome = meanwhile(
        database, owner,
        lambda db: invites.revoke(db, cast.ada, membership_id=nia.membership_id, now=now),
        lambda: accept(database, nia.token, now),
        partner_id=cast.ada.partner_id,
    )  # fmt: skip
    assert outcome is DeadLink
    assert status_of(owner, nia.membership_id) == "INVITED"


@pytest.mark.parametrize("customer", ["acme", None], ids=["customer's", "staff's"])
@pytest.mark.parametrize("how", ["disable", "remove", "resend", "change_role"])
def test_a_link_that_dies_while_it_is_accepted_is_dead(
    database: Database, owner: Connection, cast: Cast, how: str, customer: str | None, now: datetime
) -> None:
    customer_id = cast.customers[customer] if customer else None
    role, other = (Role.PAYER, Role.MANAGER) if customer else (Role.READ_ONLY, Role.MEMBER)
    ned = invite(database, cast.ada, customer_id=customer_id, role=role, email="ned@n.example", now=now)
    act = invites.resend if how == "resend" else getattr(memberships, how)
    given = {"role": other} if how == "change_role" else {}
    outcome = meanwhile(
        database, owner,
        lambda db: act(db, cast.ada, membership_id=ned.membership_id, now=now, **given),
        lambda: accept(database, ned.token, now),
        partner_id=cast.ada.partner_id,
    )  # fmt: skip
    assert outcome is DeadLink
    assert status_of(owner, ned.membership_id) != "ACTIVE"


def test_a_link_whose_customer_is_archived_while_it_is_accepted_is_dead(
    database: Database, owner: Connection, nia: Newcomer, cast: Cast, now: datetime
) -> None:
    archive = "update customer set status = 'ARCHIVED', archived_at = now() where company = 'Acme'"
    outcome = meanwhile(
        database, owner,
        lambda db: db.execute(text(archive)),
        lambda: accept(database, nia.token, now),
        partner_id=cast.ada.partner_id,
    )  # fmt: skip
    assert outcome is DeadLink


@pytest.mark.parametrize("act", [invites.revoke, invites.resend])
def test_an_invite_that_is_accepted_meanwhile_is_neither_revoked_nor_resent(
    database: Database,
    owner: Connection,
    nia: Newcomer,
    cast: Cast,
    act: Callable[..., object],
    now: datetime,
) -> None:
    def first(db: Session) -> None:
        steps.accepting.accept_as_new(db, token=nia.token, new=steps.CHOSEN, address="", agent="", now=now)

    def second() -> None:
        with database.transaction(partner_id=cast.ada.partner_id) as db:
            act(db, cast.ada, membership_id=nia.membership_id, now=now)

    assert meanwhile(database, owner, first, second) is NothingToInvite
    assert status_of(owner, nia.membership_id) == "ACTIVE"
    assert owner.execute(text("select revoked_at from invite")).scalars().all() == [None]


@pytest.mark.parametrize("how", ["remove", "disable", "change_role"])
def test_somebody_removed_meanwhile_is_not_touched_again(
    database: Database, owner: Connection, cast: Cast, how: str, now: datetime
) -> None:
    def second() -> object:
        if how == "change_role":
            return change(database, cast.carl, cast.petra, Role.VIEWER, now)
        return strike(database, cast.carl, how, cast.petra, now)

    outcome = meanwhile(
        database, owner,
        lambda db: memberships.remove(db, cast.ada, membership_id=cast.petra.id, now=now),  # type: ignore[arg-type]
        second,
        partner_id=cast.ada.partner_id,
    )  # fmt: skip
    assert outcome is UserRemoved
    assert owner.scalars(text("select action from audit_event")).all() == ["user.removed"]


@pytest.mark.parametrize("person", ["carl", "ada"])
def test_whoever_is_removed_meanwhile_removes_nobody(
    database: Database, owner: Connection, cast: Cast, person: str, now: datetime
) -> None:
    """Two heads remove each other: the one that had to wait is gone."""
    head: Actor = getattr(cast, person)
    other = invite(
        database, cast.ada, customer_id=head.customer_id, role=head.role, email="new@n.example", now=now
    )
    accept(database, other.token, now)
    outcome = meanwhile(
        database, owner,
        lambda db: memberships.remove(db, cast.ada, membership_id=head.id, now=now),  # type: ignore[arg-type]
        lambda: strike(database, head, "remove", other.membership_id, now),
        partner_id=cast.ada.partner_id,
    )  # fmt: skip
    assert outcome is NoLongerHere
    assert status_of(owner, other.membership_id) == "ACTIVE"


def test_the_last_manager_is_counted_anew(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    other = invite(database, cast.ada, customer_id=cast.customers["acme"], role=Role.MANAGER, now=now)
    outcome = meanwhile(
        database, owner,
        lambda db: memberships.remove(db, cast.ada, membership_id=other.membership_id, now=now),
        lambda: strike(database, cast.clem, "remove", cast.carl, now),
        partner_id=cast.ada.partner_id,
    )  # fmt: skip
    assert outcome is LastOne


def test_a_first_user_is_counted_anew(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    globex = cast.customers["globex"]
    owner.execute(text("update membership set status = 'REMOVED' where name = 'Gus'"))
    second = meanwhile(
        database, owner,
        lambda db: memberships.add(
            db, cast.ada, customer_id=globex, name="A", email=steps.parse_email("a@g.example"), now=now
        ),
        lambda: add(database, cast.clem, now, customer_id=globex, email="b@g.example"),
        partner_id=cast.ada.partner_id,
    )  # fmt: skip
    assert isinstance(second, memberships.Added)
    assert second.membership.role is Role.PAYER


def test_a_reset_link_replaced_or_used_meanwhile_is_dead(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    for act in ("begin", "finish"):
        token = ask_for_reset(database, owner, cast.emails["petra"], now)
        assert token is not None
        given = {"address": steps.HOME, "agent": "", "now": now}

        def first(db: Session, act: str = act, token: str = token, given: dict = given) -> None:
            if act == "begin":
                resets.begin(db, email=cast.emails["petra"], **given)
            else:
                resets.finish(db, token=token, new=steps.CHOSEN, **given)

        outcome = meanwhile(database, owner, first, lambda token=token: finish_reset(database, token, now))
        assert outcome is DeadLink, act
    changed = text("select count(*) from personal_event where action = 'password.reset'")
    assert owner.execute(changed).scalar_one() == 1


def test_a_password_changed_while_the_old_one_is_checked_lets_nobody_in(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    with database.transaction() as db:
        attempt = signin.begin(db, email=cast.emails["petra"], address=steps.HOME, now=now)
    checked = signin.check(attempt, PASSWORD)

    def second() -> object:
        with database.transaction() as db:
            return signin.finish(db, checked, agent="", now=now)

    change_it = text("update person set password_hash = 'another' where name = 'Petra'")
    outcome = meanwhile(database, owner, lambda db: db.execute(change_it), second, user_id=cast.petra.user_id)
    assert outcome is None
    assert owner.execute(text("select count(*) from session")).scalar_one() == 0


def test_whoever_is_erased_while_signing_in_is_out(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    petra = cast.petra.user_id
    assert petra is not None

    def sign_in(db: Session) -> None:
        users.hold(db, user_id=petra)
        sessions.begin(db, user_id=petra, device_id=None, address="", agent="", now=now)

    def erase() -> None:
        with database.transaction(user_id=petra) as db:
            erasing.erase_person(db, user_id=petra, now=now)

    assert meanwhile(database, owner, sign_in, erase, user_id=petra) is None
    left = text("select (select count(*) from session) + (select count(*) from device)")
    assert owner.execute(left).scalar_one() == 0

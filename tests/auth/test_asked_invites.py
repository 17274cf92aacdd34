"""B-4, C: somebody who was invited and lost the mail gets it again; nobody learns who was invited."""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import Connection, text

from auth import asked_invites, invites, memberships, resets
from auth.memberships import Membership
from auth.throttle import TooMany
from auth.tokens import DeadLink
from billing import customers, pending_invites
from db.session import Database
from integrations import inviting
from tests.auth import steps
from tests.auth.steps import BROWSER, HOME, Newcomer
from tests.auth.test_same_work import statements_of
from tests.billing.acting import Acts
from tests.cast import Cast

SECOND = timedelta(seconds=1)
LATER = timedelta(minutes=3)
Ask = Callable[[datetime], object]


@pytest.fixture
def nia(database: Database, cast: Cast, now: datetime) -> Newcomer:
    """Invited to Acme; she has no account."""
    return steps.invite(database, cast.ada, customer_id=cast.customers["acme"], now=now)


def forgot(database: Database, email: str, now: datetime) -> None:
    with database.transaction() as db:
        resets.begin(db, email=email, address=HOME, agent=BROWSER, now=now)


def code(database: Database, email: str, now: datetime) -> None:
    with database.transaction() as db:
        steps.mailed_codes.begin(db, email=email, address=HOME, agent=BROWSER, now=now)


def press(database: Database, token: str, now: datetime, address: str = HOME) -> None:
    with database.transaction() as db:
        asked_invites.for_link(db, token=token, address=address, now=now)


def work_off(database: Database, owner: Connection, now: datetime) -> int:
    """Do the waiting jobs, twice each, as a killed worker's is; how many mails came of them."""
    found = text("delete from procrastinate_jobs where task_name = 'send_waiting_invites' returning args")
    jobs = owner.scalars(found).all()
    assert jobs
    sent = 0
    for ids in jobs:
        for _ in range(2):
            args = {name: UUID(value) for name, value in ids.items()}
            sent += inviting.send_waiting(database, **args, now=now)
    return sent


def mailed(owner: Connection) -> list[tuple[str, UUID]]:
    rows = owner.execute(text("select kind, subject_id from mail order by id"))
    return [tuple(row) for row in rows]  # type: ignore[misc]


@pytest.mark.parametrize("ask", [forgot, code])
def test_whoever_was_only_invited_is_mailed_the_same_invite_while_it_is_good(
    database: Database, owner: Connection, nia: Newcomer, now: datetime, ask: Callable[..., None]
) -> None:
    ask(database, "NIA@Acme.example ", now)
    assert work_off(database, owner, now) == 1
    assert mailed(owner) == [("INVITE", nia.invite_id)]
    # Whoever typed the address killed nothing and prolonged nothing.
    steps.look(database, nia.token, now + invites.LIFE - SECOND)
    with pytest.raises(DeadLink):
        steps.look(database, nia.token, now + invites.LIFE)


@pytest.mark.parametrize("ask", [forgot, code])
def test_an_expired_invite_is_replaced(
    database: Database, owner: Connection, cast: Cast, nia: Newcomer, now: datetime,
    ask: Callable[..., None],
) -> None:  # fmt: skip
    later = now + invites.LIFE
    ask(database, nia.email, later)
    assert work_off(database, owner, later) == 1
    ((kind, invite_id),) = mailed(owner)
    assert kind == "INVITE"
    assert invite_id != nia.invite_id
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        issued = db.get_one(invites.Invite, (cast.ada.partner_id, invite_id))
        token = invites.token_of(db, issued)
    assert issued.expires_at == later + invites.LIFE
    with pytest.raises(DeadLink):
        steps.look(database, nia.token, later)
    steps.accept(database, token, later)
    events = owner.execute(text("select action, actor_kind from audit_event order by id")).all()
    assert ("user.invite_resent", "SYSTEM") in [tuple(event) for event in events]


def test_a_dead_link_has_the_invite_mailed_to_the_address_it_was_for(
    database: Database, owner: Connection, cast: Cast, nia: Newcomer, now: datetime
) -> None:
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        newer = invites.resend(db, cast.ada, membership_id=nia.membership_id, now=now)
    press(database, nia.token, now)
    assert work_off(database, owner, now) == 1
    assert mailed(owner) == [("INVITE", newer.id)]


def revoked(database: Database, cast: Cast, owner: Connection, nia: Newcomer, now: datetime) -> None:
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        invites.revoke(db, cast.ada, membership_id=nia.membership_id, now=now)


def disabled(database: Database, cast: Cast, owner: Connection, nia: Newcomer, now: datetime) -> None:
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        memberships.disable(db, cast.ada, membership_id=nia.membership_id, now=now)


def enabled_again(database: Database, cast: Cast, owner: Connection, nia: Newcomer, now: datetime) -> None:
    disabled(database, cast, owner, nia, now)
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        memberships.enable(db, cast.ada, membership_id=nia.membership_id, now=now)


def removed(database: Database, cast: Cast, owner: Connection, nia: Newcomer, now: datetime) -> None:
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        memberships.remove(db, cast.ada, membership_id=nia.membership_id, now=now)


def archived(database: Database, cast: Cast, owner: Connection, nia: Newcomer, now: datetime) -> None:
    Acts(database, owner, now)(cast.ada, customers.archive, customer_id=cast.customers["acme"])


def accepted(database: Database, cast: Cast, owner: Connection, nia: Newcomer, now: datetime) -> None:
    steps.accept(database, nia.token, now)


@pytest.mark.parametrize("end", [revoked, disabled, enabled_again, removed, archived, accepted])
@pytest.mark.parametrize("when", ["before", "between"])
@pytest.mark.parametrize("how", ["address", "link"])
def test_nothing_is_mailed_for_what_was_taken_back(
    database: Database, owner: Connection, cast: Cast, nia: Newcomer, now: datetime,
    end: Callable[..., None], when: str, how: str,
) -> None:  # fmt: skip
    expired = now + invites.LIFE
    if when == "before":
        end(database, cast, owner, nia, now)
    if how == "address":
        forgot(database, nia.email, expired)
    else:
        press(database, nia.token, expired)
    if when == "between":
        end(database, cast, owner, nia, now)
    assert work_off(database, owner, expired) == 0
    assert mailed(owner) == []


def test_whoever_has_an_account_is_mailed_their_invite_only_by_its_link(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    gus = steps.invite(
        database, cast.ada, customer_id=cast.customers["acme"], email="gus@globex.example", now=now
    )
    forgot(database, gus.email, now)
    code(database, gus.email, now)
    assert work_off(database, owner, now) == 0
    press(database, gus.token, now)
    assert work_off(database, owner, now) == 1


def test_all_that_waits_for_an_address_is_mailed_whoevers_it_is(
    database: Database, owner: Connection, cast: Cast, nia: Newcomer, now: datetime
) -> None:
    theirs = steps.invite(database, cast.mallory, customer_id=None, email=nia.email,
                          role=memberships.Role.MEMBER, now=now)  # fmt: skip
    forgot(database, nia.email, now)
    assert work_off(database, owner, now) == 2
    assert {subject for _, subject in mailed(owner)} == {nia.invite_id, theirs.invite_id}


def test_asking_again_and_again_mails_three_a_day_and_leaves_the_partner_some(
    database: Database, owner: Connection, cast: Cast, nia: Newcomer, now: datetime
) -> None:
    sent = []
    for at in range(6):
        press(database, nia.token, now + at * LATER, address=f"192.0.2.{at}")
        sent.append(work_off(database, owner, now + at * LATER))
    assert sent == [1, 1, 1, 0, 0, 0]
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        pending_invites.resend(db, cast.ada, membership_ids=[nia.membership_id], now=now + 6 * LATER)
    press(database, nia.token, now + timedelta(hours=24, minutes=1))
    assert work_off(database, owner, now + timedelta(hours=24, minutes=1)) == 1


def test_pressing_is_counted_by_address(database: Database, nia: Newcomer, now: datetime) -> None:
    for _ in range(asked_invites.ADDRESS.tries):
        press(database, "made up", now)
    with pytest.raises(TooMany):
        press(database, nia.token, now)
    press(database, nia.token, now, address="192.0.2.1")


def test_a_made_up_link_is_the_same_work_as_a_real_one(
    database: Database, owner: Connection, nia: Newcomer, now: datetime
) -> None:
    seen = []
    for token in ("made up", nia.token):
        with statements_of(database) as sent:
            press(database, token, now)
        jobs = owner.execute(text("delete from procrastinate_jobs returning task_name, args")).all()
        seen.append((sent, [(name, sorted(ids)) for name, ids in jobs]))
    assert seen[0] == seen[1]
    assert seen[0][1] == [("send_waiting_invites", ["invite_id", "partner_id"])]


def test_the_membership_stays_as_it_was(
    database: Database, owner: Connection, cast: Cast, nia: Newcomer, now: datetime
) -> None:
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        before = db.get_one(Membership, (cast.ada.partner_id, nia.membership_id)).model_dump()
    forgot(database, nia.email, now)
    work_off(database, owner, now)
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        assert db.get_one(Membership, (cast.ada.partner_id, nia.membership_id)).model_dump() == before

"""C-7: how many invites there may be, and for whom the count is kept."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection

from auth import invites, memberships
from auth.throttle import TooMany
from db.session import Database
from tests.auth.steps import Newcomer, invite, look
from tests.auth.team_steps import resend
from tests.cast import Cast
from tests.world import nothing_changes

SECOND = timedelta(seconds=1)


@pytest.fixture
def nia(database: Database, cast: Cast, now: datetime) -> Newcomer:
    """Invited to Acme by Ada."""
    return invite(database, cast.ada, customer_id=cast.customers["acme"], now=now)


def test_a_recipient_is_invited_five_times_a_day(
    database: Database, owner: Connection, nia: Newcomer, cast: Cast, now: datetime
) -> None:
    for hour in range(1, 5):
        last = resend(database, cast.ada, nia, now + timedelta(hours=hour))
    day = timedelta(hours=24)
    with nothing_changes(owner):
        for actor, at in ((cast.ada, now + 5 * SECOND), (cast.carl, now + day - SECOND)):
            with pytest.raises(TooMany) as refusal:
                resend(database, actor, nia, at)
            assert refusal.value.retry_after == 86_400
    assert look(database, last, now + timedelta(hours=5)).name == "Nia"


def test_the_recipients_limit_is_over_after_a_day(
    database: Database, nia: Newcomer, cast: Cast, now: datetime
) -> None:
    for _ in range(4):
        resend(database, cast.ada, nia, now)
    assert resend(database, cast.ada, nia, now + timedelta(hours=24))


def test_removing_and_adding_does_not_go_round_the_recipients_limit(
    database: Database, owner: Connection, nia: Newcomer, cast: Cast, now: datetime
) -> None:
    newcomer = nia
    for _ in range(4):
        with database.transaction(partner_id=cast.ada.partner_id) as db:
            memberships.remove(db, cast.ada, membership_id=newcomer.membership_id, now=now)
        newcomer = invite(database, cast.ada, customer_id=cast.customers["acme"], now=now)
    with nothing_changes(owner), pytest.raises(TooMany):
        invite(database, cast.ada, customer_id=cast.customers["globex"], email=" NIA@acme.example", now=now)


def test_one_partners_invites_do_not_use_up_anothers(
    database: Database, nia: Newcomer, cast: Cast, now: datetime
) -> None:
    """Nor could Mallory find out, by how many she has left, that Northwind invited Nia."""
    for _ in range(4):
        resend(database, cast.ada, nia, now)
    his = invite(database, cast.mallory, customer_id=cast.customers["initech"], email=nia.email, now=now)
    for _ in range(4):
        resend(database, cast.mallory, his, now)
    with pytest.raises(TooMany):
        resend(database, cast.mallory, his, now)


def test_a_partner_sends_a_thousand_invites_a_day(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    acme = cast.customers["acme"]
    # The first 998 by the same count that the rule makes, without the thousand memberships.
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        bucket = invites.throttle.bucket_of(db, invites.PARTNER_DAY, cast.ada.partner_id)
        for _ in range(998):
            invites.throttle.count_all(db, [bucket], now=now)
    for n in (999, 1000):
        invite(database, cast.ada, customer_id=acme, email=f"u{n}@acme.example", now=now)
    for actor in (cast.ada, cast.carl):
        with nothing_changes(owner), pytest.raises(TooMany, match="1,000 invites"):
            invite(database, actor, customer_id=acme, email="u1001@acme.example", now=now)
    invite(database, cast.mallory, customer_id=cast.customers["initech"], email="u@i.example", now=now)
    invite(database, cast.ada, customer_id=acme, email="u1001@acme.example", now=now + timedelta(hours=24))

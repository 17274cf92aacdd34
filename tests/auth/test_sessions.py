"""D-1, D-2, D-4: how long a session lives, and where it opens."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import Connection, text

from auth import sessions, users
from auth.actors import ActorKind
from auth.sessions import ABSOLUTE, IDLE_CUSTOMER, IDLE_STAFF, Door
from auth.tokens import digest_of
from auth.users import Place
from db.session import Database
from tests.auth import steps
from tests.auth.steps import knock, start_session
from tests.cast import Cast
from tests.figures import rounds
from tests.world import nothing_changes

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def test_a_token_is_256_random_bits(database: Database, cast: Cast, now: datetime) -> None:
    tokens = {start_session(database, cast.petra.user_id, now).session_token for _ in range(50)}
    assert len(tokens) == 50
    assert {len(token) for token in tokens} == {43}


def test_staff_and_customer_users_become_the_actors_they_are(
    database: Database, cast: Cast, now: datetime
) -> None:
    token_of_ada = start_session(database, cast.ada.user_id, now).session_token
    token_of_vera = start_session(database, cast.vera.user_id, now).session_token
    ada = knock(database, token_of_ada, Door.PARTNER, "northwind", now)
    vera = knock(database, token_of_vera, Door.PORTAL, "acme-1a2b3c", now)
    assert ada is not None
    assert vera is not None
    for visit, expected, kind in (
        (ada, cast.ada, ActorKind.STAFF),
        (vera, cast.vera, ActorKind.CUSTOMER_USER),
    ):
        assert visit.actor is not None
        assert visit.actor.kind is kind
        assert visit.actor.session_id == visit.session_id
        for name in ("id", "partner_id", "customer_id", "role", "name", "user_id"):
            assert getattr(visit.actor, name) == getattr(expected, name), name


@pytest.mark.parametrize(
    ("door", "slug"),
    [
        (Door.PARTNER, "northwind"),
        (Door.PARTNER, "contoso"),
        (Door.PARTNER, "acme-1a2b3c"),
        (Door.PORTAL, "globex-1a2b3c"),
        (Door.PORTAL, "initech-1a2b3c"),
        (Door.PORTAL, "northwind"),
        (Door.PORTAL, "nowhere"),
        (Door.PORTAL, ""),
    ],
)
def test_petra_has_no_place_but_her_own(
    database: Database, cast: Cast, door: Door, slug: str, now: datetime
) -> None:
    session = start_session(database, cast.petra.user_id, now)
    with database.transaction() as db:
        visit = sessions.knock(db, token_hash=digest_of(session.session_token), door=door, slug=slug, now=now)
        assert visit is not None
        assert visit.actor is None
        assert db.execute(text("select count(*) from customer")).scalar_one() == 0
        assert db.execute(text("select count(*) from membership")).scalar_one() == 0


def test_nobody_knocks_with_a_token_that_was_never_given(
    database: Database, owner: Connection, now: datetime
) -> None:
    with nothing_changes(owner):
        assert knock(database, "made up", Door.PARTNER, "northwind", now) is None


def test_a_failed_knock_leaves_no_tenant_behind(database: Database, cast: Cast, now: datetime) -> None:
    with database.transaction(partner_id=cast.partners["northwind"]) as db:
        sessions.knock(db, token_hash=digest_of("made up"), door=Door.PARTNER, slug="northwind", now=now)
        assert db.execute(text("select count(*) from customer")).scalar_one() == 0


@pytest.mark.parametrize(
    ("person", "door", "slug", "idle"),
    [
        ("ada", Door.PARTNER, "northwind", IDLE_STAFF),
        ("petra", Door.PORTAL, "acme-1a2b3c", IDLE_CUSTOMER),
    ],
)
def test_an_idle_session_ends(
    database: Database, cast: Cast, person: str, door: Door, slug: str, idle: timedelta, now: datetime
) -> None:
    token = start_session(database, getattr(cast, person).user_id, now).session_token
    hash_of = digest_of(token)
    with database.transaction() as db:
        assert sessions.find(db, token_hash=hash_of, now=now + idle - SECOND) is not None
        assert sessions.find(db, token_hash=hash_of, now=now + idle) is None
    assert knock(database, token, door, slug, now + idle) is None
    assert knock(database, token, door, slug, now + idle - SECOND) is not None
    assert knock(database, token, door, slug, now + 2 * (idle - SECOND)) is not None
    assert knock(database, token, door, slug, now + 2 * (idle - SECOND) + idle) is None


def test_a_session_ends_after_twelve_hours_however_busy(
    database: Database, cast: Cast, now: datetime
) -> None:
    session = start_session(database, cast.petra.user_id, now)
    at = now
    while at < now + ABSOLUTE - SECOND:
        at = min(at + timedelta(hours=1), now + ABSOLUTE - SECOND)
        assert knock(database, session.session_token, Door.PORTAL, "acme-1a2b3c", at) is not None
    assert knock(database, session.session_token, Door.PORTAL, "acme-1a2b3c", now + ABSOLUTE) is None
    with database.transaction() as db:
        gone = sessions.find(db, token_hash=digest_of(session.session_token), now=now + ABSOLUTE)
    assert gone is None


def test_a_look_at_the_portal_does_not_keep_the_dashboard_open(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    """Ada also works for Acme: her session is a staff session everywhere."""
    steps.accept_as(
        database,
        steps.invite(
            database, cast.carl, customer_id=cast.customers["acme"], email=cast.emails["ada"], now=now
        ).token,
        cast.ada.user_id,
        now,
    )
    token = start_session(database, cast.ada.user_id, now).session_token
    assert knock(database, token, Door.PORTAL, "acme-1a2b3c", now + IDLE_STAFF) is None
    with database.transaction() as db:
        assert sessions.find(db, token_hash=digest_of(token), now=now + IDLE_STAFF) is None
    assert knock(database, token, Door.PARTNER, "northwind", now + IDLE_STAFF) is None


def test_being_seen_is_noted_once_a_minute(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    token = start_session(database, cast.petra.user_id, now).session_token
    seen = text("select last_seen_at from session")
    for at, noted in (
        (now + MINUTE - SECOND, now),
        (now + MINUTE, now + MINUTE),
        (now + 2 * MINUTE - SECOND, now + MINUTE),
        (now + 5 * MINUTE, now + 5 * MINUTE),
    ):
        knock(database, token, Door.PORTAL, "acme-1a2b3c", at)
        assert owner.execute(seen).scalar_one() == noted


def test_a_request_never_waits_for_another_one_of_the_same_session(
    database: Database, cast: Cast, now: datetime
) -> None:
    hash_of = digest_of(start_session(database, cast.petra.user_id, now).session_token)
    later = now + MINUTE

    def also_knock() -> bool:
        with database.transaction() as db:
            db.execute(text("set local lock_timeout = '1ms'"))
            given = {"token_hash": hash_of, "door": Door.PORTAL, "slug": "acme-1a2b3c", "now": later}
            return sessions.knock(db, **given) is not None

    with database.transaction() as slow:
        assert sessions.knock(slow, token_hash=hash_of, door=Door.PORTAL, slug="acme-1a2b3c", now=later)
        with ThreadPoolExecutor(1) as thread:
            assert thread.submit(also_knock).result(30)


@pytest.mark.parametrize("status", ["DISABLED", "REMOVED", "INVITED"])
def test_a_membership_that_is_not_active_opens_nothing_at_once(
    database: Database, owner: Connection, cast: Cast, status: str, now: datetime
) -> None:
    token = start_session(database, cast.petra.user_id, now).session_token
    owner.execute(text(f"update membership set status = '{status}' where name = 'Petra'"))
    visit = knock(database, token, Door.PORTAL, "acme-1a2b3c", now)
    assert visit is not None
    assert visit.actor is None


def test_an_archived_customer_opens_nothing_at_once(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    token = start_session(database, cast.petra.user_id, now).session_token
    owner.execute(text("update customer set status = 'ARCHIVED', archived_at = now() where company = 'Acme'"))
    visit = knock(database, token, Door.PORTAL, "acme-1a2b3c", now)
    assert visit is not None
    assert visit.actor is None


def test_a_disabled_person_has_no_session_left(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    token = start_session(database, cast.petra.user_id, now).session_token
    owner.execute(text("update person set disabled_at = now() where name = 'Petra'"))
    assert knock(database, token, Door.PORTAL, "acme-1a2b3c", now) is None
    with database.transaction() as db:
        assert sessions.find(db, token_hash=digest_of(token), now=now) is None


def test_signing_out_ends_one_session_at_once(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    mine, other = (start_session(database, cast.petra.user_id, now) for _ in range(2))
    given = {"address": steps.HOME, "agent": steps.BROWSER, "now": now}
    with database.transaction(user_id=cast.petra.user_id) as db:
        sessions.end(db, user_id=cast.petra.user_id, session_id=mine.session_id, **given)
    assert knock(database, mine.session_token, Door.PORTAL, "acme-1a2b3c", now) is None
    assert knock(database, other.session_token, Door.PORTAL, "acme-1a2b3c", now) is not None
    with nothing_changes(owner), database.transaction(user_id=cast.petra.user_id) as db:
        sessions.end(db, user_id=cast.petra.user_id, session_id=mine.session_id, **given)
    rows = owner.execute(text("select user_id, action from personal_event")).all()
    assert [tuple(row) for row in rows] == [(cast.petra.user_id, "session.ended")]


def test_what_is_over_is_over(database: Database, owner: Connection, cast: Cast, now: datetime) -> None:
    petra = cast.petra.user_id
    session = start_session(database, petra, now)
    with database.transaction(user_id=petra) as db:
        sessions.end_all(db, user_id=petra, now=now)
    with nothing_changes(owner), database.transaction(user_id=petra) as db:
        sessions.end_all(db, user_id=petra, now=now + SECOND)
        token = sessions.step_up(db, user_id=petra, session_id=session.session_id, now=now + SECOND)
    assert knock(database, token, Door.PORTAL, "acme-1a2b3c", now) is None


@pytest.mark.parametrize("guarded", [True, False])
def test_nobody_signs_somebody_else_out(
    database: Database, unguarded: Database, owner: Connection, cast: Cast, guarded: bool, now: datetime
) -> None:
    session = start_session(database, cast.petra.user_id, now)
    carls = start_session(database, cast.carl.user_id, now)
    carl, either = cast.carl.user_id, database if guarded else unguarded
    with nothing_changes(owner), either.transaction(user_id=carl) as db:
        sessions.end(db, user_id=carl, session_id=session.session_id, address="", agent="", now=now)
        sessions.step_up(db, user_id=carl, session_id=session.session_id, now=now)
        assert [one.id for one in sessions.live_of(db, user_id=carl, now=now)] == [carls.session_id]
    devices = text("select id, last_seen_at from device where user_id = :user")
    petras = owner.execute(devices, {"user": cast.petra.user_id}).one()
    with either.transaction(user_id=carl) as db:
        sessions.begin(db, user_id=carl, device_id=petras.id, address="", agent="", now=now + SECOND)
        sessions.end_all(db, user_id=carl, now=now)
    assert owner.execute(devices, {"user": cast.petra.user_id}).one() == petras
    assert knock(database, session.session_token, Door.PORTAL, "acme-1a2b3c", now) is not None
    assert knock(database, carls.session_token, Door.PORTAL, "acme-1a2b3c", now) is None


def test_the_list_shows_the_living_sessions_last_seen_first(
    database: Database, cast: Cast, now: datetime
) -> None:
    petra = cast.petra.user_id
    old, ended, second, last = (
        start_session(database, petra, at)
        for at in (now + 3 * MINUTE - ABSOLUTE, now, now + MINUTE, now + 2 * MINUTE)
    )
    with database.transaction(user_id=petra) as db:
        sessions.end(db, user_id=petra, session_id=ended.session_id, address="", agent="", now=now)
        listed = sessions.live_of(db, user_id=petra, now=now + 3 * MINUTE)
    assert [session.id for session in listed] == [last.session_id, second.session_id]
    assert old.session_id not in {session.id for session in listed}


def test_only_the_browser_that_signs_in_is_seen(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    petra = cast.petra.user_id
    for _ in range(2):
        start_session(database, petra, now)
    used, unused = owner.scalars(text("select id from device order by id")).all()
    with database.transaction(user_id=petra) as db:
        sessions.begin(db, user_id=petra, device_id=used, address="", agent="", now=now + MINUTE)
    seen = {row.id: row.last_seen_at for row in owner.execute(text("select id, last_seen_at from device"))}
    assert seen == {used: now + MINUTE, unused: now}


@pytest.mark.prove
def test_signed_out_everywhere_means_at_the_next_request_of_all(
    database: Database, cast: Cast, now: datetime
) -> None:
    """D-2 at the rules: while many threads knock, no knock that began after the commit succeeds."""
    tokens = [start_session(database, cast.petra.user_id, now).session_token for _ in range(rounds(5, 25))]
    started = Barrier(5)

    def knock_around(mine: list[str]) -> int:
        started.wait(30)
        alive = 0
        for _ in range(20):
            alive += sum(
                knock(database, token, Door.PORTAL, "acme-1a2b3c", now) is not None for token in mine
            )
        return alive

    with ThreadPoolExecutor(4) as threads:
        tasks = [threads.submit(knock_around, tokens) for _ in range(4)]
        started.wait(30)
        with database.transaction(user_id=cast.petra.user_id) as db:
            sessions.end_all(db, user_id=cast.petra.user_id, now=now)
        after = [knock(database, token, Door.PORTAL, "acme-1a2b3c", now) for token in tokens]
        for task in tasks:
            task.result(60)
    assert after == [None] * len(tokens)


def test_a_browsers_name_is_cut_and_cleaned(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    with database.transaction(user_id=cast.petra.user_id) as db:
        sessions.begin(
            db, user_id=cast.petra.user_id, device_id=None, address=steps.HOME,
            agent="Evil\r\nINFO all is well\x00\x1b[31m" + "x" * 500, now=now,
        )  # fmt: skip
    agent = owner.execute(text("select agent from session")).scalar_one()
    assert agent == ("Evil  INFO all is well  [31m" + "x" * 500)[:200]
    assert owner.execute(text("select label from device")).scalar_one() == agent


# The account switcher.


def test_a_person_sees_every_place_of_its_own_and_no_other(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    for inviter, customer_id in ((cast.ada, "globex"), (cast.mallory, "initech"), (cast.mallory, None)):
        steps.accept_as(
            database,
            steps.invite(
                database,
                inviter,
                customer_id=cast.customers[customer_id] if customer_id else None,
                role=None if customer_id else steps.Role.READ_ONLY,
                email=cast.emails["petra"],
                now=now,
            ).token,
            cast.petra.user_id,
            now,
        )
    with database.transaction(user_id=cast.petra.user_id) as db:
        assert users.places_of(db) == [
            Place("portal", "acme-1a2b3c", "Acme", "PAYER", "Northwind", "America/New_York"),
            Place("partner", "contoso", "Contoso", "READ_ONLY", "Contoso", "America/New_York"),
            Place("portal", "globex-1a2b3c", "Globex", "PAYER", "Northwind", "America/New_York"),
            Place("portal", "initech-1a2b3c", "Initech", "PAYER", "Contoso", "America/New_York"),
        ]
    owner.execute(
        text("update membership set status = 'DISABLED' where customer_id is null and name = 'Nia'")
    )
    owner.execute(
        text("update customer set status = 'ARCHIVED', archived_at = now() where company = 'Globex'")
    )
    with database.transaction(user_id=cast.petra.user_id) as db:
        assert [place.name for place in users.places_of(db)] == ["Acme", "Initech"]
        words = users.words_of(db, user_id=cast.petra.user_id)
    assert set(words) == {"Petra", "petra@acme.example", "Acme", "Initech", "Northwind", "Contoso"}
    with database.transaction() as db:
        assert users.places_of(db) == []


def test_instants_are_read_in_the_own_zone_else_the_employers_else_the_first_customers(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    petra = cast.petra.user_id

    def zone() -> str:
        with database.transaction(user_id=petra) as db:
            return users.zone_of(db, users.one(db, user_id=petra))

    owner.execute(text("update partner set time_zone = 'America/Chicago' where slug = 'northwind'"))
    owner.execute(text("update partner set time_zone = 'America/Toronto' where slug = 'contoso'"))
    owner.execute(text("update customer set time_zone = 'America/Denver' where company = 'Globex'"))
    assert zone() == "America/Chicago"
    owner.execute(text("update customer set time_zone = 'America/Phoenix' where company = 'Acme'"))
    assert zone() == "America/Phoenix"
    role, email = steps.Role.READ_ONLY, cast.emails["petra"]
    invite = steps.invite(database, cast.mallory, customer_id=None, role=role, email=email, now=now)
    steps.accept_as(database, invite.token, petra, now)
    assert zone() == "America/Toronto"
    owner.execute(text("update person set time_zone = 'Pacific/Honolulu' where id = :id"), {"id": petra})
    assert zone() == "Pacific/Honolulu"
    owner.execute(text("update person set time_zone = null where id = :id"), {"id": petra})
    owner.execute(text("update membership set status = 'DISABLED' where user_id = :id"), {"id": petra})
    assert zone() == "UTC"

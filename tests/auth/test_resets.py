"""B-5, C: password resets by e-mailed link."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, text

from auth import personal_tokens, resets
from auth.passwords import choose
from auth.personal_tokens import Purpose
from auth.sessions import Door
from auth.throttle import TooMany
from auth.tokens import DeadLink, digest_of
from db.session import Database
from errors import Invalid
from tests.auth import steps
from tests.auth.steps import ask_for_reset, finish_reset, knock, sign_in, start_session
from tests.cast import PASSWORD, PASSWORD_HASH, Cast
from tests.world import nothing_changes

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
NEW = "gravel-otter-mislaid-42"
NEW_YORK = ZoneInfo("America/New_York")


def look(database: Database, token: str, now: datetime) -> resets.OpenReset:
    with database.transaction() as db:
        return resets.look(db, token=token, now=now)


def is_dead(database: Database, token: str, now: datetime) -> bool:
    deaths = 0
    for act in (look, finish_reset):
        try:
            act(database, token, now)
        except DeadLink:
            deaths += 1
    assert deaths in (0, 2)
    return deaths == 2


def asked(database: Database, owner: Connection, cast: Cast, now: datetime) -> str:
    token = ask_for_reset(database, owner, cast.emails["petra"], now)
    assert token is not None
    return token


def test_petra_sets_a_new_password_by_mail(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    session = start_session(database, cast.petra.user_id, now)
    carls = start_session(database, cast.carl.user_id, now)
    token = asked(database, owner, cast, now)
    later = now + timedelta(minutes=5)
    opened = look(database, token, later)
    assert opened.email == "petra@acme.example"
    assert set(opened.words) == {"Petra", "petra@acme.example", "Acme", "Northwind"}
    device = finish_reset(database, token, later, new=choose(NEW, words=opened.words))
    assert knock(database, session.session_token, Door.PORTAL, "acme-1a2b3c", later) is None
    assert knock(database, carls.session_token, Door.PORTAL, "acme-1a2b3c", later) is not None
    assert sign_in(database, cast.emails["petra"], later) is None
    signed_in = sign_in(database, cast.emails["petra"], later, password=NEW, device_token=device)
    assert signed_in is not None
    assert signed_in.device_token is None
    assert sign_in(database, cast.emails["carl"], later) is not None
    person = owner.execute(text("select * from person where name = 'Petra'")).one()
    assert person.updated_at == later
    token_row = owner.execute(text("select used_at, expires_at from personal_token")).one()
    assert tuple(token_row) == (later, now + HOUR)


def test_a_reset_is_in_the_persons_history_and_the_person_is_told(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    finish_reset(database, asked(database, owner, cast, now), now)
    rows = owner.execute(text("select id, action, user_id, address, agent from personal_event order by id"))
    events = rows.all()
    assert [tuple(row)[1:] for row in events] == [
        (action, cast.petra.user_id, steps.HOME, steps.BROWSER)
        for action in ("password.reset_asked", "password.reset")
    ]
    jobs = owner.execute(text("select task_name, args from procrastinate_jobs order by id")).all()
    names = ["send_waiting_invites", "send_reset", "send_password_changed"]
    assert [job.task_name for job in jobs] == names
    assert jobs[1].args.keys() == {"user_id", "token_id"}
    assert jobs[2].args == {"user_id": str(cast.petra.user_id), "event_id": str(events[1].id)}


def test_only_the_digest_of_the_token_is_kept(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    token = asked(database, owner, cast, now)
    row = owner.execute(text("select * from personal_token")).one()
    assert len(token) == 43
    assert row.token_hash == digest_of(token)
    assert (row.user_id, row.purpose, row.used_at) == (cast.petra.user_id, "RESET", None)
    assert (row.created_at, row.expires_at) == (now, now + HOUR)


@pytest.mark.parametrize("asked_at", [
    datetime(2026, 3, 10, 17, 0, tzinfo=UTC),
    datetime(2026, 3, 8, 1, 30, tzinfo=NEW_YORK),
    datetime(2026, 11, 1, 1, 30, fold=0, tzinfo=NEW_YORK),
    datetime(2026, 11, 1, 1, 30, fold=1, tzinfo=NEW_YORK),
], ids=str)  # fmt: skip
def test_a_link_lives_for_an_hour_to_the_second(
    database: Database, owner: Connection, cast: Cast, asked_at: datetime
) -> None:
    token = asked(database, owner, cast, asked_at)
    end = asked_at.astimezone(UTC) + HOUR
    with nothing_changes(owner):
        assert is_dead(database, token, end)
        assert is_dead(database, token, end + SECOND)
    with nothing_changes(owner):
        for _ in range(10):  # scanners open it first
            look(database, token, end - SECOND)
    finish_reset(database, token, end - SECOND)
    with nothing_changes(owner):
        assert is_dead(database, token, end - SECOND)


def test_asking_again_kills_the_earlier_link(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    first = asked(database, owner, cast, now)
    carls = ask_for_reset(database, owner, cast.emails["carl"], now)
    assert carls is not None
    second = asked(database, owner, cast, now + SECOND)
    assert first != second
    with nothing_changes(owner):
        assert is_dead(database, first, now + SECOND)
    finish_reset(database, second, now + SECOND)
    finish_reset(database, carls, now + SECOND)


def test_a_disabled_person_gets_no_link_and_an_old_one_is_dead(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    token = asked(database, owner, cast, now)
    owner.execute(text("update person set disabled_at = now() where name = 'Petra'"))
    with nothing_changes(owner):
        assert is_dead(database, token, now)
    assert ask_for_reset(database, owner, cast.emails["petra"], now + SECOND) is None


def test_a_link_for_another_purpose_is_dead(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    token = asked(database, owner, cast, now)
    owner.execute(text("update personal_token set purpose = 'DEVICE'"))
    with nothing_changes(owner):
        assert is_dead(database, token, now)


def test_a_link_is_bound_to_its_address(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    token = asked(database, owner, cast, now)
    owner.execute(text("update person set email_key = 'new@acme.example' where name = 'Petra'"))
    with nothing_changes(owner):
        assert is_dead(database, token, now)


def test_killing_open_links_leaves_other_purposes_and_used_ones(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    finish_reset(database, asked(database, owner, cast, now), now)
    asked(database, owner, cast, now)
    owner.execute(text("update personal_token set purpose = 'DEVICE' where used_at is null"))
    with nothing_changes(owner), database.transaction(user_id=cast.petra.user_id) as db:
        personal_tokens.kill(db, user_id=cast.petra.user_id, purposes=(Purpose.RESET,), now=now)
    owner.execute(text("update personal_token set purpose = 'RESET'"))
    with nothing_changes(owner), database.transaction(user_id=cast.petra.user_id) as db:
        personal_tokens.kill(db, user_id=cast.petra.user_id, purposes=(Purpose.RESET,), now=now + HOUR)


@pytest.mark.parametrize("token", ["", "A" * 43, "\x00", "\ud800", "x" * 100_000])
def test_what_was_never_a_link_is_dead(
    database: Database, owner: Connection, cast: Cast, token: str, now: datetime
) -> None:
    with nothing_changes(owner):
        assert is_dead(database, token, now)


def test_an_address_nobody_has_leaves_nothing_but_a_job_that_finds_nothing(
    database: Database, owner: Connection, now: datetime
) -> None:
    with nothing_changes(owner, without={"throttle_bucket", "procrastinate_jobs", "procrastinate_events"}):
        assert ask_for_reset(database, owner, "nobody@acme.example", now) is None


def test_what_is_no_address_is_refused_at_its_field(
    database: Database, owner: Connection, now: datetime
) -> None:
    with nothing_changes(owner), pytest.raises(Invalid) as refusal, database.transaction() as db:
        resets.begin(db, email="petra", address=steps.HOME, agent="", now=now)
    assert [problem.path for problem in refusal.value.problems] == [("email",)]


def test_a_recipient_gets_five_links_an_hour_and_the_newest_stays_good(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    for n in range(5):
        last = ask_for_reset(database, owner, cast.emails["petra"], now, address=f"192.0.2.{n}")
    assert last is not None
    for at in (now, now + HOUR - SECOND):
        with nothing_changes(owner), pytest.raises(TooMany):
            ask_for_reset(database, owner, cast.emails["petra"], at, address="192.0.2.9")
    assert look(database, last, now + HOUR - SECOND)
    assert ask_for_reset(database, owner, cast.emails["petra"], now + HOUR, address="192.0.2.9")


def test_an_address_asks_for_ten_links_in_five_minutes(
    database: Database, owner: Connection, now: datetime
) -> None:
    for n in range(10):
        ask_for_reset(database, owner, f"u{n}@acme.example", now)
    five = timedelta(minutes=5)
    with nothing_changes(owner), pytest.raises(TooMany):
        ask_for_reset(database, owner, "u10@acme.example", now + five - SECOND)
    ask_for_reset(database, owner, "u10@acme.example", now + five)


def test_a_throttled_owner_gets_in_after_a_reset(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    """B-3: without a known device the account's limit holds the owner up too; the mailbox helps."""
    for n in range(10):
        sign_in(database, cast.emails["petra"], now, password="guess", address=f"192.0.2.{n}")
    with pytest.raises(TooMany):
        sign_in(database, cast.emails["petra"], now)
    device = finish_reset(database, asked(database, owner, cast, now), now)
    assert sign_in(database, cast.emails["petra"], now, password=PASSWORD, device_token=device) is not None


def test_a_refused_new_password_leaves_the_link_good(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    token = asked(database, owner, cast, now)
    with nothing_changes(owner), pytest.raises(Invalid):
        finish_reset(database, token, now, new=choose("petra-acme", words=look(database, token, now).words))
    finish_reset(database, token, now)
    stored = owner.execute(text("select password_hash from person where name = 'Petra'")).scalar_one()
    assert stored == PASSWORD_HASH


def test_a_link_that_is_over_stays_as_it_was_when_another_is_asked_for(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    """One that was used, and one whose time was up."""
    finish_reset(database, asked(database, owner, cast, now), now)
    asked(database, owner, cast, now + SECOND)
    rows = text("select id, used_at, expires_at from personal_token order by id")
    before = owner.execute(rows).all()
    assert [(row.used_at, row.expires_at) for row in before] == [
        (now, now + HOUR),
        (None, now + SECOND + HOUR),
    ]
    asked(database, owner, cast, now + SECOND + 2 * HOUR)
    assert owner.execute(rows).all()[:2] == before

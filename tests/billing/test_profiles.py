"""B-5, A-10: people change their own name, time zone and address; the copies at all their places follow."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import Connection, text

from auth import email_changes
from auth.email_changes import OtherAccount
from auth.memberships import Role
from auth.personal_tokens import Purpose
from auth.profiles import PlaceTaken
from auth.sessions import Door
from auth.throttle import TooMany
from auth.tokens import DeadLink
from auth.users import AddressTaken
from db.session import Database
from errors import Invalid, Refusal
from tests.auth.steps import (
    accept_as,
    ask_for_reset,
    finish_reset,
    invite,
    knock,
    sign_in,
    start_session,
)  # fmt: skip
from tests.billing.profile_steps import FROM, NEW, as_person, begin, changed, confirm, describe, mailed, undo
from tests.cast import Cast
from tests.world import nothing_changes

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture
def petra_at_two(database: Database, cast: Cast, now: datetime) -> UUID:
    """Petra is also staff of Contoso; her membership there."""
    invited = invite(
        database, cast.mallory, customer_id=None, email=cast.emails["petra"], name="P.", role=Role.MEMBER,
        now=now,
    )  # fmt: skip
    assert cast.petra.user_id is not None
    return accept_as(database, invited.token, cast.petra.user_id, now).membership_id


def places(owner: Connection, cast: Cast) -> list[tuple[object, ...]]:
    rows = owner.execute(
        text(
            "select name, name_key, email, email_key, time_zone from membership"
            " where user_id = :u order by id"
        ),
        {"u": cast.petra.user_id},
    )
    return [tuple(row) for row in rows]


def found_by(database: Database, cast: Cast, word: str) -> int:
    with database.transaction(partner_id=cast.partners["northwind"]) as db:
        found = db.execute(text("select count(*) from search_token where token = :word"), {"word": word})
        return int(found.scalar_one())


def test_a_new_name_and_time_zone_are_seen_at_every_place(
    database: Database, owner: Connection, cast: Cast, petra_at_two: UUID, now: datetime
) -> None:
    describe(database, cast, now, name="  Petra  Övermann ", time_zone="America/Denver")
    copy = ("Petra Övermann", "petra övermann", "petra@acme.example", "petra@acme.example", "America/Denver")
    assert places(owner, cast) == [copy, copy]
    person = owner.execute(
        text("select name, time_zone from person where id = :u"), {"u": cast.petra.user_id}
    )
    assert tuple(person.one()) == ("Petra Övermann", "America/Denver")
    assert found_by(database, cast, "overmann") >= 1
    events = owner.execute(
        text("select partner_id, customer_id, actor_kind from audit_event where action = 'user.renamed'")
    )
    assert {tuple(event) for event in events} == {
        (cast.partners["northwind"], cast.customers["acme"], "CUSTOMER_USER"),
        (cast.partners["contoso"], None, "STAFF"),
    }


def test_whoever_is_invited_later_brings_the_time_zone_along(
    database: Database, owner: Connection, cast: Cast, now: datetime, request: pytest.FixtureRequest
) -> None:
    describe(database, cast, now, time_zone="America/Denver")
    request.getfixturevalue("petra_at_two")
    assert [place[4] for place in places(owner, cast)] == ["America/Denver"] * 2


def test_a_language_is_seen_at_every_place_and_comes_along(
    database: Database, owner: Connection, cast: Cast, now: datetime, request: pytest.FixtureRequest
) -> None:
    describe(database, cast, now, locale="fr")
    request.getfixturevalue("petra_at_two")
    spoken = text("select locale from membership where user_id = :u")
    assert owner.scalars(spoken, {"u": cast.petra.user_id}).all() == ["fr", "fr"]
    describe(database, cast, now)
    assert owner.scalars(spoken, {"u": cast.petra.user_id}).all() == [None, None]


def test_only_a_time_zone_is_no_new_name(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    describe(database, cast, now, time_zone="America/Denver")
    assert owner.scalar(text("select count(*) from audit_event")) == 0
    describe(database, cast, now)
    assert places(owner, cast)[0][4] is None


@pytest.mark.parametrize(
    ("given", "code", "field"),
    [
        ({"name": " "}, "REQUIRED", "name"),
        ({"name": "x" * 101}, "TOO_LONG", "name"),
        ({"name": "a\0b"}, "BAD_CHARACTERS", "name"),
        ({"name": "4242 4242 4242 4242"}, "CARD_NUMBER", "name"),
        ({"time_zone": "Moon/Crater"}, "UNKNOWN_TIME_ZONE", "time_zone"),
        ({"locale": "de"}, "UNKNOWN_LANGUAGE", "locale"),
    ],
)
def test_a_wrong_profile_is_refused_and_nothing_changes(
    database: Database,
    owner: Connection,
    cast: Cast,
    given: dict[str, str],
    code: str,
    field: str,
    now: datetime,
) -> None:
    with nothing_changes(owner), pytest.raises(Invalid) as refusal:
        describe(database, cast, now, **given)
    assert [(problem.code, problem.path) for problem in refusal.value.problems] == [(code, (field,))]


def test_a_confirmed_address_is_the_persons_everywhere(
    database: Database, owner: Connection, cast: Cast, petra_at_two: UUID, now: datetime
) -> None:
    elsewhere = start_session(database, cast.petra.user_id, now)  # type: ignore[arg-type]
    reset = ask_for_reset(database, owner, cast.emails["petra"], now)
    changed(database, cast, now)
    assert [place[2:4] for place in places(owner, cast)] == [(NEW, NEW)] * 2
    assert sign_in(database, cast.emails["petra"], now) is None
    assert sign_in(database, NEW, now) is not None
    assert knock(database, elsewhere.session_token, Door.PORTAL, "acme-1a2b3c", now) is None
    assert reset is not None
    with pytest.raises(DeadLink):
        finish_reset(database, reset, now)
    logged = owner.scalars(text("select action from audit_event where action like 'user.address%'")).all()
    assert logged == ["user.address_changed"] * 2
    assert found_by(database, cast, "elsewhere") >= 1


def test_until_it_is_confirmed_nothing_but_the_two_mails_happens(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    without = (
        "personal_token",
        "personal_event",
        "throttle_bucket",
        "procrastinate_jobs",
        "procrastinate_events",
    )
    with nothing_changes(owner, without=without):
        begin(database, cast, now)
    jobs = owner.scalars(text("select task_name from procrastinate_jobs order by id")).all()
    assert jobs == ["send_email_change", "send_email_undo"]


def test_a_newer_change_kills_the_link_of_the_earlier_one(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    begin(database, cast, now)
    first = mailed(database, cast, Purpose.EMAIL_CHANGE)
    begin(database, cast, now, "petra@third.example")
    with pytest.raises(DeadLink):
        confirm(database, cast, first, now)
    confirm(database, cast, mailed(database, cast, Purpose.EMAIL_CHANGE), now)
    assert places(owner, cast)[0][2] == "petra@third.example"


def test_a_stopped_change_is_dead(database: Database, owner: Connection, cast: Cast, now: datetime) -> None:
    begin(database, cast, now)
    token = mailed(database, cast, Purpose.EMAIL_CHANGE)
    user_id = cast.petra.user_id
    assert user_id is not None
    for _ in range(2):
        as_person(database, user_id, lambda db: email_changes.stop(db, user_id=user_id, now=now, **FROM))
    assert (
        owner.scalar(text("select count(*) from personal_event where action = 'email.change_stopped'")) == 1
    )
    with nothing_changes(owner, without=("session", "device")), pytest.raises(DeadLink):
        confirm(database, cast, token, now)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_the_old_address_can_stop_and_undo(
    database: Database, owner: Connection, cast: Cast, petra_at_two: UUID, after: bool, now: datetime
) -> None:
    begin(database, cast, now)
    link, back = mailed(database, cast, Purpose.EMAIL_CHANGE), mailed(database, cast, Purpose.EMAIL_UNDO)
    if after:
        confirm(database, cast, link, now)
    thief = start_session(database, cast.petra.user_id, now)  # type: ignore[arg-type]
    at = now + (6 * DAY if after else HOUR)
    undo(database, back, at)
    assert [place[2] for place in places(owner, cast)] == [cast.emails["petra"]] * 2
    assert knock(database, thief.session_token, Door.PORTAL, "acme-1a2b3c", now) is None
    for dead in (lambda: confirm(database, cast, link, at), lambda: undo(database, back, at)):
        with pytest.raises(DeadLink):
            dead()
    assert sign_in(database, cast.emails["petra"], now) is not None


def test_who_took_the_account_cannot_undo_the_undoing(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    _, owners_link = changed(database, cast, now)
    begin(database, cast, now, "petra@third.example")
    thiefs_link = mailed(database, cast, Purpose.EMAIL_UNDO)
    assert thiefs_link != owners_link
    undo(database, owners_link, now)
    with nothing_changes(owner), pytest.raises(DeadLink):
        undo(database, thiefs_link, now)


@pytest.mark.parametrize(("purpose", "life"), [(Purpose.EMAIL_CHANGE, DAY), (Purpose.EMAIL_UNDO, 7 * DAY)])
def test_a_link_is_dead_when_its_time_is_over(
    database: Database, owner: Connection, cast: Cast, purpose: Purpose, life: timedelta, now: datetime
) -> None:
    begin(database, cast, now)
    token = mailed(database, cast, purpose)

    def look(at: datetime) -> None:
        with database.transaction() as db:
            email_changes.look(db, token=token, purpose=purpose, now=at)

    look(now + life - timedelta(seconds=1))
    with nothing_changes(owner), pytest.raises(DeadLink):
        look(now + life)


def test_a_link_of_one_purpose_opens_nothing_of_another(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    begin(database, cast, now)
    change, back = mailed(database, cast, Purpose.EMAIL_CHANGE), mailed(database, cast, Purpose.EMAIL_UNDO)
    reset = ask_for_reset(database, owner, cast.emails["petra"], now)
    assert reset is not None
    with nothing_changes(owner, without=("session", "device")):
        for token in (back, reset):
            with pytest.raises(DeadLink):
                confirm(database, cast, token, now)
        for token in (change, reset):
            with pytest.raises(DeadLink):
                undo(database, token, now)
        for token in (change, back):
            with pytest.raises(DeadLink):
                finish_reset(database, token, now)


def test_the_link_in_the_wrong_hands_makes_nobody_somebody_else(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    begin(database, cast, now)
    token = mailed(database, cast, Purpose.EMAIL_CHANGE)
    with nothing_changes(owner, without=("session", "device")), pytest.raises(OtherAccount):
        confirm(database, cast, token, now, who="mallory")


def test_an_address_with_an_account_stays_that_accounts(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    begin(database, cast, now, cast.emails["gus"])
    token = mailed(database, cast, Purpose.EMAIL_CHANGE)
    with nothing_changes(owner, without=("session", "device")), pytest.raises(AddressTaken):
        confirm(database, cast, token, now)


def test_a_place_where_the_address_is_invited_is_named(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    invite(database, cast.ada, customer_id=cast.customers["acme"], email=NEW, now=now)
    begin(database, cast, now)
    token = mailed(database, cast, Purpose.EMAIL_CHANGE)
    with nothing_changes(owner, without=("session", "device")), pytest.raises(PlaceTaken, match="At Acme"):
        confirm(database, cast, token, now)


@pytest.mark.parametrize(
    ("email", "code"), [("", "REQUIRED"), ("petra", "BAD_EMAIL"), ("petra@acme.example", "SAME_ADDRESS")]
)
def test_what_is_no_other_address_is_refused(
    database: Database, owner: Connection, cast: Cast, email: str, code: str, now: datetime
) -> None:
    with nothing_changes(owner), pytest.raises(Invalid) as refusal:
        begin(database, cast, now, email)
    assert [(problem.code, problem.path) for problem in refusal.value.problems] == [(code, ("email",))]


def test_another_way_of_writing_the_same_address_is_taken(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    begin(database, cast, now, "Petra@Acme.example")
    confirm(database, cast, mailed(database, cast, Purpose.EMAIL_CHANGE), now)
    assert places(owner, cast)[0][2:4] == ("Petra@Acme.example", "petra@acme.example")


def test_undoing_another_way_of_writing_brings_the_old_one_back_everywhere(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    begin(database, cast, now, "Petra@Acme.example")
    back = mailed(database, cast, Purpose.EMAIL_UNDO)
    confirm(database, cast, mailed(database, cast, Purpose.EMAIL_CHANGE), now)
    undo(database, back, now)
    person = owner.scalar(text("select email from person where id = :u"), {"u": cast.petra.user_id})
    assert (person, places(owner, cast)[0][2]) == ("petra@acme.example", "petra@acme.example")


def test_mails_can_not_be_poured_out(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    for at in range(5):
        begin(database, cast, now, f"petra@x{at}.example")
    with nothing_changes(owner, without=("throttle_bucket",)), pytest.raises(TooMany):
        begin(database, cast, now, "petra@x9.example")
    begin(database, cast, now + HOUR, "petra@x9.example")
    for who in ("gus", "vera", "carl", "ada", "sue"):
        begin(database, cast, now, "victim@example.org", who=who)
    with pytest.raises(TooMany):
        begin(database, cast, now, "victim@example.org", who="rita")


def test_of_many_who_confirm_at_once_one_wins(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    begin(database, cast, now)
    token = mailed(database, cast, Purpose.EMAIL_CHANGE)

    def run(_: int) -> str:
        try:
            confirm(database, cast, token, now)
        except Refusal as refusal:
            return type(refusal).__name__
        return "won"

    with ThreadPoolExecutor(8) as crowd:
        outcomes = list(crowd.map(run, range(8)))
    assert sorted(outcomes) == ["DeadLink"] * 7 + ["won"]
    assert owner.scalar(text("select count(*) from audit_event where action = 'user.address_changed'")) == 1


def test_asking_is_the_same_work_whether_the_address_has_an_account(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    """B-4: neither the rows nor the jobs tell."""
    told = []
    for who, email in (("petra", "nobody@example.org"), ("vera", cast.emails["gus"])):
        before = owner.scalar(text("select coalesce(max(id), 0) from procrastinate_jobs"))
        begin(database, cast, now, email, who=who)
        jobs = owner.execute(
            text("select task_name, (select array_agg(k order by k) from jsonb_object_keys(args) k)"
                 " from procrastinate_jobs where id > :b order by id"), {"b": before},
        )  # fmt: skip
        told.append([tuple(job) for job in jobs])
    assert told[0] == told[1]


def test_a_password_is_reset_by_the_new_address(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    changed(database, cast, now)
    assert ask_for_reset(database, owner, cast.emails["petra"], now) is None
    token = ask_for_reset(database, owner, NEW, now)
    assert token is not None
    finish_reset(database, token, now)

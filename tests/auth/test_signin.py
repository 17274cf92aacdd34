"""Signing in: what succeeds, what fails, and what is written down."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, text

from auth import signin
from auth.actors import Actor
from auth.passwords import NewPassword, choose, verify
from auth.sessions import Door
from auth.throttle import TooMany
from auth.tokens import DeadLink, digest_of
from db.session import Database
from errors import Invalid
from tests.auth import steps
from tests.auth.steps import knock, sign_in, start_session
from tests.cast import PASSWORD, Cast
from tests.world import nothing_changes

WRONG = "not-the-password-at-all"
NEW = "gravel-otter-mislaid-42"
MINUTE = timedelta(minutes=1)


def events(owner: Connection) -> list[str]:
    return list(owner.scalars(text("select action from personal_event order by at, id")))


def hash_of(owner: Connection, email: str) -> str:
    return owner.execute(
        text("select password_hash from person where email_key = :key"), {"key": email}
    ).scalar_one()


def test_petra_signs_in_and_her_place_is_open(database: Database, cast: Cast, now: datetime) -> None:
    signed_in = sign_in(database, "Petra@ACME.example", now)
    assert signed_in is not None
    visit = knock(database, signed_in.session_token, Door.PORTAL, cast.slugs["acme"], now)
    assert visit is not None
    assert visit.user_id == cast.petra.user_id
    assert visit.actor is not None
    assert (visit.actor.id, visit.actor.role, visit.actor.customer_id) == (
        cast.petra.id, cast.petra.role, cast.petra.customer_id,
    )  # fmt: skip


def test_a_sign_in_is_written_down_without_its_secrets(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    signed_in = sign_in(database, cast.emails["petra"], now)
    assert signed_in is not None
    assert events(owner) == ["device.code_sent", "device.confirmed", "sign_in"]
    row = owner.execute(text("select * from session")).one()
    assert row.token_hash == digest_of(signed_in.session_token)
    assert row.address == steps.HOME
    assert row.agent == steps.BROWSER
    assert row.expires_at == now + timedelta(hours=12)
    assert signed_in.session_token not in repr(signed_in)
    assert signed_in.device_token is not None
    assert signed_in.device_token not in repr(signed_in)
    # In the browser that is known from then on, too.
    assert sign_in(database, cast.emails["petra"], now, device_token=signed_in.device_token) is not None
    assert events(owner)[3:] == ["sign_in"]


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("petra@acme.example", WRONG),
        ("petra@acme.example", ""),
        ("petra@acme.example", PASSWORD + "x"),
        ("petra@acme.example", PASSWORD.upper()),
        ("nobody@acme.example", PASSWORD),
    ],
)
def test_a_wrong_sign_in_opens_nothing(
    database: Database, owner: Connection, email: str, password: str, now: datetime
) -> None:
    with nothing_changes(owner, without={"throttle_bucket", "personal_event"}):
        assert sign_in(database, email, now, password=password) is None


def test_a_failed_sign_in_is_written_into_the_persons_history(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    sign_in(database, cast.emails["petra"], now, password=WRONG)
    sign_in(database, "nobody@acme.example", now, password=WRONG)
    rows = owner.execute(text("select user_id, action, address, agent, at from personal_event")).all()
    assert [tuple(row) for row in rows] == [
        (cast.petra.user_id, "sign_in.failed", steps.HOME, steps.BROWSER, now)
    ]


def test_what_is_no_address_is_refused_at_its_field(
    database: Database, owner: Connection, now: datetime
) -> None:
    with nothing_changes(owner), pytest.raises(Invalid) as refusal, database.transaction() as db:
        signin.begin(db, email="petra", address=steps.HOME, now=now)
    assert [problem.path for problem in refusal.value.problems] == [("email",)]


def test_a_disabled_person_stays_out_with_the_right_password(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    owner.execute(text("update person set disabled_at = now() where email_key = 'petra@acme.example'"))
    with nothing_changes(owner, without={"throttle_bucket", "personal_event"}):
        assert sign_in(database, cast.emails["petra"], now) is None
    with database.transaction() as db:
        attempt = signin.begin(db, email=cast.emails["petra"], address=steps.HOME, now=now)
    assert attempt.password_hash is None
    assert not signin.check(attempt, PASSWORD).ok


@pytest.mark.parametrize("change", ["disabled_at = now()", "password_hash = 'other'"])
def test_what_changed_between_the_steps_counts(
    database: Database, owner: Connection, cast: Cast, change: str, now: datetime
) -> None:
    with database.transaction() as db:
        attempt = signin.begin(db, email=cast.emails["petra"], address=steps.HOME, now=now)
    checked = signin.check(attempt, PASSWORD)
    assert checked.ok
    owner.execute(text(f"update person set {change} where email_key = 'petra@acme.example'"))
    with database.transaction() as db:
        assert signin.finish(db, checked, agent=steps.BROWSER, now=now) is None
    assert owner.execute(text("select count(*) from session")).scalar_one() == 0


def test_a_weak_old_hash_is_renewed_at_sign_in(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    weak = steps.weak_hash(PASSWORD)
    owner.execute(
        text("update person set password_hash = :weak where email_key like '%acme.example'"), {"weak": weak}
    )
    assert sign_in(database, cast.emails["petra"], now, password=WRONG) is None
    assert hash_of(owner, cast.emails["petra"]) == weak
    assert sign_in(database, cast.emails["petra"], now) is not None
    renewed = hash_of(owner, cast.emails["petra"])
    assert renewed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert verify(PASSWORD, renewed) == (True, None)
    assert hash_of(owner, cast.emails["carl"]) == weak


def test_every_sign_in_gets_a_session_of_its_own_and_ends_the_one_it_came_with(
    database: Database, cast: Cast, now: datetime
) -> None:
    first = sign_in(database, cast.emails["petra"], now)
    assert first is not None
    second = sign_in(
        database, cast.emails["petra"], now, replaces=digest_of(first.session_token), device_token=None
    )
    assert second is not None
    assert second.session_token != first.session_token
    assert knock(database, first.session_token, Door.PORTAL, cast.slugs["acme"], now) is None
    assert knock(database, second.session_token, Door.PORTAL, cast.slugs["acme"], now) is not None


def test_signing_in_as_somebody_else_ends_the_browsers_old_session(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    petra = start_session(database, cast.petra.user_id, now)
    elsewhere = start_session(database, cast.petra.user_id, now)
    carl = sign_in(database, cast.emails["carl"], now, replaces=digest_of(petra.session_token))
    assert carl is not None
    assert knock(database, petra.session_token, Door.PORTAL, cast.slugs["acme"], now) is None
    assert knock(database, elsewhere.session_token, Door.PORTAL, cast.slugs["acme"], now) is not None
    assert events(owner) == ["device.code_sent", "session.ended", "device.confirmed", "sign_in"]


def test_a_session_id_brought_along_is_never_taken_over(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    planted = digest_of("chosen by the attacker")
    signed_in = sign_in(database, cast.emails["petra"], now, replaces=planted)
    assert signed_in is not None
    hashes = owner.scalars(text("select token_hash from session")).all()
    assert hashes == [digest_of(signed_in.session_token)]


def test_a_device_is_remembered_and_known_again(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    first = sign_in(database, cast.emails["petra"], now)
    assert first is not None
    second = sign_in(database, cast.emails["petra"], now + MINUTE, device_token=first.device_token)
    assert second is not None
    assert second.device_token is None
    device = owner.execute(text("select * from device")).one()
    assert device.user_id == cast.petra.user_id
    assert device.label == steps.BROWSER
    assert (device.created_at, device.last_seen_at) == (now, now + MINUTE)
    assert set(owner.scalars(text("select device_id from session"))) == {device.id}


def test_another_persons_device_is_not_known(database: Database, cast: Cast, now: datetime) -> None:
    petra = sign_in(database, cast.emails["petra"], now)
    assert petra is not None
    carl = sign_in(database, cast.emails["carl"], now, device_token=petra.device_token)
    assert carl is not None
    assert carl.device_token not in (None, petra.device_token)


# The acts that ask for the password again.


def proof(database: Database, actor: Actor, cast: Cast, password: str, now: datetime) -> signin.Checked:
    with database.transaction() as db:
        attempt = signin.begin(db, email=cast.emails[actor.name.lower()], address=steps.HOME, now=now)
    return signin.check(attempt, password)


def test_stepping_up_gives_the_session_a_new_id(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    old = start_session(database, cast.ada.user_id, now)
    other = start_session(database, cast.ada.user_id, now)
    later = now + 20 * MINUTE
    with database.transaction() as db:
        checked = proof(database, cast.ada, cast, PASSWORD, later)
        token = signin.step_up(db, checked, session_id=old.session_id, agent=steps.BROWSER, now=later)
    assert token is not None
    assert knock(database, old.session_token, Door.PARTNER, "northwind", later) is None
    visit = knock(database, token, Door.PARTNER, "northwind", later)
    assert visit is not None
    assert (visit.session_id, visit.stepped_up_at) == (old.session_id, later)
    untouched = knock(database, other.session_token, Door.PARTNER, "northwind", later)
    assert untouched is not None
    assert untouched.stepped_up_at == now
    assert events(owner) == ["step_up"]


def test_a_wrong_password_steps_nothing_up(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    old = start_session(database, cast.ada.user_id, now)
    checked = proof(database, cast.ada, cast, WRONG, now)
    with (
        nothing_changes(owner, without={"personal_event", "throttle_bucket"}),
        database.transaction() as db,
    ):
        assert signin.step_up(db, checked, session_id=old.session_id, agent="", now=now) is None
    assert events(owner) == ["step_up.failed"]


def test_nobody_steps_up_another_persons_session(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    ada = start_session(database, cast.ada.user_id, now)
    checked = proof(database, cast.clem, cast, PASSWORD, now)
    with database.transaction() as db:
        token = signin.step_up(db, checked, session_id=ada.session_id, agent="", now=now + MINUTE)
    assert token is not None
    assert knock(database, token, Door.PARTNER, "northwind", now) is None
    assert owner.execute(text("select stepped_up_at from session")).scalar_one() == now


def test_a_changed_password_ends_the_other_sessions_and_tells_the_person(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    mine = start_session(database, cast.petra.user_id, now)
    stolen = start_session(database, cast.petra.user_id, now)
    carls = start_session(database, cast.carl.user_id, now)
    new = choose(NEW, words=())
    with database.transaction() as db:
        checked = proof(database, cast.petra, cast, PASSWORD, now)
        token = signin.change_password(
            db, checked, session_id=mine.session_id, new=new, agent=steps.BROWSER, now=now
        )
    assert token is not None
    slug = cast.slugs["acme"]
    assert knock(database, token, Door.PORTAL, slug, now) is not None
    assert knock(database, mine.session_token, Door.PORTAL, slug, now) is None
    assert knock(database, stolen.session_token, Door.PORTAL, slug, now) is None
    assert knock(database, carls.session_token, Door.PORTAL, slug, now) is not None
    event = owner.execute(text("select id, action from personal_event")).one()
    assert event.action == "password.changed"
    jobs = owner.execute(text("select task_name, args from procrastinate_jobs")).all()
    assert [tuple(job) for job in jobs] == [
        ("send_password_changed", {"user_id": str(cast.petra.user_id), "event_id": str(event.id)})
    ]
    assert sign_in(database, cast.emails["petra"], now) is None
    assert sign_in(database, cast.emails["petra"], now, password=NEW) is not None
    assert sign_in(database, cast.emails["carl"], now) is not None


def test_a_changed_password_kills_the_open_reset_link(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    session = start_session(database, cast.petra.user_id, now)
    token = steps.ask_for_reset(database, owner, cast.emails["petra"], now)
    assert token is not None
    with database.transaction() as db:
        checked = proof(database, cast.petra, cast, PASSWORD, now)
        new = NewPassword("another hash")
        signin.change_password(db, checked, session_id=session.session_id, new=new, agent="", now=now)
    with pytest.raises(DeadLink):
        steps.finish_reset(database, token, now)


def test_the_old_password_is_needed_to_change_it(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    session = start_session(database, cast.petra.user_id, now)
    checked = proof(database, cast.petra, cast, WRONG, now)
    with (
        nothing_changes(owner, without={"personal_event", "throttle_bucket"}),
        database.transaction() as db,
    ):
        new = NewPassword("another hash")
        assert (
            signin.change_password(db, checked, session_id=session.session_id, new=new, agent="", now=now)
            is None
        )
    assert events(owner) == ["password.change_failed"]


def test_guessing_at_the_old_password_is_throttled_too(database: Database, cast: Cast, now: datetime) -> None:
    for _ in range(10):
        proof(database, cast.petra, cast, WRONG, now)
    with pytest.raises(TooMany):
        proof(database, cast.petra, cast, PASSWORD, now)

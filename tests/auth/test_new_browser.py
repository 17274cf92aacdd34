"""B-1: a customer's user confirms a new browser by mail; it is remembered, and forgotten when it should."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from uuid import UUID

import pytest
from sqlalchemy import Connection, text

from auth import mailed_codes, sessions, signin, users
from auth.mailed_codes import Mailed
from auth.passwords import NewPassword
from auth.pending import Halfway
from auth.sessions import SignedIn
from auth.throttle import TooMany
from db.engine import make_engine
from db.session import Database
from errors import NotFound
from tests.auth import steps
from tests.auth.factor_steps import sessions_of, set_up
from tests.auth.mailed_steps import finish, other_than
from tests.auth.passkey_steps import count_of, events
from tests.auth.steps import BROWSER, HOME, code_for, sign_in
from tests.cast import PASSWORD, Cast
from tests.conftest import SECRET
from tests.figures import rounds
from tests.world import nothing_changes
from worker.queue import defer_job

CROWD = rounds(10, 50)
MINUTE = timedelta(minutes=1)


def typed(
    database: Database, cast: Cast, now: datetime, name: str = "petra", **more: object
) -> SignedIn | Halfway | Mailed | None:
    """The right password, and nothing after it."""
    return sign_in(database, cast.emails[name], now, reads_mail=False, **more)  # type: ignore[arg-type]


@pytest.fixture
def waiting(database: Database, cast: Cast, now: datetime) -> Mailed:
    """Petra typed her password in a new browser."""
    found = typed(database, cast, now)
    assert isinstance(found, Mailed)
    return found


def test_a_right_password_in_a_new_browser_makes_no_session(
    database: Database, owner: Connection, cast: Cast, waiting: Mailed, now: datetime
) -> None:
    assert sessions_of(owner, cast.petra.user_id) == 0
    assert mailed_codes.is_for_browser(waiting.token)
    jobs = text("select task_name, args->>'user_id' from procrastinate_jobs")
    assert [tuple(job) for job in owner.execute(jobs)] == [("send_mailed_code", str(cast.petra.user_id))]
    assert events(owner, cast.petra.user_id) == ["device.code_sent"]


def test_the_mailed_code_signs_in_and_the_browser_is_remembered(
    database: Database, owner: Connection, cast: Cast, waiting: Mailed, now: datetime
) -> None:
    code = code_for(database, waiting)
    assert finish(database, waiting.token, other_than(code), now) is None
    signed_in = finish(database, waiting.token, code, now)
    assert isinstance(signed_in, SignedIn)
    assert events(owner, cast.petra.user_id)[-2:] == ["device.confirmed", "sign_in"]
    assert finish(database, waiting.token, code, now) is None
    again = typed(database, cast, now + timedelta(days=200), device_token=signed_in.device_token)
    assert isinstance(again, SignedIn)
    assert again.device_token is None
    # Another person's browser is not one's own.
    assert isinstance(typed(database, cast, now, "carl", device_token=signed_in.device_token), Mailed)


@pytest.mark.parametrize(
    ("name", "asked"),
    [("petra", True), ("carl", True), ("vera", True), ("gus", True), ("ada", False), ("mallory", False)],
)
def test_customers_users_are_asked_and_staff_are_not(
    database: Database, cast: Cast, now: datetime, name: str, asked: bool
) -> None:
    assert isinstance(typed(database, cast, now, name), Mailed if asked else SignedIn)


def test_staff_with_a_place_at_a_customer_are_asked(database: Database, cast: Cast, now: datetime) -> None:
    invited = steps.invite(
        database, cast.ada, customer_id=cast.customers["acme"], email=cast.emails["mallory"], now=now
    )
    steps.accept_as(database, invited.token, cast.mallory.user_id, now)
    assert isinstance(typed(database, cast, now, "mallory"), Mailed)


def test_whoever_has_a_second_factor_is_asked_for_that_and_no_mail_goes(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    set_up(database, cast.petra.user_id, now - MINUTE)
    assert isinstance(typed(database, cast, now), Halfway)
    assert count_of(owner, "mailed_code") == 0


def test_a_second_factor_that_came_meanwhile_is_asked_for_too(
    database: Database, owner: Connection, cast: Cast, waiting: Mailed, now: datetime
) -> None:
    set_up(database, cast.petra.user_id, now - MINUTE)
    assert isinstance(finish(database, waiting.token, code_for(database, waiting), now), Halfway)
    assert sessions_of(owner, cast.petra.user_id) == 0


@pytest.mark.parametrize("change", ["disabled_at = now()", "password_hash = 'x'", "password_hash = null"])
def test_the_code_dies_with_the_password_or_the_person(
    database: Database, owner: Connection, cast: Cast, waiting: Mailed, now: datetime, change: str
) -> None:
    code = code_for(database, waiting)
    owner.execute(text(f"update person set {change} where id = :id"), {"id": cast.petra.user_id})
    assert finish(database, waiting.token, code, now) is None
    assert sessions_of(owner, cast.petra.user_id) == 0


def test_a_password_that_is_hashed_anew_at_the_sign_in_is_still_the_same(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    weak = steps.weak_hash(PASSWORD)
    owner.execute(
        text("update person set password_hash = :h where id = :id"), {"h": weak, "id": cast.petra.user_id}
    )
    assert isinstance(sign_in(database, cast.emails["petra"], now), SignedIn)


def test_codes_that_nobody_reads_are_counted_per_person(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    """Whoever has the password can't fill the owner's mailbox; a browser that is known gets in meanwhile."""
    known = sign_in(database, cast.emails["petra"], now)
    assert known is not None
    for at in range(10):
        assert isinstance(typed(database, cast, now, address=f"192.0.2.{at}"), Mailed)
    with pytest.raises(TooMany, match="Use the newest mail"):
        typed(database, cast, now, address="192.0.2.99")
    assert isinstance(typed(database, cast, now, device_token=known.device_token), SignedIn)
    assert isinstance(typed(database, cast, now + timedelta(hours=1)), Mailed)


# What makes a browser known, and unknown.


def test_an_invite_and_a_reset_came_by_mail_so_their_browser_is_known(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    nia = steps.invite(database, cast.ada, customer_id=cast.customers["acme"], now=now)
    accepted = steps.accept(database, nia.token, now)
    assert accepted.signed_in is not None
    known = accepted.signed_in.device_token
    assert isinstance(sign_in(database, nia.email, now, device_token=known, reads_mail=False), SignedIn)
    token = steps.ask_for_reset(database, owner, cast.emails["petra"], now)
    assert token is not None
    known = steps.finish_reset(database, token, now)
    assert isinstance(typed(database, cast, now, device_token=known), SignedIn)


def test_a_browser_that_came_with_a_mailed_link_needs_no_second_mail(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    with database.transaction() as db:
        attempt = signin.begin(db, email=cast.emails["petra"], address=HOME, now=now)
    checked = signin.check(attempt, PASSWORD)
    with database.transaction() as db:
        assert isinstance(signin.finish(db, checked, agent=BROWSER, reads_mail=True, now=now), SignedIn)
    assert count_of(owner, "mailed_code") == 0


Forgetting = Callable[[Database, Connection, Cast, SignedIn, datetime], None]


def _everywhere_else(
    database: Database, _owner: Connection, cast: Cast, here: SignedIn, now: datetime
) -> None:
    with database.transaction(user_id=here.user_id) as db:
        sessions.end_others(db, user_id=here.user_id, but=here.session_id, address="", agent="", now=now)


def _reset(database: Database, owner: Connection, cast: Cast, _here: SignedIn, now: datetime) -> None:
    token = steps.ask_for_reset(database, owner, cast.emails["petra"], now)
    assert token is not None
    steps.finish_reset(database, token, now)


def _new_password(database: Database, _owner: Connection, cast: Cast, here: SignedIn, now: datetime) -> None:
    with database.transaction() as db:
        attempt = signin.begin(db, email=cast.emails["petra"], address=HOME, now=now)
    checked = signin.check(attempt, PASSWORD)
    with database.transaction() as db:
        assert signin.change_password(
            db, checked, session_id=here.session_id, new=NewPassword(steps.CHOSEN.hash), agent="", now=now
        )


def _out_of_everything(
    database: Database, _owner: Connection, cast: Cast, here: SignedIn, now: datetime
) -> None:
    with database.transaction(user_id=here.user_id) as db:
        sessions.end_all(db, user_id=here.user_id, now=now)


@pytest.mark.parametrize(
    ("forget", "here_stays"),
    [(_everywhere_else, True), (_reset, False), (_new_password, True), (_out_of_everything, False)],
)
def test_signing_out_everywhere_and_a_new_password_forget_the_browsers(
    database: Database, owner: Connection, cast: Cast, now: datetime, forget: Forgetting, here_stays: bool
) -> None:
    here, there = (sign_in(database, cast.emails["petra"], now) for _ in range(2))
    carl = sign_in(database, cast.emails["carl"], now)
    assert here is not None
    assert there is not None
    assert carl is not None
    forget(database, owner, cast, here, now)
    assert isinstance(typed(database, cast, now, device_token=there.device_token), Mailed)
    mine = typed(database, cast, now, device_token=here.device_token)
    assert isinstance(mine, SignedIn if here_stays else Mailed)
    assert isinstance(typed(database, cast, now, "carl", device_token=carl.device_token), SignedIn)


def device_of(owner: Connection, session: SignedIn) -> UUID:
    found: UUID = owner.execute(
        text("select device_id from session where id = :id"), {"id": session.session_id}
    ).scalar_one()
    return found


def test_a_browser_that_is_signed_out_from_elsewhere_is_forgotten_and_ones_own_is_not(
    database: Database, cast: Cast, now: datetime
) -> None:
    for forget in (True, False):
        there = sign_in(database, cast.emails["petra"], now)
        assert there is not None
        with database.transaction(user_id=there.user_id) as db:
            sessions.end(
                db, user_id=there.user_id, session_id=there.session_id, forget=forget, address="", agent="",
                now=now,
            )  # fmt: skip
        again = typed(database, cast, now, device_token=there.device_token)
        assert isinstance(again, Mailed if forget else SignedIn)


def test_a_browser_that_is_forgotten_is_signed_out(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    there = sign_in(database, cast.emails["petra"], now)
    assert there is not None
    with database.transaction(user_id=there.user_id) as db:
        sessions.forget_browser(
            db, user_id=there.user_id, device_id=device_of(owner, there), address="", agent="", now=now
        )
    assert steps.knock(database, there.session_token, steps.Door.PORTAL, "acme-1a2b3c", now) is None
    assert isinstance(typed(database, cast, now, device_token=there.device_token), Mailed)
    assert "device.forgotten" in events(owner, there.user_id)


def test_nobody_forgets_anothers_browser(
    database: Database, unguarded: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    petras = sign_in(database, cast.emails["petra"], now)
    assert petras is not None
    carl = cast.carl.user_id
    for room in (database, unguarded):
        with nothing_changes(owner), pytest.raises(NotFound), room.transaction(user_id=carl) as db:
            sessions.forget_browser(
                db, user_id=carl, device_id=device_of(owner, petras), address="", agent="", now=now
            )


def test_a_browser_that_is_forgotten_takes_no_other_along(
    unguarded: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    """Not one's other browser, not what was over there before, and not who else names the same browser."""
    petra, carl = cast.petra.user_id, cast.carl.user_id
    over, there, other, carls = (
        steps.start_session(unguarded, user_id, now) for user_id in (petra, petra, petra, carl)
    )
    device = device_of(owner, there)
    others = {device_of(owner, over), device_of(owner, other)}
    same = text("update session set device_id = :device where id in (:over, :carls)")
    owner.execute(same, {"device": device, "over": over.session_id, "carls": carls.session_id})
    given = {"address": "", "agent": "", "now": now}
    with unguarded.transaction(user_id=petra) as db:
        sessions.end(db, user_id=petra, session_id=over.session_id, **given)
        sessions.forget_browser(db, user_id=petra, device_id=device, **{**given, "now": now + MINUTE})
    ended = owner.execute(text("select id, ended_at from session"))
    assert {row.id: row.ended_at for row in ended} == {
        over.session_id: now, there.session_id: now + MINUTE, other.session_id: None, carls.session_id: None,
    }  # fmt: skip
    known = set(owner.scalars(text("select id from device where user_id = :petra"), {"petra": petra}))
    assert known == others


def test_the_list_of_known_browsers_is_its_owners(
    unguarded: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    """Past row-level security too."""
    petra = cast.petra.user_id
    first, carls, last = (
        steps.start_session(unguarded, user_id, now) for user_id in (petra, cast.carl.user_id, petra)
    )
    with unguarded.transaction(user_id=petra) as db:
        listed = [device.id for device in users.devices_of(db, user_id=petra)]
    assert listed == [device_of(owner, last), device_of(owner, first)]
    assert device_of(owner, carls) not in listed


def test_a_session_in_no_known_browser_ends_without_forgetting_any(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    there, other = (steps.start_session(database, cast.petra.user_id, now) for _ in range(2))
    nowhere = text("update session set device_id = null where id = :id")
    owner.execute(nowhere, {"id": there.session_id})
    with database.transaction(user_id=cast.petra.user_id) as db:
        sessions.end(
            db, user_id=there.user_id, session_id=there.session_id, forget=True, address="", agent="",
            now=now,
        )  # fmt: skip
    assert count_of(owner, "device") == 2
    assert isinstance(typed(database, cast, now, device_token=other.device_token), SignedIn)


@pytest.mark.prove
def test_of_many_at_once_with_one_code_one_signs_in(
    database_url: str, database: Database, owner: Connection, cast: Cast, waiting: Mailed, now: datetime
) -> None:
    code = code_for(database, waiting)
    crowded = Database(make_engine(database_url, pool_size=CROWD), defer_job, secret=SECRET)
    start = Barrier(CROWD)

    def run(at: int) -> str:
        start.wait(60)
        try:
            won = finish(crowded, waiting.token, code, now, address=f"192.0.2.{at}")
        except TooMany:
            return "too many"
        return "won" if won is not None else "wrong"

    with ThreadPoolExecutor(CROWD) as threads:
        outcomes = Counter(threads.map(run, range(CROWD)))
    crowded.close()
    assert outcomes["won"] == 1
    assert sessions_of(owner, cast.petra.user_id) == 1
    assert count_of(owner, "device") == 1

"""B-1, B-4, B-6: a mailed code signs in once, in the browser that asked, and never past a second factor."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import Connection, text

from auth import mailed_codes, pending, second_factors, sessions
from auth.emails import parse_email
from auth.pending import Halfway
from auth.sessions import SignedIn
from auth.throttle import TooMany
from auth.tokens import digest_of
from auth.users import readdress
from db.engine import make_engine
from db.session import Database
from errors import Invalid
from tests.auth import steps
from tests.auth.factor_steps import App, sessions_of, set_up
from tests.auth.mailed_steps import ask, finish, mailed, other_than
from tests.auth.passkey_steps import count_of, events, with_passkey
from tests.auth.steps import BROWSER, HOME
from tests.auth.test_same_work import (  # noqa: F401  # fixtures
    ACCOUNTS,
    Measure,
    accounts,
    measure,
    the_same,
)
from tests.cast import Cast
from tests.conftest import SECRET
from tests.figures import rounds
from tests.leaks import leaks_at_rest
from tests.world import nothing_changes
from worker.queue import defer_job

CROWD = rounds(10, 50)
MINUTE = timedelta(minutes=1)
FACTOR = ["app", "passkey"]


@pytest.fixture
def token(database: Database, cast: Cast, now: datetime) -> str:
    """Petra asked for a code in a browser."""
    return ask(database, cast.emails["petra"], now)


@pytest.fixture
def code(database: Database, owner: Connection, token: str) -> str:
    found = mailed(database, owner, token)
    assert found is not None
    assert len(found) == 8
    assert found.isdigit()
    return found


def test_a_mailed_code_signs_in_once_and_the_browser_is_known_then(
    database: Database, owner: Connection, cast: Cast, token: str, code: str, now: datetime
) -> None:
    signed_in = finish(database, token, f" {code[:4]} {code[4:]} ", now)
    assert isinstance(signed_in, SignedIn)
    assert signed_in.user_id == cast.petra.user_id
    assert signed_in.device_token is not None
    assert finish(database, token, code, now) is None
    assert sessions_of(owner, cast.petra.user_id) == 1
    assert events(owner, cast.petra.user_id) == ["sign_in.code_asked", "sign_in", "sign_in.code_failed"]
    again = ask(database, cast.emails["petra"], now)
    other = mailed(database, owner, again)
    assert other not in (None, code)
    known = finish(database, again, str(other), now, device_token=signed_in.device_token)
    assert isinstance(known, SignedIn)
    assert known.device_token is None


def test_anothers_known_browser_becomes_ones_own_as_well(
    database: Database, owner: Connection, cast: Cast, token: str, code: str, now: datetime
) -> None:
    carls = steps.start_session(database, cast.carl.user_id, now)
    signed_in = finish(database, token, code, now, device_token=carls.device_token)
    assert isinstance(signed_in, SignedIn)
    assert signed_in.device_token not in (None, carls.device_token)
    whose = text("select d.user_id from session s join device d on d.id = s.device_id where s.id = :id")
    assert owner.execute(whose, {"id": signed_in.session_id}).scalar_one() == cast.petra.user_id


def test_it_is_over_after_ten_minutes(
    database: Database, owner: Connection, cast: Cast, token: str, code: str, now: datetime
) -> None:
    assert finish(database, token, code, now + mailed_codes.LIFE) is None
    assert sessions_of(owner, cast.petra.user_id) == 0
    assert finish(database, token, code, now + mailed_codes.LIFE - timedelta(seconds=1)) is not None


def test_what_is_compared_where_there_is_no_code_opens_none_that_is_over(
    database: Database, owner: Connection, cast: Cast, token: str, now: datetime
) -> None:
    """For equal work something is compared then, too: whoever knew it would still be refused."""
    ids = owner.execute(text("select id, user_id from mailed_code")).one()
    with database.transaction(user_id=cast.petra.user_id) as db:
        nothing = mailed_codes.code_of(
            db, mailed_codes._nobodys(token, (ids.id, ids.user_id), now), email_key=""
        )
    assert finish(database, token, nothing, now + mailed_codes.LIFE) is None
    assert sessions_of(owner, cast.petra.user_id) == 0


def test_it_is_good_in_the_browser_that_asked_only(
    database: Database, owner: Connection, cast: Cast, token: str, code: str, now: datetime
) -> None:
    """A thief who has a code read out on the phone has asked for another one, elsewhere."""
    theirs = ask(database, cast.emails["petra"], now)
    for other in (theirs, "made-up", ""):
        assert finish(database, other, code, now) is None
    assert sessions_of(owner, cast.petra.user_id) == 0
    assert finish(database, token, code, now) is not None


def test_five_wrong_codes_and_the_right_one_is_dead(
    database: Database, owner: Connection, cast: Cast, token: str, code: str, now: datetime
) -> None:
    for at in range(5):
        assert finish(database, token, other_than(code), now, address=f"192.0.2.{at}") is None
    last = now + mailed_codes.LIFE - timedelta(seconds=1)
    with nothing_changes(owner), pytest.raises(TooMany, match="Ask for a new one"):
        finish(database, token, code, last, address="192.0.2.9")
    assert sessions_of(owner, cast.petra.user_id) == 0
    again = ask(database, cast.emails["petra"], now)
    assert finish(database, again, str(mailed(database, owner, again)), now, address="192.0.2.9") is not None


@pytest.mark.parametrize("typed", ["", "1234567", "123456789", "abcdefgh", "١٢٣٤٥٦٧٨", "\ud800", "0" * 5000])
def test_what_is_no_code_is_wrong(
    database: Database, owner: Connection, cast: Cast, token: str, now: datetime, typed: str
) -> None:
    assert finish(database, token, typed, now) is None
    assert sessions_of(owner, cast.petra.user_id) == 0


@pytest.mark.parametrize("change", ["disabled", "another address"])
def test_it_dies_with_the_person_or_the_address(
    database: Database, owner: Connection, cast: Cast, token: str, code: str, now: datetime, change: str
) -> None:
    petra = cast.petra.user_id
    if change == "disabled":
        owner.execute(text("update person set disabled_at = now() where id = :id"), {"id": petra})
    else:
        with database.transaction(user_id=petra) as db:
            readdress(db, user_id=petra, email=parse_email("p@new.example"), now=now)
    assert finish(database, token, code, now) is None
    assert sessions_of(owner, petra) == 0


def test_it_dies_when_the_owner_signs_out_everywhere(
    database: Database, owner: Connection, cast: Cast, token: str, code: str, now: datetime
) -> None:
    with database.transaction(user_id=cast.petra.user_id) as db:
        sessions.end_all(db, user_id=cast.petra.user_id, now=now)
    assert finish(database, token, code, now) is None
    assert sessions_of(owner, cast.petra.user_id) == 0


@pytest.mark.parametrize("factor", FACTOR)
def test_it_never_goes_round_a_second_factor(
    database: Database, owner: Connection, cast: Cast, token: str, code: str, now: datetime, factor: str
) -> None:
    petra = cast.petra.user_id
    app: App | None = None
    if factor == "app":
        app = set_up(database, petra, now - MINUTE)
    else:
        with_passkey(database, petra, now)
    half = finish(database, token, code, now)
    assert isinstance(half, Halfway)
    assert (half.ways.app, half.ways.passkey) == (factor == "app", factor == "passkey")
    assert sessions_of(owner, petra) == 0
    with database.transaction() as db:
        assert pending.finish(db, token=half.token, code=code, address=HOME, agent=BROWSER, now=now) is None
    assert sessions_of(owner, petra) == 0
    if app is not None:
        with database.transaction() as db:
            assert pending.finish(
                db, token=half.token, code=app.code(now), address=HOME, agent=BROWSER, now=now
            )
        assert sessions_of(owner, petra) == 1


def test_it_is_no_second_factor_and_proves_nothing_again(
    database: Database, owner: Connection, cast: Cast, token: str, code: str, now: datetime
) -> None:
    petra = cast.petra.user_id
    set_up(database, petra, now - MINUTE)
    session = steps.start_session(database, petra, now)
    with database.transaction(user_id=petra) as db:
        assert second_factors.prove(db, user_id=petra, code=code, address="", agent="", now=now) is None
    with database.transaction(user_id=petra) as db:
        assert not second_factors.step_up(
            db, user_id=petra, session_id=session.session_id, code=code, address="", agent="", now=now
        )


def test_it_does_not_open_a_place_that_asks_for_a_second_factor(
    database: Database, owner: Connection, cast: Cast, token: str, code: str, now: datetime
) -> None:
    owner.execute(text("update partner set users_need_factor = true where slug = 'northwind'"))
    signed_in = finish(database, token, code, now)
    assert isinstance(signed_in, SignedIn)
    visit = steps.knock(database, signed_in.session_token, steps.Door.PORTAL, "acme-1a2b3c", now)
    assert visit is not None
    assert visit.lacks_factor


def test_the_session_the_browser_came_with_ends(
    database: Database, owner: Connection, cast: Cast, token: str, code: str, now: datetime
) -> None:
    before = steps.start_session(database, cast.carl.user_id, now)
    assert finish(database, token, code, now, replaces=digest_of(before.session_token)) is not None
    ended = text("select ended_at is not null from session where id = :id")
    assert owner.execute(ended, {"id": before.session_id}).scalar_one()


def test_somebody_without_a_password_signs_in_too(
    database: Database, owner: Connection, cast: Cast, token: str, code: str, now: datetime
) -> None:
    owner.execute(text("update person set password_hash = null where id = :id"), {"id": cast.petra.user_id})
    with_passkey(database, cast.petra.user_id, now)
    assert isinstance(finish(database, token, code, now), Halfway)


# What strangers learn, and how often they may ask.


def test_asking_is_the_same_work_for_every_kind_of_account(
    database: Database, owner: Connection, measure: Measure, accounts: dict[str, str], now: datetime  # noqa: F811
) -> None:  # fmt: skip
    for _ in range(2):  # the second time some have a code that is over
        at_once = now

        def request(email: str, at: int, when: datetime = at_once) -> object:
            return len(ask(database, email, when, address=f"192.0.2.{at}"))

        work = the_same(measure(request))
        assert work.answer == 43
        assert work.hashes == 0
        assert len(work.statements) == 7
        assert work.jobs == [
            ("send_waiting_invites", ["invite_id", "partner_id"]),
            ("send_mailed_code", ["code_id", "user_id"]),
        ]  # fmt: skip
        now += timedelta(minutes=11)
    able = text("select p.email_key from mailed_code c join person p on p.id = c.user_id order by 1")
    assert owner.scalars(able).all() == sorted(
        accounts[kind] for kind in ("known", "old hash", "no password")
    )


def test_a_wrong_code_is_the_same_work_for_every_kind_of_account(
    database: Database, measure: Measure, accounts: dict[str, str], now: datetime  # noqa: F811
) -> None:  # fmt: skip
    tokens = {email: ask(database, email, now, address="198.51.100.1") for email in accounts.values()}

    def request(email: str, at: int) -> object:
        return finish(database, tokens[email], "1234", now, address=f"192.0.2.{at}")

    work = the_same(measure(request))
    assert work.answer is None
    assert len(work.statements) == 5
    assert work.jobs == []


@pytest.mark.parametrize("email", [ACCOUNTS["known"], ACCOUNTS["unknown"]])
def test_codes_are_counted_per_recipient_known_or_not_and_per_address(
    database: Database, owner: Connection, now: datetime, email: str
) -> None:
    for at in range(5):
        ask(database, email, now, address=f"192.0.2.{at}")
    with nothing_changes(owner), pytest.raises(TooMany, match="Use the newest mail"):
        ask(database, email, now, address="192.0.2.9")
    ask(database, email, now + timedelta(hours=1), address="192.0.2.9")
    for at in range(10):
        ask(database, f"somebody-{at}@acme.example", now, address="198.51.100.1")
    with nothing_changes(owner), pytest.raises(TooMany):
        ask(database, "another@acme.example", now, address="198.51.100.1")


def test_wrong_codes_are_counted_per_address_whatever_the_token(
    database: Database, owner: Connection, now: datetime
) -> None:
    for at in range(10):
        assert finish(database, f"made-up-{at}", "12345678", now) is None
    with nothing_changes(owner), pytest.raises(TooMany):
        finish(database, "made-up", "12345678", now)


def test_a_right_code_is_not_counted_against_its_address(
    database: Database, token: str, code: str, now: datetime
) -> None:
    office = "198.51.100.7"
    for at in range(9):
        assert finish(database, f"made-up-{at}", "12345678", now, address=office) is None
    assert isinstance(finish(database, token, code, now, address=office), SignedIn)
    assert finish(database, "made-up", "12345678", now, address=office) is None
    with pytest.raises(TooMany):
        finish(database, "made-up", "12345678", now, address=office)


def test_a_code_is_for_one_person_and_clears_only_their_old_ones(
    unguarded: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    """Past row-level security too."""
    ask(unguarded, cast.emails["carl"], now)
    for at in (now, now + mailed_codes.LIFE):
        ask(unguarded, cast.emails["petra"], at)
    left = Counter(owner.scalars(text("select user_id from mailed_code")))
    assert left == {cast.carl.user_id: 1, cast.petra.user_id: 1}


def test_what_is_no_address_is_said(database: Database, owner: Connection, now: datetime) -> None:
    with nothing_changes(owner), pytest.raises(Invalid):
        ask(database, "nonsense", now)


def test_codes_that_are_over_leave_no_heap(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    for minutes in (0, 1, 12):
        ask(database, cast.emails["petra"], now + timedelta(minutes=minutes))
    assert count_of(owner, "mailed_code") == 1


def test_neither_code_nor_token_is_at_rest(
    database: Database, owner: Connection, token: str, code: str, now: datetime
) -> None:
    assert leaks_at_rest(owner, {"code": code, "token": token}) == []


@pytest.mark.prove
def test_of_many_at_once_with_one_code_one_signs_in(
    database_url: str, database: Database, owner: Connection, cast: Cast, token: str, code: str, now: datetime
) -> None:
    crowded = Database(make_engine(database_url, pool_size=CROWD), defer_job, secret=SECRET)
    start = Barrier(CROWD)

    def run(at: int) -> str:
        start.wait(60)
        try:
            won = finish(crowded, token, code, now, address=f"192.0.2.{at}")
        except TooMany:
            return "too many"
        return "won" if won is not None else "wrong"

    with ThreadPoolExecutor(CROWD) as threads:
        outcomes = Counter(threads.map(run, range(CROWD)))
    crowded.close()
    assert outcomes["won"] == 1
    assert outcomes["wrong"] == 4
    assert sessions_of(owner, cast.petra.user_id) == 1

"""B-3: counting, windows, and what an address is."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, text

from auth import signin, throttle
from auth.throttle import Limit, TooMany, bucket_of, count_all, give_back, network_of
from db.session import Database
from tests.auth import steps
from tests.auth.steps import sign_in
from tests.cast import Cast
from tests.world import nothing_changes

WRONG = "not-the-password-at-all"
SECOND = timedelta(seconds=1)
FIVE = timedelta(minutes=5)
THREE = Limit("three", 3, FIVE, "Only three.")


def try_once(database: Database, now: datetime, *names: str, limit: Limit = THREE) -> None:
    with database.transaction() as db:
        count_all(db, [bucket_of(db, limit, name) for name in names], now=now)


def test_a_limit_is_reached_after_its_tries_and_over_when_its_window_is(
    database: Database, now: datetime
) -> None:
    for _ in range(3):
        try_once(database, now, "a")
    for at in (now, now + FIVE - SECOND):
        with pytest.raises(TooMany) as refusal:
            try_once(database, at, "a")
        assert refusal.value.retry_after == 300
        assert refusal.value.message == "Only three."
    try_once(database, now, "b")
    for _ in range(3):
        try_once(database, now + FIVE, "a")
    with pytest.raises(TooMany):
        try_once(database, now + FIVE, "a")


def test_the_same_thing_is_counted_apart_by_another_limit(database: Database, now: datetime) -> None:
    for _ in range(3):
        try_once(database, now, "a")
    try_once(database, now, "a", limit=Limit("other", 3, FIVE))


def test_things_counted_together_are_kept_apart(database: Database) -> None:
    with database.transaction() as db:
        names = {
            bucket_of(db, THREE, *parts).name_hash
            for parts in (("a", "b"), ("ab",), ("a,b",), ("b", "a"), ("a", "", "b"), ('a","b',))
        }
    assert len(names) == 6


def test_the_table_tells_nobody_what_was_counted(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    sign_in(database, cast.emails["petra"], now, password=WRONG)
    rows = owner.scalars(text("select t::text from throttle_bucket t")).all()
    assert len(rows) == 3
    assert not [row for row in rows if "petra" in row or steps.HOME in row]


def test_each_bucket_counts_even_if_another_is_full_and_a_refusal_leaves_no_trace(
    database: Database, owner: Connection, now: datetime
) -> None:
    for _ in range(3):
        try_once(database, now, "a")
    with nothing_changes(owner), pytest.raises(TooMany):
        try_once(database, now, "b", "a")


def test_a_right_try_is_taken_back_alone(database: Database, owner: Connection, now: datetime) -> None:
    for _ in range(3):
        try_once(database, now, "a")
    with database.transaction() as db:
        give_back(db, [bucket_of(db, THREE, "a")], counted_at=now)
    try_once(database, now, "a")
    with pytest.raises(TooMany):
        try_once(database, now, "a")


def test_nothing_is_taken_back_from_a_later_window_or_below_nothing(
    database: Database, owner: Connection, now: datetime
) -> None:
    tries = text("select tries from throttle_bucket")
    try_once(database, now, "a")
    try_once(database, now + FIVE, "a")
    with database.transaction() as db:
        give_back(db, [bucket_of(db, THREE, "a")], counted_at=now)
    assert owner.execute(tries).scalar_one() == 1
    with database.transaction() as db:
        for _ in range(3):
            give_back(db, [bucket_of(db, THREE, "a")], counted_at=now + FIVE)
    assert owner.execute(tries).scalar_one() == 0


def test_buckets_whose_windows_are_all_over_are_dropped(
    database: Database, owner: Connection, now: datetime
) -> None:
    day = timedelta(hours=24)
    for name, at in (("old", now - day - SECOND), ("young", now - day)):
        try_once(database, at, name)
    with database.transaction() as db:
        assert throttle.drop_old(db, now=now) == 1
    assert owner.execute(text("select began_at from throttle_bucket")).scalar_one() == now - day


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:0DB8:1:2::ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("testclient", "testclient"),
    ],
)
def test_an_ipv6_home_counts_as_one_address(address: str, network: str) -> None:
    assert network_of(address) == network


# The limits of signing in.


def evaluated(database: Database, email: str, address: str, now: datetime, **given: str | None) -> bool:
    """Does a try get as far as the hashing?"""
    try:
        with database.transaction() as db:
            signin.begin(db, email=email, address=address, now=now, **given)
    except TooMany:
        return False
    return True


def test_an_address_has_ten_tries_in_five_minutes_whomever_it_tries(
    database: Database, owner: Connection, now: datetime
) -> None:
    tried = [evaluated(database, f"u{n}@acme.example", steps.HOME, now) for n in range(12)]
    assert tried == [True] * 10 + [False] * 2
    assert evaluated(database, "u99@acme.example", "203.0.113.8", now)
    with nothing_changes(owner):
        assert not evaluated(database, "u99@acme.example", steps.HOME, now + FIVE - SECOND)
    assert evaluated(database, "u99@acme.example", steps.HOME, now + FIVE)


def test_an_account_has_ten_tries_from_anywhere_in_160_minutes(
    database: Database, cast: Cast, now: datetime
) -> None:
    for email in (cast.emails["petra"], "nobody@acme.example"):
        tried = [evaluated(database, email, f"198.51.100.{n}", now) for n in range(12)]
        assert tried == [True] * 10 + [False] * 2
        now += timedelta(minutes=160)
        assert not evaluated(database, email, "192.0.2.1", now - SECOND)
        assert evaluated(database, email, "192.0.2.2", now)


def test_tries_are_counted_for_account_and_address_together_too(
    database: Database, owner: Connection, now: datetime
) -> None:
    evaluated(database, "a@acme.example", "192.0.2.1", now)
    evaluated(database, "a@acme.example", "192.0.2.2", now)
    evaluated(database, "b@acme.example", "192.0.2.1", now)
    # Two addresses (2 + 1), three pairs (1 + 1 + 1), two accounts (2 + 1).
    tries = owner.scalars(text("select tries from throttle_bucket order by tries")).all()
    assert tries == [1, 1, 1, 1, 1, 2, 2]


def test_right_sign_ins_use_nothing_up(database: Database, cast: Cast, now: datetime) -> None:
    for _ in range(12):
        assert sign_in(database, cast.emails["petra"], now) is not None


def test_somebody_with_an_own_account_cannot_wash_an_address_clean(
    database: Database, cast: Cast, now: datetime
) -> None:
    for n in range(9):
        assert evaluated(database, f"u{n}@acme.example", steps.HOME, now)
    assert sign_in(database, cast.emails["mallory"], now) is not None
    assert evaluated(database, "u10@acme.example", steps.HOME, now)
    assert not evaluated(database, "u11@acme.example", steps.HOME, now)


def test_a_known_device_gets_in_past_a_throttled_address_and_account(
    database: Database, cast: Cast, now: datetime
) -> None:
    petra = sign_in(database, cast.emails["petra"], now)
    assert petra is not None
    for _ in range(10):
        assert evaluated(database, cast.emails["petra"], steps.HOME, now)
    assert not evaluated(database, cast.emails["petra"], steps.HOME, now)
    assert sign_in(database, cast.emails["petra"], now, device_token=petra.device_token) is not None


def test_a_known_device_has_its_own_ten_tries(database: Database, cast: Cast, now: datetime) -> None:
    petra = sign_in(database, cast.emails["petra"], now)
    assert petra is not None
    stolen = {"device_token": petra.device_token}
    tried = [evaluated(database, cast.emails["petra"], f"198.51.100.{n}", now, **stolen) for n in range(12)]
    assert tried == [True] * 10 + [False] * 2
    assert not evaluated(database, cast.emails["petra"], steps.HOME, now + FIVE, **stolen)
    later = now + timedelta(minutes=160)
    assert evaluated(database, cast.emails["petra"], steps.HOME, later, **stolen)
    # For anybody else's account it is no known device.
    assert evaluated(database, cast.emails["petra"], steps.HOME, later)
    for n in range(12):
        evaluated(database, cast.emails["carl"], f"198.51.100.{n}", later, **stolen)
    assert not evaluated(database, cast.emails["carl"], "192.0.2.1", later, **stolen)

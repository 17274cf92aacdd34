"""B-3: somebody guesses at Petra's password from 200 addresses while she signs in every minute."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, text

from auth import signin
from auth.throttle import TooMany
from db.session import Database
from tests.auth.steps import sign_in
from tests.cast import PASSWORD, Cast
from tests.figures import rounds

TRIES = rounds(600, 10_000)
ADDRESSES = rounds(40, 200)
# Slow enough that 10,000 tries last more than a day; a faster storm is only refused more often.
PER_MINUTE = 6


@pytest.mark.prove
def test_the_owner_always_gets_in_and_few_guesses_are_hashed(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    petra = cast.emails["petra"]
    known = sign_in(database, petra, now)
    assert known is not None
    hashed, refused, owner_in = [], 0, 0
    for number in range(TRIES):
        at = now + timedelta(minutes=1) * number / PER_MINUTE
        if number % PER_MINUTE == 0:
            with database.transaction() as db:
                attempt = signin.begin(
                    db, email=petra, address="203.0.113.7", device_token=known.device_token, now=at
                )
            # The owner's hash is the same each minute: it is compared in earnest once an hour.
            real = number % (PER_MINUTE * 60) == 0
            checked = signin.check(attempt, PASSWORD) if real else signin.Checked(attempt, True, None)
            with database.transaction() as db:
                owner_in += signin.finish(db, checked, agent="", now=at) is not None
        address = (
            f"198.51.{number % ADDRESSES}.{number // ADDRESSES % 250}"
            if number % 2
            else f"192.0.2.{number % ADDRESSES}"
        )
        try:
            with database.transaction() as db:
                signin.begin(db, email=petra, address=address, now=at)
            hashed.append(at)
        except TooMany:
            refused += 1
    assert owner_in == -(-TRIES // PER_MINUTE)
    assert len(hashed) + refused == TRIES
    day = timedelta(hours=24)
    assert max(sum(start <= at < start + day for at in hashed) for start in hashed) <= 100
    # It was the account's own limit that held: each address stayed far below its own.
    assert len(hashed) >= 10
    assert owner.execute(text("select count(*) from session")).scalar_one() == owner_in + 1

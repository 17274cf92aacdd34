"""What is good once is forgotten once it is over: links, codes, questions, half sign-ins, tokens, tries."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from procrastinate import App
from procrastinate.testing import InMemoryConnector
from sqlalchemy import Connection, text

from app.tables import METADATA
from auth import api_keys, mailed_codes, passkeys, resets
from auth.challenges import Use
from auth.one_time import KEPT
from auth.passkeys import Asking
from auth.throttle import LONGEST_WINDOW
from billing import access_requests
from db.session import Database
from integrations import rounds
from tests.auth import steps
from tests.auth.factor_steps import set_up
from tests.auth.passkey_steps import SITE
from tests.cast import Cast
from tests.world import nothing_changes
from worker import jobs
from worker.jobs import Workshop

SECOND = timedelta(seconds=1)
# Deleted by the round; and what ends too, but is part of somebody's history.
ONE_TIME = {
    "personal_token", "mailed_code", "pending_sign_in", "passkey_challenge", "access_link", "portal_token",
}  # fmt: skip
KEPT_FOR_GOOD = {"session", "invite", "api_key", "impersonation", "access_request", "pay_link"}


def test_whatever_ends_is_forgotten_or_history() -> None:
    ends = {table.name for table in METADATA.sorted_tables if "expires_at" in table.columns}
    assert ends == ONE_TIME | KEPT_FOR_GOOD


@pytest.fixture
def begun(database: Database, cast: Cast, now: datetime) -> None:
    """One of each, of several people and partners."""
    set_up(database, cast.petra.user_id, now)
    steps.sign_in(database, cast.emails["petra"], now)
    with database.transaction() as db:
        resets.begin(db, email=cast.emails["carl"], address="192.0.2.1", agent="", now=now)
        mailed_codes.begin(db, email=cast.emails["gus"], address="192.0.2.1", agent="", now=now)
        asking = Asking(SITE, "a browser")
        passkeys.ask(db, asking, use=Use.SIGN_IN, user_id=None, address="192.0.2.1", now=now)
    with database.transaction() as db:
        access_requests.begin(db, slug="contoso", email="zoe@example.org", address="192.0.2.1", now=now)
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        api_keys.create_portal_token(
            db, cast.northwind_key, customer_id=cast.customers["acme"], origins=["https://pay.example"],
            now=now,
        )  # fmt: skip


def counts(owner: Connection) -> dict[str, int]:
    return {
        table: owner.execute(text(f"select count(*) from {table}")).scalar_one() for table in sorted(ONE_TIME)
    }


@pytest.mark.usefixtures("begun")
def test_each_goes_a_day_after_it_was_over_and_nothing_else(
    database: Database, owner: Connection, now: datetime
) -> None:
    assert set(counts(owner).values()) == {1}
    ends = {
        table: owner.execute(text(f"select max(expires_at) from {table}")).scalar_one() for table in ONE_TIME
    }
    owner.execute(text("delete from throttle_bucket"))
    rest = [*ONE_TIME, "throttle_bucket"]
    with nothing_changes(owner, without=rest):
        for at in sorted(set(ends.values())):
            rounds.forget_over(database, now=at + KEPT)
            assert counts(owner) == {table: int(ends[table] >= at) for table in ends}
            rounds.forget_over(database, now=at + KEPT + SECOND)
            assert counts(owner) == {table: int(ends[table] > at) for table in ends}
    assert set(counts(owner).values()) == {0}
    with nothing_changes(owner):
        assert rounds.forget_over(database, now=max(ends.values()) + KEPT + SECOND) == 0


@pytest.mark.usefixtures("begun")
def test_what_somebody_holds_is_left_for_the_next_time(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    with database.transaction(user_id=cast.carl.user_id) as db:
        db.execute(text("select 1 from personal_token for update"))
        rounds.forget_over(database, now=now + timedelta(days=9))
        assert counts(owner) == {table: int(table == "personal_token") for table in ONE_TIME}
    rounds.forget_over(database, now=now + timedelta(days=9))
    assert set(counts(owner).values()) == {0}


def test_counted_tries_and_kept_answers_go_too(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    steps.sign_in(database, cast.emails["petra"], now, password="wrong")
    tries = text("select count(*) from throttle_bucket")
    assert owner.execute(tries).scalar_one() > 0
    rounds.forget_over(database, now=now + LONGEST_WINDOW)
    assert owner.execute(tries).scalar_one() > 0
    rounds.forget_over(database, now=now + LONGEST_WINDOW + SECOND)
    assert owner.execute(tries).scalar_one() == 0


@pytest.mark.usefixtures("begun")
def test_the_worker_does_it_every_hour(database: Database, owner: Connection, now: datetime) -> None:
    app, nobody = App(connector=InMemoryConnector()), _nothing()
    later: Callable[[], datetime] = lambda: now + timedelta(days=9)  # noqa: E731
    jobs.register(app, Workshop(database, nobody, nobody, later))
    cron = {task.task.name: task.cron for task in app.periodic_registry.periodic_tasks.values()}
    assert cron["forget_over"] == "7 * * * *"
    asyncio.run(app.tasks["forget_over"](timestamp=0))
    assert set(counts(owner).values()) == {0}


def _nothing() -> Any:
    """What this job works without."""
    return None

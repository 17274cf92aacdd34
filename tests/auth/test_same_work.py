"""B-4: nothing tells whether an address has an account: the same answer, statements, hashes and jobs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from auth import accepting, resets, signin
from auth.memberships import Role
from auth.throttle import TooMany
from db.session import Database
from tests.auth import steps
from tests.auth.test_passwords import count_hashes
from tests.cast import PASSWORD, Cast

WRONG = "not-the-password-at-all"


@dataclass
class Work:
    """What one request did."""

    statements: list[str] = field(default_factory=list)
    hashes: int = 0
    jobs: list[tuple[str, list[str]]] = field(default_factory=list)
    answer: object = None


@contextmanager
def statements_of(database: Database) -> Iterator[list[str]]:
    """The text of every statement sent meanwhile."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        sent.append(" ".join(statement.split()))

    event.listen(database.engine, "before_cursor_execute", note)
    yield sent
    event.remove(database.engine, "before_cursor_execute", note)


ACCOUNTS = {
    "known": "petra@acme.example",
    "unknown": "nobody@acme.example",
    "invited": "nia@acme.example",
    "disabled": "vera@acme.example",
    "old hash": "carl@acme.example",
    "no password": "gus@globex.example",
}


@pytest.fixture
def accounts(database: Database, owner: Connection, cast: Cast, now: datetime) -> dict[str, str]:
    """One address of each kind there is."""
    steps.invite(database, cast.ada, customer_id=cast.customers["acme"], email=ACCOUNTS["invited"], now=now)
    weak = steps.weak_hash(PASSWORD)
    for change, kind in (
        ("disabled_at = now()", "disabled"),
        (f"password_hash = '{weak}'", "old hash"),
        ("password_hash = null", "no password"),
    ):
        done = owner.execute(
            text(f"update person set {change} where email_key = :key"), {"key": ACCOUNTS[kind]}
        )
        assert done.rowcount == 1
    return ACCOUNTS


Request = Callable[[str, int], object]
Measure = Callable[[Request], dict[str, Work]]


@pytest.fixture
def measure(
    database: Database, owner: Connection, accounts: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Measure:
    """What a request takes for each kind of account; it is given the address and a number."""

    def work_of(request: Request, email: str, at: int) -> Work:
        last = owner.execute(text("select coalesce(max(id), 0) from procrastinate_jobs")).scalar_one()
        work = Work()
        with monkeypatch.context() as patch, statements_of(database) as sent:
            costs = count_hashes(patch)
            try:
                work.answer = request(email, at)
            except TooMany as refusal:
                work.answer = (type(refusal), str(refusal), refusal.retry_after)
            work.statements, work.hashes = sent, len(costs)
        jobs = text("select task_name, args from procrastinate_jobs where id > :last order by id")
        work.jobs = [(name, sorted(args)) for name, args in owner.execute(jobs, {"last": last})]
        return work

    return lambda request: {
        kind: work_of(request, email, at) for at, (kind, email) in enumerate(accounts.items())
    }


def the_same(works: dict[str, Work]) -> Work:
    """What all of them are; red if one differs."""
    assert list(works) == list(ACCOUNTS)
    for kind, work in works.items():
        assert work == works["known"], kind
    return works["known"]


def test_a_wrong_password_is_the_same_work_for_every_kind_of_account(
    database: Database, measure: Measure, accounts: dict[str, str], now: datetime
) -> None:
    def request(email: str, at: int) -> object:
        return steps.sign_in(database, email, now, password=WRONG, address=f"192.0.2.{at}")

    work = the_same(measure(request))
    assert work.answer is None
    assert work.hashes == 1
    assert len(work.statements) == 6
    assert work.jobs == []


def test_the_right_password_of_a_disabled_account_is_the_same_work_as_a_wrong_one(
    database: Database, measure: Measure, accounts: dict[str, str], now: datetime
) -> None:
    def request(email: str, at: int) -> object:
        password = PASSWORD if email == accounts["disabled"] else WRONG
        return steps.sign_in(database, email, now, password=password, address=f"192.0.2.{at}")

    assert the_same(measure(request)).hashes == 1


def test_a_strangers_device_cookie_makes_no_difference(
    database: Database, measure: Measure, accounts: dict[str, str], now: datetime
) -> None:
    mallory = steps.sign_in(database, "mallory@contoso.example", now)
    assert mallory is not None

    def request(email: str, at: int) -> object:
        return steps.sign_in(
            database, email, now, password=WRONG, address=f"192.0.2.{at}", device_token=mallory.device_token
        )

    assert len(the_same(measure(request)).statements) == 6


@pytest.mark.parametrize("step", ["sign-in", "reset"])
def test_being_throttled_is_the_same_for_every_kind_of_account(
    database: Database, measure: Measure, accounts: dict[str, str], step: str, now: datetime
) -> None:
    def request(email: str, at: int) -> object:
        with database.transaction() as db:
            if step == "reset":
                return resets.begin(db, email=email, address=f"192.0.2.{at}", agent="", now=now)
            return signin.begin(db, email=email, address=f"192.0.2.{at}", now=now).device_id

    for _ in range(10):
        for at, email in enumerate(accounts.values()):
            with suppress(TooMany):
                request(email, at)
    work = the_same(measure(request))
    assert isinstance(work.answer, tuple)
    assert work.hashes == 0
    assert len(work.statements) == (1 if step == "reset" else 2)
    assert work.jobs == []


def test_asking_for_a_reset_is_the_same_work_for_every_kind_of_account(
    database: Database, owner: Connection, measure: Measure, accounts: dict[str, str], now: datetime
) -> None:
    def request(email: str, at: int) -> object:
        with database.transaction() as db:
            return resets.begin(db, email=email, address=f"192.0.2.{at}", agent="", now=now)

    for _ in range(2):  # the second time some have an open link to be killed
        work = the_same(measure(request))
        assert work.answer is None
        assert work.hashes == 0
        assert len(work.statements) == 8
        assert work.jobs == [
            ("send_waiting_invites", ["invite_id", "partner_id"]), ("send_reset", ["token_id", "user_id"]),
        ]  # fmt: skip
        now += timedelta(minutes=6)
    mailed = owner.scalars(
        text(
            "select p.email_key from personal_token t join person p on p.id = t.user_id "
            "where t.expires_at > :now order by 1"
        ),
        {"now": now},
    ).all()
    assert mailed == sorted(accounts[kind] for kind in ("known", "old hash", "no password"))


def test_an_inviter_cannot_tell_whether_the_address_has_an_account(
    database: Database, measure: Measure, cast: Cast, now: datetime
) -> None:
    """C-6: Mallory of Contoso invites people of Northwind's customers, and looks at all she can see."""

    def request(email: str, _at: int) -> dict[str, Any]:
        with database.transaction(partner_id=cast.mallory.partner_id) as db:
            membership, invite = steps.memberships.add(
                db, cast.mallory, customer_id=cast.customers["initech"], name="Somebody",
                email=steps.parse_email(email), role=Role.PAYER, now=now,
            )  # fmt: skip
            told = {**membership.model_dump(), **invite.model_dump()}
        own = {"id", "membership_id", "email", "email_key", "token_hash"}
        return {name: value for name, value in told.items() if name not in own}

    assert the_same(measure(request)).hashes == 0


def test_accepting_looks_the_same_to_the_inviter_whoever_accepts(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    """C-6: what Contoso sees of a newcomer and of Petra, who had an account, differs in their names only."""
    nia, petra = (
        steps.invite(
            database, cast.mallory, customer_id=cast.customers["initech"], email=email, name="Who", now=now
        )
        for email in ("nia@initech.example", cast.emails["petra"])
    )  # fmt: skip
    with database.transaction() as db:
        assert not accepting.look(db, token=nia.token, now=now).has_account
    with database.transaction() as db:
        assert accepting.look(db, token=petra.token, now=now).has_account
    steps.accept(database, nia.token, now)
    steps.accept_as(database, petra.token, cast.petra.user_id, now)
    views = []
    for newcomer in (nia, petra):
        with database.transaction(partner_id=cast.mallory.partner_id) as db:
            row = db.execute(
                text(
                    "select m.role, m.status, m.name, m.removed_at, m.updated_at, i.accepted_at, "
                    "a.action, a.actor_kind, a.actor_name, a.details from membership m "
                    "join invite i on i.membership_id = m.id join audit_event a on a.subject_id = m.id "
                    "where m.id = :id order by a.action"
                ),
                {"id": newcomer.membership_id},
            ).all()
            views.append([tuple(line) for line in row])
            assert db.execute(text("select count(*) from person")).scalar_one() == 0
            assert db.execute(text("select count(*) from personal_event")).scalar_one() == 0
            assert db.execute(text("select count(*) from session")).scalar_one() == 0
    assert views[0] == views[1]
    assert len(views[0]) == 2

"""Statements of account: every figure is the ledger's, on any day (GUARANTEES M-15)."""

from collections import Counter
from datetime import date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, text

from auth.actors import Actor
from billing import invoice_life, statements
from billing.derived import Age
from billing.ledger import EntryCause
from billing.statements import Statement
from errors import Conflict, Invalid, NotFound
from tests.billing.acting import Acts
from tests.billing.paying import Till
from tests.cast import Cast
from tests.figures import rounds

NEW_YORK = ZoneInfo("America/New_York")
DAY = timedelta(days=1)


@pytest.fixture
def till(acts: Acts, cast: Cast) -> Till:
    return Till(acts, cast)


def statement(
    till: Till, first: str | None = None, last: str | None = None, who: Actor | None = None
) -> Statement:
    days = {"first": first and date.fromisoformat(first), "last": last and date.fromisoformat(last)}
    return till.acts(who or till.cast.carl, statements.statement, customer_id=till.acme, **days)


def test_it_tells_every_movement_between_what_was_owed_before_and_after(till: Till) -> None:
    acts = till.acts
    acts.now = datetime(2026, 1, 20, 17, 0, tzinfo=NEW_YORK)
    first = till.invoice(10_000, due_on="2026-02-19", issue_on="2026-01-20")
    acts.now = datetime(2026, 2, 10, 23, 30, tzinfo=NEW_YORK)  # the next day in Greenwich
    second = till.invoice(5_050, due_on="2026-03-12", issue_on="2026-02-10")
    acts.now = datetime(2026, 2, 20, 9, 0, tzinfo=NEW_YORK)
    till.paid(till.card(), (first.id, 4_000), (second.id, 50))
    third = till.invoice(777, issue_on="2026-02-20", due_on="2026-03-22")
    acts.now = datetime(2026, 3, 1, 0, 0, tzinfo=NEW_YORK)
    acts(till.cast.ada, invoice_life.void, invoice_id=third.id)
    acts.now = datetime(2026, 3, 10, 12, 0, tzinfo=NEW_YORK)

    found = statement(till, "2026-02-01", "2026-02-28")
    assert (found.opening_minor, found.closing_minor) == (10_000, 11_777)
    assert (found.charged_minor, found.credited_minor) == (5_827, 4_050)
    told = [(one.day, one.cause, one.numbers, one.amount_minor, one.balance_minor) for one in found.movements]
    assert told == [
        (date(2026, 2, 10), EntryCause.INVOICE_FINALIZED, ("NO-00002",), 5_050, 15_050),
        (date(2026, 2, 20), EntryCause.PAYMENT_SUCCEEDED, ("NO-00001", "NO-00002"), -4_050, 11_000),
        (date(2026, 2, 20), EntryCause.INVOICE_FINALIZED, ("NO-00003",), 777, 11_777),
    ]
    assert found.ages == {
        Age.CURRENT: 5_777, Age.DAYS_1_TO_30: 6_000, Age.DAYS_31_TO_60: 0, Age.DAYS_61_TO_90: 0,
        Age.OVER_90_DAYS: 0,
    }  # fmt: skip
    # By itself: from the first of the month two before, to today.
    whole = statement(till)
    assert (whole.first, whole.last) == (date(2026, 1, 1), date(2026, 3, 10))
    assert (whole.opening_minor, whole.closing_minor) == (0, 11_000)
    assert whole.movements[-1].cause is EntryCause.INVOICE_VOIDED
    assert whole.movements[-1].day == date(2026, 3, 1)


def test_nothing_happened(till: Till) -> None:
    empty = statement(till)
    assert (empty.opening_minor, empty.closing_minor, empty.movements) == (0, 0, [])
    assert set(empty.ages.values()) == {0}


@pytest.mark.parametrize(
    ("first", "last", "where"),
    [
        ("2026-03-02", "2026-03-01", "from"), ("1999-12-31", None, "from"), (None, "2026-03-11", "to"),
        (None, "9999-12-31", "to"), (None, "0001-01-01", "from"),
    ],
)  # fmt: skip
def test_what_is_no_range_is_refused_with_how_to_fix_it(
    till: Till, first: str | None, last: str | None, where: str
) -> None:
    with pytest.raises(Invalid) as refused:
        statement(till, first, last)
    assert [(one.code, one.path) for one in refused.value.problems] == [("BAD_RANGE", (where,))]


@pytest.mark.parametrize("typed", ["2026-3-1", "20260301", "2026-W10-1", "2026-02-30", "x", "２０２６-03-01"])
def test_what_is_no_day_is_refused(typed: str) -> None:
    with pytest.raises(Invalid) as refused:
        statements.read_day(typed, "to")
    assert [(one.code, one.path) for one in refused.value.problems] == [("BAD_DATE", ("to",))]
    assert statements.read_day(" ", "to") is statements.read_day(None, "to") is None


def test_more_than_one_document_holds_is_refused(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statements, "MOST_MOVEMENTS", 2)
    for _ in range(2):
        till.invoice(100)
    assert len(statement(till).movements) == 2
    till.invoice(100)
    with pytest.raises(Conflict, match="shorter time"):
        statement(till)


@pytest.mark.parametrize("who", ["gus", "ines", "mallory"])
def test_nobody_elses_account_is_there(till: Till, who: str) -> None:
    till.invoice(100)
    with pytest.raises(NotFound):
        statement(till, who=till.cast.actors[who])


@pytest.mark.prove
def test_every_figure_is_the_ledgers_on_any_day(till: Till, owner: Connection) -> None:
    seed = 20261127
    chance, acts, cards = Random(seed), till.acts, 0
    begun, alive = datetime(2025, 9, 1, 15, 0, tzinfo=NEW_YORK), []
    acts.now = begun
    for _ in range(rounds(40, 400)):
        acts.now += timedelta(hours=chance.choice((0, 1, 7, 24, 24 * 9)))
        today = acts.now.astimezone(NEW_YORK).date()
        act = chance.random()
        if act < 0.5 or not alive:
            due = today + timedelta(days=chance.choice((0, 5, 30, 90)))
            alive.append(till.invoice(chance.randint(1, 10**6), issue_on=str(today), due_on=str(due)))
            till.invoice(chance.randint(1, 10**6), customer="globex", issue_on=str(today), due_on=str(due))
        elif act < 0.6:
            one = till.again(alive[chance.randrange(len(alive))])
            if one.status.value == "OPEN" and not one.paid_minor:
                acts(till.cast.ada, invoice_life.void, invoice_id=one.id)
        else:
            chosen = [till.again(one) for one in chance.sample(alive, min(len(alive), 3))]
            left = {one.id: one.total_minor - one.paid_minor for one in chosen if one.status.value == "OPEN"}
            shares = [(id_, chance.randint(1, minor)) for id_, minor in left.items() if minor]
            if shares:
                cards += 1
                till.paid(till.card(f"pm_{cards}"), *shares)
    assert till.books() == []
    ends = acts.now
    acts.now += 200 * DAY
    for _ in range(rounds(20, 200)):
        days = sorted((begun + chance.random() * (ends - begun + 90 * DAY)).date() for _ in range(2))
        found = statement(till, *map(str, days))
        assert found.opening_minor == _owed(owner, till, days[0] - DAY), (seed, days)
        assert found.closing_minor == _owed(owner, till, days[1]), (seed, days)
        assert found.opening_minor + found.charged_minor - found.credited_minor == found.closing_minor
        assert found.ages == _ages(owner, till, days[1]), (seed, days)
        assert sum(found.ages.values()) == found.closing_minor
        balance = found.opening_minor
        for one in found.movements:
            balance += one.amount_minor
            assert (one.balance_minor, days[0] <= one.day <= days[1]) == (balance, True)
    stored = owner.scalar(text("select open_minor from customer where id = :id"), {"id": till.acme})
    assert statement(till).closing_minor == stored


def _owed(owner: Connection, till: Till, day: date) -> int:
    """What Acme owes at the end of a day, by the postings alone, one after the other."""
    return sum(minor for _, minor in _postings(owner, till, day))


def _ages(owner: Connection, till: Till, day: date) -> dict[Age, int]:
    owed = Counter[date]()
    for due_on, minor in _postings(owner, till, day):
        owed[due_on] += minor
    ages = dict.fromkeys(Age, 0)
    for due_on, minor in owed.items():
        past = (day - due_on).days
        age = Age.CURRENT if past <= 0 else list(Age)[min((past - 1) // 30 + 1, 4)]
        ages[age] += minor
    return ages


def _postings(owner: Connection, till: Till, day: date) -> list[tuple[date, int]]:
    rows = owner.execute(
        text(
            "select i.due_on, p.amount_minor, e.at from ledger_posting p, ledger_entry e, invoice i"
            " where e.id = p.entry_id and i.id = p.invoice_id and p.account = 'RECEIVABLE'"
            " and p.customer_id = :id"
        ),
        {"id": till.acme},
    ).all()
    return [(row[0], row[1]) for row in rows if row[2].astimezone(NEW_YORK).date() <= day]

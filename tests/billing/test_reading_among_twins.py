"""A-2: past row-level security, what is marked as read among twins under the same ids is the own side's.

Whoever forgets to say whose it means changes the twin, which is refused, or finds another's conversation.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlmodel import Session, select

from auth.memberships import Membership
from billing import invoice_threads, thread_reading, unread_threads
from billing.unread_threads import UnreadThread
from db.session import Database
from errors import NotFound
from tests.billing.acting import acting
from tests.billing.shelf import Things
from tests.billing.shelf import both as both
from tests.billing.shelf import shelf as shelf
from tests.billing.shelf import things as things
from tests.billing.shelf import twins as twins

DAY = timedelta(days=1)


def left(db: Session, t: Things) -> list[tuple[datetime, datetime]]:
    """What Ada has not read: from when to when it was written."""
    mine = (UnreadThread.partner_id == t.cast.ada.partner_id, UnreadThread.member_id == t.cast.ada.id)
    return sorted(db.exec(select(UnreadThread.since, UnreadThread.until).where(*mine)))


def _read(db: Session, t: Things) -> list[object]:
    about = {"thread_id": t.ids["thread"]}
    before = left(db, t)
    thread_reading.mark_read(db, t.cast.ada, **about, until=t.now - DAY)
    assert left(db, t) == before
    invoice_threads.reply(db, t.cast.carl, **about, text="Well?", now=t.now)
    thread_reading.mark_read(db, t.cast.ada, **about, until=t.now)
    half = left(db, t)
    thread_reading.mark_read(db, t.cast.ada, **about)
    return [len(before), half, left(db, t)]


def _kept_unread(db: Session, t: Things) -> list[object]:
    thread_reading.mark_all_read(db, t.cast.ada)
    thread_reading.mark_unread(db, t.cast.ada, thread_id=t.ids["thread"])
    return [*left(db, t)]


def _read_all(db: Session, t: Things) -> int:
    return thread_reading.mark_all_read(db, t.cast.ada, until=t.now + DAY)


def _gone(db: Session, t: Things) -> list[object]:
    before = left(db, t)
    unread_threads.drop_own(db, member=db.get_one(Membership, (t.cast.ada.partner_id, t.cast.ada.id)))
    return [*before, left(db, t)]


@pytest.mark.parametrize("attempt", [_read, _kept_unread, _read_all, _gone])
def test_a_twin_of_what_is_unread_changes_nothing(
    both: tuple[Database, Database], things: Things, attempt: Callable[[Session, Things], object]
) -> None:
    answers = []
    for database in both:
        with acting(database, things.cast.ada) as db:
            answers.append(attempt(db, things))
    assert answers[0] == answers[1]
    assert answers[0] != []


@pytest.mark.parametrize("rule", [thread_reading.mark_read, thread_reading.mark_unread])
def test_globex_marks_nothing_of_acmes(
    both: tuple[Database, Database], things: Things, rule: Callable[..., object]
) -> None:
    with acting(both[0], things.cast.gus) as db, pytest.raises(NotFound):
        rule(db, things.cast.gus, thread_id=things.ids["thread"])

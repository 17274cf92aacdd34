"""What the worker does at its hours, mostly for each partner in turn.

Surprise: each partner has a transaction of its own: what goes wrong with one is not in the way of others,
and is tried again at the next run.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from auth import one_time, replays, throttle
from auth.actors import system
from billing import (
    access_requests,
    customer_imports,
    invite_reminders,
    invoice_imports,
    invoice_scheduling,
    recurring_making,
    unread_threads,
)
from db.session import Database

_log = structlog.get_logger(__name__)


def remind_invites(database: Database, *, now: datetime) -> int:
    """Queue all reminders that are due; how many. Running it again changes nothing."""
    return _for_each(database, invite_reminders.remind, "invites not reminded of", now)


def tidy_access_requests(database: Database, *, now: datetime) -> int:
    """Let requests for access expire that nobody resolved; how many. Running it again changes nothing."""
    return _for_each(database, access_requests.tidy, "access requests not tidied", now)


def clear_imports(database: Database, *, now: datetime) -> int:
    """Delete the rows of imports older than 30 days; how many imports. Running it again changes nothing."""
    return sum(
        _for_each(database, noun.clear_old, "imports not cleared", now)
        for noun in (customer_imports, invoice_imports)
    )


def send_planned(database: Database, *, now: datetime) -> int:
    """Send the drafts whose day has come; how many. Running it again changes nothing."""
    return _for_each_one(
        database, invoice_scheduling.due, invoice_scheduling.send_due, "planned invoices not sent", now
    )


def make_recurring(database: Database, *, now: datetime) -> int:
    """Make the recurring invoices whose day has come, also those of days that were missed; how many. Running
    it again changes nothing.
    """
    made = 0
    # One of each a turn: another turn while there was anything to make.
    while more := _for_each_one(
        database, recurring_making.due, recurring_making.make_due, "recurring invoices not made", now
    ):
        made += more
    return made


def forget_over(database: Database, *, now: datetime) -> int:
    """Forget links, codes and the like that are over, counted tries of windows that ended, answers that were
    kept for 30 days, and what was not read for 180; how many rows. Running it again changes nothing.
    """
    with database.transaction() as db:
        count = one_time.drop_over(db, now=now) + throttle.drop_old(db, now=now)
    count += _for_each(database, replays.drop_old, "stored answers not dropped", now)
    return count + _for_each(database, unread_threads.drop_old, "unread conversations not dropped", now)


def _partner_ids(database: Database) -> list[UUID]:
    with database.transaction() as db:
        return list(db.scalars(text("select partner_ids()")))


def _for_each_one(
    database: Database,
    due: Callable[..., Sequence[UUID]],
    work: Callable[..., int],
    trouble: str,
    now: datetime,
) -> int:
    """As `_for_each`, with a transaction for each record too: numbers are not held for a whole round, and
    what was done before a worker dies stays done.
    """
    count = 0
    for partner_id in _partner_ids(database):
        actor = system(partner_id)
        with database.transaction(partner_id=partner_id) as db:
            found = due(db, actor, now=now)
        for record_id in found:
            try:
                with database.transaction(partner_id=partner_id) as db:
                    count += work(db, actor, record_id, now=now)
            except SQLAlchemyError:
                _log.exception(trouble, partner=str(partner_id), record=str(record_id))
    return count


def _for_each(database: Database, work: Callable[..., int], trouble: str, now: datetime) -> int:
    count = 0
    for partner_id in _partner_ids(database):
        try:
            with database.transaction(partner_id=partner_id) as db:
                count += work(db, system(partner_id), now=now)
        except SQLAlchemyError:
            _log.exception(trouble, partner=str(partner_id))
    return count

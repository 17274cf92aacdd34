"""C, A-8: another address, while something else happens; whose change it is, and what is written down."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import Connection
from sqlmodel import Session

from auth import email_changes
from auth.personal_tokens import Purpose
from auth.tokens import DeadLink
from db.session import Database
from tests.auth.passkey_steps import events
from tests.auth.steps import ask_for_reset, finish_reset
from tests.auth.test_interleavings import meanwhile
from tests.billing.profile_steps import FROM, begin, changed, confirm, mailed, undo
from tests.cast import Cast

MINUTE = timedelta(minutes=1)


@pytest.fixture
def petra(cast: Cast) -> UUID:
    found = cast.petra.user_id
    assert found is not None
    return found


def test_each_step_is_in_ones_own_history(
    database: Database, owner: Connection, cast: Cast, petra: UUID, now: datetime
) -> None:
    _, back = changed(database, cast, now)
    assert events(owner, petra) == ["email.change_asked", "email.changed"]
    undo(database, back, now)
    assert events(owner, petra)[2:] == ["email.change_undone"]


def test_a_change_that_waits_is_ones_own_and_waits_no_more_once_confirmed(
    unguarded: Database, cast: Cast, petra: UUID, now: datetime
) -> None:
    """Past row-level security too."""
    begin(unguarded, cast, now, email="carl@elsewhere.example", who="carl")
    with unguarded.transaction(user_id=petra) as db:
        assert email_changes.open_of(db, user_id=petra, now=now) is None
    begin(unguarded, cast, now)
    with unguarded.transaction(user_id=petra) as db:
        waiting = email_changes.open_of(db, user_id=petra, now=now)
        assert waiting is not None
        assert waiting.user_id == petra


def test_a_change_that_is_confirmed_does_not_wait(
    database: Database, cast: Cast, petra: UUID, now: datetime
) -> None:
    changed(database, cast, now)
    with database.transaction(user_id=petra) as db:
        assert email_changes.open_of(db, user_id=petra, now=now) is None


def test_a_reset_that_was_asked_for_before_is_dead_even_if_only_the_writing_changed(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    reset = ask_for_reset(database, owner, cast.emails["petra"], now)
    assert reset is not None
    begin(database, cast, now, email="Petra@Acme.example")
    confirm(database, cast, mailed(database, cast, Purpose.EMAIL_CHANGE), now)
    with pytest.raises(DeadLink):
        finish_reset(database, reset, now + MINUTE)


@pytest.mark.parametrize("how", ["another is begun", "it is stopped"])
def test_a_change_that_dies_while_it_is_confirmed_is_dead(
    database: Database, owner: Connection, cast: Cast, petra: UUID, now: datetime, how: str
) -> None:
    begin(database, cast, now)
    link = mailed(database, cast, Purpose.EMAIL_CHANGE)

    def first(db: Session) -> None:
        if how == "it is stopped":
            email_changes.stop(db, user_id=petra, now=now, **FROM)
        else:
            email_changes.begin(db, user_id=petra, email="other@elsewhere.example", now=now, **FROM)

    outcome = meanwhile(
        database, owner, first, lambda: confirm(database, cast, link, now), user_id=petra
    )  # fmt: skip
    assert outcome is DeadLink

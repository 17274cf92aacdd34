"""Whoever lost every second factor: what an operator takes away, and that nothing is handed over by it."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, text

from auth import factor_resets, pending
from auth.audit import recent_of
from auth.factor_resets import AGENT, NoAccount, NoFactor, Reset
from auth.mailed_codes import Mailed
from auth.pending import Halfway, PendingOver
from auth.roles import Role
from auth.sessions import Door
from auth.users import one
from db.session import Database
from integrations.mail import personal_letters
from portal.signed_in import EVENTS
from tests.auth import steps
from tests.auth.factor_steps import set_up
from tests.auth.passkey_steps import count_of, events, told, with_passkey
from tests.billing.acting import at_once
from tests.cast import Cast
from tests.world import nothing_changes, tables_of, world

HOUR = timedelta(hours=1)


def reset(database: Database, email: str, now: datetime) -> Reset:
    with database.transaction() as db:
        return factor_resets.reset(db, email=email, now=now)


@pytest.fixture
def lost(database: Database, owner: Connection, cast: Cast, now: datetime) -> None:
    """Petra, of Acme and of Contoso's staff, lost an app, a passkey and recovery codes."""
    invited = steps.invite(
        database, cast.mallory, customer_id=None, email=cast.emails["petra"], name="Petra", role=Role.MEMBER,
        now=now,
    )  # fmt: skip
    steps.accept_as(database, invited.token, cast.petra.user_id, now)
    set_up(database, cast.petra.user_id, now)
    with_passkey(database, cast.petra.user_id, now)
    for name in ("gus", "mallory"):
        set_up(database, cast.actors[name].user_id, now)
    assert count_of(owner, "recovery_code") == 30


@pytest.mark.usefixtures("lost")
def test_everything_of_theirs_is_gone_and_they_are_out_everywhere(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    petra, later = cast.petra.user_id, now + HOUR
    token = steps.start_session(database, petra, now).session_token
    waiting = steps.sign_in(database, cast.emails["petra"], now)
    assert isinstance(waiting, Halfway)
    before = world(owner)
    assert reset(database, cast.emails["petra"].upper(), later) == Reset(passkeys=1, apps=1, places=2)
    mine = {"user": petra}
    for table in ("totp_factor", "passkey", "recovery_code", "pending_sign_in", "device"):
        asked = text(f'select count(*) from "{table}" where user_id = :user')
        assert owner.execute(asked, mine).scalar_one() == 0, table
        others = text(f'select count(*) from "{table}"')
        assert owner.execute(others).scalar_one() == sum(str(petra) not in row for row in before[table])
    assert steps.knock(database, token, Door.PORTAL, "acme-1a2b3c", later) is None
    with pytest.raises(PendingOver), database.transaction() as db:
        pending.look(db, token=waiting.token, now=later)
    # What is another's, and what is no way of signing in, stands.
    changed = {table for table in tables_of(owner) if world(owner)[table] != before[table]}
    assert changed == {
        "totp_factor", "passkey", "recovery_code", "pending_sign_in", "device", "session", "personal_event",
        "audit_event", "procrastinate_jobs", "procrastinate_events",
    }  # fmt: skip


@pytest.mark.usefixtures("lost")
def test_every_place_and_the_person_are_told(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    reset(database, cast.emails["petra"], now + HOUR)
    asked = text(
        "select p.slug, e.customer_id is not null, e.actor_kind, e.actor_name, m.name from audit_event e"
        " join partner p on p.id = e.partner_id join membership m on m.id = e.subject_id"
        " where e.action = 'user.factors_reset' order by p.slug"
    )
    assert [tuple(row) for row in owner.execute(asked)] == [
        ("contoso", False, "SYSTEM", "Remit", "Petra"), ("northwind", True, "SYSTEM", "Remit", "Petra"),
    ]  # fmt: skip
    assert events(owner, cast.petra.user_id)[-1] == "factors.reset"
    assert told(owner)[-1] == "factors.reset"
    with database.transaction(user_id=cast.petra.user_id) as db:
        event = recent_of(db, user_id=cast.petra.user_id, actions=list(EVENTS), limit=1)[0]
        letter = personal_letters.factors_changed(
            user=one(db, user_id=cast.petra.user_id),
            event=event,
            link=lambda path: f"https://x.example{path}",
        )
    assert (event.action, event.address, event.agent) == ("factors.reset", "", AGENT)
    assert "by whoever runs this server" in letter.values["what"]


@pytest.mark.usefixtures("lost")
def test_the_password_is_still_asked_for_and_what_a_place_requires_too(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    owner.execute(text("update partner set staff_need_factor = true where slug = 'contoso'"))
    reset(database, cast.emails["petra"], now + HOUR)
    later = now + 2 * HOUR
    wrong = steps.sign_in(database, cast.emails["petra"], later, password="not the password at all")
    assert wrong is None
    # The browsers are forgotten too: a customer's user confirms the first one by mail.
    mailed = steps.sign_in(database, cast.emails["petra"], later, reads_mail=False)
    assert isinstance(mailed, Mailed)
    token = steps.start_session(database, cast.petra.user_id, later).session_token
    at_work = steps.knock(database, token, Door.PARTNER, "contoso", later)
    assert at_work is not None
    assert at_work.lacks_factor
    at_home = steps.knock(database, token, Door.PORTAL, "acme-1a2b3c", later)
    assert at_home is not None
    assert at_home.admitted().id == cast.petra.id


def test_nobody_and_nothing_to_take_are_refused(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    invited = steps.invite(database, cast.ada, customer_id=cast.customers["acme"], now=now)
    with nothing_changes(owner):
        for email, refusal in (
            ("nobody@acme.example", NoAccount), (invited.email, NoAccount), (cast.emails["petra"], NoFactor),
        ):  # fmt: skip
            with pytest.raises(refusal):
                reset(database, email, now)


def test_two_at_once_are_one(database: Database, owner: Connection, cast: Cast, now: datetime) -> None:
    asked = text("select count(*) from audit_event where action = 'user.factors_reset'")
    for number in range(10):
        at = now + number * HOUR
        set_up(database, cast.petra.user_id, at)
        done = at_once(2, lambda _, at=at: reset(database, cast.emails["petra"], at))
        assert sorted(type(one).__name__ for one in done) == ["NoFactor", "Reset"]
        assert owner.execute(asked).scalar_one() == number + 1

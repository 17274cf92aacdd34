"""The one reminder of an open invite: when, to whom, once, and with a link that works."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from procrastinate import App
from procrastinate.testing import InMemoryConnector
from sqlalchemy import Connection, text
from sqlmodel import select

from auth import invites, memberships
from auth.actors import system
from auth.emails import parse_email
from auth.invites import Invite
from auth.memberships import Membership
from billing import customer_users, customers, invite_reminders
from billing.mails import Mail, MailKind, MailStatus
from db.session import Database
from integrations import rounds
from integrations.mail.compose import Composer
from integrations.mail.outgoing import Outgoing
from tests.auth.steps import accept
from tests.cast import Cast
from tests.integrations.test_letters import TEMPLATES, Server
from tests.papers import press
from tests.world import world
from worker import jobs
from worker.jobs import Workshop

SECOND = timedelta(seconds=1)
DAYS_2 = timedelta(hours=48)
NEW_YORK = ZoneInfo("America/New_York")
NAME = "remind_invites"
NOT_ASKED: Any = None  # the gateway: no reminder needs it
Sent = Callable[[], list[UUID]]


@pytest.fixture
def nora(database: Database, cast: Cast, now: datetime) -> Membership:
    """Invited to Acme just now."""
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        return customer_users.invite(
            db, cast.ada, customer_id=cast.customers["acme"], name="Nora", email="nora@acme.example", now=now
        )


@pytest.fixture
def sent(owner: Connection) -> Sent:
    """The people a reminder was queued for, in order."""

    def look() -> list[UUID]:
        asked = "select membership_id from mail where kind = 'INVITE_REMINDER' order by created_at, id"
        return list(owner.execute(text(asked)).scalars())

    return look


def test_it_is_due_after_48_hours_to_the_second_and_only_once(
    database: Database, nora: Membership, now: datetime, sent: Sent, owner: Connection
) -> None:
    before = world(owner)
    assert rounds.remind_invites(database, now=now + DAYS_2 - SECOND) == 0
    assert world(owner) == before
    assert rounds.remind_invites(database, now=now + DAYS_2) == 1
    assert sent() == [nora.id]
    for later in (timedelta(0), SECOND, timedelta(hours=23)):
        assert rounds.remind_invites(database, now=now + DAYS_2 + later) == 0
    assert sent() == [nora.id]


@pytest.mark.parametrize(
    "local",
    [datetime(2026, 3, 7, 12, tzinfo=NEW_YORK), datetime(2026, 10, 31, 12, tzinfo=NEW_YORK)],
    ids=["clocks forward", "clocks back"],
)
def test_two_days_are_48_hours_also_when_the_clocks_change(
    database: Database, cast: Cast, sent: Sent, local: datetime
) -> None:
    # Noon two days on, by the wall, is 47 or 49 hours later: neither is the moment.
    begun = local.astimezone(UTC)
    by_the_wall = (local + timedelta(days=2)).astimezone(UTC)
    assert abs(by_the_wall - begun - DAYS_2) == timedelta(hours=1)
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        customer_users.invite(
            db, cast.ada, customer_id=cast.customers["acme"], name="Nora", email="n@a.example", now=begun
        )
    assert rounds.remind_invites(database, now=begun + DAYS_2 - SECOND) == 0
    assert rounds.remind_invites(database, now=begun + DAYS_2) == 1
    assert len(sent()) == 1


def test_nobody_is_reminded_of_what_is_over(
    database: Database, cast: Cast, nora: Membership, now: datetime, sent: Sent, owner: Connection
) -> None:
    ada, globex = cast.ada, cast.customers["globex"]
    with database.transaction(partner_id=ada.partner_id) as db:
        people = {
            name: customer_users.invite(
                db, ada, customer_id=globex, name=name, email=f"{name}@globex.example", now=now
            )
            for name in ("revoked", "disabled", "removed", "resent")
        }
        customer_users.revoke_invite(db, ada, membership_id=people["revoked"].id, now=now)
        customer_users.disable(db, ada, membership_id=people["disabled"].id, now=now)
        customer_users.remove(db, ada, membership_id=people["removed"].id, now=now)
        customer_users.resend_invite(db, ada, membership_id=people["resent"].id, now=now + timedelta(hours=1))
        customers.archive(db, ada, customer_id=cast.customers["acme"], now=now)
        # Archiving kills the invites; one that outlived it some other way is left alone all the same.
        db.execute(text("update invite set revoked_at = null where membership_id = :id"), {"id": nora.id})
    before = world(owner)
    assert rounds.remind_invites(database, now=now + DAYS_2) == 0
    assert world(owner) == before
    # The new invite has a life, and a reminder, of its own.
    assert rounds.remind_invites(database, now=now + DAYS_2 + timedelta(hours=1)) == 1
    assert sent() == [people["resent"].id]


def test_an_expired_invite_is_not_reminded_of(
    database: Database, nora: Membership, now: datetime, sent: Sent
) -> None:
    assert rounds.remind_invites(database, now=now + invites.LIFE) == 0
    assert rounds.remind_invites(database, now=now + invites.LIFE - SECOND) == 1
    assert sent() == [nora.id]


def test_an_accepted_invite_is_not_reminded_of(
    database: Database, nora: Membership, now: datetime, sent: Sent
) -> None:
    with database.transaction(partner_id=nora.partner_id) as db:
        token = invites.token_of(db, db.exec(select(Invite).where(Invite.membership_id == nora.id)).one())
    accept(database, token, now + timedelta(hours=1))
    assert rounds.remind_invites(database, now=now + DAYS_2) == 0
    assert sent() == []


def test_staff_are_reminded_too(database: Database, cast: Cast, now: datetime, sent: Sent) -> None:
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        added = memberships.add(
            db, cast.ada, customer_id=None, name="Sam", email=parse_email("sam@northwind.example"),
            role=memberships.Role.MEMBER, now=now,
        )  # fmt: skip
    assert rounds.remind_invites(database, now=now + DAYS_2) == 1
    assert sent() == [added.membership.id]


def test_a_job_killed_before_its_commit_is_run_again_and_still_one_is_sent(
    database: Database, cast: Cast, nora: Membership, now: datetime, sent: Sent, owner: Connection
) -> None:
    class Killed(Exception):
        pass

    before = world(owner)
    with pytest.raises(Killed), database.transaction(partner_id=nora.partner_id) as db:
        assert invite_reminders.remind(db, system(nora.partner_id), now=now + DAYS_2) == 1
        raise Killed
    assert world(owner) == before
    assert rounds.remind_invites(database, now=now + DAYS_2) == 1
    assert rounds.remind_invites(database, now=now + DAYS_2) == 0
    assert sent() == [nora.id]


def test_many_jobs_at_once_send_one(database: Database, nora: Membership, now: datetime, sent: Sent) -> None:
    counts: list[int] = []
    start = threading.Barrier(8)

    def job() -> None:
        start.wait()
        counts.append(rounds.remind_invites(database, now=now + DAYS_2))

    threads = [threading.Thread(target=job) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(counts) == [0] * 7 + [1]
    assert sent() == [nora.id]


@pytest.mark.anyio
async def test_the_worker_does_it_every_ten_minutes_by_its_own_clock(
    database: Database, nora: Membership, now: datetime, sent: Sent
) -> None:
    app = App(connector=InMemoryConnector())
    composer = Composer(TEMPLATES, public_url="https://pay.example.com", sender="no-reply@pay.example.com")
    moments = iter((now + DAYS_2 - SECOND, now + DAYS_2, now + DAYS_2))
    outgoing = Outgoing(database, composer, Server(), lambda: now, press())
    jobs.register(app, Workshop(database, NOT_ASKED, outgoing, lambda: next(moments)))
    known = [task.cron for task in app.periodic_registry.periodic_tasks.values() if task.task.name == NAME]
    assert known == ["*/10 * * * *"]
    for expected in ([], [nora.id], [nora.id]):
        await app.tasks[NAME](timestamp=0)
        assert sent() == expected


@pytest.mark.anyio
async def test_the_letter_holds_the_link_that_was_sent_before(
    database: Database, cast: Cast, nora: Membership, now: datetime
) -> None:
    rounds.remind_invites(database, now=now + DAYS_2)
    server = Server()
    composer = Composer(TEMPLATES, public_url="https://pay.example.com", sender="no-reply@pay.example.com")
    outgoing = Outgoing(database, composer, server, lambda: now + DAYS_2, press())
    with database.transaction(partner_id=nora.partner_id) as db:
        wanted = select(Mail).where(Mail.membership_id == nora.id).order_by(Mail.created_at)
        first, second = db.exec(wanted).all()
        token = invites.token_of(db, db.exec(select(Invite).where(Invite.membership_id == nora.id)).one())
    assert (first.kind, second.kind) == (MailKind.INVITE, MailKind.INVITE_REMINDER)
    for mail in (first, second):
        await outgoing.send(partner_id=nora.partner_id, mail_id=mail.id)
    links = [f"https://pay.example.com/invite/{token}" in str(message) for message in map(body, server.taken)]
    assert links == [True, True]
    assert server.taken[1]["Subject"] == "Your invite to the billing portal of Acme is still open"
    # Revoked after it was queued, it is dropped.
    with database.transaction(partner_id=nora.partner_id) as db:
        again = db.get_one(Mail, (second.partner_id, second.id))
        again.status, again.sent_at = MailStatus.QUEUED, None
        customer_users.revoke_invite(db, cast.ada, membership_id=nora.id, now=now)
    await outgoing.send(partner_id=nora.partner_id, mail_id=second.id)
    assert len(server.taken) == 2
    with database.transaction(partner_id=nora.partner_id) as db:
        assert db.get_one(Mail, (second.partner_id, second.id)).status is MailStatus.DROPPED


def body(message: EmailMessage) -> str:
    """The text part."""
    part = message.get_body(("plain",))
    assert part is not None
    return str(part.get_content())

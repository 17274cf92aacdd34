"""R-4 for invoices: one is sent when a server took the first of its mails, and not before."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import Connection, text

from billing import invoice_life, invoice_sending
from billing.mails import MailStatus
from db.session import Database
from integrations.mail.transports import NotNow, Refused
from tests.billing.acting import Acts
from tests.billing.test_invoice_scheduling import draft
from tests.cast import Cast
from tests.integrations.test_letters import Desk

pytestmark = pytest.mark.anyio


@pytest.fixture
def desk(database: Database, now: datetime) -> Desk:
    return Desk(database, now)


@pytest.fixture
def invoice_id(database: Database, owner: Connection, cast: Cast, now: datetime) -> UUID:
    """Sent to Carl and Petra; nothing has left yet."""
    acts = Acts(database, owner, now)
    made: UUID = draft(acts, cast).id
    acts(cast.ada, invoice_sending.send, invoice_id=made)
    return made


def sent_at(owner: Connection, invoice_id: UUID) -> datetime | None:
    found: datetime | None = owner.scalar(
        text("select sent_at from invoice where id = :id"), {"id": invoice_id}
    )
    return found


async def deliver(desk: Desk, owner: Connection, cast: Cast, place: int) -> str:
    mail_id = owner.scalars(text("select id from mail order by id")).all()[place]
    await desk.outgoing.send(partner_id=cast.ada.partner_id, mail_id=mail_id)
    status: str = owner.scalar(text("select status from mail where id = :id"), {"id": mail_id})
    return status


async def test_the_first_mail_that_is_taken_makes_it_sent(
    desk: Desk, owner: Connection, cast: Cast, invoice_id: UUID, now: datetime
) -> None:
    assert sent_at(owner, invoice_id) is None
    desk.server.trouble = Refused("550 No such user")
    assert await deliver(desk, owner, cast, 0) == MailStatus.REFUSED
    assert sent_at(owner, invoice_id) is None
    desk.server.trouble = NotNow("451 later")
    with pytest.raises(NotNow):
        await deliver(desk, owner, cast, 1)
    assert sent_at(owner, invoice_id) is None
    desk.server.trouble, desk.now = None, now + timedelta(minutes=7)
    assert await deliver(desk, owner, cast, 1) == MailStatus.SENT
    assert sent_at(owner, invoice_id) == now + timedelta(minutes=7)


async def test_one_that_was_given_up_was_never_sent(
    desk: Desk, owner: Connection, cast: Cast, invoice_id: UUID
) -> None:
    desk.server.trouble = NotNow("451 later")
    desk.now += timedelta(days=3, minutes=1)
    assert [await deliver(desk, owner, cast, place) for place in (0, 1)] == [MailStatus.DEAD] * 2
    assert sent_at(owner, invoice_id) is None


async def test_what_was_voided_meanwhile_is_not_sent(
    desk: Desk, owner: Connection, cast: Cast, invoice_id: UUID, database: Database, now: datetime
) -> None:
    Acts(database, owner, now)(cast.ada, invoice_life.void, invoice_id=invoice_id)
    assert await deliver(desk, owner, cast, 0) == MailStatus.DROPPED
    assert (sent_at(owner, invoice_id), desk.server.taken) == (None, [])

"""Mails about messages on an invoice: to the other side, once, with the words and the way to answer."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import pytest
from sqlalchemy import Connection, text
from sqlmodel import select

from billing import invoice_threads, outside_payments
from billing.invoice_threads import InvoiceThread, Opening, ThreadKind
from billing.mails import Mail, MailKind, MailStatus
from billing.outside_payments import OutsideInput
from db.session import Database
from integrations import announcing
from tests.billing.acting import Acts
from tests.billing.paying import Till
from tests.cast import Cast
from tests.integrations.test_letters import Desk

pytestmark = pytest.mark.anyio
ASKS = Opening(ThreadKind.DISPUTE, "Why <b>twice</b>?\nI paid.")


@pytest.fixture
def acts(database: Database, owner: Connection, now: datetime) -> Acts:
    return Acts(database, owner, now)


@pytest.fixture
def thread(acts: Acts, cast: Cast) -> InvoiceThread:
    """Petra's, on an invoice of Acme's."""
    invoice = Till(acts, cast).invoice(12_345)
    made: InvoiceThread = acts(cast.petra, invoice_threads.open_thread, invoice_id=invoice.id, fields=ASKS)
    return made


@pytest.fixture
def announce(database: Database, owner: Connection, cast: Cast, now: datetime) -> Callable[[], int]:
    """What the worker does about the newest message."""

    def run() -> int:
        newest = owner.scalar(text("select id from invoice_thread_message order by id desc limit 1"))
        partner_id = cast.ada.partner_id
        return announcing.announce(database, partner_id=partner_id, message_id=newest, now=now)

    return run


def told(owner: Connection) -> list[str]:
    """Who has such a mail, the newest message's alone."""
    asked = """select m.name from mail join membership m on m.id = mail.membership_id
      where kind = 'THREAD_REPLY' and subject_id = (
        select id from invoice_thread_message order by id desc limit 1) order by 1"""
    return list(owner.scalars(text(asked)))


def jobs(owner: Connection) -> int:
    counted: int = owner.scalar(
        text("select count(*) from procrastinate_jobs where task_name = 'announce_message'")
    )
    return counted


async def test_each_message_tells_the_other_side_once(
    acts: Acts, cast: Cast, owner: Connection, thread: InvoiceThread, announce: Callable[[], int]
) -> None:
    assert jobs(owner) == 1
    assert announce() == 2
    assert announce() == 0
    assert told(owner) == ["Ada", "Sue"]  # the admin and the sub-admin: nobody has answered yet
    acts(cast.clem, invoice_threads.reply, thread_id=thread.id, text="A mistake.")
    announce()
    assert told(owner) == ["Petra"]
    acts(cast.petra, invoice_threads.reply, thread_id=thread.id, text="Thanks")
    announce()
    assert told(owner) == ["Clem"]
    assert jobs(owner) == 3


async def test_what_the_partner_begins_tells_the_customers_managers(
    acts: Acts, cast: Cast, owner: Connection, announce: Callable[[], int]
) -> None:
    invoice = Till(acts, cast).invoice(100)
    acts(cast.ada, invoice_threads.open_thread, invoice_id=invoice.id, fields=ASKS)
    assert announce() == 1
    assert told(owner) == ["Carl"]
    assert owner.scalars(text("select distinct customer_id from mail where kind = 'THREAD_REPLY'")).all() == [
        cast.customers["acme"]
    ]


async def test_the_mail_holds_the_words_as_text_and_the_way_to_the_conversation(
    acts: Acts, cast: Cast, owner: Connection, thread: InvoiceThread, announce: Callable[[], int],
    database: Database, now: datetime,
) -> None:  # fmt: skip
    announce()
    desk = Desk(database, now)
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        mail = db.exec(select(Mail).where(Mail.kind == MailKind.THREAD_REPLY).order_by(Mail.id)).first()
    await deliver(desk, mail)
    (sent,) = desk.server.taken
    assert sent["Subject"] == "Invoice NO-00001 is disputed: a message from Petra"
    path = f"/partner/northwind/invoices/inv_{thread.invoice_id.hex}/threads/thr_{thread.id.hex}"
    for kind, words in (("plain", "Why <b>twice</b>?\nI paid."), ("html", "Why &lt;b&gt;twice&lt;/b&gt;?")):
        body = sent.get_body((kind,)).get_content()
        assert words in body
        assert f"https://pay.example.com{path}" in body
        assert "Petra of Acme writes" in body


async def test_who_paid_past_us_hears_that_it_was_taken_back_and_why(
    acts: Acts, cast: Cast, owner: Connection, database: Database, now: datetime
) -> None:
    invoice = Till(acts, cast).invoice(10_000)
    check = OutsideInput(kind="CHECK", amount="40.00", send_receipt=False)
    noted = acts(cast.ada, outside_payments.record, invoice_id=invoice.id, fields=check, request_key="k")
    for _ in range(2):  # once
        acts(cast.ada, outside_payments.reverse, payment_id=noted.id, reason="The check was returned")
    desk = Desk(database, now)
    mail = desk.mail(cast.ada.partner_id)
    assert (mail.kind, mail.membership_id) == (MailKind.OUTSIDE_REVERSED, cast.carl.id)
    sent = await desk.send(mail)
    assert sent.status is MailStatus.SENT
    (message,) = desk.server.taken
    assert message["Subject"] == "A payment of $40.00 was taken back: invoice NO-00001"
    for kind in ("plain", "html"):
        body = message.get_body((kind,)).get_content()
        for words in ("The check was returned", "Left to pay: $100.00"):
            assert words in body


async def deliver(desk: Desk, mail: Mail | None) -> None:
    assert mail is not None
    await desk.outgoing.send(partner_id=mail.partner_id, mail_id=UUID(str(mail.id)))

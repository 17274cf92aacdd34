"""R-4: a server takes a mail and hangs up: none is lost, and a repeat has the same Message-ID."""

import socket
from collections.abc import AsyncIterator
from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from sqlmodel import select

from billing import customer_users
from billing.mails import Mail, MailStatus
from db.session import Database
from integrations.mail.compose import Composer
from integrations.mail.outgoing import Outgoing
from integrations.mail.transports import NotNow, SmtpTransport
from tests.cast import Cast
from tests.papers import press

TEMPLATES = Path(__file__).parent.parent.parent / "templates"


class Forgetful:
    """A real SMTP server that keeps each mail, and hangs up without an answer as often as told."""

    def __init__(self) -> None:
        self.hang_ups = 0
        self.taken: list[EmailMessage] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content
        assert isinstance(content, bytes)
        message = BytesParser(policy=policy.default).parsebytes(content)
        assert isinstance(message, EmailMessage)
        self.taken.append(message)
        if self.hang_ups:
            self.hang_ups -= 1
            assert server.transport is not None
            server.transport.abort()
        return "250 OK"


@pytest.fixture
async def server() -> AsyncIterator[tuple[Forgetful, SmtpTransport]]:
    forgetful = Forgetful()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(forgetful, hostname="127.0.0.1", port=port)
    controller.start()
    yield forgetful, SmtpTransport(f"smtp://127.0.0.1:{port}", timeout_seconds=5)
    controller.stop()


@pytest.mark.anyio
@pytest.mark.parametrize("hang_ups", [0, 1, 3])
async def test_a_mail_is_sent_only_once_a_server_said_so(
    server: tuple[Forgetful, SmtpTransport], database: Database, cast: Cast, now: datetime, hang_ups: int
) -> None:
    sink, transport = server
    sink.hang_ups = hang_ups
    composer = Composer(TEMPLATES, public_url="https://pay.example.com", sender="no-reply@pay.example.com")
    outgoing = Outgoing(database, composer, transport, lambda: now, press())
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        customer_users.invite(
            db, cast.ada, customer_id=cast.customers["acme"],
            name="Nina", email="nina@acme.example",
            now=now,
        )  # fmt: skip
    mail = _mail(database, cast)
    for tries in range(1, hang_ups + 1):
        with pytest.raises(NotNow):
            await outgoing.send(partner_id=mail.partner_id, mail_id=mail.id)
        waiting = _mail(database, cast)
        assert (waiting.status, waiting.tries, waiting.sent_at) == (MailStatus.QUEUED, tries, None)
    for _ in range(2):  # the second finds it sent
        await outgoing.send(partner_id=mail.partner_id, mail_id=mail.id)
    sent = _mail(database, cast)
    assert (sent.status, sent.tries, sent.sent_at) == (MailStatus.SENT, hang_ups + 1, now)
    assert [message["Message-ID"] for message in sink.taken] == (
        [f"<{mail.id}@pay.example.com>"] * (hang_ups + 1)
    )


def _mail(database: Database, cast: Cast) -> Mail:
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        return db.exec(select(Mail)).one()

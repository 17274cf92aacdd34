"""Mails: composed so that nothing can be injected, taken by a real server, refused for good or for now."""

import socket
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from uuid import UUID

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from integrations.mail.compose import Composer
from integrations.mail.transports import FolderTransport, NotNow, Refused, SmtpTransport

TEMPLATES = Path(__file__).parent.parent.parent / "templates"
MAIL_ID = UUID("01900000-0000-7000-8000-000000000001")
NOON = datetime(2026, 3, 10, 17, 0, tzinfo=UTC)
HOSTILE = [
    "Eve\r\nBcc: victim@example.com",
    "Eve\nBcc: victim@example.com",
    'Eve", <victim@example.com>, "',
    "Eve <victim@example.com>",
    "Eve, Mallory",
    "=?utf-8?b?RXZl?=",
    "Ève Ünïcode 漢字",
    "a" * 400,
]


def compose(name: str = "Petra", sender: str = "Northwind", company: str = "Acme") -> EmailMessage:
    composer = Composer(TEMPLATES, public_url="https://pay.example.com/", sender="no-reply@pay.example.com")
    return composer.write(
        "INVITE",
        mail_id=MAIL_ID,
        to_name=name,
        to_address="petra@acme.example",
        sender_name=sender,
        reply_to="support@northwind.example",
        locale="en",
        now=NOON,
        values={
            "link": composer.link("/invite/token"), "company": company,
            "expires_on": date(2026, 3, 13), "is_staff": False,
        },
    )  # fmt: skip


class Sink:
    """A real SMTP server that keeps what it is given, or answers as told."""

    def __init__(self, answer: str = "250 OK") -> None:
        self.answer = answer
        self.taken: list[tuple[list[str], EmailMessage]] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.answer.startswith("250"):
            content = envelope.content
            assert isinstance(content, bytes)
            message = BytesParser(policy=policy.default).parsebytes(content)
            assert isinstance(message, EmailMessage)
            self.taken.append((envelope.rcpt_tos, message))
        return self.answer


@pytest.fixture
async def sink() -> AsyncIterator[tuple[Sink, SmtpTransport]]:
    sink = Sink()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(sink, hostname="127.0.0.1", port=port)
    controller.start()
    yield sink, SmtpTransport(f"smtp://127.0.0.1:{port}", timeout_seconds=5)
    controller.stop()


@pytest.mark.anyio
async def test_a_server_takes_the_mail_whole(sink: tuple[Sink, SmtpTransport]) -> None:
    server, transport = sink
    await transport.send(compose())
    ((recipients, message),) = server.taken
    assert recipients == ["petra@acme.example"]
    assert message["Message-ID"] == f"<{MAIL_ID}@pay.example.com>"
    assert message["Subject"] == "Northwind invites you to the billing portal of Acme"
    assert message["Reply-To"] == "Northwind <support@northwind.example>"
    for kind in ("plain", "html"):
        body = message.get_body((kind,))
        assert body is not None
        assert "https://pay.example.com/invite/token" in body.get_content()


@pytest.mark.anyio
@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("field", ["name", "sender", "company"])
async def test_no_name_adds_a_header_or_a_recipient(
    sink: tuple[Sink, SmtpTransport], field: str, hostile: str
) -> None:
    server, transport = sink
    await transport.send(compose(**{field: hostile}))
    ((recipients, message),) = server.taken
    assert recipients == ["petra@acme.example"]
    assert message["Bcc"] is None
    assert message["Cc"] is None
    assert [address.addr_spec for address in message["To"].addresses] == ["petra@acme.example"]
    assert [address.addr_spec for address in message["From"].addresses] == ["no-reply@pay.example.com"]
    assert len(message.get_all("Subject", [])) == 1


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("answer", "kind"), [("550 No such user", Refused), ("451 Try later", NotNow), ("554 Spam", Refused)]
)
async def test_a_refusal_is_for_good_or_for_now(
    sink: tuple[Sink, SmtpTransport], answer: str, kind: type[Exception]
) -> None:
    server, transport = sink
    server.answer = answer
    with pytest.raises(kind, match=answer):
        await transport.send(compose())


@pytest.mark.anyio
async def test_an_absent_server_is_not_a_refusal() -> None:
    with pytest.raises(NotNow):
        await SmtpTransport("smtp://127.0.0.1:9", timeout_seconds=2).send(compose())


@pytest.mark.anyio
async def test_sending_the_same_mail_twice_leaves_one_file(tmp_path: Path) -> None:
    transport = FolderTransport(tmp_path / "mail")
    await transport.send(compose())
    await transport.send(compose())
    assert [file.name for file in (tmp_path / "mail").iterdir()] == [f"{MAIL_ID}.eml"]


def test_html_in_names_stays_text() -> None:
    message = compose(company="<script>alert(1)</script>")
    html = message.get_body(("html",))
    assert html is not None
    assert "<script>" not in html.get_content()
    assert "&lt;script&gt;" in html.get_content()

"""Ways a mail leaves: a folder of `.eml` files, or an SMTP server.

Surprise: "sent" means that the transport took the mail. A refusal for good (`Refused`) is told apart from
one to try again (`NotNow`); anything else that goes wrong is a bug and not swallowed.
"""

from collections.abc import Sequence
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

import aiosmtplib


class Refused(Exception):
    """The server will never take this mail; its words are the message."""


class NotNow(Exception):
    """The server did not take it this time: try again later."""


class Transport(Protocol):
    """Takes one mail, or says why not."""

    async def send(self, message: EmailMessage) -> str:
        """Hand `message` over; the server's words. Raises `Refused` or `NotNow`."""


class FolderTransport:
    """Writes each mail as a file, named by its Message-ID: sending one twice leaves one file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def send(self, message: EmailMessage) -> str:
        """Write the mail; the file appears whole or not at all."""
        self._folder.mkdir(parents=True, exist_ok=True)
        name = str(message["Message-ID"]).strip("<>").split("@")[0] + ".eml"
        part = self._folder / f".{name}.part"
        part.write_bytes(message.as_bytes())
        part.replace(self._folder / name)
        return f"written to {name}"


class SmtpTransport:
    """Hands mails to one SMTP server: `smtp://user:password@host:port`, or `smtps://` for TLS at once."""

    def __init__(self, url: str, *, timeout_seconds: float = 30) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            raise ValueError("REMIT_SMTP_URL must look like smtp://user:password@mail.example.com:587")
        self._hostname = parts.hostname
        self._port = parts.port or (465 if parts.scheme == "smtps" else 587)
        self._username = unquote(parts.username) if parts.username else None
        self._password = unquote(parts.password) if parts.password else None
        self._use_tls = parts.scheme == "smtps"
        self._timeout_seconds = timeout_seconds

    async def send(self, message: EmailMessage) -> str:
        """One connection a mail: mails are few, and a stale connection costs more than a new one."""
        try:
            _, words = await aiosmtplib.send(
                message,
                hostname=self._hostname,
                port=self._port,
                username=self._username,
                password=self._password,
                use_tls=self._use_tls,
                timeout=self._timeout_seconds,
            )
        except aiosmtplib.SMTPRecipientsRefused as refused:
            raise _sorted_out(refused.recipients) from refused
        except aiosmtplib.SMTPResponseException as refused:
            raise _kind_of(refused.code)(f"{refused.code} {refused.message}") from refused
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as trouble:
            raise NotNow(str(trouble) or type(trouble).__name__) from trouble
        return words


def _sorted_out(refusals: Sequence[aiosmtplib.SMTPRecipientRefused]) -> Refused | NotNow:
    first = refusals[0]
    return _kind_of(first.code)(f"{first.code} {first.message}")


def _kind_of(code: int) -> type[Refused] | type[NotNow]:
    # RFC 5321: 5yz is permanent, 4yz is worth another try.
    return Refused if 500 <= code < 600 else NotNow

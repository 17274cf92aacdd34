"""Mails made from records when they are sent: subject, text and HTML from three templates a mail.

Surprise: links are derived here and nowhere else, from `PUBLIC_URL` alone, so that no Host header and no
row at rest can change or hold one.
"""

from collections.abc import Mapping
from datetime import date, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

from babel.dates import format_date
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from billing.money import Money
from languages import Locale, speaking, spoken, translate, translate_count

# Of mails that come from Remit itself: nobody's contact, nobody's color.
_DEFAULTS: Mapping[str, Any] = {"support": (), "accent": "#1d4ed8", "on_accent": "#ffffff"}
ECHOED = "X-Remit-Mail"
PARTS = ("subject.txt", "body.txt", "body.html")


class Attachment(NamedTuple):
    """A PDF that comes with a mail, and what it is called."""

    name: str
    pdf: bytes


class Composer:
    """Writes mails from `templates`/email; `public_url` is what every link starts with, and its `host` what
    every Message-ID ends with.
    """

    def __init__(self, templates: Path, *, public_url: str, sender: str) -> None:
        self._public_url = public_url.rstrip("/")
        self.host = urlsplit(public_url).hostname or "localhost"
        self._sender = sender
        # Text parts must not be escaped, HTML parts must: two environments, no `safe` anywhere.
        loader = FileSystemLoader(templates)
        self._text = _environment(loader, autoescape=False)
        self._html = _environment(loader, autoescape=True)

    def link(self, path: str) -> str:
        """An absolute link to `path` of this installation."""
        return f"{self._public_url}{path}"

    def write(
        self,
        kind: str,
        *,
        mail_id: UUID,
        to_name: str,
        to_address: str,
        sender_name: str,
        reply_to: str | None,
        locale: Locale,
        now: datetime,
        values: Mapping[str, Any],
        attached: Attachment | None = None,
    ) -> EmailMessage:
        """The mail of `kind`, written in `locale`.

        Its Message-ID is made from `mail_id`, so sending again is the same mail.
        """
        folder = f"email/{kind.lower()}"
        context = {
            "to_name": to_name, "sender_name": sender_name, "lang": locale, "attached": attached,
            **_DEFAULTS, **values,
        }  # fmt: skip
        message = EmailMessage(policy=SMTP)
        with speaking(locale):
            subject, foot, text, html = (
                self._text.get_template(f"{folder}/subject.txt").render(context),
                self._text.get_template("email/layout/foot.txt").render(context),
                self._text.get_template(f"{folder}/body.txt").render(context),
                self._html.get_template(f"{folder}/body.html").render(context),
            )
        message["Subject"] = _one_line(subject)
        message["From"] = _address(sender_name, self._sender)
        message["To"] = _address(to_name, to_address)
        if reply_to:
            message["Reply-To"] = _address(sender_name, reply_to)
        message["Date"] = format_datetime(now)
        message["Message-ID"] = f"<{mail_id}@{self.host}>"
        # Some servers put a Message-ID of their own in its place; this one comes back with a bounce.
        message[ECHOED] = f"<{mail_id}@{self.host}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text + foot)
        message.add_alternative(html, subtype="html")
        if attached is not None:
            message.add_attachment(
                attached.pdf, maintype="application", subtype="pdf", filename=attached.name
            )
        return message


def _environment(loader: FileSystemLoader, *, autoescape: bool) -> Environment:
    made = Environment(
        loader=loader,
        autoescape=autoescape,  # noqa: S701
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.install_gettext_callables(translate, translate_count, newstyle=True)  # type: ignore[attr-defined]
    made.filters.update(day=_day, money=_money)
    return made


def _day(value: date) -> str:
    """Written out, `March 10, 2026`: a mail is read once, and often aloud."""
    return format_date(value, "long", locale=spoken())


def _money(value: Money) -> str:
    return value.display(spoken())


def _address(name: str, address: str) -> Address:
    # The parser would take a comma or a bracket in a name for syntax: name and address go in apart.
    return Address(display_name=_one_line(name), addr_spec=address)


def _one_line(text: str) -> str:
    return " ".join(text.split())

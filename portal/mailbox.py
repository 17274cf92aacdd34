"""The demo's mail page: lists the mails that were written to the folder instead of being sent.

Surprise: these pages exist only in demo mode, on loopback: mails hold live links.
"""

from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import parsedate_to_datetime
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from errors import NotFound
from portal.house import house

MOST_SHOWN = 200


@dataclass(frozen=True)
class Written:
    """One mail of the folder."""

    name: str
    message: EmailMessage

    @property
    def sent_at(self) -> str:
        """When, in RFC 3339."""
        return parsedate_to_datetime(str(self.message["Date"])).isoformat()

    def part(self, kind: str) -> str:
        """Its `plain` or `html` text."""
        body = self.message.get_body((kind,))
        return str(body.get_content()) if body is not None else ""


async def list_mails(request: Request) -> Response:
    """All mails, newest first."""
    mails = await run_in_threadpool(_all, request.app.state.mail_folder)
    return HTMLResponse(house(request).renderer.render("demo/mails.html", mails=mails[:MOST_SHOWN]))


async def show_mail(request: Request) -> Response:
    """One mail: headers and text."""
    mail = await run_in_threadpool(_one, request)
    return HTMLResponse(house(request).renderer.render("demo/mail.html", mail=mail))


def _all(folder: Path) -> list[Written]:
    mails = [_read(file) for file in folder.glob("*.eml")]
    return sorted(mails, key=lambda mail: (mail.sent_at, mail.name), reverse=True)


def _one(request: Request) -> Written:
    folder: Path = request.app.state.mail_folder
    # Compared with what is there, so that no name can climb out of the folder.
    for file in folder.glob("*.eml"):
        if file.stem == request.path_params["name"]:
            return _read(file)
    raise NotFound


def _read(file: Path) -> Written:
    message = BytesParser(policy=policy.default).parsebytes(file.read_bytes())
    assert isinstance(message, EmailMessage)
    return Written(file.stem, message)

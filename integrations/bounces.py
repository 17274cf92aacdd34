"""Bounces: what mail servers report of our mails, posted to an address or left in a mailbox.

Surprise: nothing is stored that is not about a mail of ours. A notice is carried out at once, in one
transaction; the same one again, or one that a killed process had begun, changes nothing more.
"""

import contextlib
import mailbox
import os
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator
from datetime import datetime
from pathlib import Path

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from auth.actors import system
from billing import bounces
from billing.ports import BadSignature
from db.session import Database, enter
from integrations.gateways.signatures import signers
from integrations.mail import delivery_notices
from integrations.mail.delivery_notices import MOST_BYTES, MOST_READ, DeliveryNotice, NotUnderstood

_log = structlog.get_logger(__name__)
SIGNATURE_HEADER = "Remit-Signature"
# A round takes so many at most from a folder; the next one goes on.
MOST_MESSAGES = 500
_MESSAGES = ("message/rfc822", "multipart/report")


class BounceDesk:
    """Where delivery notices come in. `host` is what our Message-IDs end with."""

    def __init__(self, database: Database, *, host: str, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self.host = host

    def take(self, notices: Iterable[DeliveryNotice]) -> int:
        """Carry notices out; how many were news."""
        news = 0
        for notice in notices:
            with self._database.transaction() as db:
                partner_id = db.scalar(text("select find_mail(:mail)"), {"mail": notice.mail_id})
                if partner_id is None:
                    continue
                enter(db, partner_id=partner_id)
                news += bounces.note(
                    db, system(partner_id), mail_id=notice.mail_id, addresses=notice.addresses,
                    is_final=notice.is_final, words=notice.words, now=self._clock(),
                )  # fmt: skip
        return news

    def empty(self, place: Path) -> int:
        """Read what came into a mailbox: a folder (Maildir) or a file (mbox); how much was news.

        A message in a folder is moved from `new` to `cur` when it was carried out, a file is emptied then.
        A mailbox that is not there, or that a server writes to at the moment, is looked at in the next round.
        """
        try:
            return self._empty_folder(place) if place.is_dir() else self._empty_file(place)
        except (OSError, SQLAlchemyError, mailbox.Error):
            _log.exception("bounce mailbox not read", mailbox=str(place))
            return 0

    def _empty_folder(self, place: Path) -> int:
        news = 0
        for file in _waiting(place / "new"):
            # Another worker may have moved it meanwhile.
            with contextlib.suppress(FileNotFoundError):
                with file.open("rb") as opened:
                    raw = opened.read(MOST_READ)
                news += self._take_message(raw)
                file.rename(place / "cur" / f"{file.name.partition(':')[0]}:2,S")
        return news

    def _empty_file(self, place: Path) -> int:
        news = 0
        try:
            box = mailbox.mbox(place, create=False)
        except mailbox.NoSuchMailboxError:
            return 0
        try:
            box.lock()
            for key in box.iterkeys():
                with box.get_file(key) as opened:
                    news += self._take_message(opened.read(MOST_READ))
            # Emptied where it stands: who waits for the lock goes on writing into the same file.
            os.truncate(place, 0)
        except mailbox.ExternalClashError:
            return 0
        finally:
            box.close()
        return news

    def _take_message(self, raw: bytes) -> int:
        return self.take(delivery_notices.read_message(raw, host=self.host))


def _waiting(folder: Path) -> Iterator[Path]:
    for number, file in enumerate(sorted(folder.iterdir())):
        if number >= MOST_MESSAGES:
            return
        if not file.name.startswith(".") and file.is_file():
            yield file


def receiver(
    desk: BounceDesk, secrets: Collection[str], clock: Callable[[], datetime]
) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint that delivery notices are posted to, signed with one of `secrets`.

    The answer is the same for a notice about a mail of ours, of another house, and about none.
    """

    def take(body: bytes, header: str, content_type: str) -> None:
        signers(body, header, secrets=secrets, now=clock())
        if content_type.startswith("application/json"):
            desk.take(delivery_notices.read_json(body, host=desk.host))
        else:
            desk.take(delivery_notices.read_body(body, content_type, host=desk.host))

    async def receive(request: Request) -> Response:
        content_type = request.headers.get("content-type", "").strip()
        if not content_type.lower().startswith((*_MESSAGES, "application/json")):
            return JSONResponse({"error": "send message/rfc822, multipart/report or application/json"}, 415)
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > MOST_BYTES:
                return JSONResponse({"error": "too large"}, 413)
        try:
            header = request.headers.get(SIGNATURE_HEADER, "")
            await run_in_threadpool(take, bytes(body), header, content_type)
        except BadSignature:
            return JSONResponse({"error": "not accepted"}, 400)
        except NotUnderstood:
            return JSONResponse({"error": "not understood"}, 400)
        return JSONResponse({"received": True}, 202)

    receive.door = "gateway"  # type: ignore[attr-defined]  # signed like a gateway's events
    return receive

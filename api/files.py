"""Documents for programs: `GET /files/invoices/<id>.pdf` and `/files/payments/<id>.pdf`, with a key or a
portal token as for the API.

Surprise: a session can't come in here. Pages have addresses of their own for the same files, with the place
in them; this door is for whoever has read `pdfPath` and holds nothing but a key.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import orjson
from sqlmodel import Session, select
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, QueryParams
from starlette.routing import Route

from api.errors import formatted
from api.read import Reader
from api.view import bearer_of, preflight, send_answer
from auth.actors import Actor
from billing.partners import Partner
from db import ids
from db.session import Database
from integrations.mail.letters import locale_of
from integrations.pdf.invoices import invoice_sheet
from integrations.pdf.press import Press, Sheet
from integrations.pdf.receipts import receipt_sheet
from languages import known, speaking

Scope = dict[str, Any]


class Write(Protocol):
    """Puts together the document of one record, or refuses."""

    def __call__(self, db: Session, actor: Actor, id_: UUID) -> Sheet: ...


def _invoice(db: Session, actor: Actor, id_: UUID) -> Sheet:
    return invoice_sheet(db, actor, invoice_id=id_)


def _receipt(db: Session, actor: Actor, id_: UUID) -> Sheet:
    return receipt_sheet(db, actor, payment_id=id_)


class Files:
    """The door's parts, handed in by the process."""

    def __init__(
        self, reader: Reader, database: Database, press: Press, *, clock: Callable[[], datetime]
    ) -> None:
        self._reader = reader
        self._database = database
        self._press = press
        self._clock = clock

    def routes(self) -> list[Route]:
        """Its addresses."""
        return [
            self._at("/files/invoices/{invoice_id}.pdf", _Door(self, "invoice_id", "inv", _invoice)),
            self._at("/files/payments/{payment_id}.pdf", _Door(self, "payment_id", "pay", _receipt)),
        ]

    @staticmethod
    def _at(path: str, door: "_Door") -> Route:
        return Route(path, door, methods=["GET", "OPTIONS"])

    async def pdf(
        self, scope: Scope, headers: Headers, shown: str, prefix: str, write: Write
    ) -> tuple[Sheet, bytes]:
        """The document behind an id, in `?language=`, else the partner's. Refuses as the API does."""
        visit = await self._reader.identify(bearer_of(headers), now=self._clock())
        id_ = ids.parsed(shown, prefix)
        asked = known(QueryParams(scope["query_string"]).get("language"))

        def written() -> Sheet:
            actor = visit.actor
            with self._database.transaction(partner_id=actor.partner_id, customer_id=actor.customer_id) as db:
                partner = db.exec(select(Partner).where(Partner.id == actor.partner_id)).one()
                with speaking(asked or locale_of(partner)):
                    return write(db, actor, id_)

        sheet = await run_in_threadpool(written)
        return sheet, await run_in_threadpool(self._press.pdf, sheet)


class _Door:
    """One address. `door` names the guard it stands behind, for the test that no route is without one."""

    door = "api"

    def __init__(self, files: Files, name: str, prefix: str, write: Write) -> None:
        self._files, self._name, self._prefix, self._write = files, name, prefix, write

    async def __call__(
        self, scope: Scope, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        headers, cross = Headers(raw=list(scope["headers"])), preflight(scope, "GET")
        if scope["method"] == "OPTIONS" and cross:
            await send_answer(send, 204, cross, b"")
            return
        said = [(b"cache-control", b"no-store"), *cross[:2]]
        try:
            shown = scope["path_params"][self._name]
            sheet, body = await self._files.pdf(scope, headers, shown, self._prefix, self._write)
            kept = f'attachment; filename="{sheet.name}"'.encode()
            said += [(b"content-type", b"application/pdf"), (b"content-disposition", kept)]
            status = 200
        except Exception as problem:
            status, errors, more = formatted(problem)
            body = orjson.dumps({"errors": errors})
            said.append((b"content-type", b"application/json"))
            said += [(name.encode(), value.encode()) for name, value in more.items()]
        await send_answer(send, status, said, body)

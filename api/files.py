"""Documents for programs, with a key or a portal token as for the API: `GET /files/invoices/<id>.pdf`,
`/files/payments/<id>.pdf`, `/files/outside-payments/<id>.pdf`, `/files/credit-notes/<id>.pdf`,
`/files/customers/<id>/statement.pdf` (`.csv`, `.json`).

Surprise: a session can't come in here. Pages have addresses of their own for the same files, with the place
in them; this door is for whoever has read `pdfPath` and holds nothing but a key.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from sqlmodel import Session, select
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, QueryParams
from starlette.routing import Route

from api.budgets import FILE, Budgets
from api.errors import formatted
from api.read import Reader
from api.view import bearer_of, preflight, send_answer
from auth.actors import Actor
from billing import statements
from billing.partners import Partner
from db import ids
from db.deadlines import within_deadline
from db.session import Database
from integrations.mail.letters import locale_of
from integrations.pdf.credit_notes import credit_note_sheet
from integrations.pdf.invoices import invoice_sheet
from integrations.pdf.press import Press, Sheet
from integrations.pdf.receipts import outside_receipt_sheet, receipt_sheet
from integrations.pdf.statements import csv_of, json_of, statement_name, statement_sheet
from languages import known, speaking

Scope = dict[str, Any]


class Plain(NamedTuple):
    """A file that needs no press."""

    name: str
    kind: str
    content: bytes


@dataclass(frozen=True)
class Asked:
    """What stands in the address: the record's id, and what is behind the question mark; the time, and what
    links of ours start with."""

    id_: UUID
    query: QueryParams
    now: datetime
    public_url: str


Write = Callable[[Session, Actor, Asked], Sheet | Plain]
"""Puts together the document of one record, or refuses."""


def _invoice(db: Session, actor: Actor, asked: Asked) -> Sheet:
    return invoice_sheet(db, actor, invoice_id=asked.id_)


def _receipt(db: Session, actor: Actor, asked: Asked) -> Sheet:
    return receipt_sheet(db, actor, payment_id=asked.id_)


def _outside_receipt(db: Session, actor: Actor, asked: Asked) -> Sheet:
    return outside_receipt_sheet(db, actor, payment_id=asked.id_)


def _credit_note(db: Session, actor: Actor, asked: Asked) -> Sheet:
    return credit_note_sheet(db, actor, note_id=asked.id_)


def _statement(db: Session, actor: Actor, asked: Asked) -> statements.Statement:
    first, last = (statements.read_day(asked.query.get(name), name) for name in ("from", "to"))
    return statements.statement(db, actor, customer_id=asked.id_, first=first, last=last, now=asked.now)


def _statement_pdf(db: Session, actor: Actor, asked: Asked) -> Sheet:
    return statement_sheet(_statement(db, actor, asked), public_url=asked.public_url)


def _statement_csv(db: Session, actor: Actor, asked: Asked) -> Plain:
    found = _statement(db, actor, asked)
    # A program's file doesn't change with the partner's settings: English, unless it asks for a language.
    with speaking(known(asked.query.get("language")) or "en"):
        content = "".join(csv_of(found)).encode()
        return Plain(statement_name(found, "csv"), "text/csv; charset=utf-8", content)


def _statement_json(db: Session, actor: Actor, asked: Asked) -> Plain:
    found = _statement(db, actor, asked)
    return Plain(statement_name(found, "json"), "application/json", orjson.dumps(json_of(found)))


_STATEMENT = "/files/customers/{id}/statement"
PATHS: tuple[tuple[str, str, Write], ...] = (
    ("/files/invoices/{id}.pdf", "inv", _invoice),
    ("/files/payments/{id}.pdf", "pay", _receipt),
    ("/files/outside-payments/{id}.pdf", "opm", _outside_receipt),
    ("/files/credit-notes/{id}.pdf", "crn", _credit_note),
    (f"{_STATEMENT}.pdf", "cus", _statement_pdf),
    (f"{_STATEMENT}.csv", "cus", _statement_csv),
    (f"{_STATEMENT}.json", "cus", _statement_json),
)
"""Every address, the kind of id in it, and what is there: a test tries a stranger's id at each."""


class Files:
    """The door's parts, handed in by the process."""

    def __init__(
        self,
        reader: Reader,
        database: Database,
        press: Press,
        *,
        clock: Callable[[], datetime],
        budgets: Budgets,
        public_url: str,
    ) -> None:
        self._reader = reader
        self._database = database
        self._press = press
        self._clock = clock
        self._budgets = budgets
        self._public_url = public_url

    def routes(self) -> list[Route]:
        """Its addresses."""
        return [
            Route(path, _Door(self, prefix, write), methods=["GET", "OPTIONS"])
            for path, prefix, write in PATHS
        ]

    async def made(self, scope: Scope, headers: Headers, prefix: str, write: Write) -> Plain:
        """The document behind an id, in `?language=`, else the partner's. Refuses as the API does.

        Each costs the same points, whatever is in it: what that is turns out only while it is written.
        """
        now, query = self._clock(), QueryParams(scope["query_string"])
        visit = await self._reader.identify(bearer_of(headers), now=now)
        asked = Asked(ids.parsed(scope["path_params"]["id"], prefix), query, now, self._public_url)

        def written() -> Sheet | Plain:
            actor = visit.actor
            with self._database.transaction(partner_id=actor.partner_id, customer_id=actor.customer_id) as db:
                partner = db.exec(select(Partner).where(Partner.id == actor.partner_id)).one()
                locale = known(query.get("language")) or locale_of(partner)
                with speaking(locale), within_deadline(db):
                    return write(db, actor, asked)

        purse = self._budgets.purse(visit.actor)
        self._budgets.spend(purse, FILE)
        async with purse.turn():
            done = await run_in_threadpool(written)
            if isinstance(done, Plain):
                return done
            owner = visit.actor.partner_id, visit.actor.customer_id
            pdf = await run_in_threadpool(self._press.pdf, done, owner)
            return Plain(done.name, "application/pdf", pdf)


class _Door:
    """One address. `door` names the guard it stands behind, for the test that no route is without one."""

    door = "api"

    def __init__(self, files: Files, prefix: str, write: Write) -> None:
        self._files, self._prefix, self._write = files, prefix, write

    async def __call__(
        self, scope: Scope, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        headers, cross = Headers(raw=list(scope["headers"])), preflight(scope, "GET")
        if scope["method"] == "OPTIONS" and cross:
            await send_answer(send, 204, cross, b"")
            return
        said = [(b"cache-control", b"no-store"), *cross[:2]]
        try:
            made = await self._files.made(scope, headers, self._prefix, self._write)
            kept = f'attachment; filename="{made.name}"'.encode()
            said += [(b"content-type", made.kind.encode()), (b"content-disposition", kept)]
            status, body = 200, made.content
        except Exception as problem:
            status, errors, more = formatted(problem)
            body = orjson.dumps({"errors": errors})
            said.append((b"content-type", b"application/json"))
            said += [(name.encode(), value.encode()) for name, value in more.items()]
        await send_answer(send, status, said, body)

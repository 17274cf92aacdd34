"""The endpoint: `POST /graphql` for keys and portal tokens, `POST /partner/<slug>/graphql` and `POST
/portal/<slug>/graphql` for signed-in people, and below `/partner/<slug>/as/<grant>` for staff who look at a
customer's portal.

In this order, each refusing before the next has any work: who asks, the gate, the guard, the plan. The
surprise: the view stands before Strawberry's; graphql-core executes only questions about the schema.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Literal, Protocol

import orjson
from graphql import execute_sync
from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.routing import Route

from api import gate
from api.budgets import Budgets
from api.context import Bearer, Credential, GrantAt, SessionAt
from api.errors import Rejected, formatted
from api.gate import Question, Refused
from api.guard import COST
from api.plan.document import Document
from api.read import Reader
from api.schema import GRAPHQL
from auth.actors import Actor
from auth.impersonations import PREFIX
from auth.tokens import digest_of
from db import ids
from db.deadlines import DEADLINE
from errors import Unauthenticated

_BEARER = re.compile(r"Bearer (remit_[A-Za-z0-9_-]{20,200})")
_PREFLIGHT = (
    (b"access-control-allow-headers", b"authorization, content-type"),
    (b"access-control-max-age", b"600"),
)

Scope = Mapping[str, Any]
Place = Literal["partner", "portal", "grant"]
Check = Callable[[Headers, str], None]
"""Refuses a request of a session (by its id) that no page of ours sent: `portal.csrf.check`, handed in."""


class Mutate(Protocol):
    """Carries out a document that changes something, for whoever knocks with the credential."""

    async def __call__(
        self, document: Document, variables: Mapping[str, Any], *, credential: Credential, now: datetime
    ) -> bytes:
        """The JSON object of the answer without its closing brace: `{"data":{…}`, perhaps `,"errors":[…]`."""
        ...


class Endpoint:
    """The endpoint's parts, handed in by the process. `session_cookie` is the full name of the cookie."""

    def __init__(
        self,
        reader: Reader,
        *,
        clock: Callable[[], datetime],
        session_cookie: str,
        check: Check,
        mutate: Mutate,
        budgets: Budgets,
    ) -> None:
        self._reader = reader
        self._clock = clock
        self._session_cookie = session_cookie
        self._check = check
        self._mutate = mutate
        self._budgets = budgets

    def routes(self) -> list[Route]:
        """Its four addresses."""
        return [
            Route("/graphql", _Door(self, None)),
            Route("/partner/{slug}/graphql", _Door(self, "partner")),
            Route("/portal/{slug}/graphql", _Door(self, "portal")),
            Route("/partner/{slug}/as/{grant_id}/graphql", _Door(self, "grant")),
        ]

    async def answer(self, scope: Scope, receive: gate.Receive, place: Place | None) -> bytes:
        """The body of a good answer. Raises whatever refuses the request."""
        headers = Headers(raw=list(scope["headers"]))
        credential = self._credential(headers, scope, place)
        stated = gate.check_head(scope)
        now = self._clock()
        # A stranger's body is not even read.
        visit = await self._reader.known(credential, now=now)
        if place is not None:
            self._check(headers, str(visit.actor.session_id))
        try:
            async with asyncio.timeout(DEADLINE):
                body = await gate.read_body(receive, stated)
        except TimeoutError:
            raise Refused(408, "BODY_TOO_SLOW", "The body did not arrive within 10 seconds.") from None
        return await self._run(gate.parse(body), credential, visit.actor, now)

    def _credential(self, headers: Headers, scope: Scope, place: Place | None) -> Credential:
        given, cookies = headers.getlist("authorization"), headers.get("cookie")
        cookie = cookie_parser(cookies).get(self._session_cookie) if cookies else None
        if given and cookie is not None:
            message = "Send a key or a session cookie, not both."
            raise Refused(400, "TWO_CREDENTIALS", message)
        if place is not None:
            if cookie is None:
                raise Unauthenticated
            named = scope["path_params"]
            if place == "grant":
                return GrantAt(digest_of(cookie), named["slug"], ids.parsed(named["grant_id"], PREFIX))
            return SessionAt(digest_of(cookie), place, named["slug"])
        return bearer_of(headers)

    async def _run(self, question: Question, credential: Credential, actor: Actor, now: datetime) -> bytes:
        try:
            document, cost = self._accepted(question)
        except (Refused, Rejected):
            # What is wrong with a document is told to the living only.
            await self._reader.identify(credential, now=now)
            raise
        purse = self._budgets.purse(actor)
        left = self._budgets.spend(purse, cost)
        async with purse.turn():
            said = await self._said(document, question.variables, credential, now)
        return said + b',"extensions":{"cost":{"requested":%d,"limit":%d,"left":%d}}}' % (cost, COST, left)

    async def _said(
        self, document: Document, variables: dict[str, Any], credential: Credential, now: datetime
    ) -> bytes:
        if document.is_mutation:
            return await self._mutate(document, variables, credential=credential, now=now)
        if document.asks_schema:
            await self._reader.identify(credential, now=now)
            return await asyncio.to_thread(_about_schema, document, variables)
        found = await self._reader.read(document, variables, credential=credential, now=now)
        return b'{"data":' + found.data

    def _accepted(self, question: Question) -> tuple[Document, int]:
        document = self._reader.documents.get(question.query)
        document.shape.check_name(question.operation_name)
        if document.asks_schema and document.asks_records:
            message = "Ask about the schema (__schema, __type) in a request of its own."
            raise Refused(400, "INTROSPECTION_MIXED", message)
        return document, document.shape.cost(question.variables)


def bearer_of(headers: Headers) -> Bearer:
    """The key or portal token of a request; refuses Unauthenticated one without."""
    given = headers.getlist("authorization")
    match = _BEARER.fullmatch(given[0]) if len(given) == 1 else None
    if match is None:
        raise Unauthenticated("Send an API key: `Authorization: Bearer remit_…`.")
    return Bearer(digest_of(match[1]), headers.get("origin"))


def preflight(scope: Scope, method: str) -> list[tuple[bytes, bytes]]:
    """What a browser at another origin is told; the first two also with the answer itself. None without one.

    Safe for any origin: only what the page itself sends as a token counts here, never a cookie.
    """
    origins = [value for name, value in scope["headers"] if name == b"origin"]
    if len(origins) != 1:
        return []
    own = [(b"access-control-allow-origin", origins[0]), (b"vary", b"origin")]
    return [*own, (b"access-control-allow-methods", method.encode()), *_PREFLIGHT]


def _about_schema(document: Document, variables: Mapping[str, Any]) -> bytes:
    found = execute_sync(GRAPHQL, document.node, variable_values=dict(variables), hide_suggestions=True)
    if found.errors:
        raise Rejected.of(found.errors)
    return b'{"data":' + orjson.dumps(found.data)


class _Door:
    """One address. `door` names the guard it stands behind, for the test that no route is without one."""

    door = "api"

    def __init__(self, endpoint: Endpoint, place: Place | None) -> None:
        self._endpoint = endpoint
        self._place = place

    async def __call__(
        self, scope: Scope, receive: gate.Receive, send: Callable[[Any], Awaitable[None]]
    ) -> None:
        headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
        if self._place is None and (cross := preflight(scope, "POST")):
            headers += cross[:2]
            if scope["method"] == "OPTIONS":
                await send_answer(send, 204, [*headers[1:], *cross[2:]], b"")
                return
        try:
            status, body = 200, await self._endpoint.answer(scope, receive, self._place)
        except Exception as problem:
            status, errors, more = formatted(problem)
            body = orjson.dumps({"errors": errors})
            headers += [(name.encode(), value.encode()) for name, value in more.items()]
        await send_answer(send, status, headers, body)


async def send_answer(
    send: Callable[[Any], Awaitable[None]], status: int, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    """A whole answer at once."""
    headers = [*headers, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

"""The endpoint, spoken to as a client would."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, text
from starlette.applications import Starlette
from starlette.datastructures import Headers

from api.budgets import Budgets
from api.read import Reader
from api.view import Endpoint, Mutate
from auth.tokens import digest_of
from db.columns import new_id
from errors import Forbidden
from tests.cast import Cast

COOKIE = "__Host-remit_session"
ORIGIN = "https://pay.example"


@dataclass
class Answered:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def data(self) -> Any:
        assert self.status == 200, self.body
        return self.json["data"]

    @property
    def codes(self) -> list[str]:
        return [error["extensions"]["code"] for error in self.json["errors"]]


@dataclass
class Client:
    """Speaks HTTP with the endpoint, in process. `now` is the clock it lives by."""

    reader: Reader
    cast: Cast
    now: datetime
    owner: Connection
    mutate: Mutate | None = None
    checked: list[str] = field(default_factory=list)
    forged: bool = False
    budgets: Budgets = field(default_factory=lambda: Budgets(points=10**9))

    def __post_init__(self) -> None:
        endpoint = Endpoint(
            self.reader, clock=lambda: self.now, session_cookie=COOKIE, check=self._check,
            mutate=self.mutate or _never, budgets=self.budgets,
        )  # fmt: skip
        self.app = Starlette(routes=list(endpoint.routes()))

    def _check(self, headers: Headers, session_id: str) -> None:
        self.checked.append(session_id)
        if self.forged:
            raise Forbidden

    async def post(
        self, path: str, body: bytes, headers: dict[str, str] | None = None, method: str = "POST"
    ) -> Answered:
        """One request, as its bytes."""
        given = {"content-type": "application/json", **(headers or {})}
        scope = {
            "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b"",
            "headers": [(name.lower().encode(), value.encode()) for name, value in given.items()],
            "root_path": "", "scheme": "https", "server": ("pay.example", 443), "client": ("192.0.2.1", 1),
            "http_version": "1.1",
        }  # fmt: skip
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return Answered(sent[0]["status"], found, sent[1].get("body", b""))

    async def ask(
        self,
        query: str,
        variables: dict[str, Any] | None = None,
        *,
        key: str | None = None,
        session: str | None = None,
        at: str = "/graphql",
        headers: dict[str, str] | None = None,
    ) -> Answered:
        """Ask with a key, or with a session's cookie at a place; by default as Northwind's key."""
        more = dict(headers or {})
        if session is not None:
            more["cookie"] = f"{COOKIE}={session}"
        else:
            more["authorization"] = f"Bearer {key or self.cast.keys['northwind']}"
        return await self.post(at, orjson.dumps({"query": query, "variables": variables or {}}), more)

    def sign_in(self, name: str) -> str:
        """A live session of a person of the cast; the token."""
        token = f"session-{name}-" + "s" * 32
        actor = getattr(self.cast, name)
        self.owner.execute(
            text(
                "insert into session (id, user_id, token_hash, address, agent, created_at, last_seen_at,"
                " expires_at, stepped_up_at) values (:id, :user, :hash, '', '', :now, :now,"
                " :now + interval '12 hours', :now)"
            ),
            {"id": new_id(), "user": actor.user_id, "hash": digest_of(token), "now": self.now},
        )
        return token

    def portal_token(self, customer: str, origins: list[str]) -> str:
        """A portal token of one of Northwind's customers."""
        token = f"remit_portal_{customer}_" + "p" * 40
        self.owner.execute(
            text(
                "insert into portal_token (partner_id, id, customer_id, api_key_id, token_hash, origins,"
                " created_at, expires_at) values (:partner, :id, :customer, :key, :hash, :origins, :now,"
                " :now + interval '15 minutes')"
            ),
            {
                "partner": self.cast.partners["northwind"], "id": new_id(), "hash": digest_of(token),
                "customer": self.cast.customers[customer], "key": self.cast.northwind_key.id,
                "origins": origins, "now": self.now,
            },
        )  # fmt: skip
        return token


async def _never(*_: Any, **__: Any) -> bytes:
    raise AssertionError("no mutation is sent here")

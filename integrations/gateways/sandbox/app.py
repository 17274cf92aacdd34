"""The sandbox gateway: an ASGI application of its own, on its own origin, with its own storage.

Surprise: it is a different system that only shares a repository with its client. It reads no environment
and no database of ours, and it starts on loopback only: it is for trying out and for tests.
"""

import ipaddress
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import anyio
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from integrations.gateways.sandbox import deliveries
from integrations.gateways.sandbox.accounts import Accounts
from integrations.gateways.sandbox.api import Api, ApiRefusal, refused
from integrations.gateways.sandbox.control import Control
from integrations.gateways.sandbox.desk import Desk
from integrations.gateways.sandbox.pages import Pages, problem_page
from integrations.gateways.sandbox.store import Store
from integrations.gateways.sandbox.words import language

LARGEST_BODY = 16 * 1024

_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
}
_SAID = {
    404: "This page does not exist, or its link is no longer good. Go back and start again.",
    405: "This page can't be used that way. Go back and start again.",
}


def utc_now() -> datetime:
    """The clock."""
    return datetime.now(UTC)


def create_app(
    store_path: Path,
    *,
    accounts: Accounts,
    public_url: str,
    deliver: bool = True,
    clock: Callable[[], datetime] = utc_now,
) -> ASGIApp:
    """The gateway, for any ASGI server that runs lifespans.

    `public_url` is the origin browsers reach it at; anything but loopback is refused with ValueError
    (G-2). `deliver` False keeps events in the store without sending them.
    """
    origin = loopback_origin(public_url)
    desk = Desk(Store(store_path), accounts, origin, clock)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with anyio.create_task_group() as group:
            if deliver:
                group.start_soon(deliveries.run, desk)
            yield
            group.cancel_scope.cancel()
        desk.store.close()

    app = Starlette(
        routes=[
            Route("/health", _health),
            *Api(desk).routes(),
            *Control(desk).routes(),
            *Pages(desk).routes(),
        ],
        exception_handlers={ApiRefusal: refused, HTTPException: _not_shown, Exception: _failed},
        lifespan=lifespan,
        max_body_size=LARGEST_BODY,
    )
    return FrontDoor(app, netloc=urlsplit(desk.public_url).netloc)


def loopback_origin(public_url: str) -> str:
    """The origin of `public_url`. ValueError unless it is plain http(s) on a loopback host."""
    parts = urlsplit(public_url)
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or parts.path not in ("", "/") or not _loopback(host):
        raise ValueError("The sandbox gateway runs on loopback only, for example http://127.0.0.1:8001.")
    return f"{parts.scheme}://{parts.netloc}"


class FrontDoor:
    """Outermost: no foreign Host comes in, and no answer, not even a failure, leaves without its headers."""

    def __init__(self, app: ASGIApp, *, netloc: str) -> None:
        self._app = app
        self._netloc = netloc

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; lifespans pass through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=list(message.get("headers", [])))
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                message = {**message, "headers": headers.raw}
            await send(message)

        app = self._app if self._ours(scope) else PlainTextResponse("Unknown host", 421)
        await app(scope, receive, with_headers)

    def _ours(self, scope: Scope) -> bool:
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        return hosts == [self._netloc.encode()]


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def _health(_request: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def _not_shown(request: Request, error: Exception) -> Response:
    status, detail = (error.status_code, error.detail) if isinstance(error, HTTPException) else (500, "")
    message = _SAID.get(status, detail)
    if request.url.path.startswith("/v1/"):
        return JSONResponse({"error": {"code": f"http_{status}", "message": message}}, status)
    return problem_page(status, message, language(request))


async def _failed(request: Request, _error: Exception) -> Response:
    return await _not_shown(request, HTTPException(500, "The gateway failed. Try again in a moment."))

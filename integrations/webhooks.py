"""Webhooks in: the signature is checked over the raw bytes, the event stored once, then answered.

Surprise: the answer is 202 before anything is done about the event. A job acts on it, and compares everything
it says with what we know before it believes it.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from billing.ports import BadSignature, Gateway
from db.session import Database
from errors import NotFound
from integrations import inbox

MOST_BYTES = 256 * 1024


def receiver(
    database: Database, gateway: Gateway, clock: Callable[[], datetime]
) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint that `gateway` sends its events to."""

    def store(body: bytes, header: str) -> None:
        now = clock()
        event = gateway.verify_event(body=body, header=header, now=now)
        with database.transaction() as db:
            inbox.receive(db, gateway=gateway, event=event, now=now)

    async def receive(request: Request) -> Response:
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > MOST_BYTES:
                return JSONResponse({"error": "too large"}, 413)
        try:
            header = request.headers.get(gateway.signature_header, "")
            await run_in_threadpool(store, bytes(body), header)
        except (BadSignature, NotFound):
            # The same for a wrong signature and an account that is not ours.
            return JSONResponse({"error": "not accepted"}, 400)
        return JSONResponse({"received": True}, 202)

    receive.door = "gateway"  # type: ignore[attr-defined]  # read by the test that no route is without one
    return receive

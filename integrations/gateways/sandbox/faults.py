"""Faults on order: how a test makes the gateway misbehave once, the way networks and gateways do.

Surprise: half of them move the money and hide it. That is the half a caller gets wrong.
"""

import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

import anyio
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send


class Operation(StrEnum):
    """The call a fault waits for."""

    CHARGE = "charge"
    FIND = "find"
    CANCEL = "cancel"
    SETUP = "setup"
    READ_SETUP = "read_setup"


class FaultMode(StrEnum):
    """What goes wrong, and whether the operation was carried out."""

    TIMEOUT = "timeout"  # carried out, never answered
    RESET = "reset"  # carried out, connection cut in the answer
    RESET_BEFORE = "reset_before"  # not carried out, connection cut
    ERROR = "500"  # not carried out
    ERROR_AFTER = "500_after"  # carried out, answered with 500
    HANG = "hang_ms"  # carried out at once, answered after `ms`
    LATE = "late_ms"  # carried out and answered after `ms`, also when the caller is long gone


@dataclass(frozen=True, slots=True)
class Fault:
    """One misbehaviour. `ms` is for HANG and LATE."""

    mode: FaultMode
    ms: int


class CutAnswer(Response):
    """Promises a body, sends none: the server closes the connection in the middle of the answer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the head only."""
        headers = [(b"content-type", b"application/json"), (b"content-length", b"512")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})


class NoAnswer(Response):
    """Says nothing until the caller hangs up."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wait for the end of the connection."""
        while (await receive())["type"] != "http.disconnect":
            pass


def order(
    db: sqlite3.Connection, account: str, *, operation: Operation, mode: FaultMode, ms: int, times: int
) -> None:
    """The account's next `times` calls of `operation` go wrong, in the order they were asked for."""
    for _ in range(times):
        db.execute(
            "INSERT INTO fault (account, operation, mode, ms) VALUES (?, ?, ?, ?)",
            [account, operation.value, mode.value, ms],
        )


def take(db: sqlite3.Connection, account: str, *, operation: Operation) -> Fault | None:
    """The fault this call is to suffer; each is suffered once."""
    row = db.execute(
        "SELECT * FROM fault WHERE account = ? AND operation = ? ORDER BY position LIMIT 1",
        [account, operation.value],
    ).fetchone()
    if row is None:
        return None
    db.execute("DELETE FROM fault WHERE position = ?", [row["position"]])
    return Fault(FaultMode(row["mode"]), row["ms"])


def clear(db: sqlite3.Connection, account: str) -> None:
    """Forget what was ordered and not yet suffered."""
    db.execute("DELETE FROM fault WHERE account = ?", [account])


async def suffer(fault: Fault | None, act: Callable[[], Awaitable[Response]]) -> Response:
    """Carry out `act`, or not, and answer, or not, as the fault says."""
    if fault is None:
        return await act()
    if fault.mode is FaultMode.ERROR:
        return _internal_error()
    if fault.mode is FaultMode.RESET_BEFORE:
        return CutAnswer()
    if fault.mode is FaultMode.LATE:
        await anyio.sleep(fault.ms / 1000)
    answer = await act()
    if fault.mode is FaultMode.HANG:
        await anyio.sleep(fault.ms / 1000)
    if fault.mode is FaultMode.TIMEOUT:
        return NoAnswer()
    if fault.mode is FaultMode.RESET:
        return CutAnswer()
    return _internal_error() if fault.mode is FaultMode.ERROR_AFTER else answer


def _internal_error() -> Response:
    return JSONResponse({"error": {"code": "internal_error", "message": "The gateway failed."}}, 500)

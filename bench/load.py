"""Load: 16 callers that keep their connections, each asking anew as soon as it is answered.

Raw HTTP/1.1 over asyncio, because a client library would take more of the processor than the servers that are
measured. Surprise: the processor time is the servers' own, web process and PostgreSQL, so it does not hang on
how busy the rest of the machine is.
"""

import asyncio
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import psutil

CALLERS = 16


@dataclass(frozen=True)
class Sample:
    """One round: requests a second, and processor milliseconds per request, Python's and PostgreSQL's."""

    per_second: float
    python_ms: float
    postgres_ms: float


class _Caller(asyncio.Protocol):
    """One connection. Counts good answers; stops with the first that is not 200."""

    def __init__(self, requests: Iterator[bytes], gone: "asyncio.Future[None]") -> None:
        self.answered = 0
        self._requests = requests
        self._gone = gone
        self._buffer = bytearray()
        self._whole = 0
        self._last = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(next(self._requests))

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        self._buffer += data
        if not self._whole:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self._buffer[:end]).lower()
            if not head.startswith(b"http/1.1 200 "):
                self._gone.set_exception(RuntimeError(bytes(self._buffer[:500]).decode()))
                self._transport.abort()
                return
            length = head.split(b"\r\ncontent-length: ", 1)[1].split(b"\r\n", 1)[0]
            self._whole = end + 4 + int(length)
        if len(self._buffer) >= self._whole:
            self._buffer.clear()
            self._whole = 0
            self.answered += 1
            if self._last:
                self._transport.close()
            else:
                self._transport.write(next(self._requests))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._gone.done():
            self._gone.set_result(None)

    def finish(self) -> None:
        """Ask nothing more. What is under way is waited for: else the next in turn would pay for it."""
        self._last = True


def request(url: str, key: str, body: bytes | None) -> bytes:
    """The bytes of one request: a POST of JSON if there is a body, else a GET."""
    parts = urlsplit(url)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    lines = [
        f"{'GET' if body is None else 'POST'} {path} HTTP/1.1",
        f"Host: {parts.netloc}",
        f"Authorization: Bearer {key}",
    ]
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + (body or b"")


def measure(origin: str, requests: Sequence[bytes], pid: int, postmaster: int, *, seconds: float) -> Sample:
    """One round against one server. Raises what a server that answers badly said."""
    cpu = clock(pid, postmaster)
    before, began = cpu(), time.perf_counter()
    answered = asyncio.run(_call(origin, requests, seconds))
    took, after = time.perf_counter() - began, cpu()
    python, postgres = ((late - early) * 1000 / answered for late, early in zip(after, before, strict=True))
    return Sample(answered / took, python, postgres)


async def _call(origin: str, requests: Sequence[bytes], seconds: float) -> int:
    parts = urlsplit(origin)
    loop = asyncio.get_running_loop()
    turn = itertools.cycle(requests)
    callers = []
    ends = [loop.create_future() for _ in range(CALLERS)]
    for end in ends:
        _, caller = await loop.create_connection(
            lambda end=end: _Caller(turn, end),  # type: ignore[misc]
            parts.hostname or "",
            parts.port or 80,
        )
        callers.append(caller)
    await asyncio.wait(ends, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
    for caller in callers:
        caller.finish()
    for end in ends:
        await end
    return sum(caller.answered for caller in callers)


def clock(pid: int, postmaster: int) -> Callable[[], tuple[float, float]]:
    """Processor seconds used so far by a server process, and by the PostgreSQL that serves it alone."""
    web, server = psutil.Process(pid), psutil.Process(postmaster)

    def used() -> tuple[float, float]:
        backends = server.children()
        return _seconds([web]), _seconds(backends)

    return used


def _seconds(processes: Sequence[psutil.Process]) -> float:
    total = 0.0
    for process in processes:
        times = process.cpu_times()
        total += times.user + times.system
    return total

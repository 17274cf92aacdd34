"""The press: hands documents to typesetters, a few at once, each within a deadline.

Surprise: typst does not run in our process. What it is given may be long or odd, and a process of its own can
be stopped when it takes too long, may use only so much memory, and holds no secret: its environment is empty.
"""

import base64
import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

from errors import Conflict, Limited
from integrations.pdf import typesetter
from integrations.pdf.typesetter import LENGTH, STATUS_MADE

DEADLINE_SECONDS = 20.0
PATIENCE_SECONDS = 10.0
MOST_BYTES = 8 * 1024 * 1024
# Orders of one customer, or of a partner's staff and keys, that are under way at once.
MOST_OF_ONE = 4
# What typst remembers of earlier documents goes with its process.
MOST_ORDERS = 500


class Busy(Limited):
    """Every typesetter is at work, and others wait already."""

    code = "PDF_BUSY"
    message = "Many documents are being made just now. Try again in a moment."


class TooSlow(Limited):
    """It was stopped at the deadline."""

    code = "PDF_TOO_SLOW"
    message = "This document took too long to make and was stopped. Try again in a moment."


class TooLong(Conflict):
    """There is too much in it for one document."""

    code = "PDF_TOO_LONG"
    message = "This is too long for one document. Choose less at once."


class Broken(Exception):
    """The typesetter failed, or ended. A bug of ours: what people typed can't do that."""


@dataclass(frozen=True)
class Sheet:
    """A document before it is set: its template, what it says (JSON), a logo (PNG), and what it is called.

    `made_at` is when what it says last changed: it becomes the PDF's own date, so that the same content is
    the same file.
    """

    template: str
    name: str
    made_at: datetime
    content: Mapping[str, Any] = field(repr=False)
    logo: bytes | None = field(default=None, repr=False)

    @property
    def order(self) -> dict[str, Any]:
        """As a typesetter takes it."""
        return {
            "template": self.template,
            "content": self.content,
            "logo": base64.b64encode(self.logo).decode() if self.logo else None,
            "made_at": self.made_at.isoformat(),
        }


class Press:
    """`at_once` typesetters at the most, started when they are needed; `waiting` more orders may wait."""

    def __init__(
        self, templates: Path, *, at_once: int = 2, waiting: int = 8, deadline: float = DEADLINE_SECONDS
    ) -> None:
        self._templates = templates / "pdf"
        self._room = threading.BoundedSemaphore(at_once + waiting)
        self._seats = threading.BoundedSemaphore(at_once)
        self._deadline = deadline
        self._idle: list[_Typesetter] = []
        self._asked: Counter[Hashable] = Counter()
        self._lock = threading.Lock()

    def pdf(self, sheet: Sheet, owner: Hashable = None) -> bytes:
        """The document as a PDF, for `owner` (None: ourselves, whose jobs are few by themselves).

        Blocks: for worker threads. Refuses Busy, TooSlow, TooLong.
        """
        order = json.dumps(sheet.order).encode()
        if len(order) > MOST_BYTES:
            raise TooLong
        with self._turn(owner):
            if not self._room.acquire(blocking=False):
                raise Busy(retry_after=5)
            try:
                if not self._seats.acquire(timeout=PATIENCE_SECONDS):
                    raise Busy(retry_after=5)
                try:
                    return self._set(order)
                finally:
                    self._seats.release()
            finally:
                self._room.release()

    def close(self) -> None:
        """Send the typesetters home."""
        with self._lock:
            idle, self._idle = self._idle, []
        for one in idle:
            one.end()

    @contextmanager
    def _turn(self, owner: Hashable) -> Iterator[None]:
        """One of the orders `owner` may have under way: else one loop shuts everybody out."""
        if owner is None:
            yield
            return
        with self._lock:
            if self._asked[owner] >= MOST_OF_ONE:
                raise Busy(retry_after=5)
            self._asked[owner] += 1
        try:
            yield
        finally:
            with self._lock:
                self._asked[owner] -= 1
                if not self._asked[owner]:
                    del self._asked[owner]

    def _set(self, order: bytes) -> bytes:
        with self._lock:
            one = self._idle.pop() if self._idle else None
        if one is None or not one.is_fit:
            if one is not None:
                one.end()
            one = _Typesetter(self._templates)
        try:
            made = one.set(order, self._deadline)
        except BaseException:
            one.end()
            raise
        with self._lock:
            self._idle.append(one)
        return made


class _Typesetter:
    """One process, and the pipes to it."""

    def __init__(self, templates: Path) -> None:
        self._orders = 0
        self._place = mkdtemp(prefix="remit-pdf-")
        self._process = subprocess.Popen(
            [sys.executable, "-I", typesetter.__file__, str(templates), self._place],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={},
        )  # fmt: skip

    @property
    def is_fit(self) -> bool:
        return self._orders < MOST_ORDERS and self._process.poll() is None

    def set(self, order: bytes, deadline: float) -> bytes:
        self._orders += 1
        stopped = threading.Event()

        def stop() -> None:
            stopped.set()
            self._process.kill()

        alarm = threading.Timer(deadline, stop)
        alarm.start()
        try:
            status, made = self._asked(order)
        except (OSError, EOFError):
            if stopped.is_set():
                raise TooSlow(retry_after=5) from None
            raise Broken("the typesetter ended") from None
        finally:
            alarm.cancel()
        if status != STATUS_MADE:
            raise Broken(made.decode(errors="replace"))
        return made

    def _asked(self, order: bytes) -> tuple[bytes, bytes]:
        orders, answers = self._process.stdin, self._process.stdout
        assert orders is not None
        assert answers is not None
        orders.write(LENGTH.pack(len(order)) + order)
        orders.flush()
        head = answers.read(1 + LENGTH.size)
        if len(head) < 1 + LENGTH.size:
            raise EOFError
        (length,) = LENGTH.unpack(head[1:])
        made = answers.read(length)
        if len(made) < length:
            raise EOFError
        return head[:1], made

    def end(self) -> None:
        """It is gone, with its pipes and its folder, whatever it was doing."""
        self._process.kill()
        self._process.wait()
        rmtree(self._place, ignore_errors=True)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:  # what was still to be written has nobody to read it
                    continue

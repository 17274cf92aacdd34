"""Refusals that matter: who was stopped at what, told once each in the server's log (GUARANTEES G-8).

Surprise: nothing of it is in the database, so that a refused request changes nothing there. What is tried at
one person's way in (wrong passwords, codes, passkeys) stands in that person's own history instead, and staff
who try to change a portal they look at stand in both sides' audit log.
"""

import threading
import time
from collections.abc import Callable

import structlog

from errors import Refusal

_log = structlog.get_logger(__name__)
# The same again is told after so many seconds, and a storm of different ones is cut off each minute.
AGAIN, MINUTE = 600.0, 60.0
MOST_A_MINUTE, MOST_REMEMBERED = 100, 10_000

Told = tuple[str, tuple[tuple[str, str], ...]]


class Teller:
    """Tells each refusal once, in the log; `seconds` is a clock that only goes forward."""

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._told: dict[Told, float] = {}
        self._minute, self._count = 0.0, 0

    def tell(self, refusal: Refusal) -> None:
        """Tell a refusal that `matters`, unless the same was told in the last ten minutes, or too many."""
        if not refusal.matters:
            return
        what = refusal.about()
        count = self._counted((refusal.code, tuple(what.items())))
        if count == MOST_A_MINUTE + 1:
            _log.warning("more refusals than are told", a_minute=MOST_A_MINUTE)
        elif 0 < count <= MOST_A_MINUTE:
            _log.warning("refused", code=refusal.code, **what)

    def _counted(self, told: Told) -> int:
        """The how-manieth of its minute it is; 0 for one that was told a while ago."""
        now = self._seconds()
        with self._lock:
            if now - self._told.get(told, now - AGAIN) < AGAIN:
                return 0
            if now - self._minute >= MINUTE:
                self._minute, self._count = now, 0
            self._count += 1
            if self._count <= MOST_A_MINUTE:
                self._told[told] = now
                if len(self._told) > MOST_REMEMBERED:
                    del self._told[next(iter(self._told))]
            return self._count


TELLER = Teller()
"""The process's own."""


def tell(refusal: Refusal) -> None:
    """What a door calls with whatever it refuses, once for each request."""
    TELLER.tell(refusal)

"""What one caller may ask for: points in a bucket that refills, and so many requests at once (E-6).

A caller is a key, a person at one place, an impersonation, or all portal tokens of one customer together.
The surprise: this is kept in the memory of the web process and not in the database, because what bounds the
load must not add to it. There is one web process; when it starts again, every bucket is full.
"""

import asyncio
import math
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from time import monotonic

from auth.actors import Actor, ActorKind
from errors import Limited

POINTS = 50_000  # in a full bucket
PER_SECOND = 500
AT_ONCE = 8
IN_LINE = 24  # more that wait for their turn
FILE = 250  # points of a document to download: typesetting one takes about as long as that many records
MOST_CALLERS = 10_000


class OutOfPoints(Limited):
    """The bucket does not hold what the request costs."""

    code = "OUT_OF_POINTS"


class TooManyAtOnce(Limited):
    """Eight requests of this caller are being answered, and too many more wait."""

    code = "TOO_MANY_AT_ONCE"
    message = "Too many requests at once. Send at most 8 at a time, and the next when one is answered."


class Purse:
    """One caller's bucket, and the turns of its requests."""

    def __init__(self, points: float, now: float) -> None:
        self.points = points
        self.filled_at = now
        self.in_line = 0
        self.turns = asyncio.Semaphore(AT_ONCE)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until fewer than eight of this caller's requests are being answered. Refuses TooManyAtOnce."""
        if self.in_line >= AT_ONCE + IN_LINE:
            raise TooManyAtOnce(retry_after=1)
        self.in_line += 1
        try:
            async with self.turns:
                yield
        finally:
            self.in_line -= 1


class Budgets:
    """Everybody's purses. `points` fit into a bucket, which fills at `per_second`; `clock` is in seconds."""

    def __init__(
        self, *, points: int = POINTS, per_second: int = PER_SECOND, clock: Callable[[], float] = monotonic
    ) -> None:
        self._points = points
        self._per_second = per_second
        self._clock = clock
        self._purses: OrderedDict[Hashable, Purse] = OrderedDict()

    def purse(self, actor: Actor) -> Purse:
        """The purse of whoever asks; a new caller's is full."""
        caller = _caller(actor)
        purse = self._purses.get(caller)
        if purse is None:
            purse = self._purses[caller] = Purse(self._points, self._clock())
            # The one that asked longest ago has filled up again meanwhile, or nearly so.
            while len(self._purses) > MOST_CALLERS:
                self._purses.popitem(last=False)
        else:
            self._purses.move_to_end(caller)
        return purse

    def spend(self, purse: Purse, cost: int) -> int:
        """Take the points of a request before it is answered; give how many are left.

        Refuses OutOfPoints, and takes nothing then; `retry_after` is when there will be enough.
        """
        now = self._clock()
        held = min(self._points, purse.points + (now - purse.filled_at) * self._per_second)
        purse.points, purse.filled_at = held, now
        if cost > held:
            wait = math.ceil((cost - held) / self._per_second)
            message = (
                f"This costs {cost:,} points and {int(held):,} are left; {self._per_second:,} come back each"
                f" second. Try again in {wait} s."
            )
            raise OutOfPoints(message, retry_after=wait)
        purse.points = held - cost
        return int(purse.points)


def _caller(actor: Actor) -> Hashable:
    # Tokens are made by the dozen: one customer's are one caller, or each would bring a full bucket.
    if actor.kind is ActorKind.PORTAL_TOKEN:
        return actor.kind, actor.partner_id, actor.customer_id
    return actor.kind, actor.partner_id, actor.id

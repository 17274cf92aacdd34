"""Reading: a document, for whoever a credential says it is, as one statement in one trip to the database.

Pages and the endpoint both read through `Reader`. The surprise: its answers are JSON text that the database
put together; nothing here looks into it unless a page asks for `content`.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar

import orjson
from psycopg import errors as driver
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from api.context import Bearer, Credential, GrantAt, Memory, SessionAt, Visit
from api.errors import Unavailable
from api.plan.document import Document, Documents
from api.plan.planning import LARGEST_SIZE, Call, Plan
from api.schema import GRAPHQL, SINGLE, list_sizes, prepare_expressions
from auth.actors import Actor
from db.deadlines import DEADLINE, Deadline
from db.trips import Asked, Found, TripConnection
from errors import Refusal

__all__ = ["Answer", "Bearer", "Credential", "Document", "GrantAt", "Reader", "SessionAt"]

Pool = AsyncConnectionPool[TripConnection]
T = TypeVar("T")
MOST_TRIES = 4
# A second more than the statement's own limit, so that the database stops first.
PATIENCE = DEADLINE + 1
_IMPATIENT = (TimeoutError, driver.QueryCanceled, PoolTimeout)


class Busy(Unavailable):
    """No connection was free in time."""

    code = "BUSY"
    message = "Too much at once just now. Try again in a moment."


@dataclass(frozen=True)
class Answer:
    """What a document answered: who asked (for people, `visit.session`), and the JSON of `data`."""

    visit: Visit
    data: bytes

    @property
    def actor(self) -> Actor:
        """Who asked, alive at the moment of the answer."""
        return self.visit.actor

    @cached_property
    def content(self) -> Mapping[str, Any]:
        """`data`, as Python has it."""
        found: Mapping[str, Any] = orjson.loads(self.data)
        return found


class Reader:
    """Runs documents over a pool of connections, which whoever made it opens and closes."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        prepare_expressions()
        self.documents = Documents(GRAPHQL, sizes=list_sizes, single=SINGLE)
        self._memory = Memory()

    def prepare(self, text: str) -> Document:
        """A document of our own, kept by whoever asks. Raises if it does not fit schema or limits."""
        return self.documents.checked(text, located=False)

    async def read(
        self, document: Document, variables: Mapping[str, Any], *, credential: Credential, now: datetime,
        largest: int = LARGEST_SIZE,
    ) -> Answer:  # fmt: skip
        """Run a document that reads. `largest`: how many records a page of ours may hold, if more than usual.

        Refuses Unauthenticated, NotFound (a session at a place the person has no part in), Forbidden, Invalid
        (a cursor, a filter, a page), Deadline, Busy; raises Rejected for variables that do not fit.
        """

        def plan(visit: Visit) -> tuple[Plan, Call]:
            coerced = document.variables.coerced(variables)
            call = Call(
                visit.actor, visit.rights, now, visit.today(now), coerced, largest=max(largest, LARGEST_SIZE)
            )
            return document.plan(call), call

        return await self._answered(credential, now, plan)

    async def identify(self, credential: Credential, *, now: datetime) -> Visit:
        """Who asks, alive now. Refuses Unauthenticated, and what the credential itself refuses."""
        [knocked] = await self._trip(credential.statement(now))
        return self._memory.note(credential, knocked)

    async def known(self, credential: Credential, *, now: datetime) -> Visit:
        """Who it was the last time, else who it is: enough to begin work, never to answer."""
        return self._memory.recall(credential) or await self.identify(credential, now=now)

    async def live(self, credential: Credential, work: Callable[[Visit], T], *, now: datetime) -> T:
        """Do `work` for whoever is alive; a refusal meant for whom it was before is never told."""
        return work(await self.identify(credential, now=now))

    async def _answered(
        self, credential: Credential, now: datetime, plan: Callable[[Visit], tuple[Plan, Call]]
    ) -> Answer:
        visit = await self.known(credential, now=now)
        for _ in range(MOST_TRIES):
            try:
                statement, call = plan(visit)
                values = statement.values(call)
            except Exception:
                # Refused for a remembered actor: told only if that is still who asks.
                live = await self.identify(credential, now=now)
                if live.is_same(visit):
                    raise
                visit = live
                continue
            try:
                knocked, found = await self._trip(credential.statement(now), (statement.sql, values))
            except driver.Error:
                # Planned for somebody who is gone, it found nothing where something must be.
                live = await self.identify(credential, now=now)
                if live.is_same(visit):
                    raise
                visit = live
                continue
            live = self._memory.note(credential, knocked)
            if live.is_same(visit):
                return Answer(live, (found.raw and found.raw[0]) or b"")
            visit = live
        raise Busy

    async def _trip(self, *asked: Asked) -> list[Found]:
        """The look-up, and what it is for, in one trip; they are one transaction, which ends with it."""
        try:
            async with asyncio.timeout(PATIENCE), self.pool.connection() as connection:
                return await connection.trip(*asked)
        except _IMPATIENT as trouble:
            raise _refusal(trouble) from None


def _refusal(trouble: BaseException) -> Refusal:
    return Busy() if isinstance(trouble, PoolTimeout) else Deadline()

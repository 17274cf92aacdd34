"""What every endpoint of the gateway works with: the store, the accounts, the clock, the delivery bell."""

import asyncio
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

import anyio.to_thread

from integrations.gateways.sandbox.accounts import Accounts
from integrations.gateways.sandbox.store import Store

Done = TypeVar("Done")


@dataclass(frozen=True)
class Desk:
    """One running gateway. `public_url` is its origin, without a slash at the end."""

    store: Store
    accounts: Accounts
    public_url: str
    clock: Callable[[], datetime]
    # Rung after every transaction: deliveries look for new events then, instead of polling.
    bell: asyncio.Event = field(default_factory=asyncio.Event)

    async def transact(self, act: Callable[[sqlite3.Connection, datetime], Done]) -> Done:
        """Run `act` in one transaction, in a thread: the event loop never waits for the disk."""
        done = await anyio.to_thread.run_sync(self._transact, act)
        self.bell.set()
        return done

    def _transact(self, act: Callable[[sqlite3.Connection, datetime], Done]) -> Done:
        with self.store.transaction() as db:
            return act(db, self.clock())

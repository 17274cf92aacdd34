"""Deliveries: the background task that sends queued events, and tries again until they are taken.

Surprise: it holds nothing in memory. What is due is asked of the store each round, so a killed gateway
goes on where it was; an answer lost in between means the same event comes twice.
"""

import sqlite3

import anyio
import anyio.to_thread
import httpx2

from integrations.gateways.sandbox import charges, events
from integrations.gateways.sandbox.desk import Desk
from integrations.gateways.sandbox.store import ms
from integrations.gateways.sandbox.wire import SIGNATURE_HEADER
from integrations.gateways.signatures import sign

AT_ONCE = 10
ANSWER_WITHIN_S = 5.0
# An unconfirmed charge runs out at a time that no bell announces: look at least this often.
LOOK_EVERY_S = 30.0


async def run(desk: Desk) -> None:
    """Deliver until cancelled."""
    limits = httpx2.Limits(max_connections=AT_ONCE, max_keepalive_connections=0)
    async with httpx2.AsyncClient(timeout=ANSWER_WITHIN_S, trust_env=False, limits=limits) as client:
        while True:
            # Cleared before looking: an event that comes after the look rings again.
            desk.bell.clear()
            due, wait_s = await anyio.to_thread.run_sync(_look, desk)
            async with anyio.create_task_group() as group:
                for event in due:
                    group.start_soon(_deliver, desk, client, event)
            if not due:
                with anyio.move_on_after(wait_s):
                    await desk.bell.wait()


def _look(desk: Desk) -> tuple[list[sqlite3.Row], float]:
    """What is due now, and how many seconds until there is something to look for again."""
    with desk.store.transaction() as db:
        now = desk.clock()
        charges.expire(db, public_url=desk.public_url, now=now)
        due = events.due(db, now=now, limit=AT_ONCE)
        next_ms = events.next_due_ms(db)
    wait_s = LOOK_EVERY_S if next_ms is None else (next_ms - ms(now)) / 1000
    return due, min(max(wait_s, 0.0), LOOK_EVERY_S)


async def _deliver(desk: Desk, client: httpx2.AsyncClient, event: sqlite3.Row) -> None:
    account = desk.accounts.find(event["account"])
    if account is None or account.webhook_url is None:
        await _note(desk, event["id"], taken=False, result="no webhook address")
        return
    body = bytes(event["body"])
    headers = {
        "content-type": "application/json",
        SIGNATURE_HEADER: sign(body, secrets=account.webhook_secrets, at=desk.clock()),
    }
    try:
        answer = await client.post(account.webhook_url, content=body, headers=headers)
    except httpx2.HTTPError as error:
        await _note(desk, event["id"], taken=False, result=type(error).__name__)
        return
    await _note(desk, event["id"], taken=answer.is_success, result=str(answer.status_code))


async def _note(desk: Desk, event_id: str, *, taken: bool, result: str) -> None:
    def note() -> None:
        with desk.store.transaction() as db:
            events.tried(db, event_id, taken=taken, result=result, now=desk.clock())

    await anyio.to_thread.run_sync(note)

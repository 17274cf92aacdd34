"""Events the gateway owes its accounts: a queue in the store, with stable ids and bodies.

Surprise: an event is written in the transaction of what it tells, and its bytes never change again;
only the signature's time differs between two deliveries of it.
"""

import sqlite3
from collections.abc import Mapping
from datetime import datetime

from integrations.gateways.sandbox.answers import encoded
from integrations.gateways.sandbox.store import instant, ms, new_id

# Seconds until the next try; the last one repeats. Short at first: in a try-out the other side restarts.
BACK_OFF_S = (1, 2, 5, 15, 60, 300, 900, 3600)
GIVE_UP_AFTER_S = 3 * 24 * 3600


def record(
    db: sqlite3.Connection, account: str, *, kind: str, subject: Mapping[str, object], now: datetime
) -> None:
    """Queue the event `kind` about `subject`, due at once."""
    event_id = new_id("evt")
    body = encoded(
        {
            "id": event_id,
            "type": kind,
            "account": account,
            "livemode": False,
            "created": int(now.timestamp()),
            "object": subject,
        }
    )
    db.execute(
        "INSERT INTO event (id, account, kind, body, created_ms, next_try_ms) VALUES (?, ?, ?, ?, ?, ?)",
        [event_id, account, kind, body, ms(now), ms(now)],
    )


def due(db: sqlite3.Connection, *, now: datetime, limit: int) -> list[sqlite3.Row]:
    """The oldest events whose time has come, of accounts whose deliveries are not held."""
    return db.execute(
        "SELECT * FROM event WHERE next_try_ms <= ? AND account NOT IN (SELECT account FROM held)"
        " ORDER BY next_try_ms, position LIMIT ?",
        [ms(now), limit],
    ).fetchall()


def next_due_ms(db: sqlite3.Connection) -> int | None:
    """When the next event of an account that is not held is due; None if nothing waits."""
    row = db.execute(
        "SELECT min(next_try_ms) FROM event"
        " WHERE next_try_ms IS NOT NULL AND account NOT IN (SELECT account FROM held)"
    ).fetchone()
    return None if row[0] is None else int(row[0])


def tried(db: sqlite3.Connection, event_id: str, *, taken: bool, result: str, now: datetime) -> None:
    """Note a delivery: done, or due again after the back-off, or given up three days after it happened."""
    row = db.execute("SELECT attempts, created_ms FROM event WHERE id = ?", [event_id]).fetchone()
    wait_s = BACK_OFF_S[min(row["attempts"], len(BACK_OFF_S) - 1)]
    next_try: int | None = ms(now) + wait_s * 1000
    if taken or ms(now) - row["created_ms"] > GIVE_UP_AFTER_S * 1000:
        next_try = None
    db.execute(
        "UPDATE event SET attempts = attempts + 1, last_result = ?, next_try_ms = ?,"
        " delivered_ms = coalesce(delivered_ms, ?) WHERE id = ?",
        [result, next_try, ms(now) if taken else None, event_id],
    )


def redeliver(db: sqlite3.Connection, account: str, *, event_id: str, now: datetime) -> bool:
    """Make an event due now, delivered before or not. False if the account has no such event."""
    changed = db.execute(
        "UPDATE event SET next_try_ms = ? WHERE id = ? AND account = ?", [ms(now), event_id, account]
    )
    return changed.rowcount == 1


def hold(db: sqlite3.Connection, account: str, *, held: bool) -> None:
    """Stop an account's deliveries, or let them go on: what waited is then sent."""
    if held:
        db.execute("INSERT OR IGNORE INTO held VALUES (?)", [account])
    else:
        db.execute("DELETE FROM held WHERE account = ?", [account])


def listing(db: sqlite3.Connection, account: str) -> list[dict[str, object]]:
    """Every event of the account, oldest first, with how its delivery stands and its exact body."""
    rows = db.execute("SELECT * FROM event WHERE account = ? ORDER BY position", [account])
    return [
        {
            "id": row["id"],
            "type": row["kind"],
            "attempts": row["attempts"],
            "last_result": row["last_result"],
            "delivered_at": None if row["delivered_ms"] is None else instant(row["delivered_ms"]),
            "next_try_at": None if row["next_try_ms"] is None else instant(row["next_try_ms"]),
            "body": bytes(row["body"]).decode(),
        }
        for row in rows
    ]

"""The call log: what accounts asked of the gateway, in order, for tests to see that nothing was asked.

Surprise: a call is noted before it is carried out, so the ones that failed or got no answer are in it.
"""

import sqlite3
from datetime import datetime

from integrations.gateways.sandbox.faults import Operation
from integrations.gateways.sandbox.store import instant, ms


def record(
    db: sqlite3.Connection, account: str, *, operation: Operation, subject: str, now: datetime
) -> None:
    """Note a call. `subject` is the key or the id it was about."""
    db.execute(
        "INSERT INTO call (account, at_ms, operation, subject) VALUES (?, ?, ?, ?)",
        [account, ms(now), operation.value, subject],
    )


def listing(db: sqlite3.Connection, account: str) -> list[dict[str, object]]:
    """Every call of the account, oldest first."""
    rows = db.execute("SELECT * FROM call WHERE account = ? ORDER BY position", [account])
    return [
        {"operation": row["operation"], "subject": row["subject"], "at": instant(row["at_ms"])}
        for row in rows
    ]

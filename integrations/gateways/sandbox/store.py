"""Storage of the sandbox gateway: one SQLite file in write-ahead mode, its own and nobody else's.

Surprise: what a transaction committed is on the disk before anybody hears of it (synchronous=FULL), so a
kill -9 at any moment leaves a charge with its answer and its event, or none of the three.
No secret and no card number has a column here.
"""

import os
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS fingerprint_key (
    only INTEGER PRIMARY KEY CHECK (only = 1), value BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS answer (
    account TEXT NOT NULL, key TEXT NOT NULL, request_hash TEXT NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (account, key)
) STRICT;
CREATE TABLE IF NOT EXISTS setup (
    id TEXT PRIMARY KEY, account TEXT NOT NULL, client_token TEXT NOT NULL UNIQUE,
    customer_ref TEXT NOT NULL, return_url TEXT NOT NULL, method_ref TEXT REFERENCES method,
    created_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS method (
    ref TEXT PRIMARY KEY, account TEXT NOT NULL, customer_ref TEXT NOT NULL, kind TEXT NOT NULL,
    funding TEXT NOT NULL, brand TEXT NOT NULL, last4 TEXT NOT NULL CHECK (length(last4) = 4),
    exp_month INTEGER, exp_year INTEGER, fingerprint TEXT NOT NULL, behaviour TEXT NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS charge (
    id TEXT PRIMARY KEY, account TEXT NOT NULL, key TEXT NOT NULL, method_ref TEXT NOT NULL REFERENCES method,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0), currency TEXT NOT NULL, reference TEXT NOT NULL,
    return_url TEXT, status TEXT NOT NULL, failure_code TEXT, action_token TEXT UNIQUE,
    created_ms INTEGER NOT NULL, expires_ms INTEGER,
    UNIQUE (account, key)
) STRICT;
CREATE INDEX IF NOT EXISTS charge_expiry ON charge (expires_ms) WHERE status = 'REQUIRES_ACTION';
CREATE TABLE IF NOT EXISTS event (
    position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, account TEXT NOT NULL, kind TEXT NOT NULL,
    body BLOB NOT NULL, created_ms INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
    next_try_ms INTEGER, delivered_ms INTEGER, last_result TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS event_due ON event (next_try_ms) WHERE next_try_ms IS NOT NULL;
CREATE TABLE IF NOT EXISTS held (account TEXT PRIMARY KEY) STRICT;
CREATE TABLE IF NOT EXISTS fault (
    position INTEGER PRIMARY KEY, account TEXT NOT NULL, operation TEXT NOT NULL, mode TEXT NOT NULL,
    ms INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS call (
    position INTEGER PRIMARY KEY, account TEXT NOT NULL, at_ms INTEGER NOT NULL, operation TEXT NOT NULL,
    subject TEXT NOT NULL
) STRICT;
"""


class Store:
    """The file, one connection and a lock: writers of one process wait in line, others wait in SQLite."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # SQLite gives its side files the same mode.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA foreign_keys = ON")
        # One commit for all of it: each alone would wait for the disk.
        self._db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
        self._db.execute("INSERT OR IGNORE INTO fingerprint_key VALUES (1, ?)", [secrets.token_bytes(32)])

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, one at a time: a second writer waits and then sees what the first one did."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the file; a later start finds everything committed."""
        with self._lock:
            self._db.close()


def new_id(prefix: str) -> str:
    """An id nobody can guess: it also stands in addresses that payers are sent to."""
    return f"{prefix}_{secrets.token_hex(16)}"


def ms(at: datetime) -> int:
    """An instant as the store keeps it: whole milliseconds since 1970 UTC."""
    return int(at.timestamp() * 1000)


def instant(stored: int) -> str:
    """An instant as the gateway's answers show it: RFC 3339, UTC."""
    return (
        datetime.fromtimestamp(stored / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )

"""Idempotency: the first answer to a key is kept and given again, byte for byte.

Surprise: a refusal is not an answer. A request turned down before it did anything leaves its key free.
"""

import hashlib
import json
import sqlite3
from collections.abc import Callable, Mapping


class KeyTaken(Exception):
    """The key already stands for another request."""


def once(
    db: sqlite3.Connection,
    account: str,
    *,
    key: str,
    request: Mapping[str, object],
    act: Callable[[], Mapping[str, object]],
) -> bytes:
    """The stored answer to `key`, or `act`'s, stored in the same transaction as what it did.

    Two requests with one key at once: the store lets one in after the other, so the second finds the
    answer of the first. KeyTaken if `request` differs from the first one in anything.
    """
    asked = hashlib.sha256(encoded(request)).hexdigest()
    row = db.execute("SELECT * FROM answer WHERE account = ? AND key = ?", [account, key]).fetchone()
    if row is not None:
        if row["request_hash"] != asked:
            raise KeyTaken
        return bytes(row["body"])
    body = encoded(act())
    db.execute("INSERT INTO answer VALUES (?, ?, ?, ?)", [account, key, asked, body])
    return body


def encoded(answer: object) -> bytes:
    """JSON with sorted keys: equal things have equal bytes."""
    return json.dumps(answer, sort_keys=True, separators=(",", ":")).encode()

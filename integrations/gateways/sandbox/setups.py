"""Setups: a payer's visit to type a card, and the method that comes of it.

Surprise: a setup has no status column. It is done when it has a method, expired when its hour is past.
"""

import sqlite3
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from billing.ports import MethodKind, SetupStatus
from integrations.gateways.sandbox import events
from integrations.gateways.sandbox.cards import CardEntry, fingerprint
from integrations.gateways.sandbox.store import ms, new_id

OPEN_FOR = timedelta(hours=1)


def create(
    db: sqlite3.Connection, account: str, *, customer_ref: str, return_url: str, now: datetime
) -> sqlite3.Row:
    """Begin a setup. It can be used for an hour, by whoever holds its client token."""
    setup_id, token = new_id("seti"), new_id("ct")
    db.execute(
        "INSERT INTO setup VALUES (?, ?, ?, ?, ?, NULL, ?, ?)",
        [setup_id, account, token, customer_ref, return_url, ms(now), ms(now + OPEN_FOR)],
    )
    return _one(db, "SELECT * FROM setup WHERE id = ?", setup_id)


def by_token(db: sqlite3.Connection, token: str) -> sqlite3.Row | None:
    """The setup a page belongs to."""
    return db.execute("SELECT * FROM setup WHERE client_token = ?", [token]).fetchone()  # type: ignore[no-any-return]


def by_id(db: sqlite3.Connection, account: str, *, setup_id: str) -> sqlite3.Row | None:
    """The setup, if it is this account's."""
    return db.execute(  # type: ignore[no-any-return]
        "SELECT * FROM setup WHERE id = ? AND account = ?", [setup_id, account]
    ).fetchone()


def status(setup: sqlite3.Row, *, now: datetime) -> SetupStatus:
    """Done stays done, however late it is asked."""
    if setup["method_ref"] is not None:
        return SetupStatus.DONE
    return SetupStatus.EXPIRED if ms(now) >= setup["expires_ms"] else SetupStatus.OPEN


def complete(db: sqlite3.Connection, setup: sqlite3.Row, *, entry: CardEntry, now: datetime) -> None:
    """Keep the card as a method and tell the account. Nothing happens to a setup that isn't open."""
    if status(setup, now=now) is not SetupStatus.OPEN:
        return
    key = _one(db, "SELECT value FROM fingerprint_key WHERE only = ?", 1)["value"]
    card, ref = entry.card, new_id("pm")
    db.execute(
        "INSERT INTO method VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            ref,
            setup["account"],
            setup["customer_ref"],
            MethodKind.CARD.value,
            card.funding.value,
            card.brand,
            card.number[-4:],
            entry.exp_month,
            entry.exp_year,
            fingerprint(card, account=setup["account"], key=bytes(key)),
            card.behaviour,
            ms(now),
        ],
    )
    db.execute("UPDATE setup SET method_ref = ? WHERE id = ?", [ref, setup["id"]])
    subject = {"id": setup["id"], "object": "setup", "status": SetupStatus.DONE.value}
    events.record(db, setup["account"], kind="setup.completed", subject=subject, now=now)


def shown(db: sqlite3.Connection, setup: sqlite3.Row, *, now: datetime) -> dict[str, object]:
    """A setup as the account may see it: its method by brand and last four."""
    method = None
    if setup["method_ref"] is not None:
        row = _one(db, "SELECT * FROM method WHERE ref = ?", setup["method_ref"])
        visible = ("kind", "funding", "brand", "last4", "exp_month", "exp_year", "fingerprint")
        method = {"gateway_ref": row["ref"], **{name: row[name] for name in visible}}
    return {"id": setup["id"], "status": status(setup, now=now).value, "method": method}


def way_back(setup: sqlite3.Row) -> str:
    """The account's return address with `setup=<id>` added to whatever it asked for."""
    parts = urlsplit(setup["return_url"])
    query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), ("setup", setup["id"])])
    url: str = urlunsplit(parts._replace(query=query))
    return url


def _one(db: sqlite3.Connection, statement: str, value: str | int) -> sqlite3.Row:
    row: sqlite3.Row = db.execute(statement, [value]).fetchone()
    return row

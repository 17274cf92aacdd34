"""Charges: what the sandbox gateway does with a method, and how a charge waits for its cardholder.

Surprise: a charge that nobody confirms fails by itself after half an hour, so that no invoice stays
reserved for a payer who closed the page.
"""

import sqlite3
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import urlsplit

from billing.ports import ChargeStatus
from integrations.gateways.sandbox import events
from integrations.gateways.sandbox.cards import AUTHENTICATES, DECLINES, SUCCEEDS
from integrations.gateways.sandbox.store import ms, new_id

CONFIRM_WITHIN = timedelta(minutes=30)

_EVENT_OF = {
    ChargeStatus.SUCCEEDED: "charge.succeeded",
    ChargeStatus.FAILED: "charge.failed",
    ChargeStatus.REQUIRES_ACTION: "charge.requires_action",
}


class UnknownMethod(Exception):
    """The account has no such method."""


@dataclass(frozen=True, slots=True)
class Order:
    """A charge as asked for, in minor units."""

    key: str
    amount_minor: int
    currency: str
    method_ref: str
    reference: str
    return_url: str | None


def create(
    db: sqlite3.Connection, account: str, *, order: Order, public_url: str, now: datetime
) -> dict[str, object]:
    """Charge, as the card's number says it behaves, and queue the event. UnknownMethod: nothing was done."""
    method = db.execute(
        "SELECT * FROM method WHERE ref = ? AND account = ?", [order.method_ref, account]
    ).fetchone()
    if method is None:
        raise UnknownMethod
    status, code = _outcome(method, attended=order.return_url is not None, today=now.date())
    waiting = status is ChargeStatus.REQUIRES_ACTION
    charge_id = new_id("ch")
    db.execute(
        "INSERT INTO charge VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            charge_id,
            account,
            order.key,
            order.method_ref,
            order.amount_minor,
            order.currency,
            order.reference,
            order.return_url,
            status.value,
            code,
            new_id("act") if waiting else None,
            ms(now),
            ms(now + CONFIRM_WITHIN) if waiting else None,
        ],
    )
    return _announce(db, charge_id, public_url=public_url, now=now)


def find(
    db: sqlite3.Connection, account: str, *, by: str, value: str, public_url: str, now: datetime
) -> dict[str, object] | None:
    """The account's charge as it stands now, `by` its 'key' or its 'id'; None if there never was one."""
    expire(db, public_url=public_url, now=now)
    column = {"key": "key", "id": "id"}[by]
    row = db.execute(
        f"SELECT * FROM charge WHERE {column} = ? AND account = ?",  # noqa: S608 - one of two fixed names
        [value, account],
    ).fetchone()
    return None if row is None else shown(row, public_url=public_url)


def by_action(db: sqlite3.Connection, token: str, *, public_url: str, now: datetime) -> sqlite3.Row | None:
    """The charge an authentication page belongs to, waiting or not any more."""
    expire(db, public_url=public_url, now=now)
    return db.execute("SELECT * FROM charge WHERE action_token = ?", [token]).fetchone()  # type: ignore[no-any-return]


def confirm(
    db: sqlite3.Connection, charge: sqlite3.Row, *, passed: bool, public_url: str, now: datetime
) -> None:
    """The cardholder's answer. Only the first one counts: a charge that no longer waits stays as it is."""
    status = ChargeStatus.SUCCEEDED if passed else ChargeStatus.FAILED
    code = None if passed else "authentication_failed"
    _leave_waiting(db, charge["id"], status=status, code=code, public_url=public_url, now=now)


def cancel(
    db: sqlite3.Connection, account: str, *, key: str, public_url: str, now: datetime
) -> dict[str, object] | None:
    """The account gives up waiting for the cardholder. A charge that no longer waits stays as it is."""
    row = db.execute("SELECT id FROM charge WHERE key = ? AND account = ?", [key, account]).fetchone()
    if row is not None:
        status = ChargeStatus.FAILED
        _leave_waiting(db, row["id"], status=status, code="canceled", public_url=public_url, now=now)
    return find(db, account, by="key", value=key, public_url=public_url, now=now)


def expire(db: sqlite3.Connection, *, public_url: str, now: datetime) -> None:
    """Fail every charge whose cardholder did not confirm in time, and tell its account."""
    late = db.execute(
        "SELECT id FROM charge WHERE status = 'REQUIRES_ACTION' AND expires_ms <= ?", [ms(now)]
    ).fetchall()
    for row in late:
        status, code = ChargeStatus.FAILED, "authentication_expired"
        _leave_waiting(db, row["id"], status=status, code=code, public_url=public_url, now=now)


def listing(db: sqlite3.Connection, account: str, *, public_url: str) -> list[dict[str, object]]:
    """Every charge of the account, oldest first."""
    rows = db.execute("SELECT * FROM charge WHERE account = ? ORDER BY rowid", [account])
    return [shown(row, public_url=public_url) for row in rows]


def shown(row: sqlite3.Row, *, public_url: str) -> dict[str, object]:
    """A charge as its account sees it, in answers and in events alike."""
    waiting = row["status"] == ChargeStatus.REQUIRES_ACTION
    code = row["failure_code"]
    return {
        "id": row["id"],
        "object": "charge",
        "key": row["key"],
        "status": row["status"],
        "amount_minor": row["amount_minor"],
        "currency": row["currency"],
        "method_ref": row["method_ref"],
        "reference": row["reference"],
        "failure_code": code,
        "failure_message": None if code is None else DECLINES[code],
        "action_url": f"{public_url}/authenticate/{row['action_token']}" if waiting else None,
    }


def merchant(row: sqlite3.Row) -> str:
    """Whom the payer goes back to, as the authentication page names it."""
    url: str = row["return_url"]
    return urlsplit(url).netloc


def _outcome(method: sqlite3.Row, *, attended: bool, today: date) -> tuple[ChargeStatus, str | None]:
    if (method["exp_year"], method["exp_month"]) < (today.year, today.month):
        return ChargeStatus.FAILED, "expired_card"
    if method["behaviour"] == SUCCEEDS:
        return ChargeStatus.SUCCEEDED, None
    if method["behaviour"] == AUTHENTICATES:
        if attended:
            return ChargeStatus.REQUIRES_ACTION, None
        return ChargeStatus.FAILED, "authentication_required"
    return ChargeStatus.FAILED, method["behaviour"]


def _leave_waiting(
    db: sqlite3.Connection,
    charge_id: str,
    *,
    status: ChargeStatus,
    code: str | None,
    public_url: str,
    now: datetime,
) -> None:
    changed = db.execute(
        "UPDATE charge SET status = ?, failure_code = ? WHERE id = ? AND status = 'REQUIRES_ACTION'",
        [status.value, code, charge_id],
    )
    if changed.rowcount:
        _announce(db, charge_id, public_url=public_url, now=now)


def _announce(db: sqlite3.Connection, charge_id: str, *, public_url: str, now: datetime) -> dict[str, object]:
    row = db.execute("SELECT * FROM charge WHERE id = ?", [charge_id]).fetchone()
    subject = shown(row, public_url=public_url)
    kind = _EVENT_OF[ChargeStatus(row["status"])]
    events.record(db, row["account"], kind=kind, subject=subject, now=now)
    return subject

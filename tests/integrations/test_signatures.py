"""Event signatures: only fresh events of our own gateway, byte for byte, get through (M-10)."""

import random
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest

from billing.ports import BadSignature, ChargeStatus, EventKind
from integrations.gateways.sandbox.accounts import Account, Listed, Platform
from integrations.gateways.sandbox.answers import encoded
from integrations.gateways.sandbox.client import SandboxGateway
from integrations.gateways.signatures import sign
from tests.figures import rounds

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
OLD, NEW, FOREIGN = "whsec_old_0123456789", "whsec_new_0123456789", "whsec_foreign_012345"
CHARGE = {
    "id": "ch_1",
    "object": "charge",
    "key": "attempt-1",
    "status": "SUCCEEDED",
    "amount_minor": 12345,
    "currency": "USD",
    "failure_code": None,
    "failure_message": None,
    "action_url": None,
}


def event(**changes: object) -> bytes:
    return encoded(
        {
            "id": "evt_1",
            "type": "charge.succeeded",
            "account": "acct_northwind",
            "livemode": False,
            "created": int(NOW.timestamp()),
            "object": CHARGE,
            **changes,
        }
    )


@cache
def gateway(*secrets: str) -> SandboxGateway:
    accounts = Listed(
        [
            Account("acct_northwind", "sk_test_northwind_0123", secrets),
            Account("acct_contoso", "sk_test_contoso_012345", (FOREIGN,)),
        ]
    )
    return SandboxGateway("http://127.0.0.1:9", accounts=accounts)


def refused(body: bytes, header: str, *secrets: str, now: datetime = NOW) -> bool:
    try:
        gateway(*(secrets or (OLD,))).verify_event(body=body, header=header, now=now)
    except BadSignature:
        return True
    return False


def test_a_genuine_event_is_read_whole():
    read = gateway(OLD).verify_event(body=event(), header=sign(event(), secrets=[OLD], at=NOW), now=NOW)
    assert (read.id, read.kind, read.account, read.live) == (
        "evt_1",
        EventKind.CHARGE_SUCCEEDED,
        "acct_northwind",
        False,
    )
    assert (read.gateway_id, read.key, read.status) == ("ch_1", "attempt-1", ChargeStatus.SUCCEEDED)
    assert (read.amount_minor, read.currency, read.failure_code) == (12345, "USD", None)
    assert read.created_at == NOW


def test_a_setup_event_has_no_amount():
    body = event(type="setup.completed", object={"id": "seti_1", "object": "setup", "status": "DONE"})
    read = gateway(OLD).verify_event(body=body, header=sign(body, secrets=[OLD], at=NOW), now=NOW)
    assert (read.kind, read.gateway_id) == (EventKind.SETUP_COMPLETED, "seti_1")
    assert (read.key, read.status, read.amount_minor, read.currency) == (None, None, None, None)


def test_an_event_kind_we_do_not_know_is_genuine_but_other():
    body = event(type="payout.paid", object={"arrival": 1})
    read = gateway(OLD).verify_event(body=body, header=sign(body, secrets=[OLD], at=NOW), now=NOW)
    assert (read.kind, read.gateway_id, read.status) == (EventKind.OTHER, None, None)


@pytest.mark.prove
def test_every_flipped_bit_in_header_or_body_is_refused():
    body = event()
    header = sign(body, secrets=[OLD], at=NOW).encode()
    whole = header + body
    assert not refused(body, header.decode())
    chosen = random.Random(11)
    accepted = []
    for _ in range(rounds(200, 2000)):
        bit = chosen.randrange(len(whole) * 8)
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        if not refused(bytes(flipped[len(header) :]), flipped[: len(header)].decode("latin-1")):
            accepted.append(bit)
    assert accepted == []


@pytest.mark.parametrize("seconds", [-300, -299, 0, 299, 300])
def test_an_event_within_five_minutes_either_way_is_taken(seconds: int):
    assert not refused(event(), sign(event(), secrets=[OLD], at=NOW), now=NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize("seconds", [-86400, -301, -300.001, 300.001, 301, 86400])
def test_an_event_older_or_newer_than_five_minutes_is_refused(seconds: float):
    assert refused(event(), sign(event(), secrets=[OLD], at=NOW), now=NOW + timedelta(seconds=seconds))


def test_both_secrets_work_while_rotating_and_the_old_one_dies_with_the_rotation():
    by_old, by_both = sign(event(), secrets=[OLD], at=NOW), sign(event(), secrets=[OLD, NEW], at=NOW)
    assert not refused(event(), by_old, NEW, OLD)
    assert not refused(event(), sign(event(), secrets=[NEW], at=NOW), NEW, OLD)
    assert not refused(event(), by_both, OLD)
    assert not refused(event(), by_both, NEW)
    assert refused(event(), by_old, NEW)
    assert refused(event(), by_both, "whsec_other_0123456789")


def test_one_accounts_secret_does_not_sign_for_another():
    assert refused(event(), sign(event(), secrets=[FOREIGN], at=NOW), OLD)
    theirs = event(account="acct_contoso")
    assert not refused(theirs, sign(theirs, secrets=[FOREIGN], at=NOW), OLD)
    assert refused(theirs, sign(theirs, secrets=[OLD], at=NOW), OLD)


def test_an_account_nobody_knows_is_refused_though_signed():
    body = event(account="acct_nobody")
    assert refused(body, sign(body, secrets=[OLD], at=NOW))


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t=,v1=",
        "v1={v1}",
        "t={t}",
        "t={t},v0={v1}",
        "t={t},v1=",
        "t={t},t={t},v1={v1}",
        "t=+{t},v1={v1}",
        "t={t}.0,v1={v1}",
        "t=９９９,v1={v1}",
        "t={t},v1={V1}",
        "t={t}, v1={v1}",
        "t={t},v1={v1}é",
        "t={t}," + ",".join(["v1={v1}"] * 9),
        "t=" + "9" * 2000 + ",v1={v1}",
    ],
)
def test_a_malformed_header_is_refused(header: str):
    stamp, _, signature = sign(event(), secrets=[OLD], at=NOW).partition(",v1=")
    filled = header.replace("{t}", stamp[2:]).replace("{v1}", signature).replace("{V1}", signature.upper())
    assert refused(event(), filled)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"not json",
        event(livemode="false"),
        event(created="1"),
        event(id=None),
        event(object={**CHARGE, "amount_minor": 123.0}),
        event(object={**CHARGE, "amount_minor": "12345"}),
        event(object={**CHARGE, "amount_minor": True}),
        event(object={**CHARGE, "status": "PAID"}),
        event(object=None),
    ],
)
def test_a_signed_body_of_the_wrong_shape_is_refused(body: bytes):
    assert refused(body, sign(body, secrets=[OLD], at=NOW))


@pytest.mark.parametrize("secrets", [(), ("",), (" " * 40,), ("short",), (OLD, ""), (OLD, NEW, FOREIGN)])
def test_an_account_without_a_real_webhook_secret_is_not_built(secrets: tuple[str, ...]):
    with pytest.raises(ValueError, match="webhook secret"):
        Account("acct_northwind", "sk_test_northwind_0123", secrets)
    with pytest.raises(ValueError, match="webhook secret"):
        Platform("a-root-secret-long-enough", secrets)


def test_a_client_without_any_account_is_not_built():
    with pytest.raises(ValueError, match="webhook secret"):
        SandboxGateway("http://127.0.0.1:9", accounts=Listed([]))

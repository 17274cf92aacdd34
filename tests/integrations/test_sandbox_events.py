"""The sandbox gateway's events: signed, kept on disk, sent until taken, the same every time (M-10, M-11)."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest

from billing.ports import ChargeAnswer, ChargeStatus, EventKind
from integrations.gateways.sandbox import events
from integrations.gateways.sandbox.accounts import Account, Listed
from integrations.gateways.sandbox.store import Store
from tests.gateway import (
    CONTOSO,
    NORTHWIND,
    RETURN_URL,
    RunningSandbox,
    running_sandbox,
    running_sink,
    sandbox_process,
)

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def charge(sandbox: RunningSandbox, key: str = "attempt-1", number: str = "4242424242424242") -> ChargeAnswer:
    return sandbox.gateway.charge(
        key=key,
        account=NORTHWIND,
        amount_minor=12345,
        currency="USD",
        method_ref=sandbox.add_card(number).gateway_ref,
        reference="INV-1",
        return_url=RETURN_URL,
    )


@pytest.mark.parametrize(
    ("number", "kind", "status", "code"),
    [
        ("4242424242424242", EventKind.CHARGE_SUCCEEDED, ChargeStatus.SUCCEEDED, None),
        ("4000000000009995", EventKind.CHARGE_FAILED, ChargeStatus.FAILED, "insufficient_funds"),
        ("4000002500003155", EventKind.CHARGE_REQUIRES_ACTION, ChargeStatus.REQUIRES_ACTION, None),
    ],
)
def test_what_happened_is_told_signed(
    tmp_path: Path, number: str, kind: EventKind, status: ChargeStatus, code: str | None
):
    with running_sink() as sink, running_sandbox(tmp_path / "s.sqlite3", webhook_url=sink.url) as sandbox:
        made = charge(sandbox, number=number)
        now = datetime.now(UTC)
        read = [sandbox.gateway.verify_event(body=b, header=h, now=now) for h, b in sink.wait_for(2)]
        told = {event.kind: event for event in read}
        assert set(told) == {EventKind.SETUP_COMPLETED, kind}
        event = told[kind]
        assert (event.gateway_id, event.key, event.status) == (made.gateway_id, "attempt-1", status)
        assert (event.amount_minor, event.currency, event.failure_code) == (12345, "USD", code)
        assert (event.account, event.live) == (NORTHWIND, False)
        assert event.failure_message == made.failure_message


def test_an_event_is_sent_again_until_it_is_taken_with_the_same_bytes(tmp_path: Path):
    with (
        running_sink([500, 302]) as sink,
        running_sandbox(tmp_path / "s.sqlite3", webhook_url=sink.url) as sandbox,
    ):
        sandbox.add_card()
        deliveries = sink.wait_for(3)
        assert len({body for _, body in deliveries}) == 1
        (event,) = settled(sandbox)
        assert (event["attempts"], event["last_result"], event["next_try_at"]) == (3, "202", None)


def test_a_taken_event_can_be_sent_again(tmp_path: Path):
    with running_sink() as sink, running_sandbox(tmp_path / "s.sqlite3", webhook_url=sink.url) as sandbox:
        sandbox.add_card()
        sink.wait_for(1)
        (event,) = settled(sandbox)
        sandbox.redeliver(event["id"])
        first, again = sink.wait_for(2)
        assert first[1] == again[1] == event["body"].encode()
        assert json.loads(first[1])["id"] == event["id"]


def test_another_accounts_event_can_not_be_sent_again(sandbox: RunningSandbox):
    sandbox.add_card()
    before = sandbox.events()
    account = sandbox.accounts.find(CONTOSO)
    answer = httpx2.post(
        f"{sandbox.url}/v1/test/events/{before[0]['id']}/redeliver",
        headers={"authorization": f"Bearer {account.api_secret}", "Sandbox-Account": CONTOSO},
        trust_env=False,
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "event_unknown")
    assert sandbox.events() == before
    assert sandbox.events(CONTOSO) == []


def test_held_deliveries_wait_and_then_all_arrive(tmp_path: Path):
    with running_sink() as sink, running_sandbox(tmp_path / "s.sqlite3", webhook_url=sink.url) as sandbox:
        sandbox.hold(True)
        charge(sandbox)
        assert [event["attempts"] for event in sandbox.events()] == [0, 0]
        assert sink.received == []
        sandbox.hold(False)
        sink.wait_for(2)
        assert [event["attempts"] for event in settled(sandbox)] == [1, 1]


def test_an_event_outlives_a_kill_and_is_delivered_after_the_restart(tmp_path: Path):
    store = tmp_path / "s.sqlite3"
    # Nobody listens on port 9 of loopback: the first tries fail.
    with sandbox_process(store, webhook_url="http://127.0.0.1:9/events") as (process, killed):
        made, before = charge(killed), killed.events()
        process.kill()
    with running_sink() as sink, running_sandbox(store, webhook_url=sink.url) as sandbox:
        assert sandbox.gateway.find_charge(account=NORTHWIND, key="attempt-1") == made
        bodies = {body for _, body in sink.wait_for(2)}
        assert bodies == {event["body"].encode() for event in before}


def test_each_account_is_told_at_its_own_address_with_its_own_secrets(tmp_path: Path):
    with running_sink() as ours, running_sink() as theirs:
        accounts = Listed(
            [
                Account(
                    NORTHWIND,
                    "sk_test_northwind_0123",
                    ("whsec_old_0123456789", "whsec_new_0123456789"),
                    ours.url,
                ),
                Account(CONTOSO, "sk_test_contoso_012345", ("whsec_contoso_012345",), theirs.url),
            ]
        )
        with running_sandbox(tmp_path / "s.sqlite3", accounts=accounts) as sandbox:
            sandbox.add_card()
            sandbox.add_card(account=CONTOSO)
            for sink, account, signatures in ((ours, NORTHWIND, 2), (theirs, CONTOSO, 1)):
                header, body = sink.wait_for(1)[0]
                assert header.count("v1=") == signatures
                read = sandbox.gateway.verify_event(body=body, header=header, now=datetime.now(UTC))
                assert read.account == account
            assert (len(ours.received), len(theirs.received)) == (1, 1)


def test_a_confirmed_charge_is_told_even_if_the_payer_never_comes_back(tmp_path: Path):
    with running_sink() as sink, running_sandbox(tmp_path / "s.sqlite3", webhook_url=sink.url) as sandbox:
        waiting = charge(sandbox, number="4000002500003155")
        sandbox.authenticate(waiting.action_url, passed=True)
        now = datetime.now(UTC)
        kinds = [sandbox.gateway.verify_event(body=b, header=h, now=now).kind for h, b in sink.wait_for(3)]
        assert EventKind.CHARGE_SUCCEEDED in kinds


def test_tries_back_off_and_end_after_three_days(tmp_path: Path):
    store, tries, now = Store(tmp_path / "s.sqlite3"), [], NOW
    with store.transaction() as db:
        events.record(db, NORTHWIND, kind="setup.completed", subject={"id": "seti_1"}, now=NOW)
        while (due_ms := events.next_due_ms(db)) is not None:
            now = datetime.fromtimestamp(due_ms / 1000, UTC)
            (event,) = events.due(db, now=now, limit=10)
            assert events.due(db, now=now - timedelta(milliseconds=1), limit=10) == []
            events.tried(db, event["id"], taken=False, result="500", now=now)
            tries.append((now - NOW).total_seconds())
        assert tries[:9] == [0, 1, 3, 8, 23, 83, 383, 1283, 4883]
        assert timedelta(days=3) < timedelta(seconds=tries[-1]) <= timedelta(days=3, hours=1)
        assert events.redeliver(db, NORTHWIND, event_id=event["id"], now=now)
        assert len(events.due(db, now=now, limit=10)) == 1
    store.close()


def settled(sandbox: RunningSandbox) -> list[dict]:
    """The events once the gateway noted every answer: it does so just after the sink gave it."""
    for _ in range(200):
        found = sandbox.events()
        if all(event["delivered_at"] and event["next_try_at"] is None for event in found):
            return found
    raise AssertionError(found)

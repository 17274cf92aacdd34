"""Charges at the sandbox gateway: one per key, the same answer for ever, confirmed by whom they belong to."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest

from billing.ports import ChargeAnswer, ChargeStatus, GatewayRefused, MethodKind, SetupStatus
from tests.figures import rounds
from tests.gateway import CONTOSO, NORTHWIND, RETURN_URL, RunningSandbox, running_sandbox

AUTHENTICATED = "4000002500003155"


def charge(
    sandbox: RunningSandbox, method_ref: str, key: str = "attempt-1", **changes: object
) -> ChargeAnswer:
    order = {
        "account": NORTHWIND,
        "amount_minor": 12345,
        "currency": "USD",
        "method_ref": method_ref,
        "reference": "INV-1",
        "return_url": RETURN_URL,
    }
    return sandbox.gateway.charge(key=key, **{**order, **changes})


def raw(sandbox: RunningSandbox, path: str, key: str, body: object, **headers: str) -> httpx2.Response:
    account = sandbox.accounts.find(NORTHWIND)
    sent = {
        "authorization": f"Bearer {account.api_secret}",
        "Sandbox-Account": NORTHWIND,
        "Idempotency-Key": key,
        **headers,
    }
    return httpx2.post(f"{sandbox.url}{path}", json=body, headers=sent, trust_env=False)


def test_the_same_key_and_body_get_the_same_bytes_and_one_charge(sandbox: RunningSandbox):
    body = {
        "amount_minor": 500,
        "currency": "CAD",
        "method_ref": sandbox.add_card().gateway_ref,
        "reference": "INV-7",
        "return_url": None,
    }
    first, again = (
        raw(sandbox, "/v1/charges", "k", body),
        raw(sandbox, "/v1/charges", "k", dict(reversed(body.items()))),
    )
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.content == again.content
    assert len(sandbox.charges()) == 1
    assert [event["type"] for event in sandbox.events()] == ["setup.completed", "charge.succeeded"]


def test_the_same_bytes_come_after_the_charge_has_moved_on(sandbox: RunningSandbox):
    method = sandbox.add_card(AUTHENTICATED).gateway_ref
    first = charge(sandbox, method)
    sandbox.authenticate(first.action_url, passed=True)
    assert charge(sandbox, method) == first
    assert sandbox.gateway.find_charge(account=NORTHWIND, key="attempt-1").status is ChargeStatus.SUCCEEDED


@pytest.mark.parametrize(
    "change",
    [
        {"amount_minor": 12346},
        {"currency": "CAD"},
        {"reference": "INV-2"},
        {"return_url": None},
    ],
)
def test_the_same_key_with_another_body_is_refused_and_moves_nothing(
    sandbox: RunningSandbox, change: dict[str, object]
):
    method = sandbox.add_card().gateway_ref
    charge(sandbox, method)
    before = sandbox.charges(), sandbox.events()
    with pytest.raises(GatewayRefused) as refusal:
        charge(sandbox, method, **change)
    assert refusal.value.code == "idempotency_conflict"
    assert (sandbox.charges(), sandbox.events()) == before


def test_a_key_used_for_a_setup_is_no_key_for_a_charge(sandbox: RunningSandbox):
    method = sandbox.add_card().gateway_ref
    order = {
        "account": NORTHWIND,
        "customer_ref": "acme",
        "return_url": RETURN_URL,
        "kinds": [MethodKind.CARD],
    }
    first = sandbox.gateway.create_setup(key="k", **order)
    assert sandbox.gateway.create_setup(key="k", **order) == first
    with pytest.raises(GatewayRefused, match="idempotency_conflict"):
        charge(sandbox, method, "k")
    assert sandbox.charges() == []


def test_keys_of_two_accounts_do_not_meet(sandbox: RunningSandbox):
    ours, theirs = sandbox.add_card().gateway_ref, sandbox.add_card(account=CONTOSO).gateway_ref
    first = charge(sandbox, ours, "k")
    second = charge(sandbox, theirs, "k", account=CONTOSO)
    assert first.gateway_id != second.gateway_id
    assert len(sandbox.charges(NORTHWIND)) == len(sandbox.charges(CONTOSO)) == 1


@pytest.mark.prove
def test_fifty_at_once_with_one_key_are_one_charge_and_one_answer(sandbox: RunningSandbox):
    method = sandbox.add_card().gateway_ref
    total = rounds(2, 20)
    with ThreadPoolExecutor(50) as pool:
        for attempt in range(total):
            answers = list(pool.map(lambda _, key=f"k{attempt}": charge(sandbox, method, key), range(50)))
            assert len(answers) == 50
            assert len(set(answers)) == 1
    charges = sandbox.charges()
    assert len(charges) == total
    assert [e["type"] for e in sandbox.events()].count("charge.succeeded") == total
    assert [c["operation"] for c in sandbox.calls()].count("charge") == 50 * total


def test_a_charge_is_found_by_key_and_by_id_and_one_never_made_is_not(sandbox: RunningSandbox):
    made = charge(sandbox, sandbox.add_card().gateway_ref, "with space/and?&=%".replace(" ", "+"))
    gateway = sandbox.gateway
    assert gateway.find_charge(account=NORTHWIND, key="with+space/and?&=%") == made
    assert gateway.find_charge(account=NORTHWIND, gateway_id=made.gateway_id) == made
    assert gateway.find_charge(account=NORTHWIND, key="never") is None
    assert gateway.find_charge(account=CONTOSO, key="with+space/and?&=%") is None
    assert gateway.find_charge(account=CONTOSO, gateway_id=made.gateway_id) is None


def test_another_accounts_method_can_not_be_charged_and_its_setup_not_read(sandbox: RunningSandbox):
    method = sandbox.add_card().gateway_ref
    session = sandbox.gateway.create_setup(
        key="s", account=NORTHWIND, customer_ref="acme", return_url=RETURN_URL, kinds=[MethodKind.CARD]
    )
    for ref in (method, "pm_nobody"):
        with pytest.raises(GatewayRefused, match="method_unknown"):
            charge(sandbox, ref, account=CONTOSO)
    for setup_id in (session.id, "seti_nobody"):
        with pytest.raises(GatewayRefused, match="setup_unknown"):
            sandbox.gateway.read_setup(account=CONTOSO, setup_id=setup_id)
    assert sandbox.charges(CONTOSO) == []
    # A refusal leaves the key free: it can still be used for the right method.
    theirs = sandbox.add_card(account=CONTOSO).gateway_ref
    assert charge(sandbox, theirs, account=CONTOSO).status is ChargeStatus.SUCCEEDED


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": ""},
        {"authorization": "Bearer"},
        {"authorization": "Bearer wrong"},
        {"Sandbox-Account": CONTOSO},
        {"Sandbox-Account": "nobody"},
        {"Sandbox-Account": ""},
    ],
)
def test_without_the_accounts_own_secret_nothing_is_done(sandbox: RunningSandbox, headers: dict[str, str]):
    for path in ("/v1/charges", "/v1/setups", "/v1/test/faults", "/v1/test/deliveries"):
        answer = raw(sandbox, path, "k", {}, **headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthenticated")
    assert sandbox.calls() == []


@pytest.mark.parametrize(
    "change",
    [
        {"amount_minor": 0},
        {"amount_minor": -1},
        {"amount_minor": 1.0},
        {"amount_minor": "100"},
        {"amount_minor": True},
        {"amount_minor": 10**12 + 1},
        {"currency": "usd"},
        {"currency": "EUR"},
        {"method_ref": ""},
        {"reference": "a\x00b"},
        {"return_url": "javascript:alert(1)"},
        {"return_url": "http://user:pw@portal.test/"},
        {"return_url": "http://portal.test/\r\nx: y"},
        {"return_url": "http://portal.test; script-src */"},
        {"return_url": "//portal.test/"},
        {"live": True},
    ],
)
def test_a_malformed_order_is_refused_and_charges_nothing(sandbox: RunningSandbox, change: dict[str, object]):
    order = {
        "amount_minor": 100,
        "currency": "USD",
        "method_ref": "pm_1",
        "reference": "r",
        "return_url": None,
    }
    answer = raw(sandbox, "/v1/charges", "k", {**order, **change})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_request")
    assert sandbox.charges() == []


@pytest.mark.parametrize("key", ["", "x" * 256, "with space", "tab\tin"])
def test_without_a_usable_key_nothing_moves(sandbox: RunningSandbox, key: str):
    order = {
        "amount_minor": 100,
        "currency": "USD",
        "method_ref": sandbox.add_card().gateway_ref,
        "reference": "r",
        "return_url": None,
    }
    assert raw(sandbox, "/v1/charges", key, order).json()["error"]["code"] in (
        "key_required",
        "invalid_request",
    )
    assert sandbox.charges() == []


@pytest.mark.parametrize(
    ("passed", "status", "code"),
    [(True, ChargeStatus.SUCCEEDED, None), (False, ChargeStatus.FAILED, "authentication_failed")],
)
def test_the_cardholder_confirms_or_fails_a_charge_once(
    sandbox: RunningSandbox, passed: bool, status: ChargeStatus, code: str | None
):
    waiting = charge(sandbox, sandbox.add_card(AUTHENTICATED).gateway_ref)
    assert "123.45 USD" in sandbox.get(waiting.action_url).text
    assert sandbox.gateway.find_charge(account=NORTHWIND, key="attempt-1") == waiting
    back = sandbox.authenticate(waiting.action_url, passed=passed)
    assert (back.status_code, back.headers["location"]) == (303, RETURN_URL)
    again = sandbox.authenticate(waiting.action_url, passed=not passed)
    assert (again.status_code, again.headers["location"]) == (303, RETURN_URL)
    assert "Nothing left to confirm" in sandbox.get(waiting.action_url).text
    found = sandbox.gateway.find_charge(account=NORTHWIND, gateway_id=waiting.gateway_id)
    assert (found.status, found.failure_code, found.action_url) == (status, code, None)
    kinds = [event["type"] for event in sandbox.events()]
    assert kinds == ["setup.completed", "charge.requires_action", f"charge.{status.value.lower()}"]


@pytest.mark.prove
def test_the_two_buttons_pressed_at_once_have_one_outcome(sandbox: RunningSandbox):
    method = sandbox.add_card(AUTHENTICATED).gateway_ref
    with ThreadPoolExecutor(8) as pool:
        for attempt in range(rounds(5, 100)):
            waiting = charge(sandbox, method, f"k{attempt}")
            list(
                pool.map(
                    lambda at, w=waiting: sandbox.authenticate(w.action_url, passed=at % 2 == 0), range(8)
                )
            )
            found = sandbox.gateway.find_charge(account=NORTHWIND, gateway_id=waiting.gateway_id)
            told = [e["type"] for e in sandbox.events() if waiting.gateway_id in e["body"]]
            assert told == ["charge.requires_action", f"charge.{found.status.value.lower()}"]


def test_an_unconfirmed_charge_fails_by_itself_after_half_an_hour(tmp_path: Path):
    now = [datetime(2026, 11, 22, 12, 0, tzinfo=UTC)]
    with running_sandbox(tmp_path / "s.sqlite3", deliver=False, clock=lambda: now[0]) as sandbox:
        waiting = charge(sandbox, sandbox.add_card(AUTHENTICATED).gateway_ref)
        now[0] += timedelta(minutes=30) - timedelta(milliseconds=1)
        assert sandbox.gateway.find_charge(account=NORTHWIND, key="attempt-1") == waiting
        now[0] += timedelta(milliseconds=1)
        sandbox.authenticate(waiting.action_url, passed=True)
        found = sandbox.gateway.find_charge(account=NORTHWIND, key="attempt-1")
        assert (found.status, found.failure_code) == (ChargeStatus.FAILED, "authentication_expired")
        assert [event["type"] for event in sandbox.events()][-1] == "charge.failed"


def test_a_setup_is_used_once_and_closes_after_an_hour(tmp_path: Path):
    now = [datetime(2026, 11, 22, 12, 0, tzinfo=UTC)]
    with running_sandbox(tmp_path / "s.sqlite3", deliver=False, clock=lambda: now[0]) as sandbox:
        order = {
            "account": NORTHWIND,
            "customer_ref": "acme",
            "return_url": RETURN_URL,
            "kinds": [MethodKind.CARD],
        }
        used, left = (sandbox.gateway.create_setup(key=key, **order) for key in ("used", "left"))
        now[0] += timedelta(minutes=59, seconds=59)
        assert sandbox.type_card("4242424242424242", token=used.client_token).status_code == 303
        first = sandbox.gateway.read_setup(account=NORTHWIND, setup_id=used.id)
        again = sandbox.type_card("5555555555554444", token=used.client_token)
        assert (again.status_code, again.headers["location"]) == (303, f"{RETURN_URL}&setup={used.id}")
        assert sandbox.gateway.read_setup(account=NORTHWIND, setup_id=used.id) == first
        now[0] += timedelta(seconds=1)
        assert sandbox.type_card("4242424242424242", token=left.client_token).status_code == 303
        over = sandbox.gateway.read_setup(account=NORTHWIND, setup_id=left.id)
        assert (over.status, over.method) == (SetupStatus.EXPIRED, None)
        assert sandbox.gateway.read_setup(account=NORTHWIND, setup_id=used.id) == first
        assert [event["type"] for event in sandbox.events()] == ["setup.completed"]


@pytest.mark.prove
def test_a_card_form_sent_many_times_at_once_makes_one_method(sandbox: RunningSandbox):
    order = {
        "account": NORTHWIND,
        "customer_ref": "acme",
        "return_url": RETURN_URL,
        "kinds": [MethodKind.CARD],
    }
    with ThreadPoolExecutor(10) as pool:
        for attempt in range(rounds(3, 50)):
            token = sandbox.gateway.create_setup(key=f"s{attempt}", **order).client_token
            answers = pool.map(lambda _, t=token: sandbox.type_card("4242424242424242", token=t), range(10))
            assert {answer.status_code for answer in answers} == {303}
            assert len(sandbox.events()) == attempt + 1


def test_a_bank_account_alone_can_not_be_added_yet(sandbox: RunningSandbox):
    with pytest.raises(GatewayRefused, match="kind_unavailable"):
        sandbox.gateway.create_setup(
            key="k", account=NORTHWIND, customer_ref="acme", return_url=RETURN_URL, kinds=[MethodKind.BANK]
        )

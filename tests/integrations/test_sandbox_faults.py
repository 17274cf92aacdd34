"""A gateway that fails says so in the only way that counts: did the request get there (M-7, M-8, M-9)."""

import random
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from billing.ports import ChargeAnswer, ChargeStatus, GatewayRefused, GatewayUnreachable, MethodKind
from integrations.gateways.sandbox.client import SandboxGateway
from tests.figures import rounds
from tests.gateway import NORTHWIND, RETURN_URL, RunningSandbox, platform, running_sandbox, sandbox_process


def charge(gateway: SandboxGateway, method_ref: str, key: str = "attempt-1") -> ChargeAnswer:
    return gateway.charge(
        key=key,
        account=NORTHWIND,
        amount_minor=12345,
        currency="USD",
        method_ref=method_ref,
        reference="INV-1",
        return_url=RETURN_URL,
    )


def impatient(sandbox: RunningSandbox, timeout_s: float = 0.5) -> SandboxGateway:
    return SandboxGateway(sandbox.url, accounts=sandbox.accounts, timeout_s=timeout_s)


@pytest.mark.parametrize(
    ("mode", "carried_out"),
    [
        ("timeout", True),
        ("reset", True),
        ("reset_before", False),
        ("500", False),
        ("500_after", True),
    ],
)
def test_a_lost_answer_is_an_unknown_outcome_and_the_truth_can_be_found(
    sandbox: RunningSandbox, mode: str, carried_out: bool
):
    method, gateway = sandbox.add_card().gateway_ref, impatient(sandbox)
    sandbox.fail(mode)
    with pytest.raises(GatewayUnreachable) as lost:
        charge(gateway, method)
    assert lost.value.sent is True
    found = gateway.find_charge(account=NORTHWIND, key="attempt-1")
    assert (found is not None) is carried_out
    assert len(sandbox.charges()) == int(carried_out)
    # The same key again ends in one charge, whatever happened the first time.
    again = charge(gateway, method)
    assert again.status is ChargeStatus.SUCCEEDED
    assert found is None or again == found
    assert len(sandbox.charges()) == 1
    gateway.close()


def test_a_slow_answer_within_the_time_allowed_is_an_answer(sandbox: RunningSandbox):
    sandbox.fail("hang_ms", ms=300)
    assert charge(sandbox.gateway, sandbox.add_card().gateway_ref).status is ChargeStatus.SUCCEEDED


def test_a_request_that_arrives_late_still_charges_once(sandbox: RunningSandbox):
    """The worst case: not found when asked for, charged afterwards. Only the same key is safe."""
    method, gateway = sandbox.add_card().gateway_ref, impatient(sandbox, 0.2)
    sandbox.fail("late_ms", ms=1500)
    with pytest.raises(GatewayUnreachable) as lost:
        charge(gateway, method)
    assert lost.value.sent is True
    assert gateway.find_charge(account=NORTHWIND, key="attempt-1") is None
    # The same question, answered after the late request came through.
    sandbox.fail("late_ms", on="find", ms=2000)
    found = sandbox.gateway.find_charge(account=NORTHWIND, key="attempt-1")
    assert charge(sandbox.gateway, method) == found
    assert len(sandbox.charges()) == 1
    gateway.close()


def test_a_gateway_that_is_not_there_certainly_got_nothing(tmp_path: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: nobody else can answer there
        gateway = SandboxGateway(f"http://127.0.0.1:{taken.getsockname()[1]}", accounts=platform())
        for call in every_call(gateway):
            with pytest.raises(GatewayUnreachable) as refused:
                call()
            assert refused.value.sent is False
        gateway.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\n{",
        b"HTTP/1.1 303 See Other\r\nlocation: /\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 404 Not Found\r\ncontent-length: 9\r\n\r\nNot Found",
        b'HTTP/1.1 404 Not Found\r\ncontent-length: 12\r\n\r\n{"error": 1}',
        b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 503 Unavailable\r\ncontent-length: 0\r\n\r\n",
        b"nonsense\r\n\r\n",
    ],
)
def test_an_answer_nobody_understands_is_an_unknown_outcome(answer: bytes):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        gateway = SandboxGateway(
            f"http://127.0.0.1:{listening.getsockname()[1]}", accounts=platform(), timeout_s=5
        )
        for call in every_call(gateway):
            thread = threading.Thread(target=answer_once, args=(listening, answer))
            thread.start()
            with pytest.raises(GatewayUnreachable) as unknown:
                call()
            thread.join()
            assert unknown.value.sent is True
        gateway.close()


def test_a_wrong_secret_is_a_refusal_and_an_account_nobody_set_up_is_never_asked_for(sandbox: RunningSandbox):
    stranger = SandboxGateway(
        sandbox.url, accounts=type(platform())("another-root-secret", platform().secrets)
    )
    with pytest.raises(GatewayRefused, match="unauthenticated"):
        charge(stranger, "pm_1")
    with pytest.raises(GatewayRefused, match="account_unknown"):
        stranger.find_charge(account="not an account", key="k")
    assert sandbox.calls() == []
    stranger.close()


def test_faults_hit_the_call_they_were_ordered_for_and_can_be_cleared(sandbox: RunningSandbox):
    method = sandbox.add_card().gateway_ref
    sandbox.fail("500", on="find", times=2)
    sandbox.fail("500", on="setup")
    assert charge(sandbox.gateway, method).status is ChargeStatus.SUCCEEDED
    for _ in range(2):
        with pytest.raises(GatewayUnreachable):
            sandbox.gateway.find_charge(account=NORTHWIND, key="attempt-1")
    assert sandbox.gateway.find_charge(account=NORTHWIND, key="attempt-1") is not None
    sandbox.control("DELETE", "faults", NORTHWIND)
    assert sandbox.add_card().last4 == "4242"


@pytest.mark.prove
def test_a_gateway_killed_in_the_middle_charges_once_per_key_and_keeps_its_events(tmp_path: Path):
    chosen, store = random.Random(3), tmp_path / "s.sqlite3"
    with running_sandbox(store, deliver=False) as sandbox:
        method = sandbox.add_card().gateway_ref
    answered: dict[str, ChargeAnswer] = {}
    keys = [f"k{kill}-{at}" for kill in range(rounds(3, 30)) for at in range(20)]
    for kill in range(rounds(3, 30)):
        with sandbox_process(store) as (process, running), ThreadPoolExecutor(5) as pool:
            mine = [key for key in keys if key.startswith(f"k{kill}-")]
            pending = [pool.submit(charge, running.gateway, method, key) for key in mine]
            pending[chosen.randrange(15)].result()
            process.kill()
            for key, attempt in zip(mine, pending, strict=True):
                if attempt.exception() is None:
                    answered[key] = attempt.result()
                else:
                    assert isinstance(attempt.exception(), GatewayUnreachable)
    assert 0 < len(answered) < len(keys)
    with running_sandbox(store, deliver=False) as sandbox:
        for key, answer in answered.items():
            assert sandbox.gateway.find_charge(account=NORTHWIND, key=key) == answer
        for key in keys:
            assert charge(sandbox.gateway, method, key).status is ChargeStatus.SUCCEEDED
        assert sorted(one["key"] for one in sandbox.charges()) == sorted(keys)
        told = [event["body"].split('"key":"')[1].split('"')[0] for event in sandbox.events()[1:]]
        assert sorted(told) == sorted(keys)


def every_call(gateway: SandboxGateway) -> list[Callable[[], object]]:
    return [
        lambda: charge(gateway, "pm_1"),
        lambda: gateway.find_charge(account=NORTHWIND, key="k"),
        lambda: gateway.read_setup(account=NORTHWIND, setup_id="seti_1"),
        lambda: gateway.create_setup(
            key="k", account=NORTHWIND, customer_ref="acme", return_url=RETURN_URL, kinds=[MethodKind.CARD]
        ),
    ]


def answer_once(listening: socket.socket, answer: bytes) -> None:
    """A gateway that takes one whole request, says these bytes and hangs up."""
    connection, _ = listening.accept()
    with connection:
        request = b""
        while b"\r\n\r\n" not in request:
            request += connection.recv(65536)
        head, _, body = request.partition(b"\r\n\r\n")
        length = int(
            dict(line.lower().split(b": ") for line in head.split(b"\r\n")[1:]).get(b"content-length", 0)
        )
        while len(body) < length:
            body += connection.recv(65536)
        connection.sendall(answer)

"""A process that pays, to be raced against others and to be killed.

`python -m tests.money.payer DATABASE_URL GATEWAY_URL` reads an order per line. Each is carried out by a
fork of its own, which may die on the way; then the line `> [exit code, outcomes]` follows.
"""

import json
import os
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any
from uuid import UUID

from auth.actors import Actor, ActorKind
from auth.memberships import Role
from billing.payment_orders import Share
from billing.payments import Payment
from billing.settling import nowhere
from db.engine import make_engine
from db.session import Database
from errors import Refusal
from integrations import paying, reconciling
from integrations.crash_points import CrashPoint, dying_at
from integrations.gateways.sandbox.client import SandboxGateway
from tests.gateway import platform
from tests.money.desk import usd
from tests.money.race import at_once
from worker.queue import defer_job


@dataclass
class Payer:
    """The other process, seen from the test."""

    orders: IO[str]
    answers: IO[str]

    def ask(self, **order: object) -> None:
        self.orders.write(json.dumps(order, default=str) + "\n")
        self.orders.flush()

    def result(self) -> tuple[int, list[str]]:
        """Exit code (-9: killed) and outcomes of the last order."""
        for line in self.answers:
            if line.startswith("> "):
                code, outcomes = json.loads(line[2:])
                return code, outcomes
        raise AssertionError("the paying process is gone")


@contextmanager
def payer(database_url: str, gateway_url: str) -> Iterator[Payer]:
    """A paying process, which ends with the block."""
    command = [sys.executable, "-m", "tests.money.payer", database_url, gateway_url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Payer(process.stdin, process.stdout)
        process.stdin.close()
        assert process.wait(30) == 0


def spelled(actor: Actor) -> dict[str, Any]:
    """An actor as an order carries it."""
    return {
        "kind": actor.kind, "partner_id": actor.partner_id, "id": actor.id, "role": actor.role,
        "customer_id": actor.customer_id,
    }  # fmt: skip


def _pay(database: Database, gateway: SandboxGateway, order: dict[str, Any]) -> list[str]:
    who = order["actor"]
    actor = Actor(
        ActorKind(who["kind"]), UUID(who["partner_id"]), id=UUID(who["id"]), role=Role(who["role"]),
        customer_id=UUID(who["customer_id"]),
    )  # fmt: skip
    now = datetime.fromisoformat(order["now"])
    shares = [Share(UUID(id_), usd(minor)) for id_, minor in order["shares"]]

    def pay(key: str) -> Payment:
        return paying.pay(
            database, gateway, actor, customer_id=actor.customer_id, shares=shares,
            payment_method_id=UUID(order["method"]), idempotency_key=key, clock=lambda: now,
            expected_total=sum((share.amount for share in shares[1:]), shares[0].amount),
            return_url=lambda payment_id: f"http://portal.test/{payment_id.hex}",
            reached=dying_at(CrashPoint(order["crash_at"])) if order.get("crash_at") else nowhere,
        )  # fmt: skip

    outcomes = at_once([lambda k=key: pay(k) for key in order["keys"]])
    return [outcome.code if isinstance(outcome, Refusal) else outcome.status.value for outcome in outcomes]


def _reconcile(database: Database, gateway: SandboxGateway, order: dict[str, Any]) -> list[str]:
    now = datetime.fromisoformat(order["now"])
    reached = dying_at(CrashPoint(order["crash_at"])) if order.get("crash_at") else nowhere
    return [str(reconciling.reconcile(database, gateway, now=now, reached=reached))]


def _carry_out(database_url: str, gateway_url: str, order: dict[str, Any], answer: int) -> None:
    database = Database(make_engine(database_url, pool_size=20), defer_job, secret="x" * 40)
    gateway = SandboxGateway(gateway_url, accounts=platform(), timeout_s=order.get("timeout_s", 20))
    act = {"pay": _pay, "reconcile": _reconcile}[order["do"]]
    os.write(answer, json.dumps(act(database, gateway, order)).encode())


def main(database_url: str, gateway_url: str) -> None:
    """Carry out orders until there are no more."""
    for line in sys.stdin:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            code = 1
            try:
                _carry_out(database_url, gateway_url, json.loads(line), writing)
                code = 0
            except Exception:
                traceback.print_exc()
            os._exit(code)
        os.close(writing)
        with os.fdopen(reading) as pipe:
            outcomes = json.loads(pipe.read() or "[]")
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(">", json.dumps([code, outcomes]), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

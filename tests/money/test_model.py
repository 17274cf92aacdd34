"""The ledger balances always: a stateful model against a small reference, the books looked over at each step.

The seed is printed; `REMIT_SEED=… pytest tests/money/test_model.py` takes the same steps again.
"""

import os
import secrets
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from db.session import Database
from integrations.gateways.sandbox.client import SandboxGateway
from tests.figures import rounds
from tests.gateway import running_sandbox
from tests.money.desk import Clock
from tests.money.machine import Machine

STEPS = 50
# Four parts, so that two processes share the work. How many steps an example has, and which, is chance: there
# is one more go until the promised number is reached and, at full figures, each kind of step was often taken.
PARTS, EXAMPLES, LEAST, EACH = rounds(1, 4), rounds(6, 40), rounds(50, 5_000), rounds(0, 20)
RULES = {name for name, part in vars(Machine).items() if hasattr(part, "hypothesis_stateful_rule")}


@pytest.mark.prove
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("part", range(PARTS))
def test_the_ledger_balances_whatever_happens(
    database: Database, now: datetime, tmp_path: Path, capsys: pytest.CaptureFixture[str], part: int
) -> None:
    number = int(os.environ.get("REMIT_SEED") or secrets.randbelow(2**32))
    clock = Clock(now)
    with running_sandbox(tmp_path / "gateway.sqlite3", deliver=False, clock=clock) as sandbox:

        class Run(Machine):
            pass

        Run.database, Run.sandbox, Run.clock, Run.noon = database, sandbox, clock, now
        Run.nobody = SandboxGateway("http://127.0.0.1:9", accounts=sandbox.accounts)
        Run.steps = []
        how = settings(
            max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, database=None, print_blob=True,
            suppress_health_check=list(HealthCheck), phases=[Phase.generate, Phase.shrink],
        )  # fmt: skip
        try:
            go = 0
            while len(Run.steps) < LEAST or min(Counter(Run.steps)[rule] for rule in RULES) < EACH:
                run_state_machine_as_test(seed(number + part + 1_000 * go)(Run), settings=how)
                go += 1
        finally:
            with capsys.disabled():
                print(
                    f"\nREMIT_SEED={number} part {part}: {len(Run.steps)} steps, {dict(Counter(Run.steps))}"
                )
            Run.nobody.close()

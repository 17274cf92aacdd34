"""A-2: past row-level security, among twins under the same ids, the rules do what they do.

The tests of these nouns run once more, in a process of its own, in the world of tests/twins.py. That each
predicate is missed there when it is taken away, `python -m tests.predicates billing` shows one by one.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.figures import rounds

ROOT = Path(__file__).parent.parent.parent
NOUNS = ("tags", "customers", "strangers", "customer_bulk", "payment_shown", "csv_out", "pictures")


@pytest.mark.prove
@pytest.mark.timeout(1800)
def test_the_rules_tell_twins_apart_by_themselves() -> None:
    files = [f"tests/billing/test_{noun}.py" for noun in NOUNS[: rounds(2, len(NOUNS))]]
    command = [sys.executable, "-m", "tests.twins", *files]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1700, check=False)
    assert said.returncode == 0, said.stdout[-3000:]
    assert " passed" in said.stdout
    assert "skipped" not in said.stdout

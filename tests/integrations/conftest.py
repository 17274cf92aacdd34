"""What the tests of integrations share: a sandbox gateway of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway import RunningSandbox, running_sandbox


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[RunningSandbox]:
    """A running gateway that sends no events by itself."""
    with running_sandbox(tmp_path / "gateway" / "sandbox.sqlite3", deliver=False) as running:
        yield running

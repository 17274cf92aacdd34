"""What the tests of integrations share: a sandbox gateway of their own."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection

from db.session import Database
from tests.billing.acting import Acts
from tests.billing.paying import Till
from tests.cast import Cast
from tests.gateway import RunningSandbox, running_sandbox


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[RunningSandbox]:
    """A running gateway that sends no events by itself."""
    with running_sandbox(tmp_path / "gateway" / "sandbox.sqlite3", deliver=False) as running:
        yield running


@pytest.fixture
def till(database: Database, owner: Connection, now: datetime, cast: Cast) -> Till:
    """Northwind's invoices and Acme's payments, by rules alone."""
    return Till(Acts(database, owner, now), cast)

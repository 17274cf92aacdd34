"""What the tests of money share: a desk with a gateway, and the books looked over at the end of each."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from db.session import Database
from tests.cast import Cast
from tests.gateway import running_sandbox
from tests.money.desk import Clock, Desk


@pytest.fixture
def desk(database: Database, cast: Cast, now: datetime, tmp_path: Path) -> Iterator[Desk]:
    """Northwind's desk; whatever the test did, the books hold afterwards (GUARANTEES O4)."""
    clock = Clock(now)
    with running_sandbox(tmp_path / "gateway.sqlite3", deliver=False, clock=clock) as sandbox:
        desk = Desk(database, sandbox, cast, clock)
        yield desk
        assert desk.books() == []

"""A reader over the test's database, and the endpoint in front of it, to read and to write."""

from collections.abc import AsyncIterator
from datetime import datetime

import pytest
from sqlalchemy import Connection

from api.read import Reader
from db.engine import make_pool
from db.session import Database
from tests.api.client import COOKIE as COOKIE
from tests.api.client import ORIGIN as ORIGIN
from tests.api.client import Client as Client
from tests.api.writing import Things, Writer, things_of
from tests.cast import Cast
from tests.conftest import Cluster
from tests.money.conftest import desk as desk
from tests.money.desk import Desk


@pytest.fixture
async def reader(database_url: str) -> AsyncIterator[Reader]:
    """A reader over this test's own database, as the app role."""
    async with make_pool(database_url, size=4) as pool:
        yield Reader(pool)


@pytest.fixture
def client(reader: Reader, cast: Cast, now: datetime, owner: Connection) -> Client:
    """The endpoint, spoken to over HTTP."""
    return Client(reader, cast, now, owner)


@pytest.fixture
def writer(reader: Reader, database: Database, cast: Cast, now: datetime, owner: Connection) -> Writer:
    """The endpoint, for mutations; its gateway must not be asked."""
    return Writer.over(reader, database, cast, owner, now)


@pytest.fixture
def stocked(
    cluster: Cluster, cast: Cast, now: datetime, request: pytest.FixtureRequest
) -> tuple[str, dict[str, Things]]:
    """A template with one of everything of those that a test names, and what there is of each."""
    wanted = [name for name in ("acme", "globex", "initech") if name in request.fixturenames]
    if not wanted:
        return "", {}
    return cluster.stocked(
        " ".join(wanted),
        lambda database, owner: {name: things_of(database, owner, cast, name, now) for name in wanted},
    )


@pytest.fixture
def template(stocked: tuple[str, dict[str, Things]]) -> str:
    """What the test names is there from the start."""
    return stocked[0]


@pytest.fixture
def acme(stocked: tuple[str, dict[str, Things]]) -> Things:
    """One of everything of Acme's."""
    return stocked[1]["acme"]


@pytest.fixture
def globex(stocked: tuple[str, dict[str, Things]]) -> Things:
    """One of everything of Globex's, Acme's sibling."""
    return stocked[1]["globex"]


@pytest.fixture
def initech(stocked: tuple[str, dict[str, Things]]) -> Things:
    """One of everything of Initech's, which is Contoso's."""
    return stocked[1]["initech"]


@pytest.fixture
def payer(
    reader: Reader, database: Database, cast: Cast, now: datetime, owner: Connection, desk: Desk
) -> Writer:
    """The endpoint, for mutations, with the sandbox gateway behind it; its books are checked in the end."""
    return Writer.over(reader, database, cast, owner, now, gateway=desk.sandbox.gateway)

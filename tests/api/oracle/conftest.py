"""The trial, for the tests in this folder."""

from datetime import datetime

import pytest

from tests.api.conftest import Client
from tests.api.oracle.rows import World, build
from tests.api.oracle.trial import Trial, begin
from tests.cast import Cast
from tests.conftest import Cluster


@pytest.fixture
def stocked(cluster: Cluster, cast: Cast, now: datetime) -> tuple[str, World]:
    """A database with odd rows around the cast, and all that is in it; filled once a run."""
    return cluster.stocked("the oracle's world", lambda _, owner: build(owner, cast, now))


@pytest.fixture
def template(stocked: tuple[str, World]) -> str:
    """Every test's database holds that world."""
    return stocked[0]


@pytest.fixture
def world(stocked: tuple[str, World]) -> World:
    """What the reference reader reads: the rows, as the database holds them."""
    return stocked[1]


@pytest.fixture
async def trial(client: Client, world: World) -> Trial:
    """A frozen world, and everybody who may ask about it."""
    return await begin(client, world)

"""The stage as a fixture: filled once a run, copied for every test that stands on it."""

from datetime import datetime

import pytest

from tests.cast import Cast
from tests.conftest import Cluster
from tests.tenancy.stage import Stage, fill


@pytest.fixture
def staged(cluster: Cluster, cast: Cast, now: datetime) -> tuple[str, Stage]:
    """A template with the stage, and what stands on it."""
    return cluster.stocked("stage", lambda database, owner: fill(database, owner, cast, now))


@pytest.fixture
def template(request: pytest.FixtureRequest) -> str:
    """A test that asks for the stage has it from the start."""
    return request.getfixturevalue("staged")[0] if "stage" in request.fixturenames else ""


@pytest.fixture
def stage(staged: tuple[str, Stage]) -> Stage:
    """What stands before every customer."""
    return staged[1]

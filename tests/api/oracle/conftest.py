"""The trial, for the tests in this folder."""

import pytest

from tests.api.conftest import Client
from tests.api.oracle.trial import Trial, begin


@pytest.fixture
async def trial(client: Client) -> Trial:
    """A frozen world, and everybody who may ask about it."""
    return await begin(client)

"""The planner against the reference reader: the same answers, to the order of keys, for whoever asks."""

from random import Random

import pytest

from tests.api.oracle.coverage import filters, wanted
from tests.api.oracle.trial import Trial
from tests.figures import rounds

pytestmark = pytest.mark.anyio


@pytest.mark.prove
@pytest.mark.timeout(1200)
async def test_both_answer_the_same_and_nothing_was_left_out(trial: Trial) -> None:
    chance = Random(5)
    documents = rounds(300, 2500)
    for _ in range(documents):
        asker = trial.askers[chance.choice(list(trial.askers))]
        await trial.same(asker, asker.generator.document())
    assert trial.refused < documents * 0.1
    least = rounds(1, 20)
    for target in wanted():
        await trial.compare(target, least)
    assert {target: trial.compared[target] for target in wanted() if trial.compared[target] < least} == {}
    # Filters that always hold, or never do, were not tried.
    for target in filters():
        for _ in range(rounds(0, 20)):
            if trial.outcomes[target] != {True, False}:
                await trial.compare(target, trial.compared[target] + 20)
    assert {target for target in filters() if trial.outcomes[target] != {True, False}} <= rounds(
        set(filters()), set()
    )

"""The trial itself on trial: every planted fault is noticed.

The planner works past row-level security here, so that its own predicates are all there is; and in the other
test row-level security is all there is.
"""

from collections.abc import AsyncIterator
from random import Random

import pytest

from api.nouns import NOUNS
from api.plan import planning
from api.read import Reader
from db.engine import make_pool
from errors import Forbidden, Invalid
from tests.api.conftest import Client
from tests.api.oracle import test_walks as walks
from tests.api.oracle.coverage import directed, wanted
from tests.api.oracle.faults import FAULTS, planted, source_of
from tests.api.oracle.reference import cursor
from tests.api.oracle.rows import World
from tests.api.oracle.trial import Different, Trial, begin
from tests.figures import PROVING, rounds

pytestmark = pytest.mark.anyio


@pytest.fixture
async def unguarded(client: Client, database_url: str, world: World) -> AsyncIterator[Trial]:
    """The trial with a reader whom row-level security does not hold."""
    async with make_pool(database_url, as_role=False) as pool:
        client.reader = Reader(pool)
        yield await begin(client, world)


async def hunt(trial: Trial, *, seed: int, documents: int, everything: bool = True) -> None:
    """Raises where the planner and the reference reader differ; `everything` walks and aims as well."""
    await refusals(trial, seed)
    for asker in trial.askers.values():
        asker.generator.reseed(seed)
    chance = Random(seed)
    for _ in range(documents):
        asker = trial.askers[chance.choice(list(trial.askers))]
        await trial.same(asker, asker.generator.document())
    if not everything:
        return
    for listed in walks.lists():
        for name in ("key", "carl"):
            if trial.askers[name].generator.may(*listed[:2]):
                await walks.try_list(trial, trial.askers[name], listed, listed[2].default, 2)
    for target in wanted():
        for name in ("key", "carl"):
            written = directed(trial.askers[name].generator, target)
            if written is not None:
                await trial.same(trial.askers[name], written)


async def refusals(trial: Trial, seed: int) -> None:
    """What is refused, and must be."""
    customer = NOUNS["Customer"]
    row = trial.askers["key"].reference.all("customer")[0]
    other = cursor(customer, "created_at", True, row)
    await refused(trial, "key", f'{{customers(after: "{other}") {{totalCount nodes {{id}}}}}}', Invalid)
    await refused(trial, "key", "{customers(where: {company: {eq: null}}) {totalCount}}", Invalid)
    await strangers(trial, seed)
    nested = '{invoices(where: {customer: {externalId: {eq: "x"}}}) {totalCount}}'
    await refused(trial, "carl", nested, Forbidden)


async def strangers(trial: Trial, seed: int) -> None:
    """What an actor may not see is not there, whatever id it asks for."""
    # A text of its own each time: a plan that is remembered would be one without the fault.
    document = trial.reader.documents.get(f"query Q{seed}($ids: [ID!]!) {{ nodes(ids: $ids) {{ id }} }}")
    for name in ("key", "carl"):
        asker = trial.askers[name]
        for noun in NOUNS.values():
            if noun.needs is not None and not asker.reference.actor.may(noun.needs):
                continue  # refused before any id is looked at
            seen = {row["id"] for row in asker.reference.all(noun.table.name)}
            hidden = [row["id"] for row in trial.world.tables[noun.table.name] if row["id"] not in seen]
            for start in range(0, len(hidden), 100):
                ids = [f"{noun.prefix}_{id_.hex}" for id_ in hidden[start : start + 100]]
                answer = await trial.reader.read(
                    document, {"ids": ids}, credential=asker.credential, now=trial.world.now
                )
                if any(answer.content["nodes"]):
                    raise Different(f"{name} sees a {noun.name} of somebody else's")


async def refused(trial: Trial, name: str, query: str, kind: type[Exception]) -> None:
    document = trial.reader.documents.checked(query)
    asker = trial.askers[name]
    try:
        await trial.reader.read(document, {}, credential=asker.credential, now=trial.world.now)
    except kind:
        return
    raise Different(f"not refused: {query}")


# How far a fault is hunted: a rare one shows itself in one document of a thousand.
FAR, GOES = 800, 6
# Every day one of them; all of them, in parts that processes share, at the full figures.
PARTS, EACH = rounds(1, 4), rounds(len(FAULTS), 4)


def test_every_fault_changes_a_line_that_is_there() -> None:
    assert [fault.name for fault in FAULTS if source_of(fault).count(fault.old) != 1] == []


@pytest.mark.prove
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("part", range(PARTS))
async def test_every_planted_fault_is_noticed(unguarded: Trial, part: int) -> None:
    # Without a fault nothing differs, or whatever is planted would seem to be caught. What walks and aims
    # find then is test_oracle.py's, every day; here at the full figures.
    await hunt(unguarded, seed=1, documents=rounds(60, 100), everything=PROVING)
    missed = []
    for place, fault in enumerate(FAULTS):
        if place % EACH != part:
            continue
        with planted(fault):
            try:
                for go in range(GOES):
                    await hunt(unguarded, seed=100 * go + place, documents=FAR)
            except Exception as e:
                print("caught", fault.name, type(e).__name__, str(e)[-150:].replace("\n", " "), flush=True)
                continue
        missed.append(fault.name)
        print("MISSED", fault.name, flush=True)
    assert missed == []
    await hunt(unguarded, seed=1, documents=20, everything=PROVING)


@pytest.mark.prove
async def test_row_level_security_alone_gives_the_same_answers(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        planning, "scope", lambda table, alias, **_: f"{alias}.{_key(table)} = {alias}.{_key(table)}"
    )
    chance = Random(11)
    for _ in range(rounds(60, 400)):
        asker = trial.askers[chance.choice(list(trial.askers))]
        await trial.same(asker, asker.generator.document())


def _key(table: object) -> str:
    return "id" if str(table) == "partner" else "partner_id"

"""E-6: a noisy neighbour is told to wait, and everybody else is served."""

import asyncio
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from httpx2 import ASGITransport, AsyncClient
from starlette.applications import Starlette

from api.budgets import AT_ONCE, FILE, IN_LINE, MOST_CALLERS, PER_SECOND, POINTS, Budgets, OutOfPoints
from api.files import Files
from api.read import Reader
from auth.actors import Actor, ActorKind
from db.columns import new_id
from db.session import Database
from tests.api.client import Answered
from tests.api.conftest import Client
from tests.cast import Cast
from tests.papers import press

pytestmark = pytest.mark.anyio
# 100 customers with 10 of their users each: 1,202 points.
DEAR = "{ customers(first: 100) { nodes { users(first: 10) { nodes { name } } } } }"
CHEAP = "{ viewer { name } }"
CHANGE = 'mutation { createTag(input: {name: "Late"}) { tag { id } } }'


class Watch:
    """The seconds of a bucket; tests move it."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def small(client: Client, watch: Watch) -> Client:
    """The endpoint with buckets of 5,000 points."""
    return replace(client, budgets=Budgets(points=5_000, clock=watch))


def key_of(cast: Cast, name: str = "northwind_key") -> Actor:
    return cast.actors[name]


def test_a_bucket_holds_50_000_points_and_500_come_back_each_second(cast: Cast, watch: Watch) -> None:
    budgets = Budgets(clock=watch)
    purse = budgets.purse(key_of(cast))
    assert [budgets.spend(purse, 5_000) for _ in range(10)] == list(range(45_000, -1, -5_000))
    with pytest.raises(OutOfPoints) as refused:
        budgets.spend(purse, 1_201)
    assert refused.value.retry_after == 3  # 2.402 s, and a client waits whole ones
    watch.now += 3
    assert budgets.spend(purse, 1_201) == 3 * PER_SECOND - 1_201
    watch.now += 3_600
    assert budgets.spend(purse, 0) == POINTS  # no more than full, however long nobody asked


def test_what_is_refused_takes_nothing(cast: Cast, watch: Watch) -> None:
    budgets = Budgets(points=5_000, clock=watch)
    purse = budgets.purse(key_of(cast))
    budgets.spend(purse, 4_000)
    for _ in range(3):
        with pytest.raises(OutOfPoints):
            budgets.spend(purse, 1_001)
    assert budgets.spend(purse, 1_000) == 0


def test_the_tokens_of_one_customer_are_one_caller_and_people_are_each_their_own(cast: Cast) -> None:
    budgets = Budgets()

    def token(name: str) -> Actor:
        return Actor(ActorKind.PORTAL_TOKEN, cast.partners["northwind"], new_id(), cast.customers[name])

    assert budgets.purse(token("acme")) is budgets.purse(token("acme"))
    assert budgets.purse(token("acme")) is not budgets.purse(token("globex"))
    people = [budgets.purse(actor) for actor in (cast.ada, cast.carl, key_of(cast))]
    assert len({id(purse) for purse in people}) == 3


def test_so_many_callers_are_remembered_and_no_more(cast: Cast) -> None:
    budgets = Budgets()
    first = budgets.purse(key_of(cast))
    for _ in range(MOST_CALLERS):
        budgets.purse(replace(key_of(cast), id=new_id()))
    assert budgets.purse(key_of(cast)) is not first


async def test_a_key_that_spent_its_points_waits_and_the_other_is_served(small: Client, watch: Watch) -> None:
    answers = [await small.ask(DEAR) for _ in range(5)]
    assert [answer.status for answer in answers] == [200] * 4 + [429]
    cost = answers[3].json["extensions"]["cost"]
    assert (cost["requested"], cost["left"]) == (1_202, 192)
    refused = answers[4]
    assert (refused.codes, refused.headers["retry-after"]) == (["OUT_OF_POINTS"], "3")
    assert refused.json["errors"][0]["message"] == (
        "This costs 1,202 points and 192 are left; 500 come back each second. Try again in 3 s."
    )
    assert (await small.ask(CHEAP)).status == 200  # what is left is enough for this
    assert (await small.ask(DEAR, key=small.cast.keys["contoso"])).status == 200
    watch.now += 3
    assert (await small.ask(DEAR)).status == 200


async def test_what_the_guard_refuses_costs_nothing(small: Client) -> None:
    for query in ("{ nonsense }", "{", DEAR.replace("100", "101")):
        assert (await small.ask(query)).status == 400
    assert (await small.ask(CHEAP)).json["extensions"]["cost"] == {
        "requested": 1, "limit": 5_000, "left": 4_999,
    }  # fmt: skip


async def test_a_change_that_costs_too_much_is_not_made(small: Client) -> None:
    changed: list[object] = []

    async def change(*asked: Any, **_: Any) -> bytes:
        changed.append(asked)
        return b'{"data":{}'

    asked = replace(small, mutate=change)
    purse = small.budgets.purse(key_of(small.cast))
    small.budgets.spend(purse, 4_995)
    assert (await asked.ask(CHANGE)).status == 429
    assert changed == []


async def test_eight_are_answered_at_once_some_wait_and_the_other_key_does_not(small: Client) -> None:
    gate, under_way, most = asyncio.Event(), 0, 0

    async def change(*_: Any, **__: Any) -> bytes:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await gate.wait()
        under_way -= 1
        return b'{"data":{}'

    asked = replace(small, mutate=change)
    line = [asyncio.create_task(asked.ask(CHANGE)) for _ in range(AT_ONCE + IN_LINE)]
    purse = small.budgets.purse(key_of(small.cast))
    async with asyncio.timeout(60):
        while purse.in_line < AT_ONCE + IN_LINE:  # noqa: ASYNC110 - nothing tells of a place in a line
            await asyncio.sleep(0)
        over = await asked.ask(CHEAP)
        assert (over.status, over.codes, over.headers["retry-after"]) == (429, ["TOO_MANY_AT_ONCE"], "1")
        assert (await asked.ask(CHEAP, key=small.cast.keys["contoso"])).status == 200
        gate.set()
        answers: list[Answered] = await asyncio.gather(*line)
    assert {answer.status for answer in answers} == {200}
    assert most == AT_ONCE
    assert (await asked.ask(CHEAP)).status == 200


async def test_documents_to_download_come_out_of_the_same_bucket(
    small: Client, reader: Reader, database: Database, now: datetime
) -> None:
    site = "https://remit.example"
    door = Files(reader, database, press(), clock=lambda: now, budgets=small.budgets, public_url=site)
    app = Starlette(routes=list(door.routes()))
    headers = {"authorization": f"Bearer {small.cast.keys['northwind']}"}
    path = f"/files/customers/cus_{small.cast.customers['acme'].hex}/statement.json"
    purse = small.budgets.purse(key_of(small.cast))
    async with AsyncClient(transport=ASGITransport(app), base_url="https://pay.example") as files:
        assert (await files.get(path, headers=headers)).status_code == 200
        assert purse.points == 5_000 - FILE
        small.budgets.spend(purse, 5_000 - FILE)
        refused = await files.get(path, headers=headers)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert refused.json()["errors"][0]["extensions"]["code"] == "OUT_OF_POINTS"

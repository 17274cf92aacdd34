"""`make bench`: the reads of docs/speed.md against their floors and rival, side by side, as ratios.

Each server has one process on the same database; rounds are interleaved (A B C A B C …) and the table shows
medians. Before anything is measured, all answers to a read are compared: they must be the same JSON.
"""

import json
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from bench import load, papers, portal, rows
from bench.rows import Target
from bench.servers import PORTS, origin, serving
from db.engine import make_engine

HERE = Path(__file__).parent
ROUNDS, SECONDS = 7, 4.0


@dataclass(frozen=True)
class Contestant:
    """One way to answer a read: what it is called, which server, and the request for a target."""

    name: str
    server: str
    request: Callable[[Target], bytes]


def _graphql(server: str, document: str) -> Callable[[Target], bytes]:
    query = (HERE / document).read_text()

    def made(target: Target) -> bytes:
        body = json.dumps({"query": query, "variables": {"customer": target.shown_id}}).encode()
        return load.request(f"{origin(server)}/graphql", target.key, body)

    return made


def _route(path: str) -> Callable[[Target], bytes]:
    def made(target: Target) -> bytes:
        url = f"{origin('floors')}/{path}?customer={target.shown_id}&partner={target.partner_id}"
        return load.request(url, target.key, None)

    return made


READS = {
    "page: 50 invoices, 4 lines each, payments": [
        Contestant("remit", "remit", _graphql("remit", "page.graphql")),
        Contestant("hand SQL, key, row-level security", "floors", _route("page")),
        Contestant("hand SQL, bare", "floors", _route("page-bare")),
        Contestant("hand rows + orjson", "floors", _route("page-rows")),
        Contestant("Strawberry + SQLModel + DataLoaders", "idiomatic", _graphql("idiomatic", "page.graphql")),
    ],
    "small: one customer, three fields": [
        Contestant("remit", "remit", _graphql("remit", "small.graphql")),
        Contestant("hand SQL, key, row-level security", "floors", _route("small")),
    ],
}


def main() -> None:
    """The PDF rows; then load the data once, start the servers, measure, print."""
    papers.main()
    url, postmaster = rows.loaded()
    with serving(url, list(PORTS)) as pids:
        targets = _targets(url)
        for title, contestants in READS.items():
            _compare_answers(contestants, targets)
            _print(title, contestants, _measured(contestants, targets, pids, postmaster))
        portal.measure(url, pids, postmaster)


def _targets(url: str) -> list[Target]:
    engine = make_engine(url, as_role=False)
    with engine.connect() as connection:
        found = rows.targets(connection)
    engine.dispose()
    return found


def _compare_answers(contestants: list[Contestant], targets: list[Target]) -> None:
    for target in targets[::40]:
        answers = {each.name: _answer(each, target) for each in contestants}
        first = answers["remit"]
        assert first["customer"] is not None
        for name, answer in answers.items():
            assert answer == first, (name, answer, first)


def _answer(contestant: Contestant, target: Target) -> Any:
    head, _, body = contestant.request(target).partition(b"\r\n\r\n")
    method, path, _ = head.decode().split("\r\n")[0].split(" ")
    headers = {"authorization": f"Bearer {target.key}", "content-type": "application/json"}
    url = origin(contestant.server) + path
    answer = httpx2.request(method, url, content=body or None, headers=headers, trust_env=False)
    assert answer.status_code == 200, (contestant.name, answer.text[:500])
    return answer.json()["data"]


def _measured(
    contestants: list[Contestant], targets: list[Target], pids: dict[str, int], postmaster: int
) -> dict[str, list[load.Sample]]:
    samples: dict[str, list[load.Sample]] = {each.name: [] for each in contestants}
    for number in range(ROUNDS + 1):
        for each in contestants:
            requests = [each.request(target) for target in targets]
            sample = load.measure(
                origin(each.server), requests, pids[each.server], postmaster, seconds=SECONDS
            )
            if number:  # the first round warms up
                samples[each.name].append(sample)
    return samples


def _print(title: str, contestants: list[Contestant], samples: dict[str, list[load.Sample]]) -> None:
    print(f"\n{title}\n{'':38}{'req/s':>9}{'remit is':>10}{'python ms':>11}{'postgres ms':>13}")
    ours = statistics.median(sample.per_second for sample in samples["remit"])
    for each in contestants:
        taken = samples[each.name]
        speed = statistics.median(sample.per_second for sample in taken)
        python = statistics.median(sample.python_ms for sample in taken)
        postgres = statistics.median(sample.postgres_ms for sample in taken)
        ratio = "" if each.name == "remit" else f"{ours / speed:.2f} x"
        print(f"{each.name:38}{speed:9.0f}{ratio:>10}{python:11.2f}{postgres:13.2f}")


if __name__ == "__main__":
    main()

"""Races: many acts started at the same moment, each in a thread of its own."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from errors import Refusal


def at_once(acts: Sequence[Callable[[], object]]) -> list[object]:
    """What each act gave back, or the refusal it met, in order; anything else it raises fails the test."""
    start = threading.Barrier(len(acts))

    def run(act: Callable[[], object]) -> object:
        start.wait(60)
        try:
            return act()
        except Refusal as refusal:
            return refusal

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))

"""The worker process: runs jobs until it is told to stop, then finishes the ones in hand."""

from collections.abc import Callable
from functools import partial

from app.memory import settle
from app.wiring import Parts, clock
from worker.jobs import Workshop, register
from worker.queue import make_app

FINISH_WITHIN_SECONDS = 20


def reading_bounces(parts: Parts) -> Callable[[], int] | None:
    """What empties the mailbox that delivery notices arrive in; None if the settings name none."""
    place = parts.settings.bounce_mailbox
    return None if place is None else partial(parts.bounces.empty, place)


async def run_worker(parts: Parts) -> None:
    """Take jobs until SIGTERM or SIGINT; jobs in hand get 20 s to end."""
    app = make_app(parts.url)
    register(app, Workshop(parts.database, parts.gateway, parts.outgoing, clock, reading_bounces(parts)))
    settle()
    try:
        async with app.open_async():
            await app.run_worker_async(
                concurrency=4,
                shutdown_graceful_timeout=FINISH_WITHIN_SECONDS,
                delete_jobs="never",
            )
    finally:
        parts.press.close()

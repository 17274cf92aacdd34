"""The worker process: runs jobs until it is told to stop, then finishes the ones in hand."""

from app.wiring import Parts, clock
from worker.jobs import Workshop, register
from worker.queue import make_app

FINISH_WITHIN_SECONDS = 20


async def run_worker(parts: Parts) -> None:
    """Take jobs until SIGTERM or SIGINT; jobs in hand get 20 s to end."""
    app = make_app(parts.url)
    register(app, Workshop(parts.database, parts.gateway, parts.outgoing, clock))
    try:
        async with app.open_async():
            await app.run_worker_async(
                concurrency=4,
                shutdown_graceful_timeout=FINISH_WITHIN_SECONDS,
                delete_jobs="never",
            )
    finally:
        parts.press.close()

"""`python -m app.serving web` and `… worker`: what a server runs, with what that needs and no more.

Surprise: `remit web` becomes this process, under the same process id: what the command loads for migrations
and operators would stay in the memory of every process that serves.
"""

import gc

if __name__ == "__main__":
    # Nearly all that is loaded stays: looking through it for garbage took a fifth of the start.
    gc.disable()

import asyncio
import sys
from typing import NoReturn

import uvicorn

from app import logs, memory, web
from app.settings import Settings, UnsafeSettings
from app.wiring import Parts, wire
from app.worker import run_worker
from errors import Refusal
from portal.first_run import first_run_path


def run_web() -> None:
    """Serve the portal, the dashboard and the API."""
    settings, parts = _begun()
    _tell_the_way_in(settings, parts)
    app = web.create_app(parts)
    memory.settle()
    uvicorn.run(app, **web.server_options(settings))


def run_jobs() -> None:
    """Send mails, act on gateway events, reconcile payments."""
    _, parts = _begun()
    asyncio.run(run_worker(parts))


def _begun() -> tuple[Settings, Parts]:
    logs.configure()
    try:
        settings = Settings()
        return settings, wire(settings)
    except UnsafeSettings as unsafe:
        _refuse(f"Remit does not start: {unsafe}", 2)
    except Refusal as refusal:
        _refuse(refusal.message, 1)


def _tell_the_way_in(settings: Settings, parts: Parts) -> None:
    # Not as a log event: those are masked on their way out.
    path = first_run_path(settings.secret_key.get_secret_value().encode(), parts.database)
    if path is not None:
        address = settings.public_url.rstrip("/") + path
        sys.stderr.write(f"There is no partner yet. Open this once to make the first one: {address}\n")


def _refuse(message: str, status: int) -> NoReturn:
    sys.stderr.write(f"{message}\n")
    raise SystemExit(status)


if __name__ == "__main__":
    {"web": run_web, "worker": run_jobs}[sys.argv[1]]()

"""The demo: everything on this machine with one command, with sample data, kept between starts.

Surprise: it is the real product in three real processes (web, worker, sandbox gateway) beside the embedded
PostgreSQL; only the settings and the data are made up, once, and kept in the demo's folder.
"""

import json
import secrets
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import httpx2
from pydantic import BaseModel

from app import samples
from app.settings import Settings, environment_with
from app.tables import METADATA
from app.wiring import clock, make_database, make_gateway
from db import embedded, schema
from db.engine import make_engine

FOLDER = Path(".remit/demo")
READY_WITHIN_SECONDS = 60
STOP_WITHIN_SECONDS = 30


class Kept(BaseModel):
    """What the demo makes up once and keeps, so that starting again is the same demo."""

    secret_key: str
    gateway_api_secret: str
    webhook_secret: str
    password: str
    api_key: str | None = None


class NotReady(Exception):
    """A part of the demo did not come up; the message says which and how to go on."""


def run(given: Settings) -> int:
    """Start everything, say where it is, and wait for Ctrl-C. Returns the exit code."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: stop.set())
    running: list[subprocess.Popen[bytes]] = []
    try:
        _start_all(given, running, stop)
        return _watch(running, stop)
    except NotReady as trouble:
        print(trouble, file=sys.stderr)
        return 1
    finally:
        _stop_all(running)
        embedded.stop(FOLDER.resolve() / "postgres")


def _start_all(given: Settings, running: list[subprocess.Popen[bytes]], stop: threading.Event) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    gateway_port = given.port + 1
    for port in (given.port, gateway_port):
        _refuse_taken(port)
    print("Starting the demo ...")
    kept = _kept()
    url = embedded.start(FOLDER.resolve() / "postgres")
    environment = {
        "REMIT_MODE": "demo",
        "REMIT_FOLDER": str(FOLDER.resolve()),
        "REMIT_PORT": str(given.port),
        "DATABASE_URL": url,
        "PUBLIC_URL": f"http://localhost:{given.port}",
        # Another host name than the portal's: cookies do not tell ports apart.
        "REMIT_GATEWAY_URL": f"http://127.0.0.1:{gateway_port}",
        "REMIT_SECRET_KEY": kept.secret_key,
        "REMIT_GATEWAY_API_SECRET": kept.gateway_api_secret,
        "REMIT_GATEWAY_WEBHOOK_SECRETS": json.dumps([kept.webhook_secret]),
    }
    settings = Settings.from_environment(environment)
    _migrate(url)
    running.append(_process(environment, "app.gateway", str(gateway_port)))
    _wait_for(settings.gateway_url, running, stop)
    kept.api_key = samples.load(
        make_database(settings, url), make_gateway(settings), now=clock(), password=kept.password
    ) or kept.api_key  # fmt: skip
    _keep(kept)
    running += [_process(environment, "app.serving", "web"), _process(environment, "app.serving", "worker")]
    _wait_for(settings.public_url, running, stop)
    if not stop.is_set():
        _greet(settings, kept)


def _refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise NotReady(
                f"Port {port} is taken. Stop what uses it, or choose another: "
                f"`REMIT_PORT={port + 100} make demo`."
            ) from None


def _kept() -> Kept:
    file = FOLDER / "kept.json"
    if file.exists():
        return Kept.model_validate_json(file.read_text())
    kept = Kept(
        secret_key=secrets.token_hex(32),
        gateway_api_secret=secrets.token_hex(32),
        webhook_secret=secrets.token_hex(32),
        password=f"try-remit-{secrets.token_hex(4)}",
    )
    _keep(kept)
    return kept


def _keep(kept: Kept) -> None:
    file = FOLDER / "kept.json"
    file.touch(mode=0o600)
    file.write_text(kept.model_dump_json())


def _migrate(url: str) -> None:
    engine = make_engine(url, as_role=False)
    with engine.connect() as connection:
        schema.migrate(connection, METADATA)
    engine.dispose()


def _process(environment: dict[str, str], *command: str) -> subprocess.Popen[bytes]:
    # A session of its own: Ctrl-C reaches this process alone, which stops the others in order.
    return subprocess.Popen(
        [sys.executable, "-m", *command], env=environment_with(environment), start_new_session=True
    )


def _wait_for(origin: str, running: Sequence[subprocess.Popen[bytes]], stop: threading.Event) -> None:
    for _ in range(READY_WITHIN_SECONDS * 5):
        if stop.is_set():
            return
        if any(process.poll() is not None for process in running):
            raise NotReady("A part of the demo stopped; its last words are above.")
        try:
            if httpx2.get(f"{origin}/health", timeout=2).status_code == 200:
                return
        except httpx2.HTTPError:
            pass
        stop.wait(0.2)
    raise NotReady(f"{origin} did not answer within {READY_WITHIN_SECONDS} s.")


def _watch(running: Sequence[subprocess.Popen[bytes]], stop: threading.Event) -> int:
    """Wait until told to stop (0), or until a part dies (1)."""
    while not stop.wait(0.5):
        for process in running:
            if process.poll() is not None:
                print(f"A part of the demo stopped with code {process.returncode}.", file=sys.stderr)
                return 1
    return 0


def _stop_all(running: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in reversed(running):
        process.terminate()
    for process in running:
        try:
            process.wait(STOP_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _greet(settings: Settings, kept: Kept) -> None:
    print(
        f"""
Remit is running. Everybody's password: {kept.password}

  Partner dashboard   {settings.public_url}/partner/northwind          ada@northwind.example
  Customer portal     {settings.public_url}/sign-in                    carl@acme.example
  Mails               {settings.public_url}/demo/mails
  GraphQL             {settings.public_url}/graphql                    Authorization: Bearer {kept.api_key}

Ctrl-C stops it; the data stays. `make demo-reset` begins anew.
""",
        flush=True,
    )

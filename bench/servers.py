"""The servers a benchmark asks: one process of each, on one database."""

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx2
from sqlalchemy import create_engine, text

from db import embedded

FOLDER = Path(".remit") / "bench"
PORTS = {"remit": 8471, "floors": 8472, "idiomatic": 8473}


def origin(server: str) -> str:
    """Where a server is found."""
    return f"http://127.0.0.1:{PORTS[server]}"


def database(name: str = "postgres") -> tuple[str, int]:
    """The URL of a database on the benchmark's own PostgreSQL, made if need be; the server's process id."""
    url = embedded.start(FOLDER / "postgres")
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        if not connection.scalar(text("select 1 from pg_database where datname = :name"), {"name": name}):
            connection.execute(text(f"create database {name}"))
    engine.dispose()
    pid = int((FOLDER / "postgres" / "postmaster.pid").read_text().split()[0])
    return url.replace("/postgres?", f"/{name}?"), pid


@contextmanager
def serving(url: str, names: Sequence[str]) -> Iterator[dict[str, int]]:
    """Those servers, answering; their process ids."""
    environment = {
        **os.environ,
        "DATABASE_URL": url,
        "REMIT_MODE": "demo",
        "REMIT_FOLDER": str(FOLDER),
        "REMIT_PORT": str(PORTS["remit"]),
        "PUBLIC_URL": origin("remit"),
        # One key asks as fast as it can here: what bounds it is not what is measured.
        "REMIT_API_POINTS": str(10**12),
        "REMIT_SECRET_KEY": secrets.token_hex(32),
        "REMIT_GATEWAY_API_SECRET": secrets.token_hex(32),
        "REMIT_GATEWAY_WEBHOOK_SECRETS": json.dumps([secrets.token_hex(32)]),
    }
    commands = {"remit": ["-m", "app.serving", "web"]}
    for name in ("floors", "idiomatic"):
        commands[name] = ["-m", "uvicorn", f"bench.{name}:app", "--port", str(PORTS[name]), "--no-access-log",
                          "--log-level", "warning", "--no-proxy-headers", "--no-server-header"]  # fmt: skip
    processes = {
        name: subprocess.Popen([sys.executable, *command], env=environment)
        for name, command in commands.items()
        if name in names
    }
    try:
        for name, process in processes.items():
            _wait_for(name, process)
        yield {name: process.pid for name, process in processes.items()}
    finally:
        for process in processes.values():
            process.terminate()
        for process in processes.values():
            process.wait(30)


def _wait_for(name: str, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if process.poll() is not None:
            raise SystemExit(f"the server {name} ended")
        try:
            httpx2.get(f"{origin(name)}/health", timeout=1, trust_env=False)
        except httpx2.TransportError:
            continue
        return
    raise SystemExit(f"the server {name} does not answer")

"""The whole product as a newcomer runs it: real processes on loopback, a mail folder, the sandbox gateway.

Nothing here knows how the product works inside; it starts what `remit` starts, and reads what people get.
"""

import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import TypeVar

import httpx2

T = TypeVar("T")
READY_WITHIN_SECONDS = 120


def wait_until(condition: Callable[[], T | None], what: str, *, seconds: float = 30) -> T:
    """What `condition` gives once it gives something; fails, naming `what`, when it doesn't in time."""
    pause = threading.Event()
    for _ in range(int(seconds * 20)):
        found = condition()
        if found:
            return found
        pause.wait(0.05)
    raise AssertionError(f"{what}: not within {seconds} s")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Product:
    """A running product. `url` is the portal's, `gateway_url` the sandbox gateway's."""

    folder: Path
    database_url: str
    url: str
    gateway_url: str
    environment: dict[str, str]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, *arguments: str) -> None:
        """Start the process that `remit NAME` becomes."""
        command = ("app.gateway",) if name == "gateway" else ("app.serving", name)
        log = (self.folder / f"{name}.log").open("ab")
        self.processes[name] = subprocess.Popen(
            [sys.executable, "-m", *command, *arguments],
            env={**os.environ, **self.environment}, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        log.close()

    def kill(self, name: str) -> None:
        """End a process as a power cut does."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait(10)

    def stop(self) -> dict[str, int]:
        """Ask every process to end; their exit codes."""
        for process in self.processes.values():
            process.terminate()
        return {name: process.wait(30) for name, process in self.processes.items()}

    def log(self, name: str) -> str:
        """What a process has printed."""
        return (self.folder / f"{name}.log").read_text()

    def mails(self, to: str, subject: str = "") -> list[EmailMessage]:
        """The mails written so far to an address, the oldest first."""
        found = []
        for file in sorted((self.folder / "mail").glob("*.eml"), key=lambda file: file.stat().st_mtime_ns):
            message = BytesParser(policy=policy.default).parsebytes(file.read_bytes())
            assert isinstance(message, EmailMessage)
            if to in str(message["To"]) and subject in str(message["Subject"]):
                found.append(message)
        return found

    def mail(self, to: str, subject: str = "", *, number: int = 1) -> EmailMessage:
        """The `number`th such mail, once it is there."""
        return wait_until(
            lambda: next(iter(self.mails(to, subject)[number - 1 : number]), None),
            f"mail {subject!r} to {to}",
        )


def link_in(mail: EmailMessage) -> str:
    """The one link of a mail's text part."""
    body = mail.get_body(("plain",))
    assert body is not None
    links = [line for line in body.get_content().splitlines() if re.fullmatch(r"https?://\S+", line)]
    assert len(links) == 1, links
    return str(links[0])


@contextmanager
def running_product(database_url: str, folder: Path) -> Iterator[Product]:
    """Gateway, web and worker on a migrated database; all of them end with the block."""
    port, gateway_port = free_port(), free_port()
    url, gateway_url = f"http://localhost:{port}", f"http://127.0.0.1:{gateway_port}"
    environment = {
        "REMIT_MODE": "demo",
        "REMIT_FOLDER": str(folder),
        "REMIT_PORT": str(port),
        "DATABASE_URL": database_url,
        "PUBLIC_URL": url,
        "REMIT_GATEWAY_URL": gateway_url,
        "REMIT_SECRET_KEY": secrets.token_hex(32),
        "REMIT_GATEWAY_API_SECRET": secrets.token_hex(32),
        "REMIT_GATEWAY_WEBHOOK_SECRETS": json.dumps([secrets.token_hex(32)]),
    }
    product = Product(folder, database_url, url, gateway_url, environment)
    try:
        product.start("gateway", str(gateway_port))
        product.start("web")
        product.start("worker")
        # A client a question would read every certificate of the machine anew, while the processes start.
        with httpx2.Client(timeout=2, verify=False) as asking:
            for name, origin in (("gateway", gateway_url), ("web", url)):
                wait_until(
                    lambda name=name, origin=origin: _answers(asking, product, name, origin),
                    f"{name} at {origin}",
                    seconds=READY_WITHIN_SECONDS,
                )
        yield product
    finally:
        product.stop()


def _answers(asking: httpx2.Client, product: Product, name: str, origin: str) -> bool:
    assert product.processes[name].poll() is None, product.log(name)
    try:
        return asking.get(f"{origin}/health").status_code == 200
    except httpx2.HTTPError:
        return False

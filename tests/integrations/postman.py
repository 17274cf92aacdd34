"""A process that sends mails, to be killed in the middle of it.

`python -m tests.integrations.postman DATABASE_URL SMTP_URL` reads an order per line: mails, and after how
many seconds whoever sends them dies. Each is carried out by a fork of its own; then a line says how it ended.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO
from uuid import UUID

from db.engine import make_engine
from db.session import Database
from integrations.mail.compose import Composer
from integrations.mail.outgoing import Outgoing
from integrations.mail.transports import NotNow, SmtpTransport
from integrations.pdf.press import Broken, Sheet
from worker.queue import defer_job

TEMPLATES = Path(__file__).parent.parent.parent / "templates"
ORIGIN = "https://pay.example.com"


class NoPress:
    """Documents can't be set: invoices go without their PDF, as they do when one can't be."""

    def pdf(self, sheet: Sheet) -> bytes:
        raise Broken(sheet.name)


class Postman:
    """The other process, seen from the test."""

    def __init__(self, orders: IO[str], answers: IO[str]) -> None:
        self._orders, self._answers = orders, answers

    def send(self, partner_id: UUID, mails: Sequence[UUID], *, dies_after: float) -> int:
        """The exit code: 0 for done, -9 for killed."""
        order = {"partner": str(partner_id), "mails": [str(id_) for id_ in mails], "dies": dies_after}
        self._orders.write(json.dumps(order) + "\n")
        self._orders.flush()
        for line in self._answers:
            if line.startswith("> "):
                return int(line[2:])
        raise AssertionError("the sending process is gone")


@contextmanager
def postman(database_url: str, smtp_url: str) -> Iterator[Postman]:
    """A sending process, which ends with the block."""
    command = [sys.executable, "-m", "tests.integrations.postman", database_url, smtp_url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield Postman(process.stdin, process.stdout)
        process.stdin.close()
        assert process.wait(30) == 0


def _carry_out(database_url: str, smtp_url: str, order: dict[str, object]) -> None:
    database = Database(make_engine(database_url, pool_size=5), defer_job, secret="x" * 40)
    composer = Composer(TEMPLATES, public_url=ORIGIN, sender="no-reply@pay.example.com")
    transport = SmtpTransport(smtp_url, timeout_seconds=5)
    outgoing = Outgoing(database, composer, transport, lambda: datetime.now(UTC), NoPress())  # type: ignore[arg-type]

    async def send_all() -> None:
        for mail_id in order["mails"]:  # type: ignore[attr-defined]
            # What the server did not take this time is tried again, as the queue does.
            with suppress(NotNow):
                await outgoing.send(partner_id=UUID(str(order["partner"])), mail_id=UUID(mail_id))

    signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    signal.setitimer(signal.ITIMER_REAL, float(str(order["dies"])))
    asyncio.run(send_all())


def main(database_url: str, smtp_url: str) -> None:
    """Carry out orders until there are no more."""
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                _carry_out(database_url, smtp_url, json.loads(line))
                code = 0
            except BaseException:
                traceback.print_exc()
            os._exit(code)
        print(">", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

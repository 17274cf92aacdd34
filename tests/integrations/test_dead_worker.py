"""R-1, R-4: a worker is killed in the middle of a job; another takes it up, and it has an effect once."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from sqlalchemy import Connection, text

from billing import customer_users
from db.session import Database
from tests.app.test_settings import STRONG
from tests.cast import Cast
from tests.integrations.test_lost_answers import Forgetful
from tests.product import Product, wait_until

pytestmark = pytest.mark.timeout(300)


class Holding(Forgetful):
    """Takes nothing and answers nothing while `holds`: whoever sends is in the middle of it."""

    def __init__(self) -> None:
        super().__init__()
        self.holds, self.in_the_middle = True, threading.Event()

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str | None:
        envelope.mail_from = address
        if not self.holds:
            return "250 OK"
        self.in_the_middle.set()
        # Nothing more is said on this connection: it ends with whoever is killed.
        await asyncio.get_running_loop().create_future()
        return None


@pytest.fixture
def server() -> Iterator[tuple[Holding, int]]:
    holding = Holding()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(holding, hostname="127.0.0.1", port=port)
    controller.start()
    yield holding, port
    controller.stop()


@pytest.fixture
def worker(database_url: str, server: tuple[Holding, int], tmp_path: Path) -> Iterator[Product]:
    """What `remit worker` becomes, not started yet."""
    environment = {
        "REMIT_MODE": "production", "REMIT_FOLDER": str(tmp_path), "PUBLIC_URL": "http://localhost:8000",
        "REMIT_SECRET_KEY": STRONG, "REMIT_GATEWAY_API_SECRET": STRONG, "DATABASE_URL": database_url,
        "REMIT_GATEWAY_WEBHOOK_SECRETS": f'["{STRONG}"]', "REMIT_SMTP_URL": f"smtp://127.0.0.1:{server[1]}",
    }  # fmt: skip
    product = Product(tmp_path, database_url, "", "", environment)
    yield product
    for name in list(product.processes):
        product.kill(name)


def test_a_killed_workers_mail_is_sent_by_another_once(
    worker: Product, server: tuple[Holding, int], database: Database, cast: Cast, owner: Connection
) -> None:
    sink, _ = server
    # A round that died with its worker while the next one waits already: it keeps nothing else back.
    owner.execute(
        text("""
            insert into procrastinate_jobs (queue_name, task_name, queueing_lock, args, status, scheduled_at)
            select 'default', 'clear_imports', 'clear_imports', '{"timestamp": 0}',
              state::procrastinate_job_status, at
            from (values ('doing', null), ('todo', now() + interval '1 day')) each(state, at)
        """)
    )
    worker.start("worker")
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        customer_users.invite(
            db, cast.ada, customer_id=cast.customers["acme"], name="Nina", email="nina@acme.example",
            now=datetime.now(UTC),
        )  # fmt: skip
    assert sink.in_the_middle.wait(120), worker.log("worker")
    worker.kill("worker")
    assert job_of(owner) == ("doing", 0)
    assert owner.execute(text("select status, tries from mail")).all() == [("QUEUED", 0)]
    # Half a minute without a sign of life, and the minute in which somebody looks for such workers.
    owner.execute(text("update procrastinate_workers set last_heartbeat = now() - interval '31 seconds'"))
    owner.execute(
        text("""
            insert into procrastinate_jobs (queue_name, task_name, args) values
            ('default', 'retake_stalled', '{"timestamp": 0}')
        """)
    )
    sink.holds = False
    worker.start("worker")
    wait_until(lambda: job_of(owner)[0] == "succeeded", "the mail is sent", seconds=120)
    assert [message["To"] for message in sink.taken] == ["Nina <nina@acme.example>"]
    assert owner.execute(text("select status, tries from mail")).all() == [("SENT", 1)]
    rounds = owner.scalars(
        text("select status from procrastinate_jobs where task_name = 'clear_imports' order by id")
    )
    assert list(rounds) == ["failed", "todo"]


def job_of(owner: Connection) -> tuple[str, int]:
    asked = text("select status, attempts from procrastinate_jobs where task_name = 'send_mail'")
    row = owner.execute(asked).one()
    return row.status, row.attempts

"""The whole web application of one process, on a test's own database, with mails written to a folder."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Connection, text
from starlette.testclient import TestClient

from app import web
from app.settings import Settings
from app.wiring import Parts, wire
from integrations import inviting
from tests import pages as made
from tests.app.test_settings import SAFE, STRONG

URL = "http://localhost:8000"


def on_database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line works on the test's database, with settings that are safe."""
    for name, value in {
        "DATABASE_URL": database_url, "PUBLIC_URL": URL, "REMIT_MODE": "production",
        "REMIT_SECRET_KEY": STRONG, "REMIT_GATEWAY_API_SECRET": STRONG,
        "REMIT_GATEWAY_WEBHOOK_SECRETS": f'["{STRONG}"]',
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)


@pytest.fixture
def parts(database_url: str, tmp_path: Path) -> Iterator[Parts]:
    parts = wire(Settings(_env_file=None, **{**SAFE, "DATABASE_URL": database_url, "folder": tmp_path}))
    yield parts
    parts.database.close()


@pytest.fixture
def client(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setattr(web, "Documents", made.documents)
    with TestClient(web.create_app(parts), base_url=URL) as client:
        yield client


@pytest.fixture
def deliver(parts: Parts, owner: Connection) -> Callable[[], None]:
    """Do the mail jobs that wait in the queue, as the worker does, each once."""

    async def invite_again(*, partner_id: str, invite_id: str) -> None:
        inviting.send_waiting(
            parts.database, partner_id=UUID(partner_id), invite_id=UUID(invite_id), now=datetime.now(UTC)
        )

    def run() -> None:
        jobs = owner.execute(text("delete from procrastinate_jobs returning task_name, args")).all()
        send = {
            "send_mail": parts.outgoing.send,
            "send_reset": parts.outgoing.send_reset,
            "send_waiting_invites": invite_again,
            "send_mailed_code": parts.outgoing.send_mailed_code,
            "send_factors_changed": parts.outgoing.send_factors_changed,
            "send_password_changed": parts.outgoing.send_password_changed,
        }
        for name, ids in jobs:
            asyncio.run(send[name](**ids))

    return run

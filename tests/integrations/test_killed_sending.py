"""R-4: whoever sends mails is killed anywhere, again and again: none is lost, a repeat is the same mail."""

import socket
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random
from uuid import UUID

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import Connection, text

from billing import invoice_sending
from db.session import Database
from tests.billing.acting import Acts
from tests.billing.test_invoice_scheduling import draft
from tests.cast import Cast
from tests.figures import rounds
from tests.integrations.postman import postman
from tests.integrations.test_lost_answers import Forgetful

KILLED = -9


@pytest.fixture
def sink() -> Iterator[tuple[Forgetful, str]]:
    """A server that takes everything."""
    server = Forgetful()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(server, hostname="127.0.0.1", port=port)
    controller.start()
    yield server, f"smtp://127.0.0.1:{port}"
    controller.stop()


@pytest.mark.prove
@pytest.mark.timeout(1200)
def test_killed_anywhere_no_mail_is_lost_and_a_repeat_is_the_same_mail(
    database: Database, database_url: str, owner: Connection, cast: Cast, sink: tuple[Forgetful, str]
) -> None:
    server, smtp_url = sink
    acts, chance = Acts(database, owner, datetime.now(UTC)), Random(4)
    kills, wanted = 0, rounds(6, 200)
    with postman(database_url, smtp_url) as other:
        while kills < wanted:
            for _ in range(5):
                acts(cast.ada, invoice_sending.send, invoice_id=draft(acts, cast, due_on="2099-01-01").id)
            while left := waiting(owner):
                ended = other.send(cast.ada.partner_id, left, dies_after=chance.uniform(0.1, 0.6))
                assert ended in (0, KILLED)
                kills += ended == KILLED
                # What is called sent was taken, and what was taken is called sent unless it was being noted.
                assert unlike(owner) == 0
    taken = Counter(message["Message-ID"] for message in server.taken)
    every = owner.scalars(text("select id from mail"))
    assert set(taken) == {f"<{id_}@pay.example.com>" for id_ in every}
    repeated = sum(count - 1 for count in taken.values())
    assert repeated <= kills
    # A repeat is the same mail, word for word but for its date.
    words = {(message["Message-ID"], message["To"], message["Subject"]) for message in server.taken}
    assert len(words) == len(taken)
    print(f"{kills} kills, {len(taken)} mails, {repeated} twice")


def waiting(owner: Connection) -> list[UUID]:
    return list(owner.scalars(text("select id from mail where status = 'QUEUED' order by id")))


def unlike(owner: Connection) -> int:
    """Invoices that are called sent though no mail of theirs was, or the other way round."""
    asked = text("""
      select count(*) from invoice i where status <> 'DRAFT' and (sent_at is not null) <> exists (
        select 1 from mail where subject_id = i.id and kind = 'INVOICE' and status = 'SENT')
    """)
    counted: int = owner.scalar(asked)
    return counted

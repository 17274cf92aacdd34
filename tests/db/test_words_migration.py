"""What was written in conversations before it could be searched for, made findable by the migration."""

from datetime import datetime
from importlib import import_module

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, text

from billing import invoice_threads
from billing.invoice_threads import Opening, ThreadKind
from billing.search import words_kept
from db.engine import make_engine
from db.session import Database
from tests.billing.acting import Acts
from tests.billing.paying import Till
from tests.cast import Cast
from tests.db.test_home_migration import NAMES

written = import_module("db.migrations.versions.0046_voided_and_written")


@pytest.mark.parametrize("said", NAMES)
def test_its_words_are_those_the_rules_keep(said: str) -> None:
    assert written.words(said) == words_kept([said])


def test_every_message_becomes_findable_however_many_are_read_at_once(
    database_url: str,
    database: Database,
    owner: Connection,
    cast: Cast,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    acts = Acts(database, owner, now)
    invoice = Till(acts, cast).invoice(500)
    opening = Opening(ThreadKind.QUESTION, "Why Söhne?")
    thread = acts(cast.petra, invoice_threads.open_thread, invoice_id=invoice.id, fields=opening)
    for word in ("because", "of O'Brien", "again because"):
        acts(cast.ada, invoice_threads.reply, thread_id=thread.id, text=word)
    kept = text("select token, customer_id, subject_id from search_token where kind = 'invoice_thread'")
    before = set(owner.execute(kept).all())
    owner.execute(text("delete from search_token where kind = 'invoice_thread'"))
    monkeypatch.setattr(written, "AT_ONCE", 3)
    engine = make_engine(database_url, as_role=False)
    for _ in range(2):  # what is there already is no trouble
        with engine.begin() as connection, Operations.context(MigrationContext.configure(connection)):
            written._keep_words()
    engine.dispose()
    assert set(owner.execute(kept).all()) == before
    # What was written, and what the invoice is found by.
    assert {token for token, *_ in before} == {
        "why", "sohne", "because", "of", "o", "brien", "obrien", "again", "no", "00001", "no00001", "acme",
    }  # fmt: skip

"""What a conversation is found by: what is written in it and its own invoice's words, never a twin's."""

from uuid import UUID

import pytest
from sqlalchemy import text

from billing import invoice_life, invoice_threads, invoices
from billing.invoice_threads import Opening, ThreadKind
from db.session import Database
from tests.billing.acting import Acts
from tests.billing.shelf import Things
from tests.billing.shelf import alike as alike
from tests.billing.shelf import shelf as shelf
from tests.billing.shelf import things as things
from tests.billing.shelf import twins as twins
from tests.cast import Cast
from tests.money.desk import one_line
from tests.twins import TWIN

KEPT = "select token from search_token where kind = 'invoice_thread' and subject_id = :id order by token"


def words(acts: Acts, cast: Cast, thread_id: UUID) -> list[str]:
    """What Petra's side finds it by."""
    return [word for (word,) in acts.read(cast.petra, text(KEPT).bindparams(id=thread_id))]


@pytest.mark.parametrize("who", ["ada", "petra"])
def test_the_words_of_its_invoice_come_along_and_each_message_adds_its_own(
    acts: Acts, cast: Cast, who: str
) -> None:
    fields = one_line(100).model_copy(update={"memo": "March hours", "internal_note": "Secret"})
    draft = acts(cast.ada, invoices.create_draft, customer_id=cast.customers["acme"], fields=fields)
    acts(cast.ada, invoice_life.finalize, invoice_id=draft.id)
    opening = Opening(ThreadKind.QUESTION, "Why so many hours?")
    asks = {"invoice_id": draft.id, "fields": opening}
    thread = acts(cast.actors[who], invoice_threads.open_thread, **asks)
    kept = words(acts, cast, thread.id)
    assert kept == ["00001", "acme", "hours", "many", "march", "no", "no00001", "so", "why"]
    acts(cast.ada, invoice_threads.reply, thread_id=thread.id, text="So it is")
    more = words(acts, cast, thread.id)
    assert sorted([*kept, "is", "it"]) == more


def test_a_twins_invoice_lends_no_words(alike: Database, things: Things) -> None:
    with alike.transaction() as db:
        db.execute(text("set local session_replication_role = replica"))
        renamed = "update search_token set token = 'twin' where partner_id = :twin and token = 'acme'"
        db.execute(text(renamed), {"twin": TWIN})
        db.execute(text("set local session_replication_role = origin"))
        about = {"invoice_id": things.ids["invoice"], "fields": Opening(ThreadKind.QUESTION, "Why?")}
        thread = invoice_threads.open_thread(db, things.cast.ada, **about, now=things.now)
        words = set(db.execute(text(KEPT), {"id": thread.id}).scalars())
        assert "acme" in words
        assert "twin" not in words

"""Notes on a customer: written, changed and deleted by their author; seen by no customer on any door."""

from collections.abc import Callable
from datetime import datetime

import pytest
from sqlalchemy import Connection, text

from billing import customer_notes
from billing.customer_notes import CustomerNote
from db import ids
from db.session import Database
from tests.cast import Cast
from tests.portal.conftest import Person, customer_id, text_of
from tests.world import nothing_changes


@pytest.fixture
def note(database: Database, cast: Cast, now: datetime) -> str:
    """A note of Ada's on Acme."""
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        acme = cast.customers["acme"]
        made: CustomerNote = customer_notes.add(
            db, cast.ada, customer_id=acme, text="Call Carl first", now=now
        )
        return ids.shown("note", made.id)


def test_a_note_is_written_changed_and_deleted(ada: Person, cast: Cast, owner: Connection) -> None:
    tab = f"/customers/{customer_id(cast, 'acme')}/notes"
    assert "No notes yet" in text_of(ada.get(tab))
    ada.post(tab, {"text": "Call Carl first.\r\nThen <b>Petra</b>."})
    page = ada.get(tab)
    assert "Call Carl first.\nThen &lt;b&gt;Petra&lt;/b&gt;." in page.text
    assert "Ada, Mar 10, 2026" in text_of(page)
    one = page.text.partition(f"{tab}/")[2].partition("/edit")[0]
    assert "Call Carl first." in ada.get(f"{tab}/{one}/edit").text
    ada.post(f"{tab}/{one}/edit", {"text": "Call Petra."})
    assert "Call Petra." in text_of(ada.get(tab))
    with nothing_changes(owner):
        asks = ada.get(f"{tab}/{one}/delete")
    assert "The note is gone for good." in text_of(asks)
    ada.post(f"{tab}/{one}/delete")
    assert "No notes yet" in text_of(ada.get(tab))
    done = owner.execute(
        text("select action, customer_id, details from audit_event where action ~ 'note' order by id")
    ).all()
    assert done == [(f"customer.note_{what}", None, {}) for what in ("added", "changed", "deleted")]


def test_an_empty_note_is_refused_at_its_field(ada: Person, cast: Cast, owner: Connection, note: str) -> None:
    tab = f"/customers/{customer_id(cast, 'acme')}/notes"
    with nothing_changes(owner):
        for address in (tab, f"{tab}/{note}/edit"):
            answer = ada.post(address, {"text": "  "})
            assert answer.status_code == 422
            assert "Enter the note." in text_of(answer)
        long = ada.post(tab, {"text": "x" * 5001})
        assert "Shorten the note to 5000 characters" in text_of(long)
        assert "x" * 5001 in long.text


def test_nobody_changes_what_somebody_else_wrote(
    clem: Person, rita: Person, cast: Cast, owner: Connection, note: str
) -> None:
    tab = f"/customers/{customer_id(cast, 'acme')}/notes"
    for person in (clem, rita):
        page = person.get(tab)
        assert "Call Carl first" in text_of(page)
        assert f"{note}/edit" not in page.text
        with nothing_changes(owner):
            assert person.get(f"{tab}/{note}/edit").status_code == 404
            assert person.post(f"{tab}/{note}/edit", {"text": "Mine"}).status_code == 403
            assert person.post(f"{tab}/{note}/delete").status_code == 403
    with nothing_changes(owner):
        assert rita.post(tab, {"text": "Hello"}).status_code == 403
    assert "New note" not in text_of(rita.get(tab))


def test_a_note_is_found_below_its_own_customer_only(ada: Person, cast: Cast, note: str) -> None:
    for customer in ("globex", "initech"):
        tab = f"/customers/{customer_id(cast, customer)}/notes"
        assert ada.get(f"{tab}/{note}/edit").status_code == 404
        assert ada.get(f"{tab}/{note}/delete").status_code == 404


def test_customers_read_nothing_of_it(signed_in: Callable[[str], Person], cast: Cast, note: str) -> None:
    carl = signed_in("carl")
    for path in ("", "/invoices", "/payments", "/team", "/tags"):
        assert "Call Carl" not in carl.get(path).text
    assert carl.get(f"/partner/northwind/customers/{customer_id(cast, 'acme')}/notes").status_code == 404

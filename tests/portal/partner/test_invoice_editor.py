"""The invoice editor: totals by the server's arithmetic, terms, and saving and sending in one go."""

import re
from collections.abc import Callable
from datetime import date
from html import unescape
from uuid import UUID

import pytest
from sqlalchemy import Connection, text

from db import ids
from tests.cast import Cast
from tests.portal.conftest import Person, text_of
from tests.world import nothing_changes

Arrive = Callable[[str], Person]
# 3 x 33.33 less 12.5 % is 87.49; 5 % of it is 4.37, 9.975 % is 8.73.
TYPED = {
    "lines-0-description": "Work", "lines-0-quantity": "3", "lines-0-unit_price": "33.33",
    "lines-0-discount_percent": "12.5", "lines-0-taxes-0-name": "GST", "lines-0-taxes-0-rate": "5",
    "lines-0-taxes-1-name": "QST", "lines-0-taxes-1-rate": "9.975",
}  # fmt: skip


@pytest.fixture
def new(cast: Cast) -> str:
    """Where an invoice for Acme is typed."""
    return f"/customers/{ids.shown('cus', cast.customers['acme'])}/invoices/new"


def totals(page: str) -> str:
    """What the page says it comes to."""
    found = re.search(r'<div id="totals-shown".*?</div>', page, re.DOTALL)
    assert found is not None
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", found[0])).split())


def stored(owner: Connection) -> tuple[UUID, int, int, date]:
    row = owner.execute(text("select id, net_minor, total_minor, due_on from invoice")).one()
    return (row.id, row.net_minor, row.total_minor, row.due_on)


def test_totals_are_said_before_and_are_what_is_stored(
    signed_in: Arrive, new: str, owner: Connection
) -> None:
    clem = signed_in("clem")
    assert "Total $0.00" in totals(clem.get(new).text)
    with nothing_changes(owner):
        shown = clem.post(new, {**TYPED, "issue_on": "2026-03-10", "terms_days": "45", "_pressed": "totals"})
    assert shown.status_code == 200
    said = "Subtotal $87.49 GST 5% $4.37 QST 9.975% $8.73 Total $100.59 Due date Apr 24, 2026"
    assert totals(shown.text) == said
    saved = clem.post(new, {**TYPED, "issue_on": "2026-03-10", "due_on": "2026-03-11", "terms_days": "45"})
    assert saved.status_code == 303
    id_, net, total, due_on = stored(owner)
    assert (net, total, due_on) == (8_749, 10_059, date(2026, 4, 24))
    # A due date of one's own stays as it is, and the page of a draft says what it comes to at once.
    edit = f"/invoices/{ids.shown('inv', id_)}/edit"
    assert totals(clem.get(edit).text) == said
    kept = {**TYPED, "issue_on": "2026-03-10", "due_on": "2026-03-11", "terms_days": "", "version": "1"}
    assert clem.post(edit, kept).status_code == 303
    assert stored(owner)[3] == date(2026, 3, 11)


def test_what_is_not_finished_is_left_out_and_said(signed_in: Arrive, new: str, owner: Connection) -> None:
    clem = signed_in("clem")
    typed = {
        **TYPED, "lines-0-description": "", "lines-1-description": "Half", "lines-1-quantity": "1,5",
        "lines-1-unit_price": "10", "terms_days": "900", "_pressed": "totals",
    }  # fmt: skip
    with nothing_changes(owner):
        shown = totals(clem.post(new, typed).text)
    assert "Total $100.59" in shown
    assert "Line 2 is not counted yet" in shown
    assert "Due date" not in shown
    with nothing_changes(owner):
        refused = clem.post(new, {**TYPED, "terms_days": "900"})
    assert (refused.status_code, "from 0 to 365" in text_of(refused)) == (422, True)


def test_saving_and_sending_asks_to_whom_and_then_sends(
    signed_in: Arrive, new: str, owner: Connection
) -> None:
    clem = signed_in("clem")
    saved = clem.post(new, {**TYPED, "_pressed": "send"})
    id_ = stored(owner)[0]
    asked = f"/invoices/{ids.shown('inv', id_)}/confirm-send"
    assert saved.headers["location"].endswith(asked)
    page = text_of(clem.get(asked))
    assert "Carl" in page
    assert "$100.59" in page
    assert owner.scalar(text("select status from invoice")) == "DRAFT"


def test_who_may_not_edit_and_a_stranger_get_no_totals(
    signed_in: Arrive, new: str, owner: Connection
) -> None:
    for name, status in (("rita", 403), ("mallory", 404)):
        person = signed_in(name)
        with nothing_changes(owner):
            assert person.post(new, {**TYPED, "_pressed": "totals"}).status_code == status

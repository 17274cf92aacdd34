"""On paper: lists, Home and an invoice, in both doors, without anything that only a screen can press."""

from datetime import datetime

import pytest
from sqlalchemy import Connection

from billing import customers, tags
from billing.customer_fields import CustomerInput
from billing.tags import TagInput
from db import ids
from db.session import Database
from tests.billing.acting import Acts
from tests.billing.paying import Till
from tests.cast import Cast
from tests.portal.conftest import Browsing

pytestmark = pytest.mark.browser

LISTS = ("invoices", "credit-notes", "payments", "conversations")
PRESSED = (
    "main :is(button, .button, select, summary, input:not([type=hidden]), .card-head > a, "
    '[href$="/finish-setup"]):visible'
)
ADDRESS = {
    "address": "1 A Street", "city": "Peoria", "state": "IL", "postal_code": "61602", "country": "US",
}  # fmt: skip


@pytest.fixture
def invoice(database: Database, owner: Connection, now: datetime, cast: Cast) -> str:
    """An open one, beside a tag and a customer in set-up."""
    made = Till(Acts(database, owner, now), cast).invoice(12_345)
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        tags.create(db, cast.ada, fields=TagInput(name="VIP", colour="#0b7285"), now=now)
        customers.create(db, cast.ada, fields=CustomerInput(company="Zenith", **ADDRESS), now=now)
    return f"invoices/{ids.shown('inv', made.id)}"


@pytest.mark.parametrize(
    ("name", "more"), [("ada", (".", "customers")), ("carl", ())], ids=["dashboard", "portal"]
)
def test_paper_shows_what_is_read_and_nothing_to_press(
    browsing: Browsing, invoice: str, name: str, more: tuple[str, ...]
) -> None:
    page = browsing(name).new_page()
    pressed = 0
    for path in (*more, *LISTS, invoice):
        page.goto(path)
        pressed += page.locator(PRESSED).count()
        page.emulate_media(media="print")
        assert page.locator(PRESSED).all_inner_texts() == [], path
        assert page.locator("main h1").is_visible()
        page.emulate_media(media="screen")
    assert pressed > len(LISTS)
    page.context.close()

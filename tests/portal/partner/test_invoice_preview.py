"""A draft as the customer will see it, on the page and on paper."""

from collections.abc import Callable

from sqlalchemy import Connection, text

from db import ids
from tests.cast import Cast
from tests.papers import words
from tests.portal.conftest import Person, text_of
from tests.portal.partner.test_invoice_editor import TYPED
from tests.world import nothing_changes

Arrive = Callable[[str], Person]


def test_a_draft_is_shown_as_the_customer_will_see_it_and_says_that_it_is_one(
    signed_in: Arrive, cast: Cast, owner: Connection
) -> None:
    clem = signed_in("clem")
    new = f"/customers/{ids.shown('cus', cast.customers['acme'])}/invoices/new"
    draft = clem.post(new, {**TYPED, "internal_note": "Hush", "memo": "Thank you"}).headers["location"]
    assert f'{draft}/preview"' in clem.get(draft).text
    with nothing_changes(owner):
        seen = clem.get(f"{draft}/preview")
        page = text_of(seen)
    for said in ("Preview", "Draft invoice", "Left to pay $100.59", "Thank you", "QST 9.975%", "$87.49"):
        assert said in page
    assert "Hush" not in page
    assert "Brouillon de facture" in text_of(clem.get(f"{draft}/preview?language=fr"))
    assert "Draft" in words(clem.get(f"{draft}/invoice.pdf").content)
    invoice = ids.shown("inv", owner.scalar(text("select id from invoice")))  # type: ignore[arg-type]
    assert signed_in("mallory").get(f"/invoices/{invoice}/preview").status_code == 404

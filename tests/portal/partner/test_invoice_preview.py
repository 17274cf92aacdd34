"""A draft as the customer will see it, on the page and on paper."""

import re
from collections.abc import Callable
from html import unescape

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


def carried(page: str) -> dict[str, str]:
    """The fields a preview keeps of what was typed."""
    found = re.findall(r'<input type="hidden" name="([\w-]+)" value="([^"]*)"', page)
    return {name: unescape(value) for name, value in found if name != "csrf_token"}


def test_what_is_typed_is_shown_without_saving_it_and_leads_back_with_all_of_it(
    signed_in: Arrive, cast: Cast, owner: Connection
) -> None:
    clem = signed_in("clem")
    new = f"/customers/{ids.shown('cus', cast.customers['acme'])}/invoices/new"
    typed = {**TYPED, "internal_note": "Hush", "memo": "Thank <you>", "lines-1-quantity": ""}
    with nothing_changes(owner):
        seen = clem.post(new, {**typed, "_pressed": "preview"})
        page = text_of(seen)
        back = clem.post(new, {**carried(seen.text), "_pressed": "edit"})
        french = clem.post(new, {**carried(seen.text), "_pressed": "preview-fr"})
    assert seen.status_code == 200
    for said in (
        "Nothing is saved yet.",
        "Draft invoice",
        "Left to pay $100.59",
        "Thank <you>",
        "QST 9.975%",
    ):
        assert said in page
    assert "Hush" not in page
    assert "invoice.pdf" not in seen.text
    assert carried(seen.text).items() >= (typed.items() - {("lines-1-quantity", "")})
    assert back.status_code == 200
    assert 'value="33.33"' in back.text
    assert "Hush" in back.text
    assert "Thank &lt;you&gt;" in back.text
    assert "Brouillon de facture" in text_of(french)
    assert "9,975" in text_of(french)
    # A language that was only looked at changes nothing of what was typed.
    assert carried(french.text) == carried(seen.text)


def test_what_saving_refuses_a_preview_refuses_at_the_same_fields(
    signed_in: Arrive, cast: Cast, owner: Connection
) -> None:
    clem = signed_in("clem")
    new = f"/customers/{ids.shown('cus', cast.customers['acme'])}/invoices/new"
    with nothing_changes(owner):
        refused = clem.post(new, {**TYPED, "lines-0-quantity": "abc", "_pressed": "preview"})
    assert refused.status_code == 422
    assert 'id="error-lines-0-quantity"' in refused.text
    assert 'value="abc"' in refused.text
    owner.execute(text("update customer set status = 'ARCHIVED', archived_at = now() where company = 'Acme'"))
    with nothing_changes(owner):
        assert clem.post(new, {**TYPED, "_pressed": "preview"}).status_code == 409


def test_a_changed_draft_is_shown_as_it_would_be_and_stays_as_it_is(
    signed_in: Arrive, cast: Cast, owner: Connection
) -> None:
    clem = signed_in("clem")
    new = f"/customers/{ids.shown('cus', cast.customers['acme'])}/invoices/new"
    draft = clem.post(new, TYPED).headers["location"]
    changed = {**TYPED, "lines-0-quantity": "6", "version": "7", "_pressed": "preview"}
    others = [(signed_in("rita"), 403), (signed_in("mallory"), 404)]
    with nothing_changes(owner):
        seen = clem.post(f"{draft}/edit", changed)
        # Whatever version it is by now: only saving asks.
        assert (seen.status_code, carried(seen.text)["version"]) == (200, "7")
        assert "Left to pay $201.18" in text_of(seen)
        back = clem.post(f"{draft}/edit", {**carried(seen.text), "_pressed": "edit"})
        assert re.search(r'name="lines-0-quantity"[^>]* value="6"', back.text)
        for person, status in others:
            path = draft.removeprefix("/partner/northwind")
            assert person.post(f"{path}/edit", changed).status_code == status
        assert clem.post(f"{draft}/edit", changed, forged=True).status_code == 403
    clem.post(f"{draft}/issue")
    with nothing_changes(owner):
        gone = clem.post(f"{draft}/edit", changed)
    assert (gone.status_code, "was issued while you were editing" in gone.text) == (409, True)

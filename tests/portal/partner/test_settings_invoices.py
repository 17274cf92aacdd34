"""The page of invoice settings: saved, refused at the field, merged, and looked at."""

import re
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection, text

from billing import invoice_life
from db.session import Database
from tests.billing.acting import Acts
from tests.billing.test_invoice_scheduling import draft
from tests.cast import Cast
from tests.papers import words
from tests.portal.conftest import Person, text_of
from tests.world import nothing_changes

Arrive = Callable[[str], Person]
HERE = "/settings/invoices"
TYPED = {"invoice_prefix": "X-", "first_invoice_number": "500", "default_terms_days": "15"}
TYPED |= {"credit_note_prefix": "AV-"}


def hidden(page: str) -> dict[str, str]:
    return dict(re.findall(r'type="hidden" name="((?:version|shown)[^"]*)" value="([^"]*)"', page))


def test_ada_begins_at_500_until_the_number_is_taken(
    signed_in: Arrive, cast: Cast, database: Database, owner: Connection, now: datetime
) -> None:
    ada, acts = signed_in("ada"), Acts(database, owner, now)
    page = ada.get(HERE).text
    assert ada.post(HERE, {**hidden(page), **TYPED}).status_code == 303
    assert "The invoice settings are saved." in text_of(ada.get(HERE))
    issued = acts(cast.ada, invoice_life.finalize, invoice_id=draft(acts, cast).id)
    assert (issued.number, (issued.due_on - issued.issue_on).days) == ("X-00500", 15)
    page = ada.get(HERE).text
    assert "Numbers began with 500." in text_of(ada.get(HERE))
    with nothing_changes(owner):
        late = ada.post(HERE, {**hidden(page), **TYPED, "first_invoice_number": "600"})
    assert (late.status_code, "so it stays" in text_of(late)) == (422, True)
    assert "First invoice number from" in text_of(ada.get("/audit"))
    assert 'value="AV-"' in page
    assert "Credit note prefix from “CN-” to “AV-”" in text_of(ada.get("/audit"))


def test_other_ways_to_pay_stand_where_something_is_open(
    signed_in: Arrive, cast: Cast, database: Database, owner: Connection, now: datetime
) -> None:
    ada, carl, acts = signed_in("ada"), signed_in("carl"), Acts(database, owner, now)
    said = "Checks to Northwind IT\nWire: First Bank, account 000123"
    page = ada.get(HERE).text
    assert ada.post(HERE, {**hidden(page), **TYPED, "payment_instructions": said}).status_code == 303
    made = acts(cast.ada, invoice_life.finalize, invoice_id=draft(acts, cast).id)
    here = f"/invoices/inv_{made.id.hex}"
    for told in (
        text_of(carl.get(here)), words(carl.get(f"{here}/invoice.pdf").content),
        text_of(ada.get(f"{here}/preview")),
    ):  # fmt: skip
        assert "Other ways to pay" in told
        assert "First Bank, account 000123" in told
    acts(cast.ada, invoice_life.void, invoice_id=made.id)
    assert "First Bank" not in text_of(carl.get(here))
    assert "First Bank" not in words(carl.get(f"{here}/invoice.pdf").content)


def test_an_edit_that_comes_too_late_comes_back_with_what_changed(
    signed_in: Arrive, owner: Connection
) -> None:
    ada, sue = signed_in("ada"), signed_in("sue")
    page = hidden(ada.get(HERE).text)
    sue.post(HERE, {**hidden(sue.get(HERE).text), **TYPED, "default_terms_days": "45"})
    with nothing_changes(owner):
        answer = ada.post(HERE, {**page, **TYPED, "default_terms_days": "60"})
    assert answer.status_code == 409
    assert "is now “45”" in text_of(answer)
    assert owner.scalar(text("select default_terms_days from partner where slug = 'northwind'")) == 45


def test_rita_only_looks(signed_in: Arrive, owner: Connection) -> None:
    rita = signed_in("rita")
    assert "An Admin or Sub-admin can change it." in text_of(rita.get(HERE))
    with nothing_changes(owner):
        assert rita.post(HERE, TYPED).status_code == 403

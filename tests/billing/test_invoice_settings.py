"""How invoices are numbered and when they are due: a start number until it is taken, and no gap after it."""

from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlmodel import select

from billing import invoice_life, ledger, partner_profile
from billing.invoices import Invoice
from billing.partner_profile import PartnerInput
from billing.partners import Partner
from db.session import Database
from tests.billing.acting import Acts, acting, problems_of
from tests.billing.test_invoice_scheduling import draft
from tests.cast import Cast
from tests.money.race import at_once
from tests.world import nothing_changes


def save(acts: Acts, cast: Cast, **fields: Any) -> Partner:
    saved: Partner = acts(cast.ada, partner_profile.update, fields=PartnerInput(**fields)).partner
    return saved


def test_numbers_begin_where_another_program_stopped_and_have_no_gap(
    acts: Acts, cast: Cast, database: Database
) -> None:
    saved = save(acts, cast, invoice_prefix="ab-", first_invoice_number="1042", default_terms_days="14")
    assert (saved.invoice_prefix, saved.next_invoice_number, saved.version) == ("AB-", 1042, 2)
    made = [draft(acts, cast) for _ in range(3)]
    assert (made[0].due_on - made[0].issue_on).days == 14
    issued = at_once(
        [lambda one=one: acts(cast.ada, invoice_life.finalize, invoice_id=one.id).number for one in made]
    )
    assert sorted(issued) == ["AB-01042", "AB-01043", "AB-01044"]
    with acting(database, cast.ada) as db:
        assert ledger.check(db) == []
    save(acts, cast, invoice_prefix="C-")
    last = acts(cast.ada, invoice_life.finalize, invoice_id=draft(acts, cast).id)
    assert last.number == "C-01045"


def test_the_first_number_stays_once_it_is_taken(acts: Acts, cast: Cast, owner: Connection) -> None:
    save(acts, cast, first_invoice_number=7)
    save(acts, cast, first_invoice_number=5)
    acts(cast.ada, invoice_life.finalize, invoice_id=draft(acts, cast).id)
    with nothing_changes(owner):
        wrong = problems_of(lambda: save(acts, cast, first_invoice_number=9, invoice_prefix="X-"))
        assert wrong == [("NUMBERS_TAKEN", ("first_invoice_number",))]
        save(acts, cast, first_invoice_number="5")  # the same again
    assert acts.read(cast.ada, select(Invoice.number).where(Invoice.number != "")) == ["NO-00005"]


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"first_invoice_number": "0"}, "OUT_OF_RANGE", "first_invoice_number"),
        ({"first_invoice_number": "12345678"}, "OUT_OF_RANGE", "first_invoice_number"),
        ({"first_invoice_number": "١"}, "OUT_OF_RANGE", "first_invoice_number"),
        ({"first_invoice_number": None}, "OUT_OF_RANGE", "first_invoice_number"),
        ({"invoice_prefix": "much-too-long-"}, "BAD_PREFIX", "invoice_prefix"),
        ({"credit_note_prefix": "CN_"}, "BAD_PREFIX", "credit_note_prefix"),
        ({"default_terms_days": ""}, "REQUIRED", "default_terms_days"),
        ({"default_terms_days": "366"}, "BAD_TERMS", "default_terms_days"),
        ({"payment_instructions": "a" * 1001}, "TOO_LONG", "payment_instructions"),
        ({"payment_instructions": "Card 4242 4242 4242 4242"}, "CARD_NUMBER", "payment_instructions"),
    ],
)
def test_what_is_wrong_stands_at_its_field(
    acts: Acts, cast: Cast, owner: Connection, fields: dict[str, Any], code: str, field: str
) -> None:
    with nothing_changes(owner):
        assert problems_of(lambda: save(acts, cast, **fields)) == [(code, (field,))]


def test_the_books_notice_a_number_that_was_left_out(acts: Acts, cast: Cast, owner: Connection) -> None:
    save(acts, cast, first_invoice_number=100)
    owner.execute(text("update partner set next_invoice_number = 102 where slug = 'northwind'"))
    with acting(acts.database, cast.ada) as db:
        assert [line[:3] for line in ledger.check(db)] == ["M-4"]

"""Nothing stands upon anything else on paper, and descriptions keep room, whatever figures there are."""

import pytest

from billing import crediting, partner_profile
from billing.crediting import CreditNoteInput
from billing.invoice_fields import LineInput, TaxInput
from integrations.pdf.credit_notes import credit_note_sheet
from languages import Locale, speaking
from tests import papers
from tests.billing.paying import Till
from tests.integrations.test_pdf_invoices import QUEBEC, issued, sheet

SPRINGFIELD = [
    TaxInput(name="Illinois state sales tax", rate="6.25"),
    TaxInput(name="Sangamon county tax", rate="1.5"), TaxInput(name="Springfield city tax", rate="2.25"),
]  # fmt: skip
FOUR = [TaxInput(name=name, rate="9.975") for name in ("GST", "QST", "City tax", "Environmental fee")]
FIVE = [TaxInput(name=f"{letter} tax with the longest name a tax may have {letter}", rate="12.3456")
        for letter in "ABCDE"]  # fmt: skip
ONTARIO = [TaxInput(name="Harmonized Sales Tax (Ontario)", rate="13")]
WORDS = "To look after all of it by day and by night " * 3
USUAL = {"description": WORDS, "quantity": "12.5"}
LARGE = {
    "description": WORDS,
    "quantity": "0.05",
    "unit_price": "100000000000.00",
    "discount": "1000000000.99",
}
LINES = {
    "springfield": LineInput(**USUAL, unit_price="1150.00", discount="718.75", taxes=SPRINGFIELD),
    "four": LineInput(**USUAL, unit_price="987654.32", discount="123456.78", taxes=FOUR),
    "five": LineInput(**USUAL, unit_price="1150.00", discount="718.75", taxes=FIVE),
    "ontario": LineInput(**LARGE, taxes=ONTARIO),
    "largest": LineInput(
        description=WORDS, quantity="0.0007", unit_price="9999999999999.99",
        discount="1234567890.12", taxes=SPRINGFIELD,
    ),
    "long": LineInput(
        description=(WORDS * 4)[:500], quantity="1", unit_price="1150.00", taxes=SPRINGFIELD
    ),
}  # fmt: skip


def described(pdf: bytes) -> float:
    """How much of the line the descriptions take that are longer than one line of theirs."""
    page = papers.opened(pdf).pages[0]
    edge, room = 0.8 * 72, (8.5 - 1.6) * 72
    inside = [run for run in papers.runs(page) if abs(run.left - edge - 5) < 1 and run.bottom - run.top > 7]
    return (max(run.right for run in inside) + 5 - edge) / room


@pytest.mark.parametrize("locale", ["en", "fr"])
def test_nothing_overlaps_on_an_invoice_or_its_credit_note(till: Till, locale: Locale) -> None:
    fields = QUEBEC.model_copy(update={"name": "The partner with a name of many words " * 2})
    till.acts(till.cast.ada, partner_profile.update, fields=fields)
    for name, line in LINES.items():
        invoice = issued(till, [line], po_number="PURCHASE-ORDER-WITH-A-LONG-NUMBER-2026-03")
        made = sheet(till, invoice, locale=locale)
        papers.look(made, f"layout-{name}-{locale}")
        pdf = papers.press().pdf(made)
        assert papers.collisions(pdf) == [], name
        assert described(pdf) > 0.37, name
        fields = CreditNoteInput(reason="Less work " * 20)
        what = {"invoice_id": invoice.id, "fields": fields, "request_key": name}
        note = till.acts(till.cast.ada, crediting.issue, **what)
        with speaking(locale):
            made = till.acts(till.cast.ada, credit_note_sheet, note_id=note.id)
        papers.look(made, f"layout-note-{name}-{locale}")
        assert papers.collisions(papers.press().pdf(made)) == [], name

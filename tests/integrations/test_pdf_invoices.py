"""An invoice on paper: what stands on it, to the cent, for whom, in which language, and how it is made."""

import io

import pytest
from PIL import Image

from auth.actors import Actor
from billing import brand, invoice_life, invoices, partner_profile, pictures
from billing.invoice_fields import InvoiceInput, LineInput, TaxInput
from billing.invoices import Invoice
from billing.partner_profile import PartnerInput
from errors import NotFound
from integrations.pdf.invoices import invoice_sheet
from integrations.pdf.press import Sheet
from languages import Locale, speaking
from tests import papers
from tests.billing.paying import Till
from tests.papers import look

LINES = [
    LineInput(
        description="Managed workstations", quantity="12.5", unit_price="85.00",
            taxes=[TaxInput(name="GST", rate="5")],
    ),
    LineInput(
        description="Server care", quantity="0.0333", unit_price="1999.99", discount="6.60",
        taxes=[TaxInput(name="QST", rate="9.975")],
    ),
    LineInput(description="Travel", quantity="1", unit_price="120.00"),
]  # fmt: skip
QUEBEC = PartnerInput(
    legal_name="Northwind Services Inc.", address="1 rue Principale", city="Montréal", state="QC",
    postal_code="H2X 1Y4", country="CA", gst_hst_number="123456782RT0001", qst_number="1234567890TQ0001",
    support_phone="(514) 555-0142", accent="#f5c400",
)  # fmt: skip


def draft(till: Till, lines: list[LineInput] = LINES, **fields: object) -> Invoice:
    given = InvoiceInput(lines=lines, **fields)
    return till.acts(till.cast.ada, invoices.create_draft, customer_id=till.acme, fields=given)


def issued(till: Till, lines: list[LineInput] = LINES, **fields: object) -> Invoice:
    made = draft(till, lines, **fields)
    return till.acts(till.cast.ada, invoice_life.finalize, invoice_id=made.id)


def sheet(till: Till, invoice: Invoice, *, who: Actor | None = None, locale: Locale = "en") -> Sheet:
    with speaking(locale):
        return till.acts(who or till.cast.ada, invoice_sheet, invoice_id=invoice.id)


def branded(till: Till) -> None:
    logo = io.BytesIO()
    Image.new("RGBA", (300, 90), "#7c3aed").save(logo, "PNG")
    till.acts(till.cast.ada, partner_profile.update, fields=QUEBEC)
    till.acts(till.cast.ada, brand.set_logo, png=pictures.as_logo(logo.getvalue()))


def test_an_invoice_says_who_owes_whom_what_and_until_when(till: Till) -> None:
    branded(till)
    invoice = issued(till, po_number="PO-77", memo="Thank you.\nSee you soon.", due_on="2026-04-09")
    made = sheet(till, invoice)
    look(made, "invoice-en")
    said = papers.words(papers.press().pdf(made))
    for text in (
        "Invoice NO-00001", "Northwind Services Inc.", "1 rue Principale", "Montréal, QC H2X 1Y4",
        "GST/HST No. 123456782 RT0001", "QST No. 1234567890 TQ0001", "Billed to Acme", "1 Main Street",
        "Springfield, IL 62701", "Issued Mar 10, 2026", "Due Apr 9, 2026", "Terms Net 30 days",
        "PO number PO-77", "Managed workstations GST 5% 12.5 $85.00 $1,062.50",
        "Server care QST 9.975% 0.0333 $1,999.99 $6.60 $60.00", "Travel 1 $120.00 $120.00",
        "Subtotal $1,242.50", "GST 5% $53.13", "QST 9.975% $5.99", "Total $1,301.62",
        "Left to pay", "Please pay by Apr 9, 2026.", "Memo Thank you. See you soon.",
        "support@northwind.example · (514) 555-0142", "Page 1 of 1",
    ):  # fmt: skip
        assert text in said, text
    assert "Paid" not in said
    assert "Draft" not in said


def test_it_is_french_for_a_french_reader(till: Till) -> None:
    branded(till)
    made = sheet(till, issued(till, memo="Merci.", due_on="2026-04-01"), locale="fr")
    look(made, "invoice-fr")
    pdf = papers.press().pdf(made)
    said = papers.words(pdf)
    for text in (
        "Facture NO-00001", "No de TPS/TVH 123456782 RT0001", "Facturé à Acme", "12,5 85,00 $ US",
        "QST 9,975 %", "Total 1 301,62 $ US", "10 mars 2026", "1er avr. 2026", "Page 1 sur 1",
        "États-Unis",
    ):  # fmt: skip
        assert text in said, text
    assert papers.opened(pdf).trailer["/Root"]["/Lang"] == "fr-CA"
    assert made.name == "Facture-NO-00001.pdf"


def test_screen_readers_and_archives_can_use_it(till: Till) -> None:
    pdf = papers.press().pdf(sheet(till, issued(till)))
    root = papers.opened(pdf).trailer["/Root"]
    assert root["/Lang"] == "en-US"
    assert root["/MarkInfo"]["/Marked"]
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert "/StructTreeRoot" in root
    # PDF/A wants its color named, and nothing that runs.
    assert root["/OutputIntents"]
    assert not {"/AA", "/OpenAction", "/JavaScript", "/EmbeddedFiles"} & set(root)
    about = root["/Metadata"].get_data().decode()
    for text in (
        "<pdfaid:part>2</pdfaid:part>", "<pdfaid:conformance>A</pdfaid:conformance>",
        "<pdfuaid:part>1</pdfuaid:part>", "Invoice NO-00001",
    ):  # fmt: skip
        assert text in about
    assert papers.opened(pdf).metadata.title == "Invoice NO-00001"
    kinds = papers.tags(pdf)
    assert kinds["/H1"] == kinds["/Table"] == 1
    assert kinds["/TH"] == 5
    assert kinds["/TD"] == 3 * 5
    fonts = {font.split("+")[1] for font in papers.fonts(pdf)}
    assert fonts == {"Inter-Regular", "Inter-SemiBold"}


def test_the_same_invoice_is_the_same_file(till: Till) -> None:
    branded(till)
    made = sheet(till, issued(till))
    once, again = papers.press().pdf(made), papers.press().pdf(made)
    assert once == again
    fresh = papers.Press(papers.TEMPLATES)
    assert fresh.pdf(made) == once
    fresh.close()
    assert papers.opened(once).metadata.creation_date == till.acts.now


def test_a_draft_is_marked_as_one_and_only_the_partner_sees_it(till: Till) -> None:
    made = sheet(till, draft(till))
    look(made, "invoice-draft")
    said = papers.words(papers.press().pdf(made))
    assert said.upper().count("DRAFT") == 2
    assert "Left to pay" not in said
    assert made.name == "Invoice-Draft.pdf"
    for who in (till.cast.carl, till.cast.gus, till.cast.mallory):
        with pytest.raises(NotFound):
            sheet(till, draft(till), who=who)


def test_it_says_when_it_is_paid_and_when_it_is_void(till: Till) -> None:
    paid, void = issued(till), issued(till)
    till.acts(till.cast.ada, invoice_life.void, invoice_id=void.id)
    half = till.paid(till.card(), (paid.id, 50_000))
    assert half.status.value == "SUCCEEDED"
    said = papers.words(papers.press().pdf(sheet(till, paid, who=till.cast.vera)))
    assert "Total $1,301.62 Payments $500.00 Left to pay $801.62" in said
    till.paid(till.card("pm_2"), (paid.id, 80_162))
    made = sheet(till, paid)
    look(made, "invoice-paid")
    said = papers.words(papers.press().pdf(made))
    assert "NO-00001 PAID" in said
    assert "Payments $1,301.62 Left to pay $0.00" in said
    assert "NO-00002 VOID" in papers.words(papers.press().pdf(sheet(till, void)))


def test_two_hundred_lines_go_over_several_pages(till: Till) -> None:
    many = [
        LineInput(
            description=f"Workstation {place} " + "with a long story to it " * (place % 5), quantity="1.2345",
            unit_price="19.99", taxes=[TaxInput(name="GST", rate="5")],
        )
        for place in range(200)
    ]  # fmt: skip
    made = sheet(till, issued(till, many))
    look(made, "invoice-200")
    pdf = papers.press().pdf(made)
    assert papers.collisions(pdf) == []
    pages = papers.opened(pdf).pages
    said = [" ".join(page.extract_text().split()) for page in pages]
    assert len(pages) > 5
    for place, text in enumerate(said, 1):
        assert f"Page {place} of {len(pages)}" in text
        # Every page that has lines has their heading.
        assert ("Description Quantity" in text) == ("Workstation" in text)
    assert sum(text.count("Workstation ") for text in said) == 200
    assert "Total $5,182.00" in said[-1]


def test_nobody_else_gets_it(till: Till) -> None:
    invoice = issued(till)
    for who in (till.cast.gus, till.cast.mallory, till.cast.ines):
        with pytest.raises(NotFound):
            sheet(till, invoice, who=who)

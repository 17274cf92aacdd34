"""What people type is only text on paper (GUARANTEES F-7): nothing runs, nothing is read, nothing fails."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from billing import customers, invoices, partner_profile
from billing.customer_fields import CustomerInput
from billing.invoice_fields import InvoiceInput, LineInput, TaxInput
from billing.partner_profile import PartnerInput
from integrations.pdf.invoices import invoice_sheet
from integrations.pdf.press import Sheet
from integrations.pdf.writing import column, file_name, row, table, total
from tests import papers
from tests.billing.paying import Till
from tests.papers import look
from tests.portal.test_payloads import PAYLOADS

MARKUP = [
    '#eval("1+1")', '#read("/etc/passwd")', '#read("document.json")', '#image("/etc/passwd")', "$x^2$",
    "@label", "<label>", "*bold* _soft_ `raw` ~ -- --- ...", "= Heading", "- item", "+ item", "/ term: x",
    "\\u{41} \\ \\\\ \\n", "// comment", "/* comment */", "#{", "#[", "]]", "}}", '"', "#let x = 1",
    "#panic()", "#while true {}", '#import "@preview/cetz:0.3.0": *', '#include "paper.typ"',
    "{page} {pages}", 'json("document.json")', "%PDF-1.7 (x) Tj ET", "\\(a\\)", "=cmd|' /C calc'!A0",
    "https://evil.example/x.png",
]  # fmt: skip
ODD = [
    "שלום עולם", "مرحبا بالعالم", "emoji 😀 🧾 👩\u200d👩\u200d👧 👍🏽 🇨🇦 ✅ ❤️", "漢字 かな 한글", "नमस्ते",
    "e\u0301 o\u0308\u0301 \u0301", "a\u0301\u0302\u0303\u0304" * 30, "\u05d0\u0301\u05b0",
    "zero\u200bwidth\u200d\ufe0f", "\u202eabc\u202c", "\u200f\u200e", "\ue000\uf8ff\U000f0000",
    "\ufffe\uffff\U0001fffe", "tab\there", "bell\x07 null\x00 esc\x1b[31m", "\x85\u2028\u2029",
]  # fmt: skip
LONG = {
    "letters": "w" * 10_000, "faces": "😀" * 10_000, "missing": "漢" * 10_000, "marks": "a\u0301" * 5_000,
    "joiners": "\u200d" * 500, "spaces": " " * 5_000, "hyphens": "-" * 10_000, "hebrew": "ש" * 10_000,
    "prose": "To look after it " * 235,
}  # fmt: skip


def everywhere(text: str) -> Sheet:
    """A document that says `text` wherever a document says anything."""
    content: dict[str, Any] = {
        "lang": "en", "region": "US", "title": text, "kind": text, "number": text, "watermark": text,
        "stamp": {"text": text, "colour": "#15803d"},
        "colours": {"fill": "#1d4ed8", "ink": "#1d4ed8", "soft": "#eef2ff"},
        "partner": {"name": text, "lines": [text, text]}, "logo": False,
        "to": {"label": text, "lines": [text, text]}, "facts": [[text, text]],
        "headline": {"label": text, "value": text, "note": text}, "link": None,
        "tables": [
            table(
                [column(text, wide=True), column("n", figures=True)], [row([text, "1"], below=text)] * 3,
                title=text,
            ),
            table([column(text)], [], title=text, empty=text),
        ],
        "totals": [total(text, text), total(text, text, strong=True)],
        "notes": [{"label": text, "text": f"{text}\n{text}"}], "foot": text, "page": "Page {page} of {pages}",
    }  # fmt: skip
    return Sheet("paper", "x.pdf", datetime(2026, 3, 10, tzinfo=UTC), content)


@pytest.mark.parametrize("text", [*PAYLOADS, *MARKUP, *ODD], ids=lambda text: ascii(text[:30]))
def test_whatever_is_typed_is_text_in_every_place(text: str) -> None:
    pdf = papers.press().pdf(everywhere(text))
    said = papers.words(pdf)
    assert "Page 1 of" in said
    assert "root:" not in said
    root = papers.opened(pdf).trailer["/Root"]
    assert not {"/AA", "/OpenAction", "/Names", "/AcroForm"} & set(root)
    assert not any("/Annots" in page for page in papers.opened(pdf).pages)
    if text in (*PAYLOADS, *MARKUP) and text.isascii():
        # As it was typed, but for where lines end.
        assert said.replace(" ", "").count(text.replace(" ", "")) >= 10


@pytest.mark.parametrize("name", LONG)
def test_a_word_of_ten_thousand_letters_stays_on_the_page(name: str) -> None:
    one = everywhere("Line")
    columns = [column("What", wide=True), column("n", figures=True)]
    rows = table(columns, [row([LONG[name], "1"], below=LONG[name])])
    notes = [{"label": "Memo", "text": LONG[name]}]
    made = replace(one, content={**one.content, "tables": [rows], "notes": notes})
    pdf = papers.press().pdf(made)
    pages = papers.opened(pdf).pages
    assert 1 <= len(pages) < 40
    # A long row begins where it stands, and goes on over the page's end.
    if name in ("letters", "hyphens", "prose"):
        assert papers.collisions(pdf) == []
        assert ("w" * 20 if name == "letters" else LONG[name][:16]) in pages[0].extract_text()
    look(made, f"long-{name}")


def test_what_no_font_has_is_shown_as_missing() -> None:
    said = papers.words(papers.press().pdf(everywhere("漢字 Zoë 😀 שלום")))
    assert "\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER} Zoë 😀" in said
    assert {"ש", "ל", "ו", "ם"} <= set(said)


@pytest.fixture
def listener() -> Iterator[tuple[str, list[str]]]:
    """A server on this machine, and what it was asked for."""
    asked: list[str] = []

    class Ear(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

    server = HTTPServer(("127.0.0.1", 0), Ear)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_nothing_is_fetched_from_a_record_that_names_addresses_and_files(
    till: Till, listener: tuple[str, list[str]]
) -> None:
    url, asked = listener
    for bait in (f"{url}/a.png", f'#image("{url}/b.png")', "/etc/passwd", "file:///etc/passwd", "logo.png"):
        till.acts(
            till.cast.ada, partner_profile.update,
            fields=PartnerInput(name=bait, legal_name=bait, address=bait, city=bait, state="IL",
                                postal_code="61602", country="US"),
        )  # fmt: skip
        till.acts(
            till.cast.ada, customers.update, customer_id=till.acme,
            fields=CustomerInput(company=bait, legal_name=bait, address=bait, address2=bait, city=bait),
        )  # fmt: skip
        line = LineInput(
            description=bait, quantity="1", unit_price="5.00", taxes=[TaxInput(name=bait[:50], rate="5")]
        )
        draft = till.acts(
            till.cast.ada, invoices.create_draft, customer_id=till.acme,
            fields=InvoiceInput(memo=bait, po_number=bait, lines=[line]),
        )  # fmt: skip
        made = till.acts(till.cast.ada, invoice_sheet, invoice_id=draft.id)
        said = papers.words(papers.press().pdf(made)).replace(" ", "")
        assert said.count(bait.replace(" ", "")) >= 10
        assert "root:" not in said
    assert asked == []


def test_ten_thousand_lines_are_one_document() -> None:
    one = everywhere("Line")
    rows = table(
        [column("What", wide=True), column("n", figures=True)],
        [row([f"line {n}", "1"]) for n in range(10_000)],
    )
    pdf = papers.press().pdf(replace(one, content={**one.content, "tables": [rows]}))
    pages = papers.opened(pdf).pages
    assert len(pages) > 200
    assert "line 9999" in pages[-1].extract_text() + pages[-2].extract_text()


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        (("Invoice", "NO-00001"), "Invoice-NO-00001.pdf"),
        (("Facture", "É/..\\x"), "Facture-E-x.pdf"),
        (("Reçu", "Relevé"), "Recu-Releve.pdf"),
        (("a\r\nSet-Cookie: x", '"; filename="y'), "a-Set-Cookie-x-filename-y.pdf"),
        (("漢", "字"), ".pdf"),
        (("x" * 500,), "x" * 80 + ".pdf"),
    ],
)
def test_a_files_name_is_plain(parts: tuple[str, ...], name: str) -> None:
    assert file_name(*parts) == name

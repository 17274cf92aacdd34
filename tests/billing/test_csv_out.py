"""CSV out: no text is a formula, in whatever program, and numbers stay numbers (GUARANTEES F-6)."""

import csv
import io
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.csv_out import harmless, line

FORMULAS = [
    "=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "\u00a0=1", "\ufeff=1", "\u200b@x",
    '=HYPERLINK("http://x","y")', "=cmd|' /C calc'!A0", "+cmd|' /C calc'!A0", "-2+3+cmd|' /C calc'!A0",
    "\uff1d1+1", "\uff0b1", "\uff0d1+1", "\uff20SUM(A1)", "\u22121+1", "=", "+", "-", "@", "--5", "-5-5",
    "+15551234567", "-1e5", "-\u0661", "\tplain", "\rplain",
]  # fmt: skip
PLAIN = [
    "",
    "Acme",
    "A=1",
    "1+1",
    "it's",
    "'=1",
    "12-3456789",
    "0",
    "-5",
    "-5.25",
    "5.25",
    "(555) 1",
    "naïve",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_what_looks_like_a_formula_begins_with_an_apostrophe(text: str) -> None:
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize("text", PLAIN)
def test_what_does_not_stays_as_it_is(text: str) -> None:
    assert harmless(text) == text


def test_numbers_stay_numbers_and_texts_are_quoted() -> None:
    written = line(["=1;2", Decimal("-5.00"), 30, None, 'say "x"', "a,b"])
    assert written == '"\'=1;2",-5.00,30,"","say ""x""","a,b"\r\n'


@given(st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs"])), min_size=1))
def test_every_text_comes_back_and_none_begins_a_formula(texts: list[str]) -> None:
    read = next(csv.reader(io.StringIO(line(texts), newline="")))
    for cell, text in zip(read, texts, strict=True):
        assert cell in (text, f"'{text}")
        begins = cell[:1] in tuple("=+-@\t\r\uff1d\uff0b\uff0d\uff20")
        assert not begins or cell.removeprefix("-").replace(".", "", 1).isdecimal()

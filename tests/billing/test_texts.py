"""Texts that people type: cleaned, limited, refused together."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.emails import Email
from billing.addresses import Country, read_address
from billing.money import Currency, Money, parse_amount
from billing.tax_ids import TaxId, parse_tax_id
from billing.texts import Checks, clean_block, clean_line
from errors import Invalid, Problem


def line(text, **named):
    return clean_line(text, **{"field": "company", "required": True, "limit": 20} | named)


def block(text, **named):
    return clean_block(text, **{"field": "memo", "required": True, "limit": 40} | named)


def problem_of(clean, text, **named):
    with pytest.raises(Invalid) as refused:
        clean(text, **named)
    (problem,) = refused.value.problems
    return problem


@pytest.mark.parametrize(
    ("typed", "cleaned"),
    [
        ("Acme", "Acme"),
        ("  Acme\tNorth \u00a0 West  ", "Acme North West"),
        ("Acme\r\nBcc: x", "Acme Bcc: x"),
        ("Cafe\u0301", "Café"),
        ("Aﬃnity ½ ①", "Aﬃnity ½ ①"),
        ("O\u2019Neil & Söhne 株式会社 👩\u200d💻", "O\u2019Neil & Söhne 株式会社 👩\u200d💻"),
        ("\u200fאקמה", "\u200fאקמה"),
    ],
)
def test_a_line_is_one_line_of_composed_letters(typed, cleaned):
    assert line(typed, limit=40) == cleaned


@pytest.mark.parametrize(
    ("typed", "cleaned"),
    [
        ("one\r\ntwo\rthree\u2028four", "one\ntwo\nthree\nfour"),
        ("\n\n  one  \n  two\t\n\n", "one\n  two"),
        ("a\tb   c", "a\tb   c"),
    ],
)
def test_a_block_keeps_its_lines(typed, cleaned):
    assert block(typed) == cleaned


@pytest.mark.parametrize("clean", [line, block])
@pytest.mark.parametrize("char", ["\x00", "\x07", "\x1b", "\x7f", "\x9f", "\u202e", "\u2066", "\ud800"])
def test_characters_nobody_types_are_refused_by_name(clean, char):
    problem = problem_of(clean, f"Ac{char}me", field="legal_name", path=("input",))
    assert problem == Problem(
        "BAD_CHARACTERS",
        ("input", "legal_name"),
        f"Remove the invisible character U+{ord(char):04X} from the legal name.",
    )


@pytest.mark.parametrize("clean", [line, block])
@pytest.mark.parametrize("typed", [None, "", " \t\n", "\u200b", "\u00a0\ufeff\u200b"])
def test_what_can_not_be_seen_is_empty(clean, typed):
    assert problem_of(clean, typed, field="legal_name").code == "REQUIRED"
    assert problem_of(clean, typed, field="legal_name").message == "Enter the legal name."
    assert clean(typed, required=False) is None


@pytest.mark.parametrize("clean", [line, block])
def test_the_limit_counts_characters_after_cleaning(clean):
    assert clean("  " + "é" * 20 + "  ", limit=20) == "é" * 20
    assert clean("e\u0301" * 20, limit=20) == "é" * 20
    problem = problem_of(clean, "x" * 21, limit=20, name="company name")
    assert (problem.code, problem.message) == (
        "TOO_LONG",
        "Shorten the company name to 20 characters; it has 21.",
    )


@pytest.mark.parametrize("clean", [line, block])
def test_a_card_number_is_refused_kindly_and_not_repeated(clean):
    problem = problem_of(clean, "card 4242-4242-4242-4242", limit=40)
    assert problem.code == "CARD_NUMBER"
    assert problem.message.startswith("This looks like a card number. Remove it")
    assert "4242" not in problem.message


@given(st.text(max_size=60))
def test_a_clean_line_is_stable_and_printable(typed):
    try:
        cleaned = clean_line(typed, field="name", required=True, limit=60)
    except Invalid:
        return
    assert clean_line(cleaned, field="name", required=True, limit=60) == cleaned
    assert not any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in cleaned)


@given(st.text("ab \t\r\n\u2028\u200b", max_size=30))
def test_a_clean_block_is_stable_and_has_one_kind_of_line_end(typed):
    cleaned = clean_block(typed, field="memo", required=False, limit=60)
    if cleaned is None:
        return
    assert clean_block(cleaned, field="memo", required=False, limit=60) == cleaned
    assert not set(cleaned) & {"\r", "\u2028"}


def test_checks_collect_every_wrong_field_and_refuse_once():
    checks = Checks(("input",))
    assert checks.line("company", " ", required=True, limit=200) == ""
    assert checks.line("legal_name", "\x00", required=False, limit=200) is None
    assert checks.block("memo", "5555555555554444", required=True, limit=200) == ""
    read_address(checks.under("address"), {"country": "US", "address": "1 Main", "city": "X", "state": "NY"})
    assert checks.email("email", "ada") == Email("", "")
    assert checks.email("contact", "4242424242424242@northwind.example") == Email("", "")
    assert checks.read("ein", parse_tax_id, "1", Country.US, otherwise=None) is None
    assert checks.read("gst", parse_tax_id, " ", Country.CA, otherwise=None) is None
    zero = Money(0, Currency.USD)
    assert checks.under("lines", 0).read("price", parse_amount, "1,00", Currency.USD, otherwise=zero) == zero
    checks.refuse("due_on", code="DUE_BEFORE_ISSUE", message="Choose a later due date.")
    with pytest.raises(Invalid) as refused:
        checks.done()
    assert [(problem.code, problem.path) for problem in refused.value.problems] == [
        ("REQUIRED", ("input", "company")),
        ("BAD_CHARACTERS", ("input", "legal_name")),
        ("CARD_NUMBER", ("input", "memo")),
        ("REQUIRED", ("input", "address", "postal_code")),
        ("BAD_EMAIL", ("input", "email")),
        ("CARD_NUMBER", ("input", "contact")),
        ("BAD_EIN", ("input", "ein")),
        ("REQUIRED", ("input", "gst")),
        ("BAD_NUMBER", ("input", "lines", 0, "price")),
        ("DUE_BEFORE_ISSUE", ("input", "due_on")),
    ]


def test_checks_give_back_clean_values_when_nothing_is_wrong():
    checks = Checks()
    assert checks.line("company", " Acme ", required=True, limit=200) == "Acme"
    assert checks.block("memo", "a\r\nb", required=False, limit=200) == "a\nb"
    assert checks.email("email", "Ada@x.example") == Email("Ada@x.example", "ada@x.example")
    assert checks.read("ein", parse_tax_id, "12-3456789", Country.US, otherwise=None) == TaxId(
        "123456789", ()
    )
    assert checks.read("ein", parse_tax_id, " ", Country.US, otherwise=None, required=False) is None
    checks.done()

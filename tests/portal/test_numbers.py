"""Numbers in forms: read by the reader's language, shown in it, and never taken for another number."""

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from billing.decimals import decimal_text
from billing.money import Currency, parse_amount, parse_quantity
from errors import Invalid
from languages import LANGUAGES, Locale, decimal, grouped, speaking
from portal import numbers
from portal.form import Form
from tests.cast import Cast
from tests.portal.conftest import Person, customer_id, text_of
from tests.portal.look import TEMPLATES
from tests.portal.partner.test_invoices import LINE, new
from tests.world import nothing_changes

Arrive = Callable[[str], Person]
NUMBERS = st.integers(-(10**19), 10**19)
PLACES = st.integers(0, 4)
# What a number's field of a template is made by, and the field's name if it is written there.
MADE = re.compile(r"forms\.(?:number|money)\(form, ([^,]+),")
# Asked for in addresses, read by the filters of their lists.
IN_ADDRESSES = {"from", "to"}


@given(NUMBERS, PLACES, st.sampled_from(sorted(LANGUAGES)))
def test_what_is_shown_in_a_language_reads_back_to_the_same_number(
    scaled: int, places: int, locale: Locale
) -> None:
    plain = decimal_text(scaled, places=places, keep=places)
    with speaking(locale):
        assert numbers.plain(decimal(plain)) == plain
        # What was read once is read again as the same.
        assert numbers.plain(plain) == plain


@given(st.integers(0, 10**15), PLACES, st.sampled_from(sorted(LANGUAGES)))
def test_thousands_as_a_language_groups_them_read_back_too(scaled: int, places: int, locale: Locale) -> None:
    whole, plain = scaled // 10**places, decimal_text(scaled, places=places, keep=places)
    with speaking(locale):
        point = "," if locale == "fr" else "."
        decimals = plain.partition(".")[2]
        written = grouped(whole) + (point + decimals if decimals else "")
        assert numbers.plain(written) == plain


@given(st.text("0123456789.,  -", max_size=12))
def test_no_text_is_one_number_in_english_and_another_in_french_amounts(typed: str) -> None:
    read = set()
    for locale in LANGUAGES:
        with speaking(locale):
            try:
                read.add(parse_amount(numbers.plain(typed), Currency.USD, signed=True).minor)
            except Invalid:
                continue
    assert len(read) < 2


@pytest.mark.parametrize(
    ("locale", "typed", "plain"),
    [
        ("fr", "12,50", "12.50"), ("fr", "12.50", "12.50"), ("fr", "1 234,56", "1234.56"),
        ("fr", "1\N{NO-BREAK SPACE}234,56", "1234.56"), ("fr", "1\N{NARROW NO-BREAK SPACE}234,56", "1234.56"),
        ("fr", "1 234 567", "1234567"), ("fr", " -0,5 ", "-0.5"), ("fr", "1 234.56", "1234.56"),
        ("fr", "9,975", "9.975"), ("en", "1,234.56", "1234.56"), ("en", "1,234,567", "1234567"),
        ("en", "12.50", "12.50"), ("en", "1,234", "1234"), ("en", "007", "007"),
    ],
)  # fmt: skip
def test_it_is_read_as_its_language_writes_it(locale: Locale, typed: str, plain: str) -> None:
    with speaking(locale):
        assert numbers.plain(typed) == plain


@pytest.mark.parametrize(
    ("locale", "typed"),
    [
        ("en", "12,50"), ("en", "1,23,456"), ("en", "12,3456.7"), ("en", "0,123"), ("en", "1,234,56"),
        ("en", "1 234.56"), ("en", "1.234,56"), ("en", ",50"), ("fr", "1,234.56"), ("fr", "1.234,56"),
        ("fr", "12 34"), ("fr", "1 2345"), ("fr", "0 123"), ("fr", "1,2,3"), ("fr", ",5"), ("fr", "5,"),
        ("fr", "1'234,50"), ("fr", "douze"), ("en", "１２"),
    ],
)  # fmt: skip
def test_what_could_be_another_number_is_left_for_the_rule_to_refuse(locale: Locale, typed: str) -> None:
    with speaking(locale):
        assert numbers.plain(typed) == typed
        with pytest.raises(Invalid):
            parse_quantity(numbers.plain(typed))


def test_a_message_writes_its_numbers_as_the_reader_does_and_the_rule_as_programs_do() -> None:
    with speaking("fr"):
        with pytest.raises(Invalid) as refused:
            parse_amount("douze", Currency.CAD, path=("amount",))
        form = Form(typed={"amount": ("douze",)}).with_problems(refused.value)
        assert "1234.50" in refused.value.problems[0].message
        assert "1234,50" in (form.error("amount") or "")
        assert "1234,50" in form.summary[0].message
    assert "1234.50" in (form.error("amount") or "")


def test_every_field_of_a_number_is_read_here() -> None:
    """A template that asks for a number does so by the macros, under a name that is known."""
    found: set[str] = set()
    for path in sorted(Path(TEMPLATES).rglob("*.html")):
        written = path.read_text()
        if path.name not in ("forms.html", "invoice_filters.html", "shares.html"):
            assert 'inputmode="decimal"' not in written, path
        assert 'type="number"' not in written, path
        for name in MADE.findall(written):
            last = re.findall(r"[a-z_]+", name)[-1]
            found.add(last)
            assert last in IN_ADDRESSES or last in numbers.FIELDS, (path, name)
    assert found >= {"quantity", "unit_price", "discount", "discount_percent", "rate", "amount", "usd_price"}


def french(person: Person) -> Person:
    person.client.cookies.set("remit_language", "fr")
    return person


def test_a_french_invoice_is_typed_with_commas_and_shown_with_them(
    signed_in: Arrive, cast: Cast, owner: Connection
) -> None:
    ada = french(signed_in("ada"))
    typed = {
        **LINE, "lines-0-quantity": "1,5", "lines-0-unit_price": "1\N{NARROW NO-BREAK SPACE}234,56",
        "lines-0-discount": "12,50", "lines-0-taxes-0-rate": "9,975",
    }  # fmt: skip
    draft = ada.post(new(cast), typed).headers["location"]
    asked = "select quantity_e4, unit_price_minor, discount_minor, rate_e4 from invoice_line"
    line = owner.execute(text(f"{asked} cross join invoice_line_tax")).one()
    assert tuple(line) == (15_000, 123_456, 1_250, 99_750)
    again = ada.get(f"{draft}/edit").text
    for shown in ('value="1,5"', 'value="1234,56"', 'value="12,50"', 'value="9,975"'):
        assert shown in again
    assert "9,975" in text_of(ada.get(draft))
    refused = ada.post(new(cast), {**typed, "lines-0-quantity": "1.234,5"})
    assert refused.status_code == 422
    assert 'value="1.234,5"' in refused.text
    assert "1,5" in text_of(refused)
    ada.client.cookies.set("remit_language", "en")
    assert 'value="1234.56"' in ada.get(f"{draft}/edit").text


def test_english_refuses_a_comma_and_says_how_to_write_it(
    signed_in: Arrive, cast: Cast, owner: Connection
) -> None:
    ada = signed_in("ada")
    with nothing_changes(owner):
        refused = ada.post(new(cast), {**LINE, "lines-0-unit_price": "12,50"})
    assert refused.status_code == 422
    assert "Write the amount with a point instead of a comma, like 1234.50." in text_of(refused)
    assert 'value="12,50"' in refused.text
    assert ada.post(new(cast), {**LINE, "lines-0-unit_price": "1,234.50"}).status_code == 303
    assert owner.scalar(text("select unit_price_minor from invoice_line")) == 123_450


def test_prices_rates_and_bounds_are_read_so_too(signed_in: Arrive, cast: Cast, owner: Connection) -> None:
    ada = french(signed_in("ada"))
    ada.post("/settings/tax-rates/new", {"name": "TVQ", "rate": "9,975"})
    ada.post("/settings/catalogue/new", {"name": "Conseil", "usd_price": "1 500,50", "cad_price": ""})
    assert owner.scalar(text("select rate_e4 from tax_rate")) == 99_750
    assert owner.scalar(text("select usd_minor from catalogue_item")) == 150_050
    listed = ada.get("/settings/catalogue").text
    item = re.search(r"catalogue/(cit_\w+)/edit", listed)
    assert item is not None
    assert 'value="1500,50"' in ada.get(f"/settings/catalogue/{item[1]}/edit").text
    narrowed = ada.get(f"/invoices?total_from={quote_plus('1 234,5')}&total_to=12.5x").text
    assert 'value="1234,5"' in narrowed
    assert "Écrivez les totaux" in narrowed
    customers = ada.get(f"/customers?from={quote_plus('1 234,5')}").text
    assert "from=1234.5" in customers
    assert "1234,5" in customers
    english = signed_in("ada")
    assert "Write totals as amounts" in english.get("/invoices?total_from=12,50").text
    assert "Write the amount with a point" in english.get("/customers?from=12,50").text


def test_a_payment_and_a_credit_are_typed_with_commas(
    signed_in: Arrive, cast: Cast, owner: Connection
) -> None:
    ada = french(signed_in("ada"))
    draft = ada.post(new(cast), LINE).headers["location"]
    ada.post(f"{draft}/issue")
    page = ada.get(f"{draft}/record-payment").text
    amount = re.search(r'name="amount"[^>]* value="([^"]*)"', page)
    assert amount is not None
    assert re.fullmatch(r"\d+,\d\d", amount[1])
    key = re.search(r'name="key" value="([^"]+)"', page)
    assert key is not None
    paid = ada.post(f"{draft}/record-payment", {"kind": "CHECK", "amount": "10,25", "key": key[1]})
    assert paid.status_code == 303
    assert owner.scalar(text("select amount_minor from outside_payment")) == 1_025
    page = ada.get(f"{draft}/credit").text
    key = re.search(r'name="key" value="([^"]+)"', page)
    line = re.search(r'name="lines-0-line_id" value="([^"]+)"', page)
    assert key is not None
    assert line is not None
    credit = {"key": key[1], "reason": "Trop", "how": "LINES", "lines-0-line_id": line[1]}
    assert ada.post(f"{draft}/credit", {**credit, "lines-0-amount": "5,75"}).status_code == 303
    assert owner.scalar(text("select total_minor from credit_note")) == 575
    assert customer_id(cast, "acme") in ada.get(draft).text

"""EINs and Business Numbers: shape refused, doubts only warned of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.addresses import Country
from billing.tax_ids import TaxId, display_tax_id, parse_tax_id
from errors import Invalid, Problem

US, CA = Country.US, Country.CA
# Of all two-digit prefixes, those on no campus's list of the IRS ("How EINs are assigned").
NEVER_ISSUED = "00 07 08 09 17 18 19 28 29 49 69 70 78 79 89 96 97"


def problem_of(text, country):
    with pytest.raises(Invalid) as refused:
        parse_tax_id(text, country, path=("ein",))
    (problem,) = refused.value.problems
    assert problem.path == ("ein",)
    return problem.code, problem.message


@pytest.mark.parametrize(
    "typed", ["123456789", "12-3456789", " 12-3456789 ", "12–3456789", "１２３４５６７８９"]
)
def test_an_ein_is_nine_digits_with_or_without_its_dash(typed):
    assert parse_tax_id(typed, US) == TaxId("123456789", ())


def test_an_ein_is_shown_with_its_dash_and_a_business_number_without():
    assert display_tax_id("123456789", US) == "12-3456789"
    assert display_tax_id("123456782", CA) == "123456782"


@pytest.mark.parametrize(
    "typed", ["12345678", "1234567890", "123-45-6789", "1-23456789", "12 3456789", "12-345678X"]
)
def test_an_ein_of_another_shape_is_refused(typed):
    assert problem_of(typed, US) == ("BAD_EIN", "Enter the EIN as XX-XXXXXXX.")


def test_a_prefix_the_irs_never_issued_warns_and_is_kept():
    warned = []
    for prefix in (f"{number:02d}" for number in range(100)):
        tax_id = parse_tax_id(f"{prefix}-3456789", US, path=("ein",))
        assert tax_id.digits == f"{prefix}3456789"
        warned += [prefix for _ in tax_id.warnings]
    assert " ".join(warned) == NEVER_ISSUED
    (warning,) = parse_tax_id("07-3456789", US, path=("ein",)).warnings
    assert warning == Problem(
        "EIN_PREFIX_NOT_ISSUED",
        ("ein",),
        "The IRS has not issued EINs that start with 07. Check the number.",
    )


@pytest.mark.parametrize("typed", ["123456782", "12345 6782", "123 456 782"])
def test_a_business_number_is_nine_digits(typed):
    assert parse_tax_id(typed, CA) == TaxId("123456782", ())


def test_a_wrong_check_digit_warns_and_is_kept():
    tax_id = parse_tax_id("123456789", CA, path=("ein",))
    assert tax_id.digits == "123456789"
    assert [(warning.code, warning.path) for warning in tax_id.warnings] == [
        ("BUSINESS_NUMBER_CHECK_DIGIT", ("ein",))
    ]


@pytest.mark.parametrize("typed", ["123456782RT0001", "123456782 rt 0001"])
def test_a_program_account_is_told_which_part_is_the_business_number(typed):
    message = "Enter only the first nine digits of the Business Number: 123456782."
    assert problem_of(typed, CA) == ("BAD_BUSINESS_NUMBER", message)


@pytest.mark.parametrize("typed", ["12345678", "1234567890", "12-3456782", "12345678A"])
def test_a_business_number_of_another_shape_is_refused(typed):
    message = "Enter the Business Number as nine digits, like 123456782."
    assert problem_of(typed, CA) == ("BAD_BUSINESS_NUMBER", message)


@pytest.mark.parametrize("typed", [None, "", "  "])
def test_a_missing_tax_id_is_called_by_the_name_of_its_country(typed):
    assert problem_of(typed, US) == ("REQUIRED", "Enter the EIN.")
    assert problem_of(typed, CA) == ("REQUIRED", "Enter the Business Number.")


@given(st.text(max_size=16), st.sampled_from(Country))
def test_whatever_is_typed_is_refused_or_nine_digits(typed, country):
    try:
        digits = parse_tax_id(typed, country).digits
    except Invalid:
        return
    assert digits.isascii()
    assert digits.isdigit()
    assert len(digits) == 9

"""Money and its roundings, against exact fractions."""

import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.money import (
    Currency,
    MixedCurrencies,
    Money,
    allocate,
    line_gross,
    line_totals,
    parse_amount,
    parse_quantity,
    parse_rate,
    quantity_text,
    rate_text,
    round_half_away,
    share_of,
    total,
)
from errors import Invalid
from tests.figures import rounds

USD, CAD = Currency.USD, Currency.CAD
CENTS = st.integers(-(10**15), 10**15)


def exactly(value: Fraction) -> int:
    """Half away from zero, the slow and obvious way."""
    magnitude = abs(value) + Fraction(1, 2)
    rounded = magnitude.numerator // magnitude.denominator
    return -rounded if value < 0 else rounded


def refusal_of(parse, *given_, **named) -> tuple[str, str]:
    with pytest.raises(Invalid) as refused:
        parse(*given_, **named)
    (problem,) = refused.value.problems
    assert problem.path == named.get("path", ())
    return problem.code, problem.message


@pytest.mark.parametrize("minor", [True, False, 1.0, 1.5, "1", None, Fraction(1)])
def test_money_counts_whole_cents_only(minor):
    with pytest.raises(TypeError):
        Money(minor, USD)


def test_money_wants_a_currency_and_not_its_text():
    with pytest.raises(TypeError):
        Money(1, "USD")


def test_money_cannot_be_changed():
    with pytest.raises(AttributeError):
        Money(1, USD).minor = 2


@given(CENTS, CENTS)
def test_money_adds_subtracts_negates_and_compares_within_a_currency(one, other):
    a, b = Money(one, CAD), Money(other, CAD)
    assert a + b == Money(one + other, CAD)
    assert a - b == Money(one - other, CAD)
    assert -a == Money(-one, CAD)
    assert (a < b, a <= b, a > b, a >= b) == (one < other, one <= other, one > other, one >= other)
    assert total([a, b, a], CAD) == Money(2 * one + other, CAD)


def test_us_and_canadian_dollars_are_never_added_or_compared():
    for act in (
        lambda a, b: a + b,
        lambda a, b: a - b,
        lambda a, b: a < b,
        lambda a, b: a <= b,
        lambda a, b: a > b,
        lambda a, b: a >= b,
        lambda a, b: total([a, b], USD),
    ):
        with pytest.raises(MixedCurrencies):
            act(Money(1, USD), Money(1, CAD))
    assert Money(1, USD) != Money(1, CAD)
    assert issubclass(MixedCurrencies, ValueError)


@pytest.mark.parametrize("other", [0, 1, 1.0, "1", None])
def test_money_goes_with_money_only(other):
    with pytest.raises(TypeError):
        Money(1, USD) + other
    with pytest.raises(TypeError):
        assert Money(1, USD) < other


def test_the_sum_of_nothing_is_zero():
    assert total([], CAD) == Money(0, CAD)


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("1234.50", 123450),
        ("1234.5", 123450),
        ("1234", 123400),
        ("0", 0),
        ("0.00", 0),
        ("0.01", 1),
        ("007.10", 710),
        (" 12.00 ", 1200),
        ("10000000000000.00", 10**15),
    ],
)
def test_an_amount_is_read_to_the_cent(text, minor):
    assert parse_amount(text, USD) == Money(minor, USD)


def test_a_minus_is_taken_only_where_an_amount_may_be_negative():
    assert parse_amount("-0.05", CAD, signed=True) == Money(-5, CAD)
    assert parse_amount("-10000000000000", CAD, signed=True) == Money(-(10**15), CAD)
    assert refusal_of(parse_amount, "-0.05", CAD) == (
        "BAD_NUMBER",
        "Write the amount without a sign, like 1234.50.",
    )
    assert refusal_of(parse_amount, "+5", CAD, signed=True) == (
        "BAD_NUMBER",
        "Write the amount without a sign (a minus only), like 1234.50.",
    )


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("", "REQUIRED", "Enter the amount, like 1234.50."),
        (None, "REQUIRED", "Enter the amount, like 1234.50."),
        ("1,234.50", "BAD_NUMBER", "Write the amount without thousands separators, like 1234.50."),
        ("1 234,50", "BAD_NUMBER", "Write the amount without thousands separators, like 1234.50."),
        ("1,234", "BAD_NUMBER", "Write the amount without thousands separators, like 1234.50."),
        ("1234,50", "BAD_NUMBER", "Write the amount with a point instead of a comma, like 1234.50."),
        ("$12", "BAD_NUMBER", "Write the amount in digits only, like 1234.50."),
        ("1e3", "BAD_NUMBER", "Write the amount in digits only, like 1234.50."),
        ("NaN", "BAD_NUMBER", "Write the amount in digits only, like 1234.50."),
        ("0x10", "BAD_NUMBER", "Write the amount in digits only, like 1234.50."),
        (".5", "BAD_NUMBER", "Write the amount in digits only, like 1234.50."),
        ("5.", "BAD_NUMBER", "Write the amount in digits only, like 1234.50."),
        ("1_000", "BAD_NUMBER", "Write the amount in digits only, like 1234.50."),
        ("１２", "BAD_NUMBER", "Write the amount in digits only, like 1234.50."),
        ("1.234", "TOO_MANY_DECIMALS", "Write the amount with at most 2 decimals, like 1234.50."),
        ("1.000", "TOO_MANY_DECIMALS", "Write the amount with at most 2 decimals, like 1234.50."),
        ("10000000000000.01", "OUT_OF_RANGE", "Enter the amount as a number from 0 to 10000000000000."),
        ("9" * 5000, "OUT_OF_RANGE", "Enter the amount as a number from 0 to 10000000000000."),
    ],
)
def test_an_amount_that_could_be_misread_is_refused_with_the_way_to_write_it(text, code, message):
    assert refusal_of(parse_amount, text, USD, path=("lines", 2, "unit_price")) == (code, message)


@given(CENTS, st.sampled_from(Currency))
def test_what_the_api_answers_reads_back_as_the_same_cent(minor, currency):
    money = Money(minor, currency)
    assert parse_amount(money.decimal_text(), currency, signed=True) == money
    assert Fraction(money.decimal_text()) == Fraction(minor, 100)


@pytest.mark.parametrize(
    ("minor", "currency", "english", "french"),
    [
        (123450, USD, "$1,234.50", "1 234,50 $ US"),
        (123450, CAD, "CA$1,234.50", "1 234,50 $"),
        (-123450, CAD, "-CA$1,234.50", "-1 234,50 $"),
        (5, USD, "$0.05", "0,05 $ US"),
        (-5, USD, "-$0.05", "-0,05 $ US"),
        (0, CAD, "CA$0.00", "0,00 $"),
        (10**15, USD, "$10,000,000,000,000.00", "10 000 000 000 000,00 $ US"),
    ],
)
def test_money_is_shown_as_each_language_writes_it(minor, currency, english, french):
    assert Money(minor, currency).display() == english
    assert Money(minor, currency).display("fr") == french.replace(" ", "\N{NO-BREAK SPACE}")


@pytest.mark.parametrize(
    ("parse", "text", "scaled", "shown"),
    [
        (parse_quantity, "1", 10_000, "1"),
        (parse_quantity, "1.50", 15_000, "1.5"),
        (parse_quantity, "0.0001", 1, "0.0001"),
        (parse_quantity, "1000000000", 10**13, "1000000000"),
        (parse_rate, "13", 130_000, "13"),
        (parse_rate, "9.975", 99_750, "9.975"),
        (parse_rate, "0", 0, "0"),
        (parse_rate, "100", 1_000_000, "100"),
    ],
)
def test_quantities_and_rates_keep_four_decimals(parse, text, scaled, shown):
    assert parse(text) == scaled
    assert (quantity_text if parse is parse_quantity else rate_text)(scaled) == shown


@pytest.mark.parametrize(
    ("parse", "text", "code", "message"),
    [
        (parse_quantity, "0", "OUT_OF_RANGE", "Enter the quantity as a number from 0.0001 to 1000000000."),
        (parse_quantity, "-1", "BAD_NUMBER", "Write the quantity without a sign, like 1.5."),
        (
            parse_quantity,
            "1.00001",
            "TOO_MANY_DECIMALS",
            "Write the quantity with at most 4 decimals, like 1.5.",
        ),
        (
            parse_quantity,
            "1000000000.0001",
            "OUT_OF_RANGE",
            "Enter the quantity as a number from 0.0001 to 1000000000.",
        ),
        (parse_rate, "13%", "BAD_NUMBER", "Write the tax rate in digits only, like 9.975."),
        (parse_rate, "100.0001", "OUT_OF_RANGE", "Enter the tax rate as a number from 0 to 100."),
    ],
)
def test_quantities_and_rates_out_of_shape_or_range_are_refused(parse, text, code, message):
    assert refusal_of(parse, text, path=("lines", 0)) == (code, message)


@given(st.integers(1, 10**13))
def test_a_quantity_reads_back_as_written(quantity_e4):
    assert parse_quantity(quantity_text(quantity_e4)) == quantity_e4


@pytest.mark.parametrize(
    ("numerator", "denominator", "rounded"),
    [(5, 2, 3), (-5, 2, -3), (3, 2, 2), (1, 2, 1), (-1, 2, -1), (1, 3, 0), (2, 3, 1), (-2, 3, -1), (0, 7, 0)],
)
def test_halves_go_away_from_zero(numerator, denominator, rounded):
    assert round_half_away(numerator, denominator) == rounded


@pytest.mark.parametrize("denominator", [0, -1])
def test_rounding_wants_a_denominator_above_zero(denominator):
    with pytest.raises(ValueError, match="denominator"):
        round_half_away(1, denominator)


@given(st.integers(), st.integers(1))
def test_rounding_is_exact_at_any_size(numerator, denominator):
    assert round_half_away(numerator, denominator) == exactly(Fraction(numerator, denominator))


@pytest.mark.parametrize(
    ("line", "totals"),
    [
        # 1.5 x 0.33 = 0.495 -> 0.50; 13 % of 0.50 = 0.065 -> 0.07
        ((15_000, 33, 0, [130_000]), (50, 7, 57, (7,))),
        # 3 x 19.99 less 5.00 = 54.97; 5 % = 2.7485 -> 2.75; 9.975 % = 5.4832575 -> 5.48
        ((30_000, 1999, 500, [50_000, 99_750]), (5497, 823, 6320, (275, 548))),
        ((10_000, -50, 0, [50_000]), (-50, -3, -53, (-3,))),
        ((10_000, 100, 100, [130_000]), (0, 0, 0, (0,))),
        ((10_000, 100, 0, []), (100, 0, 100, ())),
    ],
)
def test_a_line_is_rounded_once_for_its_price_and_once_for_each_tax(line, totals):
    assert line_totals(*line) == totals


def test_an_allocation_goes_by_largest_remainder_and_ties_to_the_earlier():
    assert allocate(100, [1, 1, 1]) == [34, 33, 33]
    assert allocate(-100, [1, 1, 1]) == [-34, -33, -33]
    assert allocate(5, [3, 3, 1]) == [2, 2, 1]
    assert allocate(10, [0, 1, 0, 2]) == [0, 3, 0, 7]
    assert allocate(0, [0, 0]) == [0, 0]
    assert allocate(0, []) == []


@pytest.mark.parametrize("weights", [[], [0], [0, 0]])
def test_cents_that_nobody_takes_are_not_dropped(weights):
    with pytest.raises(ValueError, match="every weight is zero"):
        allocate(1, weights)


def test_weights_are_not_negative():
    with pytest.raises(ValueError, match="negative"):
        allocate(1, [2, -1])


@given(CENTS, st.lists(st.integers(0, 10**15), min_size=1).filter(any))
def test_shares_sum_to_the_total_and_are_within_a_cent_of_the_exact_ones(total_minor, weights):
    shares = allocate(total_minor, weights)
    assert sum(shares) == total_minor
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share - Fraction(total_minor * weight, sum(weights))) < 1


@pytest.mark.prove
def test_a_million_lines_and_shares_are_never_a_cent_off():
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    draw = random.Random(seed)
    for _ in range(rounds(20_000, 1_000_000)):
        quantity, price = draw.randrange(1, 10**6), draw.randrange(-(10**6), 10**6)
        off = draw.randrange(0, 10**6)
        rates = [draw.randrange(0, 250_000) for _ in range(draw.randrange(0, 6))]
        gross = exactly(Fraction(quantity * price, 10**4))
        discount = exactly(gross * Fraction(off, 10**6))
        net = gross - discount
        taxes = tuple(exactly(net * Fraction(rate, 10**6)) for rate in rates)
        assert share_of(line_gross(quantity, price), off) == discount
        totals = line_totals(quantity, price, discount, rates)
        assert totals == (net, sum(taxes), net + sum(taxes), taxes)
        owed = Money(totals.total_minor, USD)
        assert parse_amount(owed.decimal_text(), USD, signed=True) == owed
        assert owed.display().replace("$", "").replace(",", "") == owed.decimal_text()
        weights = [draw.randrange(1, 10**6) for _ in range(draw.randrange(1, 6))]
        assert sum(allocate(owed.minor, weights)) == owed.minor

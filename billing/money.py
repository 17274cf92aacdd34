"""Money, and every rounding the product does. Integers only: a float never gets in.

The surprise: rounding happens once per invoice line, half away from zero (GUARANTEES M-15), so the sum of
rounded lines is the invoice; nothing re-computes a total from unrounded numbers.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from billing.decimals import Style, decimal_text, read_decimal
from languages import Locale

QUANTITY_SCALE = 10_000
RATE_SCALE = 10_000
LARGEST_MINOR = 10**15


class Currency(StrEnum):
    """Both have two decimals, so one minor unit is a cent everywhere."""

    USD = "USD"
    CAD = "CAD"


class MixedCurrencies(ValueError):
    """US and Canadian dollars were about to be added or compared. A bug, so not a refusal."""


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount: `minor` cents of one currency. Refuses bool, float and bare currency strings."""

    minor: int
    currency: Currency

    def __post_init__(self) -> None:
        if type(self.minor) is not int:
            raise TypeError(f"Money counts whole cents as int, not {type(self.minor).__name__}")
        if type(self.currency) is not Currency:
            raise TypeError("Money wants a Currency, not its text")

    def __add__(self, other: "Money") -> "Money":
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.minor - self._same(other), self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.minor, self.currency)

    def __lt__(self, other: "Money") -> bool:
        return self.minor < self._same(other)

    def __le__(self, other: "Money") -> bool:
        return self.minor <= self._same(other)

    def __gt__(self, other: "Money") -> bool:
        return self.minor > self._same(other)

    def __ge__(self, other: "Money") -> bool:
        return self.minor >= self._same(other)

    def _same(self, other: "Money") -> int:
        if not isinstance(other, Money):
            raise TypeError(f"Money goes with Money, not {type(other).__name__}")
        if other.currency is not self.currency:
            raise MixedCurrencies(f"{self.currency} and {other.currency} are never added or compared")
        return other.minor

    def decimal_text(self) -> str:
        """`1234.50`: what the API answers and what `parse_amount` reads back."""
        return decimal_text(self.minor, places=2, keep=2)

    def display(self, locale: Locale = "en") -> str:
        """For people: `$1,234.50` and `CA$1,234.50`; in French `1 234,50 $` (CAD) and `1 234,50 $ US`.

        French is written as in Canada, with no-break spaces. The form depends on amount, currency and locale
        alone, so that page, PDF, mail and CSV show the same (M-15).
        """
        whole, cents = divmod(abs(self.minor), 100)
        sign = "-" if self.minor < 0 else ""
        if locale == "fr":
            symbol = "$" if self.currency is Currency.CAD else "$\N{NO-BREAK SPACE}US"
            grouped = f"{whole:,}".replace(",", "\N{NO-BREAK SPACE}")
            return f"{sign}{grouped},{cents:02d}\N{NO-BREAK SPACE}{symbol}"
        symbol = "CA$" if self.currency is Currency.CAD else "$"
        return f"{sign}{symbol}{whole:,}.{cents:02d}"


def total(amounts: Iterable[Money], currency: Currency) -> Money:
    """The sum, zero of `currency` for none. Raises MixedCurrencies when one is of the other currency."""
    result = Money(0, currency)
    for amount in amounts:
        result += amount
    return result


_AMOUNT = Style("amount", 2, "1234.50", 0, LARGEST_MINOR)
_SIGNED_AMOUNT = Style("amount", 2, "1234.50", -LARGEST_MINOR, LARGEST_MINOR)
# More than a billion units, or more tax than price, is a slip of the keyboard.
_QUANTITY = Style("quantity", 4, "1.5", 1, 10**9 * QUANTITY_SCALE)
_RATE = Style("tax rate", 4, "9.975", 0, 100 * RATE_SCALE)
_PERCENT = Style("percentage", 4, "12.5", 0, 100 * RATE_SCALE)


def parse_amount(
    text: str | None, currency: Currency, *, signed: bool = False, path: tuple[str | int, ...] = ()
) -> Money:
    """An amount as API and forms give it: "1234.50", at most 2 decimals, within ±10^15 cents.

    Zero is an amount; a minus is taken only where `signed`. Refuses exponents, plus signs, currency signs and
    thousands separators at `path`: REQUIRED, BAD_NUMBER, TOO_MANY_DECIMALS, OUT_OF_RANGE.
    """
    return Money(read_decimal(text, _SIGNED_AMOUNT if signed else _AMOUNT, path=path), currency)


def parse_quantity(text: str | None, *, path: tuple[str | int, ...] = ()) -> int:
    """A line's quantity in ten-thousandths: "1.5" is 15,000. Above zero, to 10^9 units, to 4 decimals."""
    return read_decimal(text, _QUANTITY, path=path)


def parse_rate(text: str | None, *, path: tuple[str | int, ...] = ()) -> int:
    """A tax rate in ten-thousandths of a percent: "13" is 130,000. From 0 to 100, at most 4 decimals."""
    return read_decimal(text, _RATE, path=path)


def parse_percent(text: str | None, *, path: tuple[str | int, ...] = ()) -> int:
    """A part of an amount in ten-thousandths of a percent: "12.5" is 125,000. From 0 to 100, 4 decimals."""
    return read_decimal(text, _PERCENT, path=path)


def quantity_text(quantity_e4: int) -> str:
    """Ten-thousandths as the shortest text: 15,000 is "1.5"."""
    return decimal_text(quantity_e4, places=4, keep=0)


def rate_text(rate_e4: int) -> str:
    """Ten-thousandths of a percent as the shortest text, without the sign: 99,750 is "9.975"."""
    return decimal_text(rate_e4, places=4, keep=0)


def round_half_away(numerator: int, denominator: int) -> int:
    """`numerator / denominator` to the nearest integer, halves away from zero: 2.5 is 3, -2.5 is -3."""
    if denominator <= 0:
        raise ValueError("the denominator must be above zero")
    rounded = (2 * abs(numerator) + denominator) // (2 * denominator)
    return -rounded if numerator < 0 else rounded


class LineTotals(NamedTuple):
    """One invoice line in cents: after discount, its taxes together, all together; and each tax."""

    net_minor: int
    tax_minor: int
    total_minor: int
    each_tax_minor: tuple[int, ...]


def line_gross(quantity_e4: int, unit_price_minor: int) -> int:
    """Quantity (ten-thousandths) x price (cents), rounded half away from zero: a line before its discount."""
    return round_half_away(quantity_e4 * unit_price_minor, QUANTITY_SCALE)


def share_of(amount_minor: int, rate_e4: int) -> int:
    """So many ten-thousandths of a percent (13 % is 130,000) of an amount in cents, rounded half away."""
    return round_half_away(amount_minor * rate_e4, 100 * RATE_SCALE)


def line_totals(
    quantity_e4: int, unit_price_minor: int, discount_minor: int, tax_rates_e4: Sequence[int]
) -> LineTotals:
    """Quantity (ten-thousandths) x price (cents) rounded, less discount (cents); each tax on that, rounded.

    Tax rates are in ten-thousandths of a percent. Each tax is of the net, never of another tax, as GST and
    QST are, and rounded by itself, half away from zero (M-15): what a line says of a tax is what is owed of
    it. Whether a discount may exceed the line is the invoice rule's to refuse.
    """
    net = line_gross(quantity_e4, unit_price_minor) - discount_minor
    taxes = tuple(share_of(net, rate_e4) for rate_e4 in tax_rates_e4)
    return LineTotals(net, sum(taxes), net + sum(taxes), taxes)


def allocate(total_minor: int, weights: Sequence[int]) -> list[int]:
    """Cents shared in proportion to `weights` by largest remainder; the shares sum to the total exactly.

    Equal remainders: the earlier one gets the cent. A negative total is shared like its positive twin.
    Raises ValueError for negative weights, and for cents with nobody to take them.
    """
    if any(weight < 0 for weight in weights):
        raise ValueError("weights can't be negative")
    whole = sum(weights)
    if whole == 0:
        if total_minor:
            raise ValueError("nothing to share the amount by: every weight is zero")
        return [0] * len(weights)
    split = [divmod(abs(total_minor) * weight, whole) for weight in weights]
    shares = [share for share, _ in split]
    by_remainder = sorted(range(len(weights)), key=lambda place: -split[place][1])
    for place in by_remainder[: abs(total_minor) - sum(shares)]:
        shares[place] += 1
    return [-share for share in shares] if total_minor < 0 else shares

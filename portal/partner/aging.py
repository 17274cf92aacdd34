"""Receivables by age, ready to be drawn: one currency's bars, and the way from each to its invoices.

Surprise: an age becomes a span of due dates in the link. Whoever follows it tomorrow still sees the invoices
the figure was about.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from urllib.parse import urlencode

from billing.derived import OLDEST, Age
from billing.money import Currency, Money
from integrations.pdf.statements import AGES

# The longest bar, in hundredths of the drawing: beside it stand its age and its amount.
LONGEST = 30
THINNEST = 0.6
# What the way to an age says itself.
_OF_THE_AGE = ("status", "currency", "due_from", "due_to")


class Bar(NamedTuple):
    """One age: its words, its amount and number of invoices, the bar's length, and where its invoices are."""

    age: str
    label: str
    amount: Mapping[str, str]
    invoices: int
    length: float
    path: str


class Aged(NamedTuple):
    """One currency: its ages, all of them, what they come to together, and where all of it is."""

    currency: str
    bars: tuple[Bar, ...]
    total: Mapping[str, str]
    invoices: int
    path: str


def aged(
    rows: Iterable[Mapping[str, Any]], *, today: date, asked: Iterable[tuple[str, str]] = ()
) -> list[Aged]:
    """The `receivablesByAge` of a document, a currency at a time; a currency nobody owes in is left out.

    `asked` is how the list was narrowed that these are the sums of: the ways lead to parts of that.
    """
    asked = [pair for pair in asked if pair[0] not in _OF_THE_AGE]
    found = {(row["currency"], row["age"]): row for row in rows}
    currencies = [_aged(Currency(name), found, today, asked) for name in sorted({name for name, _ in found})]
    # The partner's own currency first: the one that most of its invoices are in.
    return sorted(currencies, key=lambda one: -one.invoices)


def due_between(age: Age, today: date) -> tuple[date | None, date | None]:
    """The first and the last due date of an age; None: no end on that side."""
    ages = list(Age)
    place = ages.index(age)
    first = today - timedelta(days=OLDEST[age]) if age in OLDEST else None
    last = today - timedelta(days=OLDEST[ages[place - 1]] + 1) if place else None
    return first, last


def _aged(
    currency: Currency,
    found: Mapping[tuple[str, str], Mapping[str, Any]],
    today: date,
    asked: Sequence[tuple[str, str]],
) -> Aged:
    rows = [(age, found.get((currency.value, age.value))) for age in Age]
    cents = [int(Decimal(row["balance"]["amount"]).scaleb(2)) if row else 0 for _, row in rows]
    most = max(cents)
    bars = tuple(
        Bar(
            age=age.value,
            label=AGES[age],
            amount=_shown(minor, currency),
            invoices=row["invoiceCount"] if row else 0,
            length=round(max(LONGEST * minor / most, THINNEST), 2) if minor else 0,
            path=_path(asked, currency, *due_between(age, today)),
        )
        for (age, row), minor in zip(rows, cents, strict=True)
    )
    together = sum(bar.invoices for bar in bars)
    return Aged(
        currency.value, bars, _shown(sum(cents), currency), together, _path(asked, currency, None, None)
    )


def _shown(minor: int, currency: Currency) -> Mapping[str, str]:
    return {"amount": Money(minor, currency).decimal_text(), "currency": currency.value}


def _path(asked: Sequence[tuple[str, str]], currency: Currency, first: date | None, last: date | None) -> str:
    spans = {"due_from": first, "due_to": last}
    within = [(name, day.isoformat()) for name, day in spans.items() if day]
    return f"/invoices?{urlencode([('status', 'open'), ('currency', currency.value), *within, *asked])}"

"""How a file writes its dates and numbers: told by whoever imports it, or by the file beyond doubt.

Surprise: what two ways of writing would read differently is never decided by itself. "1,250" is a thousand to
one reader and one and a quarter to another, "03/04/2026" a day in March or in April: only another cell of the
same file, or a person, says which. A date that begins with its year is read in every way of writing.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import date
from enum import StrEnum
from typing import Generic, NamedTuple, TypeVar

from billing.invoice_fields import AmountInput
from billing.money import Currency
from billing.texts import Checks
from languages import mark, say

_Format = TypeVar("_Format", bound=StrEnum)
# No-break, narrow no-break and thin spaces are what other programs put between thousands.
_SPACE = "[ \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}'’]"
_TIME = r"(?:[T ]+[0-9]{1,2}:[0-9]{2}.*)?"
_YEAR_FIRST = re.compile(rf"([0-9]{{4}})[-/.]([0-9]{{1,2}})[-/.]([0-9]{{1,2}}){_TIME}")
_YEAR_LAST = re.compile(rf"([0-9]{{1,2}})([-/.])([0-9]{{1,2}})\2([0-9]{{4}}|[0-9]{{2}}){_TIME}")
_PLAIN = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_MONEY = re.compile(
    r"(USD|CAD|US|CA|C)?\s*\$?\s*([0-9](?:.*[0-9])?)\s*\$?\s*(USD|CAD|US|CA)?"
)  # fmt: skip
# No percentage has thousands, so a comma in one is never in doubt.
_PERCENT = re.compile(r"(.*?)([0-9]+),([0-9]+)(\s*%.*|\s*)")
_CURRENCIES = {
    "US": Currency.USD, "USD": Currency.USD, "C": Currency.CAD, "CA": Currency.CAD, "CAD": Currency.CAD,
}  # fmt: skip


class DateFormat(StrEnum):
    """In which order a date has its parts."""

    ISO = "ISO"
    MONTH_FIRST = "MONTH_FIRST"
    DAY_FIRST = "DAY_FIRST"


class NumberFormat(StrEnum):
    """What stands before the decimals of a number: "1,250.50" or "1 250,50"."""

    POINT = "POINT"
    COMMA = "COMMA"


DATES = {
    DateFormat.ISO: (mark("Year-month-day"), "2026-03-31"),
    DateFormat.MONTH_FIRST: (mark("Month/day/year"), "03/31/2026"),
    DateFormat.DAY_FIRST: (mark("Day/month/year"), "31/03/2026"),
}
NUMBERS = {
    NumberFormat.POINT: (mark("A point before the decimals"), "1,250.50"),
    NumberFormat.COMMA: (mark("A comma before the decimals"), "1 250,50"),
}
_WRITTEN = {
    NumberFormat.POINT: re.compile(
        rf"([0-9]+|[0-9]{{1,3}}(?:,[0-9]{{3}})+|[0-9]{{1,3}}(?:{_SPACE}[0-9]{{3}})+)(?:\.([0-9]+))?"
    ),
    NumberFormat.COMMA: re.compile(
        rf"([0-9]+|[0-9]{{1,3}}(?:\.[0-9]{{3}})+|[0-9]{{1,3}}(?:{_SPACE}[0-9]{{3}})+)(?:,([0-9]+))?"
    ),
}
DATE_FIELDS, NUMBER_FIELDS = ("issue_on", "due_on"), ("quantity", "unit_price", "discount")
_NO_DIGIT = re.compile(r"[^0-9]")


class Formats(NamedTuple):
    """How a file is read; None for what it leaves in doubt."""

    dates: DateFormat | None
    numbers: NumberFormat | None


def day_in(cell: str, dates: DateFormat) -> date | None:
    """The day a cell says, a time behind it left aside; None for none."""
    written = cell.strip()
    try:
        if found := _YEAR_FIRST.fullmatch(written):
            return date(*(int(part) for part in found.groups()))
        found = _YEAR_LAST.fullmatch(written)
        if found is None or dates is DateFormat.ISO:
            return None
        first, second, year = int(found[1]), int(found[3]), int(found[4])
        month, day = (first, second) if dates is DateFormat.MONTH_FIRST else (second, first)
        return date(year if year > 99 else 2000 + year, month, day)
    except ValueError:  # no such day
        return None


def number_in(cell: str, numbers: NumberFormat) -> str | None:
    """A number as rules take it, "1250.50"; None for what is none in this way of writing."""
    found = _WRITTEN[numbers].fullmatch(cell)
    if found is None:
        return None
    return _NO_DIGIT.sub("", found[1]) + (f".{found[2]}" if found[2] else "")


def amount_in(cell: str, numbers: NumberFormat) -> str | AmountInput | None:
    """An amount as rules take it, with its currency if the cell says one; a bare "$" says none."""
    found = _MONEY.fullmatch(cell)
    number = number_in(found[2], numbers) if found else None
    if found is None or number is None or (found[1] and found[3]):
        return None
    said = found[1] or found[3]
    return AmountInput(amount=number, currency=_CURRENCIES[said]) if said else number


def percent_in(cell: str) -> str:
    """A percentage, or a tax with one, with a point before its decimals."""
    found = _PERCENT.fullmatch(cell) if "," in cell else None
    return f"{found[1]}{found[2]}.{found[3]}{found[4]}" if found else cell


def formats_in(rows: Iterable[Mapping[str, str]]) -> Formats:
    """How these rows are written, cells by field. In doubt is what no cell decides, or two decide apart.

    Rows without a date are read as if year first, and those whose numbers all read the same with a point.
    """
    dates, numbers = _Evidence[DateFormat](), _Evidence[NumberFormat]()
    for given in rows:
        for field, cell in given.items():
            written = cell.strip()
            if field in DATE_FIELDS and not day_in(written, DateFormat.ISO):
                dates.weigh(
                    {each: day_in(written, each) for each in (DateFormat.MONTH_FIRST, DateFormat.DAY_FIRST)},
                    alike=False,
                )
            elif field in NUMBER_FIELDS and not written.isdecimal() and not written.endswith("%"):
                numbers.weigh({each: amount_in(written, each) for each in NumberFormat}, alike=True)
    return Formats(dates.verdict(DateFormat.ISO), numbers.verdict(NumberFormat.POINT))


class _Evidence(Generic[_Format]):
    """What the cells of a file say for one way of writing or the other."""

    def __init__(self) -> None:
        self.decided: set[_Format] = set()
        self.doubt = False

    def weigh(self, readings: Mapping[_Format, object], *, alike: bool) -> None:
        """A cell as each way reads it. `alike`: is it no matter which, when all read the same?"""
        can = [each for each, read in readings.items() if read is not None]
        if len(can) == 1:
            self.decided.add(can[0])
        elif can:
            self.doubt = self.doubt or not alike or len({str(read) for read in readings.values()}) > 1

    def verdict(self, otherwise: _Format) -> _Format | None:
        """What they say, `otherwise` if it is no matter, None if it is in doubt."""
        if len(self.decided) == 1:
            return next(iter(self.decided))
        return None if self.decided or self.doubt else otherwise


class Reader:
    """Reads the cells of one file. What is plain already costs no more than a look."""

    def __init__(self, formats: Formats) -> None:
        self._dates = formats.dates or DateFormat.ISO
        self._numbers = formats.numbers or NumberFormat.POINT

    def day(self, checks: Checks, field: str, cell: str) -> date | str | None:
        """A day; what is none in a file that writes its year last is noted (BAD_DATE)."""
        found = day_in(cell, self._dates)
        if found is not None or self._dates is DateFormat.ISO:
            return found or cell  # the rule says how to write it
        message = say(
            "Write this date like {example}, as in the rest of the file.", example=DATES[self._dates][1]
        )
        checks.refuse(field, code="BAD_DATE", message=message)
        return None

    def number(self, checks: Checks, field: str, cell: str) -> str | AmountInput | None:
        """A number, an amount with its currency; what is none with a comma is noted (BAD_NUMBER)."""
        point = self._numbers is NumberFormat.POINT
        if point and _PLAIN.fullmatch(cell):
            return cell
        found = amount_in(cell.strip(), self._numbers)
        if found is not None or point:
            return found or cell  # rules take a point: they say what is wrong
        message = say(
            "Write this number like {example}, as in the rest of the file.", example=NUMBERS[self._numbers][1]
        )
        checks.refuse(field, code="BAD_NUMBER", message=message)
        return None

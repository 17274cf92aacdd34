"""CSV that leaves the house: what a spreadsheet would run as a formula is made harmless (GUARANTEES F-6).

Surprise: every text is quoted, so that a program which splits at semicolons or tabs instead can't be made to
see a new cell inside of one. Numbers stay numbers: a plain one is never touched, not even below zero.
"""

import csv
import io
import re
from collections.abc import Sequence
from decimal import Decimal

BOM = "\ufeff"
"""What tells a spreadsheet that the file is UTF-8."""

Cell = str | int | Decimal | None

# A spreadsheet skips what can't be seen before it looks for a formula; the wide forms are typed in East Asia.
_UNSEEN = r"[\s\u0000-\u0020\u007f-\u00a0\u00ad\u200b-\u200f\u2028-\u202f\u2060-\u2069\ufeff]*"
_FORMULA = re.compile(rf"{_UNSEEN}[=+\-@\uff1d\uff0b\uff0d\uff20\u2212\ufe62\ufe63\ufe66\ufe6b]|[\t\r\n]")
_NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)


def harmless(text: str) -> str:
    """The text as a cell that no spreadsheet runs: with an apostrophe before what looks like a formula."""
    if _NUMBER.fullmatch(text) or not _FORMULA.match(text):
        return text
    return f"'{text}"


def line(cells: Sequence[Cell]) -> str:
    """One row, with its line end."""
    written = io.StringIO()
    csv.writer(written, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n").writerow(
        [harmless(cell) if isinstance(cell, str) else "" if cell is None else cell for cell in cells]
    )
    return written.getvalue()

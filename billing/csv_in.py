"""CSV that comes into the house: its encoding and separator found out, its limits kept, a row at a time.

Surprise: nothing is guessed in silence. A file that is not surely text, or whose quotes never close, is
refused with the line where it goes wrong, because half a file read is worse than none.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from errors import Invalid
from languages import grouped, say

MOST_BYTES = 32 * 1024 * 1024
MOST_ROWS = 100_000
MOST_COLUMNS = 100
LONGEST_CELL = 20_000
SEPARATORS = ",;\t"
_QUOTED = re.compile(r'"[^"]*"?')
_CHUNK = 1 << 20
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True)
class Sheet:
    """A file that was opened: its column names, what stands between its cells, and its rows with the number
    each has in a spreadsheet.
    """

    columns: tuple[str, ...]
    separator: str
    rows: Iterator[tuple[int, list[str]]]


def open_sheet(file: BinaryIO) -> Sheet:
    """The table in `file`, whose first row names the columns. Rows left empty are passed over.

    Refuses at ("file",), partly only while the rows are read: EMPTY, NOT_TEXT, TOO_LARGE, TOO_MANY_COLUMNS,
    TOO_MANY_ROWS, BAD_CSV.
    """
    encoding = _encoding(file)
    text = io.TextIOWrapper(file, encoding=encoding, newline="")
    first = text.readline(LONGEST_CELL * 4)
    separator = _separator(first)
    text.seek(0)
    # A lone quote inside of a cell is kept as it is; only quotes that begin a cell must close.
    reader = csv.reader(text, delimiter=separator, strict=True)
    records = _records(reader)
    head = next(records, None)
    if head is None:
        raise refused(
            code="EMPTY", message="This file is empty. Choose one with column names in its first row."
        )
    columns = [name.strip() for name in head[1]]
    while columns and not columns[-1]:
        columns.pop()
    if not columns:
        raise refused(code="EMPTY", message="The first row is empty. Write the names of the columns there.")
    if len(columns) > MOST_COLUMNS:
        raise refused(
            code="TOO_MANY_COLUMNS",
            message=say(
                "Leave at most {most_columns} columns; it has {count}.",
                most_columns=MOST_COLUMNS,
                count=len(columns),
            ),
        )
    named = tuple(name[:100] or f"Column {place}" for place, name in enumerate(columns, 1))
    return Sheet(named, separator, _rows(records))


def open_rows(file: BinaryIO, separator: str) -> Iterator[tuple[int, list[str]]]:
    """The rows in UTF-8 text that names no columns: a later part of a table with that separator.

    Refuses as `open_sheet`.
    """
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    return _rows(_records(csv.reader(text, delimiter=separator, strict=True)))


def refused(*, code: str, message: str) -> Invalid:
    """What is wrong with the file, said at its field."""
    return Invalid.at("file", code=code, message=message)


def _separator(first: str) -> str:
    # What stands inside of quotes separates nothing.
    return max(SEPARATORS, key=_QUOTED.sub("", first).count)


def _encoding(file: BinaryIO) -> str:
    """UTF-8, UTF-16 with its mark, or Windows-1252: whichever the whole file can be."""
    start = file.read(4)
    encoding = next((name for mark, name in _BOMS if start.startswith(mark)), "utf-8")
    if _reads_as(file, encoding):
        return encoding
    if encoding == "utf-8" and _reads_as(file, "cp1252"):
        return "cp1252"
    message = "This file is not text that can be read. Save it as “CSV UTF-8” and choose it again."
    raise refused(code="NOT_TEXT", message=message)


def _reads_as(file: BinaryIO, encoding: str) -> bool:
    file.seek(0)
    decoder = codecs.getincrementaldecoder(encoding)(errors="strict")
    size = 0
    try:
        while chunk := file.read(_CHUNK):
            size += len(chunk)
            if size > MOST_BYTES:
                raise too_large()
            # No program writes NUL into a CSV file: it is UTF-16 without its mark, or no text at all.
            if "\0" in decoder.decode(chunk):
                return False
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    finally:
        file.seek(0)
    return True


def too_large() -> Invalid:
    """The refusal of a file over the limit, which the door meets before anything is read."""
    return refused(
        code="TOO_LARGE",
        message=say(
            "This file is larger than {megabytes} MB. Split it into several.", megabytes=MOST_BYTES >> 20
        ),
    )


def _records(reader: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    number = 0
    while True:
        number += 1
        try:
            cells = next(reader, None)
        except csv.Error as wrong:
            message = say(
                "Row {number} can't be read: a quote is not closed, or a cell is too long. Mend it there.",
                number=number,
            )
            raise refused(code="BAD_CSV", message=message) from wrong
        if cells is None:
            return
        if max(map(len, cells), default=0) > LONGEST_CELL:
            message = say(
                "Row {number} has a cell of more than {longest_cell} characters. Shorten it.",
                number=number,
                longest_cell=grouped(LONGEST_CELL),
            )
            raise refused(code="BAD_CSV", message=message)
        yield number, cells


def too_many_rows() -> Invalid:
    """The refusal of a table with more rows than are imported at once."""
    message = say("Import at most {most_rows} rows at once. Split the file.", most_rows=grouped(MOST_ROWS))
    return refused(code="TOO_MANY_ROWS", message=message)


def _rows(records: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
    count = 0
    for number, cells in records:
        if not any(cell.strip() for cell in cells):
            continue
        count += 1
        if count > MOST_ROWS:
            raise too_many_rows()
        yield number, cells[: MOST_COLUMNS + 1]

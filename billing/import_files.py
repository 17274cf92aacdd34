"""What all imports of CSV files do alike: columns' names understood, rows staged, refusals told.

Surprise: nothing here looks anything up. Whose an import is, and which records its rows are about, each
noun's own files ask.
"""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from itertools import islice
from typing import Any, NamedTuple

import orjson
from psycopg.errors import UniqueViolation
from sqlalchemy import Row, TextClause
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from billing.import_tables import FileColumns, ImportState, Told
from billing.texts import Checks
from db.arrays import numbers
from db.columns import new_id
from errors import Conflict, Invalid, Problem, Refusal
from languages import in_every_language, say, spoken

KEPT_FOR = timedelta(days=30)
BATCH = 2000
SHOWN = 50
NOTHING = b"[]"
LIVE = (ImportState.MAPPING, ImportState.CHECKING, ImportState.CHECKED)


class Judged(NamedTuple):
    """What becomes of a batch of rows, ready to be written, if the import still stands as it was `seen`.

    `changes` are the rows that say something else now, as JSON; `counts` what there is more of.
    """

    seen: tuple[object, ...]
    reached: int
    counts: Mapping[str, int]
    changes: bytes


class ImportMoved(Conflict):
    """The import is past the state in which this can be asked."""

    code = "IMPORT_MOVED_ON"
    meanwhile = True
    message = "This import has moved on in the meantime. Reload the page to see where it stands."


def guessed(
    columns: Sequence[str], fields: Mapping[str, str], also: Mapping[str, Sequence[str]]
) -> list[str]:
    """For each column the field its name speaks of, "" for none; no field twice.

    Known are the names of our template in every language, and those that other programs write (`also`).
    """
    meant = {
        _bare(word): field
        for field, label in fields.items()
        for word in (*also.get(field, ()), *in_every_language(label).values(), field)
    }
    found: list[str] = []
    for name in columns:
        field = meant.get(_bare(name), "")
        found.append("" if field in found else field)
    return found


def read_columns(
    checks: Checks, begun: FileColumns, fields: Sequence[str], known: Mapping[str, str]
) -> list[str]:
    """The field of each column, "" for those ignored; UNKNOWN_FIELD and TWICE are noted."""
    chosen = [*fields, *[""] * len(begun.columns)][: len(begun.columns)]
    for place, field in enumerate(chosen):
        if field and field not in known:
            checks.refuse("fields", place, code="UNKNOWN_FIELD", message="Choose a field from the list.")
        elif field and field in chosen[:place]:
            message = say("Two columns are {field}. Ignore one of them.", field=known[field])
            checks.refuse("fields", place, code="TWICE", message=message)
    return chosen


def stage(
    db: Session, begun: FileColumns, statement: TextClause, rows: Iterable[tuple[int, list[str]]]
) -> int:
    """Write the rows down as they come, a part at a time; how many. Memory stays flat."""
    count, left = 0, iter(rows)
    while some := [(number, cells, str(new_id())) for number, cells in islice(left, 2000)]:
        count += len(some)
        given = {"partner_id": begun.partner_id, "import_id": begun.id}
        db.execute(statement, {**given, "rows": orjson.dumps(some).decode()})
    return count


def keep(db: Session, begun: FileColumns, statement: TextClause, judged: Judged) -> None:
    """Write down what becomes of a batch, and how far the stage has come."""
    for name, more in judged.counts.items():
        setattr(begun, name, getattr(begun, name) + more)
    begun.reached = judged.reached
    db.flush()
    if judged.changes != NOTHING:
        mine = {"partner_id": begun.partner_id, "import_id": begun.id}
        db.execute(statement, {**mine, "changes": judged.changes.decode()})
    db.expire_all()


def insert_free(
    db: Session, statement: TextClause, given: Mapping[str, object], positions: Sequence[int]
) -> list[Row[Any]]:
    """Insert what is staged at these positions, all at once; what came back of it.

    Where something is taken already, half of them and half again, until all are there that are free. To look
    first whether each row is free costs a fifth of writing it, and nearly always all are.
    """
    try:
        with db.begin_nested():
            return [*db.execute(statement, {**given, "positions": numbers(positions)})]
    except IntegrityError as error:
        if not isinstance(error.orig, UniqueViolation):
            raise
        half = len(positions) // 2
        halves = (positions[:half], positions[half:]) if half else ()
        return [row for those in halves for row in insert_free(db, statement, given, those)]


def given_in(fields: Sequence[str], cells: Sequence[str], known: Mapping[str, str]) -> Mapping[str, str]:
    """The cells of a row by field, those left blank left out."""
    return {
        field: cell for field, cell in zip(fields, cells, strict=False) if field in known and cell.strip()
    }


def require_width(begun: FileColumns, cells: Sequence[str]) -> None:
    """Refuse (TOO_MANY_CELLS) a row with more cells than there are columns: its separators are wrong."""
    if len(cells) > len(begun.columns) and any(cells[len(begun.columns) :]):
        message = "This row has more cells than there are columns. Check its separators and quotes."
        raise Invalid.at("row", code="TOO_MANY_CELLS", message=message)


def problems_of(refusal: Refusal) -> tuple[Problem, ...]:
    """What a refusal says, as problems of a row."""
    if isinstance(refusal, Invalid):
        return refusal.problems
    return (Problem(refusal.code, ("row",), refusal.message),)


def told(problems: Iterable[Problem]) -> list[Told]:
    """Problems as a row keeps them: whoever reads the report later reads it in their own language."""
    return [
        {"code": each.code, "field": str(each.path[0]), "message": in_every_language(each.message)}
        for each in problems
    ]


def message_of(problem: Told) -> str:
    """What a row says is wrong, in the language of the work in hand."""
    said: str = problem["message"][spoken()]
    return said


def printable(text: str) -> str:
    """Without characters that nobody sees."""
    return "".join(char for char in text if unicodedata.category(char) not in ("Cc", "Cs", "Cf"))


def bare_name(name: str, *, otherwise: str) -> str:
    """A file's name without its folders, short and printable."""
    return printable(name.replace("\\", "/").rpartition("/")[2]).strip()[:120] or otherwise


def _bare(name: str) -> str:
    return "".join(char for char in unicodedata.normalize("NFKD", name).casefold() if char.isalnum())

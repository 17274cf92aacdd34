"""What the tables of all imports have: a file on its way, and the rows of it while they are needed.

Surprise: what a row names is no reference. While an import is only checked, it is a record that will be made.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlmodel import SQLModel

from db.columns import choice, count, document, instant, key, tenant, texts

# What is wrong with a row as it keeps it: `code`, `field`, and `message`, a sentence in each language.
Told = dict[str, Any]


class ImportState(StrEnum):
    """Where an import stands. What is CANCELED, DONE or STOPPED stays so."""

    MAPPING = "MAPPING"
    CHECKING = "CHECKING"
    CHECKED = "CHECKED"
    RUNNING = "RUNNING"
    DONE = "DONE"
    CANCELED = "CANCELED"
    STOPPED = "STOPPED"  # whoever began it lost the right to, before it was through


class RowOutcome(StrEnum):
    """What becomes of a row: while checked what would, after the run what did."""

    CREATED = "CREATED"
    UPDATED = "UPDATED"
    UNCHANGED = "UNCHANGED"
    REFUSED = "REFUSED"


class FileColumns(SQLModel):
    """One file. `reached` is the last row that the stage it is in has seen: where a killed one goes on.

    `round` is another one each time a stage begins, also anew.
    """

    partner_id: UUID = tenant()
    id: UUID = key()
    file_name: str
    state: ImportState = choice(ImportState)
    columns: list[str] = texts()
    fields: list[str] = texts()
    total: int = count(default=0)
    reached: int = count(default=0)
    created: int = count(default=0)
    updated: int = count(default=0)
    unchanged: int = count(default=0)
    refused: int = count(default=0)
    separator: str = ","
    round: int = count(default=0)
    asked_by: UUID
    asked_by_name: str
    created_at: datetime = instant()
    finished_at: datetime | None = instant(default=None)
    cleared_at: datetime | None = instant(default=None)

    def begin(self, state: ImportState) -> None:
        """Stand at the beginning of a stage, nothing of it done."""
        self.state, self.reached, self.round = state, 0, self.round + 1
        self.created = self.updated = self.unchanged = self.refused = 0

    def standing(self, after: int) -> tuple[object, ...]:
        """What must be the same for what became of the rows behind `after` to hold: columns and choices are
        another round's.
        """
        return self.round, after


class RowColumns(SQLModel):
    """A row of a file; `position` is its number in a spreadsheet. Deleted on cancel, or after 30 days.

    `made` and `words`, from the check on: the columns of what is to be made of it, and the words that is
    found by.
    """

    partner_id: UUID = tenant()
    id: UUID = key()
    import_id: UUID
    position: int = count()
    cells: list[str] = texts()
    outcome: RowOutcome | None = choice(RowOutcome, default=None, nullable=True)
    problems: list[Told] = document(default_factory=list)
    made: dict[str, Any] | None = document(default=None, nullable=True)
    words: list[str] = texts(default_factory=list)

"""What all imports of CSV files have in the API: files as texts, what their rows say, and the five mutations.

Surprise: a file is longer than a request may be. So its rows come as lists of texts, as many requests as it
takes, and nothing is checked before all of them are there and somebody says so.
"""

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import strawberry

from api.changes import Doing, Given, Outcome
from api.nouns import ReadField
from api.problems import UserErrorCode
from api.reads import Kept, KeptText
from billing import import_tables as shared
from billing.import_stages import Stages
from errors import Invalid, Problem

strawberry.enum(
    shared.ImportState, name="ImportState",
    description="CHECKED waits for its start. What is CANCELED, DONE or STOPPED stays so.",
)  # fmt: skip
strawberry.enum(
    shared.RowOutcome, name="ImportOutcome",
    description="What becomes of a row: while checked what would, after the run what did.",
)  # fmt: skip
CSV_TEXT = "CSV text: each string one or more whole rows, 500 strings of 10,000 characters at most."
# A row has at most one a field, and of those a customer with five users has 28.
MOST_PROBLEMS = 30
Also = Callable[[Given], dict[str, object]]


def _text(about: str, *, said: bool = False) -> Any:
    return ReadField(metadata={"read": KeptText(said=said)}, description=about)


def row_problems(about: str) -> Any:
    """What is wrong with a row, of its column `problems`."""
    return ReadField(metadata={"read": Kept(limit=MOST_PROBLEMS)}, description=about)


@strawberry.type
class ImportProblem:
    """What is wrong with a row, or was left out of it."""

    code: UserErrorCode = _text("For programs.")
    field: str = _text("As in the import's `fields`; `row` for the row as a whole.")
    message: str = _text("For people, in the language that is asked for.", said=True)


@dataclass(frozen=True)
class Moves:
    """The mutations of a kind of import: its stages, the prefix of its ids, the field of its payloads.

    `choose` says which columns are which, with what else is `also` given.
    """

    stages: Stages[Any, Any]
    prefix: str
    name: str
    choose: Callable[..., Any]
    also: Also = field(default=lambda given: {})

    def create(self, doing: Doing, given: Given) -> Outcome:
        """The first rows of a file."""
        file, name = _csv_file(given["csv"]), given.get("file_name") or ""
        try:
            begun = self.stages.start(doing.db, doing.actor, file_name=name, file=file, now=doing.now)
        except Invalid as wrong:
            raise _of_csv(wrong) from wrong
        return {self.name: begun.id}

    def add(self, doing: Doing, given: Given) -> Outcome:
        """More rows of it."""
        import_id, file = given.record("id", self.prefix), _csv_file(given["csv"])
        try:
            begun = self.stages.append(doing.db, doing.actor, import_id=import_id, file=file, now=doing.now)
        except Invalid as wrong:
            raise _of_csv(wrong) from wrong
        return {self.name: begun.id}

    def check(self, doing: Doing, given: Given) -> Outcome:
        """What its columns are: as given, else as guessed."""
        import_id = given.record("id", self.prefix)
        fields = given.get("fields")
        if fields is None:
            fields = self.stages.find(doing.db, doing.actor, import_id=import_id).fields
        begun = self.choose(
            doing.db, doing.actor, import_id=import_id, fields=fields, now=doing.now, **self.also(given)
        )
        return {self.name: begun.id}

    def start(self, doing: Doing, given: Given) -> Outcome:
        """Let it run."""
        import_id = given.record("id", self.prefix)
        begun = self.stages.confirm(doing.db, doing.actor, import_id=import_id, now=doing.now)
        return {self.name: begun.id}

    def cancel(self, doing: Doing, given: Given) -> Outcome:
        """Give it up."""
        import_id = given.record("id", self.prefix)
        begun = self.stages.cancel(doing.db, doing.actor, import_id=import_id, now=doing.now)
        return {self.name: begun.id}


def _csv_file(parts: Iterable[str]) -> io.BytesIO:
    return io.BytesIO("\n".join(parts).encode())


def _of_csv(wrong: Invalid) -> Invalid:
    """What is wrong with a file, at the field it came in."""
    return Invalid([Problem(one.code, ("csv",), one.message) for one in wrong.problems])

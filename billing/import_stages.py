"""The stages of an import, whatever is imported: taken in, its columns named, checked, run, cleared away.

Surprise: nothing here knows what a row means. A kind of import is its two tables, its fields and a right
(`Stages`); what its rows come to, and what is made of them, its own modules say.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Generic, Protocol, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, TextClause, delete, func, text
from sqlmodel import Session, col, select

from auth import api_keys, audit
from auth.actors import Action, Actor, ActorKind
from auth.emails import spellings
from auth.roles import Membership, MembershipStatus
from billing.csv_in import MOST_ROWS, open_rows, open_sheet, refused, too_many_rows
from billing.import_files import (
    KEPT_FOR,
    LIVE,
    SHOWN,
    ImportMoved,
    bare_name,
    guessed,
    printable,
    read_columns,
    stage,
)
from billing.import_tables import FileColumns, ImportState, RowColumns, RowOutcome
from billing.texts import Checks
from db.columns import new_id
from db.session import defer
from errors import NotFound

File = TypeVar("File", bound=FileColumns)
Row = TypeVar("Row", bound=RowColumns)


class Asked(Protocol):
    """What somebody asked for, and the worker does later."""

    partner_id: UUID
    asked_by: UUID


@dataclass(frozen=True)
class Stages(Generic[File, Row]):
    """One kind of import.

    `noun` is what the log calls it, `job` the worker's. `fields` are those a column may hold, by what people
    call them, `also` what other programs call their columns. `enter` refuses whoever may not import these
    fields; `required` notes what else is wrong with a choice of columns. `staged` writes rows down.
    """

    file: type[File]
    row: type[Row]
    noun: str
    job: str
    file_name: str
    fields: Mapping[str, str]
    also: Mapping[str, Sequence[str]]
    staged: TextClause
    enter: Callable[[Actor, Iterable[str]], None]
    required: Callable[[Checks, Sequence[str]], None]

    def start(self, db: Session, actor: Actor, *, file_name: str, file: BinaryIO, now: datetime) -> File:
        """Take a file in: its rows are staged, its columns' names matched to fields, and nothing else
        written.

        Memory stays flat, whatever its size. Refuses MissingRight, and at ("file",) as `csv_in` does.
        """
        self.enter(actor, ())
        if actor.id is None:
            raise NotFound
        sheet = open_sheet(file)
        begun = self.file(
            partner_id=actor.partner_id, id=new_id(),
            file_name=bare_name(file_name, otherwise=self.file_name), state=ImportState.MAPPING,
            columns=[printable(name) for name in sheet.columns],
            fields=guessed(sheet.columns, self.fields, self.also), separator=sheet.separator,
            asked_by=actor.id, asked_by_name=actor.name, created_at=now,
        )  # fmt: skip
        db.add(begun)
        db.flush()
        begun.total = stage(db, begun, self.staged, sheet.rows)
        if not begun.total:
            message = "This file has column names and no rows below them. Choose another file."
            raise refused(code="EMPTY", message=message)
        self._record(db, actor, begun, "uploaded", now)
        return begun

    def append(self, db: Session, actor: Actor, *, import_id: UUID, file: BinaryIO, now: datetime) -> File:
        """Put more rows of the same file, without names of columns, behind those that are there.

        Only before its columns were chosen. Refuses NotFound, ImportMoved, MissingRight, and at ("file",) as
        `csv_in` does.
        """
        begun = self.locked(db, actor, import_id=import_id)
        if begun.state is not ImportState.MAPPING:
            raise ImportMoved
        last = db.scalar(select(func.max(col(self.row.position))).where(*self._rows_of(begun))) or 0
        rows = ((last + number, cells) for number, cells in open_rows(file, begun.separator))
        begun.total += stage(db, begun, self.staged, rows)
        if begun.total > MOST_ROWS:
            raise too_many_rows()
        self._record(db, actor, begun, "extended", now)
        return begun

    def choose_columns(
        self, db: Session, actor: Actor, *, import_id: UUID, fields: Sequence[str], now: datetime
    ) -> File:
        """Say which field each column holds ("" is ignored), and have all rows checked by the worker.

        Can be said again until it is confirmed. Refuses NotFound, ImportMoved, MissingRight, UNKNOWN_FIELD
        and TWICE at ("fields", place), and what is `required`.
        """
        self.enter(actor, fields)
        begun = self.locked(db, actor, import_id=import_id)
        if begun.state not in (ImportState.MAPPING, ImportState.CHECKED):
            raise ImportMoved
        checks = Checks()
        chosen = read_columns(checks, begun, fields, self.fields)
        self.required(checks, chosen)
        checks.done()
        begun.fields = chosen
        begun.begin(ImportState.CHECKING)
        self._record(db, actor, begun, "checked", now)
        self._hand_over(db, begun)
        return begun

    def confirm(self, db: Session, actor: Actor, *, import_id: UUID, now: datetime) -> File:
        """Let a checked import run. Of two who confirm at once, one does (ImportMoved). Refuses NotFound."""
        begun = self.locked(db, actor, import_id=import_id)
        self.enter(actor, begun.fields)
        if begun.state is not ImportState.CHECKED:
            raise ImportMoved
        begun.begin(ImportState.RUNNING)
        if actor.id is not None:
            begun.asked_by, begun.asked_by_name = actor.id, actor.name
        self._record(db, actor, begun, "confirmed", now)
        self._hand_over(db, begun)
        return begun

    def cancel(self, db: Session, actor: Actor, *, import_id: UUID, now: datetime) -> File:
        """Give up an import that was not confirmed; its rows are deleted. Refuses NotFound, ImportMoved."""
        begun = self.locked(db, actor, import_id=import_id)
        if begun.state not in LIVE:
            raise ImportMoved
        self._drop(db, begun, ImportState.CANCELED, now)
        self._record(db, actor, begun, "canceled", now)
        return begun

    def find(self, db: Session, actor: Actor, *, import_id: UUID) -> File:
        """The partner's import of that id. Refuses NotFound, MissingRight."""
        self.enter(actor, ())
        mine = (col(self.file.partner_id) == actor.partner_id, col(self.file.id) == import_id)
        begun = db.exec(select(self.file).where(*mine)).one_or_none()
        if begun is None:
            raise NotFound
        return begun

    def locked(self, db: Session, actor: Actor, *, import_id: UUID) -> File:
        """As `find`, its row locked until the transaction ends: stages and people take turns."""
        self.enter(actor, ())
        mine = (col(self.file.partner_id) == actor.partner_id, col(self.file.id) == import_id)
        wanted = select(self.file).where(*mine).with_for_update()
        begun = db.exec(wanted.execution_options(populate_existing=True)).one_or_none()
        if begun is None:
            raise NotFound
        return begun

    def newest(self, db: Session, actor: Actor, *, before: UUID | None = None) -> Sequence[File]:
        """Imports, newest first, one more than a page shows; `before` is the last one of the page before."""
        self.enter(actor, ())
        wanted = select(self.file).where(col(self.file.partner_id) == actor.partner_id)
        if before is not None:
            wanted = wanted.where(col(self.file.id) < before)  # ids rise with time
        return db.exec(wanted.order_by(col(self.file.id).desc()).limit(SHOWN + 1)).all()

    def report(
        self, db: Session, actor: Actor, *, import_id: UUID, outcome: RowOutcome | None = None,
        after: int = 0, most: int = SHOWN + 1,
    ) -> Sequence[Row]:  # fmt: skip
        """Rows that were judged, from the one after `after` on, in the file's order. Refuses as `find`."""
        begun = self.find(db, actor, import_id=import_id)
        judged = col(self.row.outcome)
        fits = judged == outcome if outcome else judged.is_not(None)
        place = col(self.row.position)
        wanted = select(self.row).where(*self._rows_of(begun), fits, place > after)
        return db.exec(wanted.order_by(place).limit(most)).all()

    def sample(self, db: Session, actor: Actor, *, import_id: UUID) -> Sequence[Row]:
        """The first rows of the file as they were read, for whoever names the columns."""
        return self.first(db, self.find(db, actor, import_id=import_id), most=3)

    def first(self, db: Session, begun: File, *, most: int) -> Sequence[Row]:
        """The first rows of an import in hand."""
        wanted = select(self.row).where(*self._rows_of(begun))
        return db.exec(wanted.order_by(col(self.row.position)).limit(most)).all()

    def clear_old(self, db: Session, actor: Actor, *, now: datetime) -> int:
        """Delete the rows of imports older than 30 days; those never confirmed are canceled. How many."""
        wanted = select(self.file).where(
            col(self.file.partner_id) == actor.partner_id,
            col(self.file.created_at) < now - KEPT_FOR,
            col(self.file.cleared_at).is_(None),
            col(self.file.state) != ImportState.RUNNING,
        )
        old = db.exec(wanted.with_for_update()).all()
        for begun in old:
            self._drop(db, begun, ImportState.CANCELED if begun.state in LIVE else begun.state, now)
        return len(old)

    def check_anew(self, db: Session, partner_id: UUID) -> None:
        """Let checks that are under way begin again, for rows become others; who writes some is waited for.

        What was checked ahead of its turn is then not taken: it has read the rows as they were.
        """
        under_way = (ImportState.CHECKING, ImportState.RUNNING)
        mine = (col(self.file.partner_id) == partner_id, col(self.file.state).in_(under_way))
        wanted = select(self.file).where(*mine).order_by(col(self.file.id)).with_for_update()
        for begun in db.exec(wanted.execution_options(populate_existing=True)):
            if begun.state is ImportState.CHECKING:
                begun.begin(ImportState.CHECKING)
        db.flush()

    def finish(self, db: Session, actor: Actor, begun: File, now: datetime) -> None:
        """All rows of a run are done."""
        begun.state, begun.finished_at = ImportState.DONE, now
        audit.record(
            db, actor, action=f"{self.noun}.finished", subject_kind=self.noun, subject_id=begun.id, now=now,
            file=begun.file_name, created=begun.created, updated=begun.updated, unchanged=begun.unchanged,
            refused=begun.refused,
        )  # fmt: skip

    def _hand_over(self, db: Session, begun: File) -> None:
        db.flush()
        defer(db, self.job, partner_id=begun.partner_id, import_id=begun.id)

    def _drop(self, db: Session, begun: File, state: ImportState, now: datetime) -> None:
        db.execute(delete(self.row).where(*self._rows_of(begun)))
        begun.state, begun.cleared_at = state, now
        begun.finished_at = begun.finished_at or now
        db.flush()

    def _rows_of(self, begun: File) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
        mine = col(self.row.partner_id) == begun.partner_id
        return mine, col(self.row.import_id) == begun.id

    def _record(self, db: Session, actor: Actor, begun: File, what: str, now: datetime) -> None:
        audit.record(
            db, actor, action=f"{self.noun}.{what}", subject_kind=self.noun, subject_id=begun.id, now=now,
            file=begun.file_name, rows=begun.total,
        )  # fmt: skip


def staged_in(table: str, **blank: str) -> TextClause:
    """The statement that writes a file's rows into `table`; `blank` are columns not filled yet, in SQL."""
    names = "".join(f", {name}" for name in blank)
    values = "".join(f", {value}" for value in blank.values())
    return text(
        _STAGED_SQL.replace("the_table", table).replace(", the_blanks", names).replace(", the_values", values)
    )


def erased_in(table: str) -> TextClause:
    """The statement that replaces somebody in the rows of `table`, wherever their address stands."""
    return text(_ERASED_SQL.replace("the_table", table))


def erase(
    db: Session, statement: TextClause, *, partner_id: UUID, email: str, name: str, instead: str
) -> None:
    """Run a statement of `erased_in`: address and name of somebody become `instead`."""
    forms = spellings(email)
    values = {"partner_id": partner_id, "emails": forms, "name": name, "instead": instead}
    db.execute(statement, {**values, "said": "|".join(map(re.escape, forms))})


def asked_by(db: Session, begun: Asked, *, needed: Iterable[Action], now: datetime) -> Actor | None:
    """Whoever asked for it, as they are now; None if they may not any more what is `needed`."""
    wanted = select(Membership).where(
        Membership.partner_id == begun.partner_id, Membership.id == begun.asked_by,
        Membership.status == MembershipStatus.ACTIVE, col(Membership.customer_id).is_(None),
    )  # fmt: skip
    member = db.exec(wanted).one_or_none()
    if member is not None:
        actor = Actor(
            ActorKind.STAFF, begun.partner_id, id=member.id, role=member.role, name=member.name,
            user_id=member.user_id,
        )  # fmt: skip
    else:
        key = api_keys.live(db, begun.partner_id, key_id=begun.asked_by, now=now)
        if key is None:
            return None
        actor = Actor(
            ActorKind.API_KEY, begun.partner_id, id=key.id, name=key.name, scopes=frozenset(key.scopes)
        )
    return actor if all(actor.may(action) for action in needed) else None


_STAGED_SQL = """
    insert into the_table (partner_id, id, import_id, position, cells, problems, words, the_blanks)
    select :partner_id, (one.value->>2)::uuid, :import_id, (one.value->>0)::int,
           array(select jsonb_array_elements_text(one.value->1)), '[]', '{}', the_values
    from jsonb_array_elements(cast(:rows as jsonb)) as one
"""
# Cells are compared as `parse_email` reads them: blanks around, full-width letters and capitals are nothing.
_ERASED_SQL = """
    update the_table r
    set cells = array(
          select case when lower(btrim(normalize(one.cell, NFKC), E' \\t'))
                           = any(:emails || lower(normalize(:name, NFKC)))
                      then :instead else one.cell end
          from unnest(r.cells) with ordinality as one(cell, place) order by one.place),
        problems = regexp_replace(r.problems::text, :said, :instead, 'gi')::jsonb
    where r.partner_id = :partner_id
      and (r.problems::text ~* :said -- a report quotes other rows, too
        or exists (select from unnest(r.cells) as one(cell)
                   where lower(btrim(normalize(one.cell, NFKC), E' \\t')) = any(:emails)))
"""

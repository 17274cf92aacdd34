"""Imports of CSV files in the dashboard, of whatever: uploaded, columns named, checked, confirmed, watched.

Surprise: an import is at one address all its life. What the page there shows is the state it is in, so
whoever reloads, comes back or was sent the link sees how far it is.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, NamedTuple
from uuid import UUID

from sqlmodel import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from auth.actors import Action, Actor
from billing import csv_in
from billing.csv_out import BOM, line
from billing.import_files import SHOWN, message_of
from billing.import_tables import FileColumns, ImportState, RowColumns, RowOutcome, Told
from db import ids
from errors import Forbidden, Invalid
from languages import mark, say
from portal.door import act, go, meet, meet_now, partner, read_form
from portal.form import Form
from portal.house import house, place, record_id
from portal.page import Page, ask, show
from portal.shell import Link
from portal.under_way import is_over
from portal.upload import read_upload

_REPORTED = 1000
_TEMPLATES = {
    ImportState.MAPPING: "columns", ImportState.CHECKING: "progress", ImportState.RUNNING: "progress",
}  # fmt: skip
_UNDER_WAY = (ImportState.CHECKING, ImportState.RUNNING)


class Shown(NamedTuple):
    """An import, the rows of its report or its file, and whether there are more."""

    begun: Any
    rows: Sequence[Any]
    more: bool
    guessed: Mapping[str, tuple[str, ...]] = {}


@dataclass(frozen=True)
class Imported:
    """What is imported here, and what its pages are called.

    `rules` is its module of `billing/`; `folder` its place under the dashboard's home, `parameter` and
    `prefix` the import's id in addresses; `record` the prefix of what is made, which `made` finds in a row.
    """

    rules: ModuleType
    folder: str
    templates: str
    parameter: str
    prefix: str
    record: str
    record_label: str
    right: Action
    canceled: str
    made: Callable[[Any], UUID | None]
    crumbs: Callable[..., list[Link]]
    fields: Mapping[str, str]
    offered: Mapping[str, str]
    examples: Sequence[Mapping[str, str]]
    seen: Callable[[Any], int]
    # What the pages show besides, and what the form of the columns asks besides.
    beside: Callable[[Any, Sequence[Any]], Mapping[str, object]] = field(default=lambda begun, rows: {})
    on_upload: Mapping[str, object] = field(default_factory=dict)
    choices: Callable[[Form], Mapping[str, object]] = field(default=lambda form: {})
    chosen: Callable[[Any], Mapping[str, tuple[str, ...]]] = field(default=lambda begun: {})
    # What the form has chosen already before anybody did, by what is in the file.
    guessed: Callable[[Session, Any], Mapping[str, tuple[str, ...]]] = field(default=lambda db, begun: {})

    def routes(self) -> list[Route]:
        """The addresses of all its pages."""
        start = f"/partner/{{slug}}/{self.folder}/import"
        one = f"/partner/{{slug}}/{self.folder}/imports/{{{self.parameter}}}"
        return [
            Route(start, partner(self.show_new)),
            Route(start, partner(self.upload), methods=["POST"]),
            Route(start + "/sample", partner(self.sample_file)),
            Route(f"/partner/{{slug}}/{self.folder}/imports", partner(self.list_imports)),
            Route(one, partner(self.show_one)),
            Route(one + "/columns", partner(self.choose_columns), methods=["POST"]),
            Route(one + "/confirm", partner(self.confirm), methods=["POST"]),
            Route(one + "/cancel", partner(self.cancel), methods=["POST"]),
            Route(one + "/report", partner(self.download)),
        ]

    async def list_imports(self, request: Request) -> Response:
        """Past imports, newest first."""
        before = request.query_params.get("before")
        since = ids.parsed(before, self.prefix) if before else None
        page = await ask(request, "partner/plain")

        def work(db: Session, actor: Actor) -> Sequence[FileColumns]:
            return self.rules.newest(db, actor, before=since)  # type: ignore[no-any-return]

        found = await meet(request, work)
        older = f"?before={ids.shown(self.prefix, found[SHOWN - 1].id)}" if len(found) > SHOWN else None
        return show(
            request, f"{self.templates}/list.html", page, imports=found[:SHOWN], shown_id=ids.shown,
            prefix=self.prefix, folder=f"/{self.folder}", older=older,
            newer=request.url.path if before else None, crumbs=self.crumbs(request, (mark("Imports"), None)),
        )  # fmt: skip

    async def show_new(self, request: Request) -> Response:
        """The form that takes a file."""
        return await self._new(request, Form())

    async def sample_file(self, request: Request) -> Response:
        """A file to fill in: every column there is, and rows that show how."""
        await self._may(request)
        content = BOM + line([str(label) for label in self.fields.values()])
        content += "".join(line([example.get(name) for name in self.fields]) for example in self.examples)
        return Response(
            content, media_type="text/csv; charset=utf-8",
            headers={
                "content-disposition": f'attachment; filename="{self.folder}.csv"',
                "cache-control": "no-store",
            },
        )  # fmt: skip

    async def upload(self, request: Request) -> Response:
        """Take the file in, and go on to its columns."""
        now = house(request).clock()
        # Before the file is read: nobody else is listened to for 32 MB.
        await self._may(request)
        try:
            sent = await read_upload(
                request, "file", most=csv_in.MOST_BYTES, too_large=csv_in.too_large, in_memory=False
            )
            file = sent.file
            if file is None:
                raise csv_in.refused(code="REQUIRED", message="Choose a CSV file.")
            try:

                def work(db: Session, actor: Actor) -> UUID:
                    begun = self.rules.start(db, actor, file_name=sent.name, file=file, now=now)
                    return begun.id  # type: ignore[no-any-return]

                import_id = await act(request, work, form=sent.form)
            finally:
                await run_in_threadpool(file.close)
        except Invalid as wrong:
            return await self._new(request, Form(typed={"file": ("",)}).with_problems(wrong), status=422)
        return go(request, f"{self._all(request)}/{ids.shown(self.prefix, import_id)}")

    async def show_one(self, request: Request) -> Response:
        """The import as it stands: its columns to choose, how far it is, or its report."""
        return await self._one(request, None)

    async def choose_columns(self, request: Request) -> Response:
        """Keep which field each column holds, and have the file checked."""
        form = await read_form(request)
        import_id, now = record_id(request, self.parameter, self.prefix), house(request).clock()
        places = range(csv_in.MOST_COLUMNS)

        def work(db: Session, actor: Actor) -> None:
            fields = [form.value(f"fields-{number}") for number in places]
            self.rules.choose_columns(
                db, actor, import_id=import_id, fields=fields, now=now, **self.choices(form)
            )

        try:
            await act(request, work, form=form)
        except Invalid as wrong:
            return await self._one(request, form.with_problems(wrong), status=422)
        return go(request, self._here(request))

    async def confirm(self, request: Request) -> Response:
        """Let it run."""
        await self._move(request, self.rules.confirm)
        return go(request, self._here(request))

    async def cancel(self, request: Request) -> Response:
        """Give it up."""
        begun = await self._move(request, self.rules.cancel)
        return go(request, self._all(request), say(self.canceled, file_name=begun.file_name))

    async def download(self, request: Request) -> Response:
        """The whole report as a CSV file."""
        import_id = record_id(request, self.parameter, self.prefix)

        def work(db: Session, actor: Actor) -> FileColumns:
            return self.rules.find(db, actor, import_id=import_id)  # type: ignore[no-any-return]

        begun = await meet(request, work)
        day = f"{begun.created_at:%Y-%m-%d}"
        return StreamingResponse(
            self._file(request, begun),
            media_type="text/csv; charset=utf-8",
            headers={
                "content-disposition": f'attachment; filename="import-{day}-report.csv"',
                "cache-control": "no-store",
            },
        )

    def _file(self, request: Request, begun: FileColumns) -> Iterator[str]:
        """Each part is read as whoever asked, who may have lost the right since."""
        yield BOM + line(["Row", "Outcome", "Why", self.record_label, *begun.columns])
        after = 0
        while True:

            def work(db: Session, actor: Actor, after: int = after) -> Sequence[RowColumns]:
                return self.rules.report(  # type: ignore[no-any-return]
                    db, actor, import_id=begun.id, after=after, most=_REPORTED
                )

            rows = meet_now(request, work)
            if not rows:
                return
            after = rows[-1].position
            yield "".join(line(self._cells(begun, row)) for row in rows)

    def _cells(self, begun: FileColumns, row: RowColumns) -> list[str | int | None]:
        there = begun.state is ImportState.DONE or row.outcome is not RowOutcome.CREATED
        made = self.made(row) if there else None
        why = " ".join(f"{self._said(one)}: {message_of(one)}".removeprefix(": ") for one in row.problems)
        shown = ids.shown(self.record, made) if made and row.outcome is not RowOutcome.REFUSED else None
        return [row.position, str(row.outcome), why, shown, *row.cells[: len(begun.columns)]]

    def _said(self, problem: Told) -> str:
        """What a problem is about, in the words of the columns' page; "" for the row as a whole."""
        return self.fields.get(problem["field"], "")

    async def _one(self, request: Request, form: Form | None, status: int = 200) -> Response:
        import_id = record_id(request, self.parameter, self.prefix)
        query = request.query_params
        outcome = RowOutcome(query["only"]) if query.get("only") in set(RowOutcome) else None
        after = int(query["after"]) if query.get("after", "").isdecimal() and len(query["after"]) < 8 else 0
        page = await ask(request, "partner/plain")

        def work(db: Session, actor: Actor) -> Shown:
            begun = self.rules.find(db, actor, import_id=import_id)
            if begun.state is ImportState.MAPPING or form is not None or "columns" in query:
                sample = self.rules.sample(db, actor, import_id=import_id)
                first = begun.state is ImportState.MAPPING and form is None
                return Shown(begun, sample, False, self.guessed(db, begun) if first else {})
            rows = self.rules.report(db, actor, import_id=import_id, outcome=outcome, after=after)
            return Shown(begun, rows[:SHOWN], len(rows) > SHOWN)

        begun, rows, more, guessed = await meet(request, work)
        if (over := is_over(request, over=begun.state not in _UNDER_WAY)) is not None:
            return over
        name = _TEMPLATES.get(begun.state, "report")
        if form is not None or ("columns" in query and begun.state is ImportState.CHECKED):
            name = "columns"
        typed = form or Form(typed={
            **{f"fields-{at}": (chosen,) for at, chosen in enumerate(begun.fields)}, **self.chosen(begun),
            **guessed,
        })  # fmt: skip
        only, here = outcome.value if outcome else "", self._here(request)
        return show(
            request, f"{self.templates}/{name}.html", page, form=typed, status=status, one=begun,
            rows=rows, here=here, folder=f"/{self.folder}", fields=list(self.fields.items()),
            said=self._said, why=message_of, made=self.made, record=self.record, narrowed=only,
            shown_id=ids.shown, seen=self.seen(begun), first=after == 0, **self.beside(begun, rows),
            next=f"{here}?only={only}&after={rows[-1].position}" if more else None,
            crumbs=self.crumbs(request, (mark("Imports"), self._all(request)), (begun.file_name, None)),
        )  # fmt: skip

    async def _may(self, request: Request) -> Page:
        page = await ask(request, "partner/plain")
        if self.right.value not in page.shell.rights:
            raise Forbidden
        return page

    async def _new(self, request: Request, form: Form, status: int = 200) -> Response:
        page = await self._may(request)
        return show(
            request, f"{self.templates}/new.html", page, form=form, status=status,
            fields=list(self.offered.values()), folder=f"/{self.folder}", most_rows=csv_in.MOST_ROWS,
            most_megabytes=csv_in.MOST_BYTES >> 20, **self.on_upload,
            crumbs=self.crumbs(request, (mark("Imports"), self._all(request)), (mark("New"), None)),
        )  # fmt: skip

    async def _move(self, request: Request, rule: Callable[..., Any]) -> Any:
        form = await read_form(request)
        import_id, now = record_id(request, self.parameter, self.prefix), house(request).clock()

        def work(db: Session, actor: Actor) -> Any:
            return rule(db, actor, import_id=import_id, now=now)

        return await act(request, work, form=form)

    def _all(self, request: Request) -> str:
        return f"{place(request).home}/{self.folder}/imports"

    def _here(self, request: Request) -> str:
        return f"{self._all(request)}/{request.path_params[self.parameter]}"

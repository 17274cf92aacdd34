"""Customers from a CSV file, in the dashboard: uploaded, its columns named, checked, confirmed, and watched.

Surprise: an import is at one address all its life. What the page there shows is the state it is in, so
whoever reloads, comes back or was sent the link sees how far it is.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from sqlmodel import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from auth.actors import Action, Actor
from billing import csv_in, customer_imports
from billing.csv_out import BOM, line
from billing.customer_import_tables import CustomerImport, CustomerImportRow, ImportState, RowOutcome
from billing.customer_import_users import MOST, has_users
from billing.customer_imports import CUSTOMER_FIELDS, EXAMPLE, FIELDS, SHOWN
from db import ids
from errors import Forbidden, Invalid
from languages import mark, say
from portal.door import act, go, meet, meet_now, partner, read_form
from portal.form import Form
from portal.house import house, place, record_id
from portal.page import Page, ask, show
from portal.partner.trail import trail
from portal.upload import read_upload

PREFIX = "imp"
_REPORTED = 1000
_TEMPLATES = {
    ImportState.MAPPING: "columns", ImportState.CHECKING: "progress", ImportState.RUNNING: "progress",
}  # fmt: skip


class Shown(NamedTuple):
    """An import, the rows of its report or its file, and whether there are more."""

    begun: CustomerImport
    rows: Sequence[CustomerImportRow]
    more: bool


async def list_imports(request: Request) -> Response:
    """Past imports, newest first."""
    before = request.query_params.get("before")
    since = ids.parsed(before, PREFIX) if before else None
    page = await ask(request, "partner/plain")

    def work(db: Session, actor: Actor) -> Sequence[CustomerImport]:
        return customer_imports.newest(db, actor, before=since)

    found = await meet(request, work)
    older = f"?before={ids.shown(PREFIX, found[SHOWN - 1].id)}" if len(found) > SHOWN else None
    return show(
        request, "partner/customer_imports/list.html", page, imports=found[:SHOWN], shown_id=_id,
        older=older, newer=request.url.path if before else None,
        crumbs=trail(request, (mark("Imports"), None)),
    )  # fmt: skip


async def show_new(request: Request) -> Response:
    """The form that takes a file."""
    return await _new(request, Form())


async def sample_file(request: Request) -> Response:
    """A file to fill in: every column there is, and one row that shows how."""
    await _may(request)
    content = BOM + line([str(label) for label in FIELDS.values()])
    content += line([EXAMPLE.get(field) for field in FIELDS])
    return Response(
        content, media_type="text/csv; charset=utf-8",
        headers={"content-disposition": 'attachment; filename="customers.csv"', "cache-control": "no-store"},
    )  # fmt: skip


async def upload(request: Request) -> Response:
    """Take the file in, and go on to its columns."""
    now = house(request).clock()
    # Before the file is read: nobody else is listened to for 32 MB.
    await _may(request)
    try:
        sent = await read_upload(
            request, "file", most=csv_in.MOST_BYTES, too_large=csv_in.too_large, in_memory=False
        )
        file = sent.file
        if file is None:
            raise csv_in.refused(code="REQUIRED", message="Choose a CSV file.")
        try:

            def work(db: Session, actor: Actor) -> UUID:
                begun = customer_imports.start(db, actor, file_name=sent.name, file=file, now=now)
                return begun.id

            import_id = await act(request, work, form=sent.form)
        finally:
            await run_in_threadpool(file.close)
    except Invalid as wrong:
        return await _new(request, Form(typed={"file": ("",)}).with_problems(wrong), status=422)
    return go(request, f"{place(request).home}/customers/imports/{ids.shown(PREFIX, import_id)}")


async def show_one(request: Request) -> Response:
    """The import as it stands: its columns to choose, how far it is, or its report."""
    return await _one(request, None)


async def choose_columns(request: Request) -> Response:
    """Keep which field each column holds, and have the file checked."""
    form = await read_form(request)
    import_id, now = record_id(request, "import_id", PREFIX), house(request).clock()
    places = range(csv_in.MOST_COLUMNS)

    def work(db: Session, actor: Actor) -> None:
        fields = [form.value(f"fields-{number}") for number in places]
        invites = form.value("send_invites") == "yes"
        customer_imports.choose_columns(
            db, actor, import_id=import_id, fields=fields, send_invites=invites, now=now
        )

    try:
        await act(request, work, form=form)
    except Invalid as wrong:
        return await _one(request, form.with_problems(wrong), status=422)
    return go(request, _here(request))


async def confirm(request: Request) -> Response:
    """Let it run."""
    await _move(request, customer_imports.confirm)
    return go(request, _here(request))


async def cancel(request: Request) -> Response:
    """Give it up."""
    begun = await _move(request, customer_imports.cancel)
    said = say("The import of {file_name} is canceled. No customer was changed.", file_name=begun.file_name)
    return go(request, f"{place(request).home}/customers/imports", said)


async def download(request: Request) -> Response:
    """The whole report as a CSV file."""
    import_id = record_id(request, "import_id", PREFIX)

    def work(db: Session, actor: Actor) -> CustomerImport:
        return customer_imports.find(db, actor, import_id=import_id)

    begun = await meet(request, work)
    return StreamingResponse(
        _file(request, begun),
        media_type="text/csv; charset=utf-8",
        headers={
            "content-disposition": f'attachment; filename="import-{begun.created_at:%Y-%m-%d}-report.csv"',
            "cache-control": "no-store",
        },
    )


def _file(request: Request, begun: CustomerImport) -> Iterator[str]:
    """Each part is read as whoever asked, who may have lost the right since."""
    yield BOM + line(["Row", "Outcome", "Why", "Customer id", *begun.columns])
    after = 0
    while True:

        def work(db: Session, actor: Actor, after: int = after) -> Sequence[CustomerImportRow]:
            return customer_imports.report(db, actor, import_id=begun.id, after=after, most=_REPORTED)

        rows = meet_now(request, work)
        if not rows:
            return
        after = rows[-1].position
        yield "".join(line(_cells(begun, row)) for row in rows)


def _cells(begun: CustomerImport, row: CustomerImportRow) -> list[str | int | None]:
    made = (
        row.customer_id if begun.state is ImportState.DONE or row.outcome is not RowOutcome.CREATED else None
    )
    why = " ".join(f"{said(one)}: {say(one['message'])}".removeprefix(": ") for one in row.problems)
    shown = ids.shown("cus", made) if made and row.outcome is not RowOutcome.REFUSED else None
    return [row.position, str(row.outcome), why, shown, *row.cells[: len(begun.columns)]]


def said(problem: Mapping[str, str]) -> str:
    """What a problem is about, in the words of the columns' page; "" for the row as a whole."""
    return FIELDS.get(problem["field"], "")


async def _one(request: Request, form: Form | None, status: int = 200) -> Response:
    import_id = record_id(request, "import_id", PREFIX)
    query = request.query_params
    outcome = RowOutcome(query["only"]) if query.get("only") in set(RowOutcome) else None
    after = int(query["after"]) if query.get("after", "").isdecimal() and len(query["after"]) < 8 else 0
    page = await ask(request, "partner/plain")

    def work(db: Session, actor: Actor) -> Shown:
        begun = customer_imports.find(db, actor, import_id=import_id)
        if begun.state is ImportState.MAPPING or form is not None or "columns" in query:
            return Shown(begun, customer_imports.sample(db, actor, import_id=import_id), False)
        rows = customer_imports.report(db, actor, import_id=import_id, outcome=outcome, after=after)
        return Shown(begun, rows[:SHOWN], len(rows) > SHOWN)

    begun, rows, more = await meet(request, work)
    name = _TEMPLATES.get(begun.state, "report")
    if form is not None or ("columns" in query and begun.state is ImportState.CHECKED):
        name = "columns"
    typed = form or Form(typed={
        **{f"fields-{at}": (field,) for at, field in enumerate(begun.fields)},
        "send_invites": ("yes",) if begun.send_invites else (),
    })  # fmt: skip
    only = outcome.value if outcome else ""
    return show(
        request, f"partner/customer_imports/{name}.html", page, form=typed, status=status, one=begun,
        rows=rows, here=_here(request), fields=list(FIELDS.items()), said=said,
        with_users=has_users(begun.fields), narrowed=only, shown_id=_id,
        seen=begun.created + begun.updated + begun.unchanged + begun.refused, first=after == 0,
        next=f"{_here(request)}?only={only}&after={rows[-1].position}" if more else None,
        crumbs=trail(
            request, (mark("Imports"), f"{place(request).home}/customers/imports"), (begun.file_name, None)
        ),
    )  # fmt: skip


async def _may(request: Request) -> Page:
    page = await ask(request, "partner/plain")
    if Action.EDIT_CUSTOMERS.value not in page.shell.rights:
        raise Forbidden
    return page


async def _new(request: Request, form: Form, status: int = 200) -> Response:
    page = await _may(request)
    return show(
        request, "partner/customer_imports/new.html", page, form=form, status=status,
        fields=list(CUSTOMER_FIELDS.values()), most_users=MOST,
        most_rows=csv_in.MOST_ROWS, most_megabytes=csv_in.MOST_BYTES >> 20,
        crumbs=trail(
            request, (mark("Imports"), f"{place(request).home}/customers/imports"), (mark("New"), None)
        ),
    )  # fmt: skip


async def _move(request: Request, rule: Callable[..., CustomerImport]) -> CustomerImport:
    form = await read_form(request)
    import_id, now = record_id(request, "import_id", PREFIX), house(request).clock()

    def work(db: Session, actor: Actor) -> CustomerImport:
        return rule(db, actor, import_id=import_id, now=now)

    return await act(request, work, form=form)


def _here(request: Request) -> str:
    return f"{place(request).home}/customers/imports/{request.path_params['import_id']}"


def _id(kind: str, id_: UUID) -> str:
    return ids.shown(kind, id_)


_ONE = "/partner/{slug}/customers/imports/{import_id}"
ROUTES = [
    Route("/partner/{slug}/customers/import", partner(show_new)),
    Route("/partner/{slug}/customers/import", partner(upload), methods=["POST"]),
    Route("/partner/{slug}/customers/import/sample", partner(sample_file)),
    Route("/partner/{slug}/customers/imports", partner(list_imports)),
    Route(_ONE, partner(show_one)),
    Route(_ONE + "/columns", partner(choose_columns), methods=["POST"]),
    Route(_ONE + "/confirm", partner(confirm), methods=["POST"]),
    Route(_ONE + "/cancel", partner(cancel), methods=["POST"]),
    Route(_ONE + "/report", partner(download)),
]

"""Imports of invoices in the API: a file in parts, its columns, the check, the run and the report.

Surprise: a row is a line of an invoice, so the counts are of invoices and `rows` of lines. Else it is as an
import of customers.
"""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from api.changes import change, changed, gives, opt, takes
from api.imports import CSV_TEXT, ImportProblem, Moves, row_problems
from api.nouns import Connection, Node, by_id, col, lazy, noun, one, page
from api.reads import STAFF
from auth.actors import Action
from billing import import_tables as shared
from billing import invoice_import_tables as t
from billing import invoice_imports as imports
from billing.import_formats import DateFormat, NumberFormat

if TYPE_CHECKING:
    from api.invoices import Invoice

strawberry.enum(
    DateFormat, name="DateFormat",
    description="A date that begins with its year is read in each: `ISO` reads no other.",
)  # fmt: skip
strawberry.enum(
    NumberFormat, name="NumberFormat", description="What stands before decimals: 1,250.50 or 1 250,50."
)


@noun(t.InvoiceImportRow, "iir", needs=Action.EDIT_INVOICES, order="position")
class InvoiceImportRow(Node):
    """A row of the file, with its report. Deleted on cancel, and after 30 days."""

    position: int = col("Its number in a spreadsheet.")
    cells: list[str] = col()
    outcome: shared.RowOutcome | None = col("Its invoice's. Null until it was checked.", where=True)
    problems: list[ImportProblem] = row_problems("Why its invoice was refused.")
    invoice: Annotated["Invoice", lazy("api.invoices")] | None = one(
        "invoice_id", "Null as long as it is only to be made."
    )


@noun(t.InvoiceImport, "iim", needs=Action.EDIT_INVOICES, order="-created_at")
class InvoiceImport(Node):
    """A file of invoices on its way: `total` rows, of which `seen` were seen by the check or the run."""

    file_name: str = col()
    state: shared.ImportState = col()
    columns: list[str] = col("Their names, as the file has them.")
    fields: list[str] = col("The field of each column; empty where it is ignored. At first as guessed.")
    date_format: DateFormat | None = col("How its dates are written. Null before its columns are settled.")
    number_format: NumberFormat | None = col("How its numbers are written. Null as long.")
    total: int = col("Rows of the file.")
    seen: int = col("Rows that the check or the run has seen.")
    created: int = col("Invoices that are made, as drafts.")
    updated: int = col("Drafts that are changed.")
    unchanged: int = col("Invoices that are already as the file says.")
    refused: int = col("Invoices that are left out, each with all its rows.")
    asked_by_name: str = col("Who uploaded or started it.")
    created_at: datetime = col(order=True)
    finished_at: datetime | None = col()
    rows: Connection[InvoiceImportRow] = page("import_id", see=STAFF)


@strawberry.type
class InvoiceImportQueries:
    """Root fields about imports of invoices."""

    invoice_import: InvoiceImport | None = by_id(see=STAFF)
    invoice_imports: Connection[InvoiceImport] = page(None, "Newest first.", see=STAFF)


@takes(dry_run=True)
class CreateInvoiceImportInput:
    """The first rows of a file; `addInvoiceImportRows` takes the others."""

    file_name: str | None = opt("What it is called in the list of imports.")
    csv: list[str] = strawberry.field(description=f"{CSV_TEXT} The first row names the columns.")


@takes(dry_run=True)
class AddInvoiceImportRowsInput:
    """The next rows of a file whose columns were not settled yet."""

    id: strawberry.ID
    csv: list[str] = strawberry.field(description=f"{CSV_TEXT} Without names of columns.")


@takes()
class CheckInvoiceImportInput:
    """What the columns are."""

    id: strawberry.ID
    fields: list[str] | None = opt(
        f"The field of each column, empty to ignore it. Left out: as guessed. {', '.join(imports.FIELDS)}."
    )
    date_format: DateFormat | None = opt(
        "How its dates are written. Left out: as the file itself says, REQUIRED where that is in doubt."
    )
    number_format: NumberFormat | None = opt("How its numbers are written. Left out: the same.")


@takes()
class StartInvoiceImportInput:
    """An import that is CHECKED."""

    id: strawberry.ID


@takes()
class CancelInvoiceImportInput:
    """An import that was not started."""

    id: strawberry.ID


@gives
class CreateInvoiceImportPayload:
    """The import, with its columns' fields guessed."""

    invoice_import: InvoiceImport | None = changed()


@gives
class AddInvoiceImportRowsPayload:
    """The import with more rows."""

    invoice_import: InvoiceImport | None = changed()


@gives
class CheckInvoiceImportPayload:
    """The import, CHECKING now: ask for it until it is CHECKED."""

    invoice_import: InvoiceImport | None = changed()


@gives
class StartInvoiceImportPayload:
    """The import, RUNNING now: ask for it until it is DONE."""

    invoice_import: InvoiceImport | None = changed()


@gives
class CancelInvoiceImportPayload:
    """The import, CANCELED now."""

    invoice_import: InvoiceImport | None = changed()


_MOVES = Moves(
    imports.INVOICES, "iim", "invoice_import", imports.choose_columns,
    lambda given: {name: given.get(name) for name in ("date_format", "number_format")},
)  # fmt: skip


@strawberry.type
class InvoiceImportMutations:
    """From a file to drafts."""

    create_invoice_import: CreateInvoiceImportPayload | None = change(
        _MOVES.create, CreateInvoiceImportInput, Action.EDIT_INVOICES,
        about="Take the first rows of a file in. No invoice is written before `startInvoiceImport`.",
    )  # fmt: skip
    add_invoice_import_rows: AddInvoiceImportRowsPayload | None = change(
        _MOVES.add, AddInvoiceImportRowsInput, Action.EDIT_INVOICES,
        about="Take more rows of the same file in, behind those that are there. 100,000 at most in all.",
    )  # fmt: skip
    check_invoice_import: CheckInvoiceImportPayload | None = change(
        _MOVES.check, CheckInvoiceImportInput, Action.EDIT_INVOICES,
        about="Say what the columns are, and have every invoice checked. One of them is `external_id`.",
    )  # fmt: skip
    start_invoice_import: StartInvoiceImportPayload | None = change(
        _MOVES.start, StartInvoiceImportInput, Action.EDIT_INVOICES,
        about="Let a checked import run: drafts are made and changed. Nothing is sent.",
    )  # fmt: skip
    cancel_invoice_import: CancelInvoiceImportPayload | None = change(
        _MOVES.cancel, CancelInvoiceImportInput, Action.EDIT_INVOICES,
        about="Give an import up before it was started. Its rows are deleted.",
    )  # fmt: skip

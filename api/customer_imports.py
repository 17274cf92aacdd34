"""Imports of customers in the API: a file in parts, its columns, the check, the run and the report.

Surprise: a row may bring users along, who take a right of their own and are invited when it runs.
"""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from api.changes import change, changed, gives, opt, takes
from api.imports import CSV_TEXT, ImportProblem, Moves, row_problems
from api.nouns import Connection, Node, by_id, col, lazy, noun, one, page
from api.reads import STAFF
from auth.actors import Action
from billing import customer_import_tables as t
from billing import customer_imports as imports
from billing import import_tables as shared

if TYPE_CHECKING:
    from api.customers import Customer


@noun(t.CustomerImportRow, "imr", needs=Action.EDIT_CUSTOMERS, order="position")
class CustomerImportRow(Node):
    """A row of the file, with its report. Deleted on cancel, and after 30 days."""

    position: int = col("Its number in a spreadsheet.")
    cells: list[str] = col()
    outcome: shared.RowOutcome | None = col("Null until it was checked.", where=True)
    problems: list[ImportProblem] = row_problems("Why it was refused, or an invite held back.")
    customer: Annotated["Customer", lazy("api.customers")] | None = one(
        "customer_id", "Null as long as it is only to be made."
    )


@noun(t.CustomerImport, "imp", needs=Action.EDIT_CUSTOMERS, order="-created_at")
class CustomerImport(Node):
    """A file of customers on its way: `total` rows, of which `reached` is the last one seen."""

    file_name: str = col()
    state: shared.ImportState = col()
    columns: list[str] = col("Their names, as the file has them.")
    fields: list[str] = col("The field of each column; empty where it is ignored. At first as guessed.")
    send_invites: bool = col("Are users in the file invited when it runs?")
    total: int = col("Rows of the file.")
    reached: int = col("The position of the last row that the check or the run has seen.")
    created: int = col("Rows whose customer is made.")
    updated: int = col()
    unchanged: int = col()
    refused: int = col()
    users_added: int = col()
    invites_held: int = col("Invites that the day's limits held back; a later run of the file sends them.")
    asked_by_name: str = col("Who uploaded or started it.")
    created_at: datetime = col(order=True)
    finished_at: datetime | None = col()
    rows: Connection[CustomerImportRow] = page("import_id", see=STAFF)


@strawberry.type
class CustomerImportQueries:
    """Root fields about imports."""

    customer_import: CustomerImport | None = by_id(see=STAFF)
    customer_imports: Connection[CustomerImport] = page(None, "Newest first.", see=STAFF)


@takes(dry_run=True)
class CreateCustomerImportInput:
    """The first rows of a file; `addCustomerImportRows` takes the others."""

    file_name: str | None = opt("What it is called in the list of imports.")
    csv: list[str] = strawberry.field(description=f"{CSV_TEXT} The first row names the columns.")


@takes(dry_run=True)
class AddCustomerImportRowsInput:
    """The next rows of a file whose columns were not settled yet."""

    id: strawberry.ID
    csv: list[str] = strawberry.field(description=f"{CSV_TEXT} Without names of columns.")


@takes()
class CheckCustomerImportInput:
    """What the columns are."""

    id: strawberry.ID
    fields: list[str] | None = opt(
        f"The field of each column, empty to ignore it. Left out: as guessed. {', '.join(imports.FIELDS)}."
    )
    send_invites: bool | None = opt("False: users in the file are added, and not invited by this run.")


@takes()
class StartCustomerImportInput:
    """An import that is CHECKED."""

    id: strawberry.ID


@takes()
class CancelCustomerImportInput:
    """An import that was not started."""

    id: strawberry.ID


@gives
class CreateCustomerImportPayload:
    """The import, with its columns' fields guessed."""

    customer_import: CustomerImport | None = changed()


@gives
class AddCustomerImportRowsPayload:
    """The import with more rows."""

    customer_import: CustomerImport | None = changed()


@gives
class CheckCustomerImportPayload:
    """The import, CHECKING now: ask for it until it is CHECKED."""

    customer_import: CustomerImport | None = changed()


@gives
class StartCustomerImportPayload:
    """The import, RUNNING now: ask for it until it is DONE."""

    customer_import: CustomerImport | None = changed()


@gives
class CancelCustomerImportPayload:
    """The import, CANCELED now."""

    customer_import: CustomerImport | None = changed()


_MOVES = Moves(
    imports.CUSTOMERS, "imp", "customer_import", imports.choose_columns,
    lambda given: {"send_invites": given.get("send_invites") is not False},
)  # fmt: skip


@strawberry.type
class CustomerImportMutations:
    """From a file to customers."""

    create_customer_import: CreateCustomerImportPayload | None = change(
        _MOVES.create, CreateCustomerImportInput, Action.EDIT_CUSTOMERS,
        about="Take the first rows of a file in. No customer is written before `startCustomerImport`.",
    )  # fmt: skip
    add_customer_import_rows: AddCustomerImportRowsPayload | None = change(
        _MOVES.add, AddCustomerImportRowsInput, Action.EDIT_CUSTOMERS,
        about="Take more rows of the same file in, behind those that are there. 100,000 at most in all.",
    )  # fmt: skip
    check_customer_import: CheckCustomerImportPayload | None = change(
        _MOVES.check, CheckCustomerImportInput, Action.EDIT_CUSTOMERS,
        about="Say what the columns are, and have every row checked. Users in it take `users:write` too.",
    )  # fmt: skip
    start_customer_import: StartCustomerImportPayload | None = change(
        _MOVES.start, StartCustomerImportInput, Action.EDIT_CUSTOMERS,
        about="Let a checked import run: customers are made and changed, and users invited.",
    )  # fmt: skip
    cancel_customer_import: CancelCustomerImportPayload | None = change(
        _MOVES.cancel, CancelCustomerImportInput, Action.EDIT_CUSTOMERS,
        about="Give an import up before it was started. Its rows are deleted.",
    )  # fmt: skip

"""The tables of a customer import: the act itself, and the rows of its file while they are needed.

Surprise: a row's `customer_id` is no reference. While an import is only checked, the customer it names is one
that will be made.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index
from sqlmodel import SQLModel

from db.columns import choice, count, document, instant, key, tenant, texts
from db.policies import Guard, guarded


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


class CustomerImport(SQLModel, table=True):
    """One file. `reached` is the last row that the stage it is in has seen: where a killed one goes on."""

    __tablename__ = "customer_import"
    __table_args__ = (
        ForeignKeyConstraint(["partner_id"], ["partner.id"]),
        Index("ix_customer_import_created", "partner_id", "created_at", "id"),
        guarded(Guard.STAFF),
    )

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
    send_invites: bool = True
    separator: str = ","
    users_added: int = count(default=0)
    invites_held: int = count(default=0)
    asked_by: UUID
    asked_by_name: str
    created_at: datetime = instant()
    finished_at: datetime | None = instant(default=None)
    cleared_at: datetime | None = instant(default=None)


class CustomerImportRow(SQLModel, table=True):
    """A row of the file; `position` is its number in a spreadsheet. Deleted on cancel, or after 30 days.

    From the check on: what its customer is known by (`marks`), and, where one is to be made of it, the
    columns of that (`made`) and the words it is found by. `outcome` has no index: it would be written twice a
    row, and a report that asks for one outcome goes through a single file's rows.
    """

    __tablename__ = "customer_import_row"
    __table_args__ = (
        ForeignKeyConstraint(
            ["partner_id", "import_id"], ["customer_import.partner_id", "customer_import.id"],
            ondelete="CASCADE",
        ),
        Index("ix_customer_import_row_position", "partner_id", "import_id", "position", "id", unique=True),
        guarded(Guard.STAFF),
    )  # fmt: skip

    partner_id: UUID = tenant()
    id: UUID = key()
    import_id: UUID
    position: int = count()
    cells: list[str] = texts()
    outcome: RowOutcome | None = choice(RowOutcome, default=None, nullable=True)
    problems: list[dict[str, str]] = document(default_factory=list)
    customer_id: UUID | None = None
    made: dict[str, Any] | None = document(default=None, nullable=True)
    words: list[str] = texts(default_factory=list)
    marks: list[str] = texts(default_factory=list)
    users: int = count(default=0)

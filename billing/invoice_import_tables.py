"""The tables of an invoice import: the act itself, and the rows of its file while they are needed.

Surprise: a row is a line of an invoice. So what is counted as created, updated, unchanged or refused are
invoices, and how far a stage is are rows (`seen`).
"""

from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index

from billing.import_formats import DateFormat, NumberFormat
from billing.import_tables import FileColumns, ImportState, RowColumns
from db.columns import choice, count, sort_key
from db.policies import Guard, guarded


class InvoiceImport(FileColumns, table=True):
    """One file of invoices, a row a line. How it writes dates and numbers is told with its columns."""

    __tablename__ = "invoice_import"
    __table_args__ = (
        ForeignKeyConstraint(["partner_id"], ["partner.id"]),
        Index("ix_invoice_import_created", "partner_id", "created_at", "id"),
        guarded(Guard.STAFF),
    )

    seen: int = count(default=0)
    date_format: DateFormat | None = choice(DateFormat, default=None, nullable=True)
    number_format: NumberFormat | None = choice(NumberFormat, default=None, nullable=True)

    def begin(self, state: ImportState) -> None:
        """As of every import."""
        super().begin(state)
        self.seen = 0


class InvoiceImportRow(RowColumns, table=True):
    """A row of the file. From the check on: its invoice's `mark`, which is its number in the file.

    `head` is the position of the first of that invoice's rows, where what is to be made of them stands.
    """

    __tablename__ = "invoice_import_row"
    __table_args__ = (
        ForeignKeyConstraint(
            ["partner_id", "import_id"], ["invoice_import.partner_id", "invoice_import.id"],
            ondelete="CASCADE",
        ),
        Index("ix_invoice_import_row_position", "partner_id", "import_id", "position", "id", unique=True),
        guarded(Guard.STAFF),
    )  # fmt: skip

    invoice_id: UUID | None = None
    mark: str | None = sort_key(default=None, nullable=True)
    head: int = count(default=0)

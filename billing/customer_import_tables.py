"""The tables of a customer import: the act itself, and the rows of its file while they are needed."""

from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index

from billing.import_tables import FileColumns, ImportState, RowColumns
from db.columns import count, texts
from db.policies import Guard, guarded


class CustomerImport(FileColumns, table=True):
    """One file of customers, a row each."""

    __tablename__ = "customer_import"
    __table_args__ = (
        ForeignKeyConstraint(["partner_id"], ["partner.id"]),
        Index("ix_customer_import_created", "partner_id", "created_at", "id"),
        guarded(Guard.STAFF),
    )

    send_invites: bool = True
    users_added: int = count(default=0)
    invites_held: int = count(default=0)

    def begin(self, state: ImportState) -> None:
        """As of every import."""
        super().begin(state)
        self.users_added = self.invites_held = 0


class CustomerImportRow(RowColumns, table=True):
    """A row of the file. From the check on: what its customer is known by (`marks`).

    `outcome` has no index: it would be written twice a row, and a report that asks for one outcome goes
    through a single file's rows.
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

    customer_id: UUID | None = None
    marks: list[str] = texts(default_factory=list)
    users: int = count(default=0)

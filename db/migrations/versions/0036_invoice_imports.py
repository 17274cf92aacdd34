"""Invoices from a CSV file: the import, the rows of its file, and what an invoice is called elsewhere."""

from pathlib import Path

from db.migrations.running import run_as_owner

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_as_owner(Path(__file__).with_suffix(".sql"))

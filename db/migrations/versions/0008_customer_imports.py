"""Customers from a CSV file: the import, the rows of its file, and what each row claims to be."""

from pathlib import Path

from db.migrations.running import run_as_owner

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_as_owner(Path(__file__).with_suffix(".sql"))

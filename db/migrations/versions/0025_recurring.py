"""Recurring invoices, and which of them made an invoice."""

from pathlib import Path

from db.migrations.running import run_as_owner

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_as_owner(Path(__file__).with_suffix(".sql"))

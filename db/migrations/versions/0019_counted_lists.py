"""Counted lists: the index on a customer's invoices holds what row-level security asks of each."""

from pathlib import Path

from db.migrations.running import run_as_owner

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_as_owner(Path(__file__).with_suffix(".sql"))

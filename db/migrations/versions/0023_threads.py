"""Threads: questions on invoices, and their messages."""

from pathlib import Path

from db.migrations.running import run_as_owner

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_as_owner(Path(__file__).with_suffix(".sql"))

"""Statements of account: the ledger of one customer in its order."""

from pathlib import Path

from db.migrations.running import run_as_owner

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_as_owner(Path(__file__).with_suffix(".sql"))

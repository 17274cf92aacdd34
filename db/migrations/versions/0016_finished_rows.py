"""Imports keep the finished row of a customer to be made, and what each row is known by."""

from pathlib import Path

from db.migrations.running import run_as_owner

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_as_owner(Path(__file__).with_suffix(".sql"))

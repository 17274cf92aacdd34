"""Guests pay by a card entered for this once, and write nothing beside that."""

from pathlib import Path

from db.migrations.running import run_as_owner

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_as_owner(Path(__file__).with_suffix(".sql"))

"""Separators: what stands between the cells of an import's file, for the parts of it that come later."""

from pathlib import Path

from db.migrations.running import run_as_owner

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_as_owner(Path(__file__).with_suffix(".sql"))

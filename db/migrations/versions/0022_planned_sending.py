"""A day on which a draft is sent by itself, and why that was refused."""

from pathlib import Path

from db.migrations.running import run_as_owner

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_as_owner(Path(__file__).with_suffix(".sql"))

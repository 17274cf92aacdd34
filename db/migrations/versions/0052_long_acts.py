"""What is done with many records by the worker, and which ones while it is needed."""

from pathlib import Path

from db.migrations.running import run_as_owner

revision = "0052"
down_revision = "0050"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_as_owner(Path(__file__).with_suffix(".sql"))

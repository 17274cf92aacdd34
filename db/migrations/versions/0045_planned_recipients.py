"""A draft that is sent on a day may go to users who were chosen when it was planned."""

from pathlib import Path

from db.migrations.running import run_as_owner

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_as_owner(Path(__file__).with_suffix(".sql"))

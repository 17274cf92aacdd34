"""The audit log by who acted: indexes for one actor's acts and for one kind of actors'.

Surprise: a log of millions of rows is locked against new acts while these are made.
"""

from pathlib import Path

from db.migrations.running import run_as_owner

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_as_owner(Path(__file__).with_suffix(".sql"))

"""Languages: what a person reads in, and what mails of a partner are written in to people who chose none."""

from pathlib import Path

from db.migrations.running import run_as_owner

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_as_owner(Path(__file__).with_suffix(".sql"))

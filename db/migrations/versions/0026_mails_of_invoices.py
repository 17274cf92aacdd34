"""The mails of a record from the newest on."""

from pathlib import Path

from db.migrations.running import run_as_owner

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_as_owner(Path(__file__).with_suffix(".sql"))

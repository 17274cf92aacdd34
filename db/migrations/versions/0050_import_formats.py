"""How a file of invoices writes its dates and its numbers."""

from pathlib import Path

from db.migrations.running import run_as_owner

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_as_owner(Path(__file__).with_suffix(".sql"))

"""The number a partner's invoices begin with."""

from pathlib import Path

from db.migrations.running import run_as_owner

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_as_owner(Path(__file__).with_suffix(".sql"))

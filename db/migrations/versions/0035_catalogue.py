"""Products and services, and tax rates, to fill the lines of invoices from."""

from pathlib import Path

from db.migrations.running import run_as_owner

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_as_owner(Path(__file__).with_suffix(".sql"))

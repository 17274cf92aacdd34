"""The list of customers as a place to work: the act that archived a customer, and an index by country."""

from pathlib import Path

from db.migrations.running import run_as_owner

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_as_owner(Path(__file__).with_suffix(".sql"))

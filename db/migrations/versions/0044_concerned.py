"""The log of a customer, for the partner: with what happened to the customer's drafts."""

from pathlib import Path

from db.migrations.running import run_as_owner

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_as_owner(Path(__file__).with_suffix(".sql"))

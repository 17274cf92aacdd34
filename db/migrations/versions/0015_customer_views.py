"""Saved views of the list of customers, and the look-up that tells which member of the staff knocks."""

from pathlib import Path

from db.migrations.running import run, run_as_owner

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_as_owner(Path(__file__).with_suffix(".sql"))
    run(Path(__file__).with_name("0015_customer_views_lookups.sql").read_text())

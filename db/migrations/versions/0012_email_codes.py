"""Codes mailed to a person: to sign in with, and to confirm a new browser."""

from pathlib import Path

from db.migrations.running import run, run_as_owner

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

HERE = Path(__file__).parent


def upgrade() -> None:
    run_as_owner(HERE / "0012_email_codes.sql")
    run((HERE / "0012_email_codes_lookups.sql").read_text())

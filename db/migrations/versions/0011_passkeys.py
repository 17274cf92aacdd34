"""Passkeys, the challenges their authenticators answer, and that they count as a second factor."""

from pathlib import Path

from db.migrations.running import run, run_as_owner

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

HERE = Path(__file__).parent


def upgrade() -> None:
    run_as_owner(HERE / "0011_passkeys.sql")
    run((HERE / "0011_passkeys_lookups.sql").read_text())

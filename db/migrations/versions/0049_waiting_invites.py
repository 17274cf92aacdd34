"""Which invites wait for an address, asked before anybody is signed in."""

from pathlib import Path

from db.migrations.running import run

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run(Path(__file__).with_name("0049_waiting_invites_lookups.sql").read_text())

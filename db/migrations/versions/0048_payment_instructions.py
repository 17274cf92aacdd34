"""How else an invoice is paid: a bank account, whom checks are made out to. On what is open."""

from pathlib import Path

from db.migrations.running import run

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run(Path(__file__).with_suffix(".sql").read_text())

"""The places of a person tell the time zone they are in: what one's own account is written in."""

from pathlib import Path

from db.migrations.running import run

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run(Path(__file__).with_suffix(".sql").read_text())

"""Which conversations each member has not read, and who wrote last."""

from pathlib import Path

from db.migrations.running import run, run_as_owner

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

HERE = Path(__file__).parent


def upgrade() -> None:
    run_as_owner(HERE / "0042_unread_threads.sql")
    run((HERE / "0042_unread_threads_lookups.sql").read_text())

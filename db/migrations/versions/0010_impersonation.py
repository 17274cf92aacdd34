"""Impersonation: the grants by which staff look at a customer's portal, and the look-up that opens one.

Surprise: only rows are added to what there was; a process that started before goes on as it did.
"""

from pathlib import Path

from db.migrations.running import run, run_as_owner

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

HERE = Path(__file__).parent


def upgrade() -> None:
    run_as_owner(HERE / "0010_impersonation.sql")
    run((HERE / "0010_impersonation_lookups.sql").read_text())

"""An invoice that is done with can be archived, in an act that can be taken back."""

from pathlib import Path

from db.migrations.running import run, run_as_owner

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

HERE = Path(__file__).parent


def upgrade() -> None:
    run_as_owner(HERE / "0031_archived_invoices.sql")
    run((HERE / "0031_archived_invoices_lookups.sql").read_text())

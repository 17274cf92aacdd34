"""Line taxes: several on one line, each with its own cents; a discount may be given in percent."""

from pathlib import Path

from db.migrations.running import run, run_as_owner

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

HERE = Path(__file__).parent


def upgrade() -> None:
    run_as_owner(HERE / "0021_line_taxes.sql")
    run((HERE / "0021_line_taxes_lookups.sql").read_text())

"""Pay links, what a guest behind one may read, and the look-up that leads to them."""

from pathlib import Path

from db.migrations.running import run, run_as_owner

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_as_owner(Path(__file__).with_suffix(".sql"))
    run(Path(__file__).with_name("0029_pay_links_lookups.sql").read_text())

"""Second factors: authenticator apps, recovery codes, and sign-ins that wait for a code."""

from pathlib import Path

from db.migrations.running import run, run_as_owner

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

HERE = Path(__file__).parent


def upgrade() -> None:
    run_as_owner(HERE / "0002_second_factors.sql")
    run((HERE / "0002_second_factors_lookups.sql").read_text())

"""One-time rows can be forgotten, whoever's they were; a person's own places are no way round an index."""

from pathlib import Path

from db.migrations.running import run, run_as_owner

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

HERE = Path(__file__).parent


def upgrade() -> None:
    run_as_owner(HERE / "0017_users_and_access.sql")
    run((HERE / "0017_users_and_access_lookups.sql").read_text())

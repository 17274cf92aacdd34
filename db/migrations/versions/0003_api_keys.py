"""API keys: when one was last used, and that it was rotated."""

from pathlib import Path

from db.migrations.running import run, run_as_owner

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

HERE = Path(__file__).parent


def upgrade() -> None:
    run_as_owner(HERE / "0003_api_keys.sql")
    # A function keeps its owner when it is replaced by a superuser.
    run((HERE / "0003_knock_key.sql").read_text())

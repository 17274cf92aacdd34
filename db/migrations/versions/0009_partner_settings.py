"""Partner settings: the business's address and tax numbers, its brand, and who needs a second factor.

Surprise: `knock_session` gives one column more, so it is dropped and made anew; a process that started before
reads its rows by position and must be restarted with this.
"""

from pathlib import Path

from db.migrations.running import run, run_as_owner

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

HERE = Path(__file__).parent


def upgrade() -> None:
    run_as_owner(HERE / "0009_partner_settings.sql")
    run((HERE / "0009_partner_settings_lookups.sql").read_text())

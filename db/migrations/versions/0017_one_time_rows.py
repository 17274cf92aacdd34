"""Links, codes, questions and half sign-ins that are over can be forgotten, whoever's they were."""

from pathlib import Path

from db.migrations.running import run

revision = "0017"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run(Path(__file__).with_suffix(".sql").read_text())

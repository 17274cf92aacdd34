"""Profiles: the time zone a person reads in, links that change an address or undo that, and erasing."""

from pathlib import Path

from db.migrations.running import choose_among, run, run_as_owner

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

PURPOSES = ("RESET", "DEVICE", "EMAIL_CHANGE", "EMAIL_UNDO")


def upgrade() -> None:
    run_as_owner(Path(__file__).with_suffix(".sql"))
    run(Path(__file__).with_name("0006_erasing.sql").read_text())
    choose_among("personal_token", "ck_personal_token_purpose", "purpose", PURPOSES)

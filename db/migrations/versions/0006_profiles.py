"""Profiles: the time zone a person reads in, and links that change an e-mail address or undo that."""

from pathlib import Path

from db.migrations.running import choose_among, run_as_owner

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

PURPOSES = ("RESET", "DEVICE", "EMAIL_CHANGE", "EMAIL_UNDO")


def upgrade() -> None:
    run_as_owner(Path(__file__).with_suffix(".sql"))
    choose_among("personal_token", "ck_personal_token_purpose", "purpose", PURPOSES)

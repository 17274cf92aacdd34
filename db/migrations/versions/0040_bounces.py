"""Mails that come back, and to which address they went."""

from pathlib import Path

from db.migrations.running import choose_among, run, run_as_owner

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

HERE = Path(__file__).parent
STATES = ("QUEUED", "SENT", "BOUNCED", "REFUSED", "DEAD", "DROPPED")


def upgrade() -> None:
    choose_among("mail", "ck_mail_mailstatus", "status", STATES)
    run_as_owner(HERE / "0040_bounces.sql")
    run((HERE / "0040_bounces_lookups.sql").read_text())

"""Requests for access from the partner's billing link, and the look-ups that lead to them."""

from pathlib import Path

from db.migrations.running import choose_among, run, run_as_owner

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

MAILS = ("INVITE", "INVITE_REMINDER", "INVOICE", "RECEIPT", "PAYMENT_FAILED", "ACCESS_ASKED")


def upgrade() -> None:
    run_as_owner(Path(__file__).with_suffix(".sql"))
    run(Path(__file__).with_name("0007_access_lookups.sql").read_text())
    choose_among("mail", "ck_mail_mailkind", "kind", MAILS)

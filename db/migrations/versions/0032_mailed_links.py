"""Where a pay link comes from, and mails with fresh ones."""

from pathlib import Path

from db.migrations.running import choose_among, run_as_owner

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

MAILS = (
    "INVITE", "INVITE_REMINDER", "INVOICE", "RECEIPT", "OUTSIDE_RECEIPT", "OUTSIDE_REVERSED",
    "PAYMENT_FAILED", "ACCESS_ASKED", "THREAD_REPLY", "PAY_LINK",
)  # fmt: skip


def upgrade() -> None:
    run_as_owner(Path(__file__).with_suffix(".sql"))
    choose_among("mail", "ck_mail_mailkind", "kind", MAILS)

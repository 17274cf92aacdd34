"""Mails with credit notes, and what their numbers begin with."""

from pathlib import Path

from db.migrations.running import choose_among, run_as_owner

revision = "0038"
down_revision = "0036"
branch_labels = None
depends_on = None

MAILS = (
    "INVITE", "INVITE_REMINDER", "INVOICE", "RECEIPT", "OUTSIDE_RECEIPT", "OUTSIDE_REVERSED",
    "PAYMENT_FAILED", "ACCESS_ASKED", "THREAD_REPLY", "PAY_LINK", "CREDIT_NOTE",
)  # fmt: skip


def upgrade() -> None:
    run_as_owner(Path(__file__).with_suffix(".sql"))
    choose_among("mail", "ck_mail_mailkind", "kind", MAILS)

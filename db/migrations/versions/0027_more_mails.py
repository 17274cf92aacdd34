"""Mails about messages on invoices, and about payments from outside that were taken back."""

from db.migrations.running import choose_among

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

MAILS = (
    "INVITE", "INVITE_REMINDER", "INVOICE", "RECEIPT", "OUTSIDE_RECEIPT", "OUTSIDE_REVERSED",
    "PAYMENT_FAILED", "ACCESS_ASKED", "THREAD_REPLY",
)  # fmt: skip


def upgrade() -> None:
    choose_among("mail", "ck_mail_mailkind", "kind", MAILS)

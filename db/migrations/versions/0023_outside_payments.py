"""Payments from outside and write-offs: what staff write down about money that no gateway moved."""

from pathlib import Path

from db.migrations.running import choose_among, run, run_as_owner

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

HERE = Path(__file__).parent
MAILS = (
    "INVITE",
    "INVITE_REMINDER",
    "INVOICE",
    "RECEIPT",
    "OUTSIDE_RECEIPT",
    "PAYMENT_FAILED",
    "ACCESS_ASKED",
)
CAUSES = (
    "INVOICE_FINALIZED", "INVOICE_VOIDED", "INVOICE_WRITTEN_OFF", "INVOICE_REOPENED", "PAYMENT_SUCCEEDED",
    "OUTSIDE_PAYMENT_RECORDED", "OUTSIDE_PAYMENT_REVERSED",
)  # fmt: skip
ACCOUNTS = ("RECEIVABLE", "SALES", "TAX_PAYABLE", "GATEWAY_CLEARING", "OUTSIDE_CLEARING", "WRITTEN_OFF")


def upgrade() -> None:
    run_as_owner(HERE / "0023_outside_payments.sql")
    run((HERE / "0023_outside_payments_lookups.sql").read_text())
    choose_among("mail", "ck_mail_mailkind", "kind", MAILS)
    choose_among("ledger_entry", "ck_ledger_entry_entrycause", "cause", CAUSES)
    choose_among("ledger_posting", "ck_ledger_posting_account", "account", ACCOUNTS)

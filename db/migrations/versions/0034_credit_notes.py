"""Credit notes, a customer's credit and what of it was applied."""

from pathlib import Path

from db.migrations.running import choose_among, run, run_as_owner

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

HERE = Path(__file__).parent
CAUSES = (
    "INVOICE_FINALIZED", "INVOICE_VOIDED", "INVOICE_WRITTEN_OFF", "INVOICE_REOPENED", "PAYMENT_SUCCEEDED",
    "OUTSIDE_PAYMENT_RECORDED", "OUTSIDE_PAYMENT_REVERSED", "CREDIT_NOTE_ISSUED", "CREDIT_APPLIED",
)  # fmt: skip
ACCOUNTS = (
    "RECEIVABLE", "SALES", "TAX_PAYABLE", "GATEWAY_CLEARING", "OUTSIDE_CLEARING", "WRITTEN_OFF",
    "CUSTOMER_CREDIT",
)  # fmt: skip


def upgrade() -> None:
    run_as_owner(HERE / "0034_credit_notes.sql")
    run((HERE / "0034_credit_notes_lookups.sql").read_text())
    choose_among("ledger_entry", "ck_ledger_entry_entrycause", "cause", CAUSES)
    choose_among("ledger_posting", "ck_ledger_posting_account", "account", ACCOUNTS)

"""Whom a planned sending left out, until somebody has seen it; finding recurring invoices.

Surprise: the words an order is found by are those of the invoice it repeats, which are there already.
"""

from pathlib import Path

from alembic import op
from psycopg import Connection

from db.migrations.running import run, run_as_owner

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None

HERE = Path(__file__).parent
WORDS = (
    "insert into search_token (partner_id, subject_id, kind, token)"
    " select r.partner_id, r.id, 'recurring_invoice', w.token from recurring_invoice r"
    " join search_token w on (w.partner_id, w.subject_id, w.kind) = (r.partner_id, r.invoice_id, 'invoice')"
    " where r.partner_id = %s on conflict do nothing"
)


def upgrade() -> None:
    run_as_owner(HERE / "0054_left_out_and_orders.sql")
    run((HERE / "0054_left_out_and_orders_lookups.sql").read_text())
    _keep_words()


def _keep_words() -> None:
    driver: Connection[tuple[object, ...]] = op.get_bind().connection.driver_connection  # type: ignore[assignment]
    partners = driver.execute("select partner_ids()").fetchall()
    # The guards let only the app role through, and it into one partner at a time; the owner sees nothing.
    run("set local role remit_app")
    for (partner_id,) in partners:
        driver.execute("select set_config('remit.partner', %s, true)", (str(partner_id),))
        driver.execute(WORDS, (partner_id,))
    driver.execute("select set_config('remit.partner', '', true)")
    run("reset role")

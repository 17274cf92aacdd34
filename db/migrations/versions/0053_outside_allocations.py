"""A payment from outside for several invoices, and what of it is kept as the customer's credit."""

from pathlib import Path

from alembic import op
from psycopg import Connection

from db.migrations.running import run, run_as_owner

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None

HERE = Path(__file__).parent
SHARES = (
    "insert into outside_payment_allocation"
    " (partner_id, id, customer_id, payment_id, invoice_id, amount_minor)"
    " select partner_id, gen_random_uuid(), customer_id, id, invoice_id, amount_minor from outside_payment"
    " where partner_id = %s"
)


def upgrade() -> None:
    run_as_owner(HERE / "0053_outside_allocations.sql")
    driver: Connection[tuple[object, ...]] = op.get_bind().connection.driver_connection  # type: ignore[assignment]
    partners = driver.execute("select partner_ids()").fetchall()
    # The guards let only the app role through, and it into one partner at a time; the owner sees nothing.
    run("set local role remit_app")
    for (partner_id,) in partners:
        driver.execute("select set_config('remit.partner', %s, true)", (str(partner_id),))
        driver.execute(SHARES, (partner_id,))
    driver.execute("select set_config('remit.partner', '', true)")
    run("reset role")
    run((HERE / "0053_outside_allocations_lookups.sql").read_text())

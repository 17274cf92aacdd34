"""The ground: roles' rights, every table behind its guard, the queue, the look-ups, the ledger's triggers."""

from pathlib import Path

from alembic import op
from procrastinate.schema import SchemaManager
from psycopg import Connection

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

HERE = Path(__file__).parent


def upgrade() -> None:
    run("grant usage, create on schema public to remit_owner")
    run("grant usage on schema public to remit_app, remit_lookup")
    run("set local role remit_owner")
    run((HERE / "0001_tables.sql").read_text())
    run(SchemaManager.get_schema())
    run((HERE / "0001_queue_rights.sql").read_text())
    run("reset role")
    run((HERE / "0001_lookups.sql").read_text())


def run(sql: str) -> None:
    # The driver itself: SQLAlchemy would take the percent signs in function bodies for parameters.
    driver: Connection[object] = op.get_bind().connection.driver_connection  # type: ignore[assignment]
    driver.execute(sql.encode())

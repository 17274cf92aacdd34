"""The ground: roles' rights, every table behind its guard, the queue, the look-ups, the ledger's triggers."""

from pathlib import Path

from procrastinate.schema import SchemaManager

from db.migrations.running import run

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

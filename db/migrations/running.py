"""How a migration runs SQL as it stands in a file, as the owner of the tables.

Surprise: what is made as the owner belongs to it, and the app role owns nothing; a migration that forgot to
become the owner would leave a table that its own guard does not bind.
"""

from pathlib import Path

from alembic import op
from psycopg import Connection


def run(sql: str) -> None:
    """Run statements as the login that migrates."""
    # The driver itself: SQLAlchemy would take the percent signs in function bodies for parameters.
    driver: Connection[object] = op.get_bind().connection.driver_connection  # type: ignore[assignment]
    driver.execute(sql.encode())


def run_as_owner(file: Path) -> None:
    """Run a file of statements (tables, guards, grants) as `remit_owner`."""
    run("set local role remit_owner")
    run(file.read_text())
    run("reset role")


def choose_among(table: str, constraint: str, column: str, values: tuple[str, ...]) -> None:
    """Replace the CHECK on a column of choices (`db.columns.choice`) by one with these values."""
    listed = ", ".join(f"'{value}'" for value in values)
    run("set local role remit_owner")
    run(f"alter table {table} drop constraint {constraint}")
    run(f"alter table {table} add constraint {constraint} check ({column} in ({listed}))")
    run("reset role")

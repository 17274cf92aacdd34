"""Migrating a database: roles first, then the sortable migrations, then the queue's own tables' rights.

Surprise: roles belong to the server, not to one database, so they are made outside the migrations and
only if they are missing.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, MetaData, text

from db.policies import APP, LOOKUP, OWNER

MIGRATIONS = Path(__file__).parent / "migrations"


def migrate(connection: Connection, metadata: MetaData) -> None:
    """Bring the database to the newest schema. Needs a login that may create roles on first use."""
    ensure_roles(connection)
    connection.execute(text("set lock_timeout = '5s'"))
    command.upgrade(_config(connection, metadata), "head")
    connection.commit()


def check(connection: Connection, metadata: MetaData) -> None:
    """Raise if the migrations do not produce exactly the tables the models declare."""
    command.check(_config(connection, metadata))


def draft(connection: Connection, metadata: MetaData, *, message: str, revision: str) -> None:
    """Write a new migration file from the difference between models and database."""
    command.revision(_config(connection, metadata), message=message, autogenerate=True, rev_id=revision)


def ensure_roles(connection: Connection) -> None:
    """Create the owner, the app's login and the look-up role where they are missing."""
    wanted = {OWNER: "nologin", APP: "login", LOOKUP: "nologin bypassrls"}
    present = set(connection.scalars(text("select rolname from pg_roles")))
    for role, rights in wanted.items():
        if role not in present:
            connection.execute(text(f"create role {role} {rights}"))
    connection.commit()


def _config(connection: Connection, metadata: MetaData) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes.update(connection=connection, metadata=metadata)
    return config

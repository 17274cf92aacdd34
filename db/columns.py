"""Column kinds every table is built from, so that an id, an instant or an amount looks the same everywhere.

Surprise: `table=True` SQLModel classes do not validate. What reaches a table was checked by a rule
first, and the CHECK constraints made here stand behind it.
"""

from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Date, DateTime, Enum, Integer, LargeBinary, String, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field, SQLModel
from uuid_utils.compat import uuid7

# Constraint names are part of the schema: refusals are recognised by them.
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

# Sort and look-up keys are pinned to byte order: a server with another collation would page differently.
SORTABLE = String(collation="C")


def new_id() -> UUID:
    """A UUIDv7: unique, and rising with time, so that new rows stay together on disk."""
    return uuid7()


def key() -> Any:
    """The `id` half of the primary key `(partner_id, id)`; alone for the few global tables."""
    return Field(default_factory=new_id, primary_key=True)


def tenant() -> Any:
    """The `partner_id` half of the primary key of every tenant table."""
    return Field(primary_key=True)


def linked() -> Any:
    """A part of the primary key that names another record."""
    return Field(primary_key=True)


def choice(kind: type[StrEnum], **field: Any) -> Any:
    """A text column that holds one of `kind`'s values and comes back as `kind`; CHECKed by the database."""
    return Field(
        sa_type=Enum(
            kind,
            name=kind.__name__.lower(),
            native_enum=False,
            create_constraint=True,
            length=40,
            values_callable=lambda members: [member.value for member in members],
        ),
        **field,
    )


def sort_key(**field: Any) -> Any:
    """Text that lists are ordered or looked up by: NOT NULL unless said, byte order."""
    return Field(sa_type=SORTABLE, **field)


def minor(**field: Any) -> Any:
    """An amount in minor units (cents)."""
    return Field(sa_type=BigInteger, **field)


def minors(**field: Any) -> Any:
    """A list of amounts in minor units."""
    return Field(sa_type=ARRAY(BigInteger), **field)


def count(**field: Any) -> Any:
    """A small whole number."""
    return Field(sa_type=Integer, **field)


def instant(**field: Any) -> Any:
    """A moment, stored with its zone, in UTC."""
    return Field(sa_type=DateTime(timezone=True), **field)


def day(**field: Any) -> Any:
    """A calendar date."""
    return Field(sa_type=Date, **field)


def digest(**field: Any) -> Any:
    """A SHA-256 of a token; the token itself is never stored."""
    return Field(sa_type=LargeBinary, **field)


def texts(**field: Any) -> Any:
    """A list of short texts."""
    return Field(sa_type=ARRAY(String), **field)


def references(**field: Any) -> Any:
    """A list of ids of records, which may be gone by now: no foreign key holds them."""
    return Field(sa_type=ARRAY(Uuid), **field)


def document(**field: Any) -> Any:
    """A JSON document that is stored and shown, never searched."""
    return Field(sa_type=JSONB, **field)

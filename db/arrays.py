"""Long lists for a statement, written as the database reads them: psycopg takes longer over a list's values
than the database takes to look them up.
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import CollectionAggregate, String, any_, bindparam, cast
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import UserDefinedType


class _Written(UserDefinedType[str]):
    """A value that is cast where it stands. As a text it would be cast again for each row looked at."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "text"


def uuids(ids: Iterable[UUID | None]) -> str:
    """An array of ids as text, to be cast to `uuid[]`."""
    return "{" + ",".join("NULL" if id_ is None else id_.hex for id_ in ids) + "}"


def numbers(values: Iterable[int]) -> str:
    """An array of whole numbers as text, to be cast to `int[]`."""
    return "{" + ",".join(map(str, values)) + "}"


def texts(values: Iterable[str]) -> str:
    """An array of texts as text, to be cast to `text[]`."""
    bare = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return "{" + ",".join(f'"{value}"' for value in bare) + "}"


def any_of(values: Iterable[str]) -> CollectionAggregate[bool]:
    """What a column is compared with that may be any of `values`."""
    return any_(cast(bindparam(None, texts(values), type_=_Written(), unique=True), ARRAY(String)))

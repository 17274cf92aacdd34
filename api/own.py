"""The vocabulary of what is a member's alone, of either side: fields beside those of `api/nouns.py`.

The surprise: they answer null to whoever is no member, an API key say, and never refuse.
"""

from typing import Any

from sqlmodel import SQLModel

from api.nouns import ReadField, table_of
from api.reads import Own, OwnCount, See


def own(
    model: type[SQLModel],
    link: str,
    about: str | None = None,
    *,
    column: str | None = None,
    where: bool = False,
) -> Any:
    """Has the member who asks a row of `model` whose column `link` points here, or a column of it."""
    read = Own(table=table_of(model), link=link, column=column, where=where)
    return ReadField(metadata={"read": read}, description=about)


def own_count(model: type[SQLModel], about: str | None = None, *, most: int, see: See = None) -> Any:
    """How many rows of `model` the member who asks has, at most `most`."""
    read = OwnCount(table=table_of(model), most=most, see=see)
    return ReadField(metadata={"read": read}, description=about)

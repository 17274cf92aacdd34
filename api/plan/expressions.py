"""The SQL of `billing.derived`, made into text once, with a place for the alias and for the request's time.

The surprise: what is compiled here is a template, so that a document costs a few replacements and SQLAlchemy
is not asked again.
"""

import re
from functools import cache

from sqlalchemy import Date, DateTime, Table, literal_column, select
from sqlalchemy.dialects import postgresql

from api.plan.scope import Unscoped, assert_scoped, tables_in
from api.reads import STAFF, See
from billing.derived import Expression, Moment

_HERE = "tt_"
_VALUE = "tt_value"
_MOMENT = Moment(
    now=literal_column("tt_moment_now", DateTime(timezone=True)),
    today=literal_column("tt_moment_today", Date()),
)
# Named parameters, so that a per cent sign in a text stays one; constants of ours are written out.
_DIALECT = postgresql.dialect(paramstyle="named")  # type: ignore[no-untyped-call]


@cache
def template(make: Expression, table: Table, see: See) -> str:
    """Its text over the alias `tt_`. Refuses (`Unscoped`) other tables that aren't tied to the row."""
    row = table.alias(_HERE)
    # Selected from the row, so that a subquery means this row and does not read its table once more.
    made = select(make(row.c, _MOMENT).label(_VALUE)).select_from(row)
    text = re.sub(r"\s+", " ", str(made.compile(dialect=_DIALECT, compile_kwargs={"literal_binds": True})))
    written = text.removeprefix("SELECT ").removesuffix(f" AS {_VALUE} FROM {table.name} AS {_HERE}")
    if f" AS {_HERE}" in written:
        raise Unscoped(f"{table.name} is read beside the row itself")
    assert_scoped(written)
    if see != STAFF:
        for name, alias in tables_in(written):
            if not re.search(rf"\b{alias}\.(customer_id|owner_id)\b", written):
                raise Unscoped(f"{name} ({alias}) is read for customers without a customer")
    return written


def placed(written: str, alias: str, moment: tuple[str, str]) -> str:
    """A template over `alias`, with the parameters of now and today."""
    text = written.replace(f"{_HERE}.", f"{alias}.")
    return text.replace("tt_moment_now", moment[0]).replace("tt_moment_today", moment[1])

"""The scalars of the API beside GraphQL's own: dates, instants, decimals, documents.

The surprise: an instant without a zone is refused, and a decimal is always a string. A number in JSON has
been a float somewhere on its way.
"""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, NewType

import strawberry
from strawberry.types.scalar import ScalarDefinition

Json = NewType("Json", object)

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?"
    r"(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
)
# Money in cents and quantities in ten-thousandths both fit 64 bits with fifteen digits before the point.
_NUMBER = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,4})?")


def _parse_day(value: Any) -> date:
    if isinstance(value, str) and _DAY.fullmatch(value):
        return date.fromisoformat(value)
    raise ValueError("Write a date as YYYY-MM-DD.")


def parse_instant(value: Any) -> datetime:
    """An RFC 3339 instant, in UTC. Refuses (ValueError) anything without a zone."""
    if isinstance(value, str) and _INSTANT.fullmatch(value):
        try:
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
        except OverflowError:
            pass
    raise ValueError("Write an instant as 2026-03-10T17:00:00Z, with its zone.")


def _parse_decimal(value: Any) -> Decimal:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return Decimal(value)
    raise ValueError('Write a decimal as a string, like "1234.50", with at most four decimals.')


def written_instant(value: datetime) -> str:
    """An instant as every answer has it."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


SCALARS: Mapping[object, ScalarDefinition] = {
    date: strawberry.scalar(
        name="Date",
        description="A calendar day, `YYYY-MM-DD`.",
        serialize=date.isoformat,
        parse_value=_parse_day,
    ),
    datetime: strawberry.scalar(
        name="DateTime",
        description="An instant in UTC (RFC 3339): `2026-03-10T17:00:00.000000Z`. Input needs a zone.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        serialize=written_instant,
        parse_value=parse_instant,
    ),
    Decimal: strawberry.scalar(
        name="Decimal",
        description='An exact decimal as a string: `"1234.50"`. At most four decimals.',
        serialize=str,
        parse_value=_parse_decimal,
    ),
    Json: strawberry.scalar(name="JSON", description="Any JSON value.", serialize=lambda value: value),
}

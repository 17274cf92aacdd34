"""`where` and `search` in Python, written from their description."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any

from api import reads
from api.nouns import NOUNS, Noun
from billing.search import words_asked
from tests.api.oracle import twins

if TYPE_CHECKING:
    from tests.api.oracle.maker import Row
    from tests.api.oracle.reference import Reference


class NullFilter(Exception):
    """A filter was given as null."""


def matches(world: "Reference", noun: Noun, row: "Row", where: Mapping[str, Any]) -> bool:
    """All that is given must hold."""
    for key, asked in where.items():
        if asked is None:
            raise NullFilter
        if key == "AND":
            holds = all(matches(world, noun, row, one) for one in asked)
        elif key == "OR":
            holds = any(matches(world, noun, row, one) for one in asked)
        elif key == "NOT":
            holds = not matches(world, noun, row, asked)
        else:
            holds = _field(world, noun, row, key, asked)
        world.note(f"{noun.name}Where.{key}" if key in ("AND", "OR", "NOT") else "", holds)
        if not holds:
            return False
    return True


def _field(world: "Reference", noun: Noun, row: "Row", key: str, asked: Mapping[str, Any]) -> bool:
    name, read = noun.inputs.filters[key]
    if isinstance(read, reads.One):
        other = NOUNS[_TARGETS[noun.name, name]]
        found = world.find(other.table.name, row[read.link])
        holds = found is not None and matches(world, other, found, asked)
        world.note(f"{noun.name}Where.{key}", holds)
        return holds
    if isinstance(read, reads.Page):
        below = NOUNS[_LISTED[noun.name, name]]
        rows = [other for other in world.all(below.table.name) if other[read.link] == row["id"]]
        # Each is looked at, as each might hold a null.
        holds = sum(matches(world, below, other, asked) for other in rows) > 0
        world.note(f"{noun.name}Where.{key}", holds)
        return holds
    if None in asked.values():
        raise NullFilter
    if isinstance(read, reads.Many):
        tags = {f"tag_{tag['id'].hex}" for tag in world.linked(read, row)}
        held = {operator: _TAGS[operator](tags, set(ids)) for operator, ids in asked.items()}
    else:
        value = compared(world, noun, row, key, name, read)
        held = {operator: _holds(operator, value, one, read) for operator, one in asked.items()}
    for operator, holds in held.items():
        world.note(f"{noun.name}Where.{key}.{operator}", holds)
    return all(held.values())


_TARGETS = {
    (noun, "customer"): "Customer"
    for noun in (
        "Invoice",
        "Payment",
        "User",
        "AuditEvent",
        "OutsidePayment",
        "CreditNote",
        "CreditApplication",
        "InvoiceThread",
        "RecurringInvoice",
    )
}
_TARGETS |= {
    (noun, "invoice"): "Invoice"
    for noun in (
        "PaymentAllocation",
        "OutsidePayment",
        "OutsidePaymentAllocation",
        "CreditNote",
        "InvoiceThread",
        "RecurringInvoice",
    )
}
_LISTED = {
    ("Payment", "allocations"): "PaymentAllocation",
    ("OutsidePayment", "allocations"): "OutsidePaymentAllocation",
}
_TAGS = {
    "any": lambda tags, ids: bool(tags & ids),
    "all": lambda tags, ids: ids <= tags,
    "none": lambda tags, ids: not tags & ids,
}


def compared(world: "Reference", noun: Noun, row: "Row", key: str, name: str, read: Any) -> Any:
    if isinstance(read, reads.Identity):
        return f"{noun.prefix}_{row['id'].hex}"
    if isinstance(read, reads.Reference):
        prefix = NOUNS[dict(read.kinds)[row[read.kind]]].prefix if row[read.name] else ""
        return f"{prefix}_{row[read.name].hex}" if prefix else None
    if isinstance(read, reads.Own):
        return world.has_own(read, row)
    if read.key:
        return row[read.key]
    if isinstance(read, reads.Computed):
        return twins.VALUES[f"{noun.name}.{key}"](world, row)
    if isinstance(read, reads.Amount):
        stored = isinstance(read.minor, str)
        cents = row[read.minor] if stored else twins.CENTS[f"{noun.name}.{key}"](world, row)  # type: ignore[index]
        return Decimal(cents) / 100
    value = row[read.name or name] if isinstance(read, reads.Column) else row[name]
    return value.value if isinstance(value, Enum) else value


def _holds(operator: str, value: Any, asked: Any, read: Any) -> bool:
    if operator == "isNull":
        return (value is None) is asked
    if value is None:
        return False
    fold = getattr(read, "fold", None) or (lambda text: text)
    if operator == "in":
        return any(value == fold(_like(value, one)) for one in asked)
    wanted = fold(_like(value, asked))
    return bool(_OPERATORS[operator](value, wanted))


def _like(value: Any, asked: Any) -> Any:
    """What was asked, as a value of the same type."""
    if isinstance(value, Decimal):
        return Decimal(asked)
    if isinstance(value, datetime):
        return datetime.fromisoformat(asked)
    return date.fromisoformat(asked) if isinstance(value, date) else asked


_OPERATORS = {
    "eq": lambda value, asked: value == asked,
    "lt": lambda value, asked: value < asked,
    "lte": lambda value, asked: value <= asked,
    "gt": lambda value, asked: value > asked,
    "gte": lambda value, asked: value >= asked,
    "contains": lambda value, asked: asked in value,
    "startsWith": lambda value, asked: value.startswith(asked),
}


def found(world: "Reference", noun: Noun, row: "Row", text: str) -> bool:
    """Some word of the record begins with each word asked for."""
    words = [
        token["token"]
        for token in world.all("search_token")
        if token["subject_id"] == row["id"] and token["kind"] == noun.search
    ]
    held = all(any(word.startswith(asked) for word in words) for asked in words_asked(text))
    world.note(f"{noun.name} search", held)
    return held

"""`where` and `search` as SQL conditions.

A condition is true or not: what compares with NULL is not true, and `NOT` is `is not true`, never the SQL
NOT, for which neither would be true. The surprise: an operator given as null is refused (`NULL_FILTER`). It
would be most likely a variable somebody forgot, and leaving the operator out would list everything.
"""

from collections.abc import Callable, Collection
from decimal import Decimal
from enum import Enum
from functools import lru_cache, partial
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from strawberry.types.field import StrawberryField

from api.nouns import NOUNS, Noun, listed, shown_column
from api.plan.objects import owned, record_id
from api.plan.planning import Planning, Value, int8
from api.reads import Amount, Computed, Identity, Many, One, Own, Page, Reference
from billing.search import LAST, SearchToken, words_asked
from errors import Invalid

MOST_CONDITIONS = 100
NOBODY = UUID(int=0)
"""An id no record has: ids are made with the time in them."""

Convert = Callable[[Any], Any]


class Compare(NamedTuple):
    """What is compared: an SQL expression, its type, and how an asked value is made comparable."""

    expression: str
    kind: str
    convert: Convert


def where(planning: Planning, noun: Noun, alias: str, asked: Value) -> str:
    """The condition for rows of `noun`. Refuses null operators, and more than 100 conditions."""
    parts = []
    for key in asked.ask(_keys):
        planning.conditions += 1
        if planning.conditions > MOST_CONDITIONS:
            message = "A document may state at most 100 conditions. Ask in parts."
            raise Invalid.at("where", code="WHERE_TOO_LARGE", message=message)
        inner = asked.at(key)
        if key == "NOT":
            parts.append(f"({where(planning, noun, alias, inner)}) is not true")
        elif key in ("AND", "OR"):
            several = [where(planning, noun, alias, inner.at(place)) for place in range(inner.ask(len))]
            parts.append(_joined(key.lower(), several))
        else:
            parts.append(_field(planning, noun, alias, key, inner))
    return _joined("and", parts)


def narrowed(
    planning: Planning, noun: Noun, alias: str, arguments: Value, given: Collection[str]
) -> list[str]:
    """The conditions of a list's `where` and `search`, of those arguments that are `given`."""
    found = [where(planning, noun, alias, arguments.at("where"))] if "where" in given else []
    if "search" in given:
        found += search(planning, noun, alias, arguments.at("search"))
    return found


def given_names(arguments: dict[str, Any]) -> tuple[str, ...]:
    """Which arguments are there; a null is as good as none."""
    return tuple(name for name, value in arguments.items() if value is not None)


def _keys(given: dict[str, Any]) -> tuple[str, ...]:
    for key, value in given.items():
        if value is None:
            message = f"`{key}` is null. Leave it out, or ask with isNull."
            raise Invalid.at("where", key, code="NULL_FILTER", message=message)
    return tuple(given)


def _joined(word: str, parts: list[str]) -> str:
    if not parts:
        return "true" if word == "and" else "false"
    return f" {word} ".join(f"({part})" for part in parts) if len(parts) > 1 else parts[0]


def _field(planning: Planning, noun: Noun, alias: str, key: str, asked: Value) -> str:
    name, read = noun.inputs.filters[key]
    planning.see(read.see, f"{noun.name}.{key}")
    if isinstance(read, One):
        return _related(planning, noun, alias, read, name, asked)
    if isinstance(read, Page):
        return _some(planning, noun, alias, read, name, asked)
    if isinstance(read, Many):
        return _linked(planning, alias, read, asked)
    parts = []
    for operator in asked.ask(_keys):
        value = asked.at(operator)
        if isinstance(read, Own):
            parts.append(_own(planning, alias, read, operator, value))
        elif isinstance(read, Computed) and read.key is None:
            parts.append(_holds(planning, noun, alias, read, value))
        else:
            parts.append(_operation(_compared(planning, noun, alias, name, read), operator, value))
    return _joined("and", parts)


def _compared(planning: Planning, noun: Noun, alias: str, name: str, read: Any) -> Compare:
    if isinstance(read, Identity):
        return Compare(f"{alias}.id", "uuid", lambda id_: record_id(id_, noun.prefix) or NOBODY)
    if isinstance(read, Reference):
        prefixes = [NOUNS[kind].prefix for kind in dict(read.kinds).values()]
        return Compare(f"{alias}.{read.name}", "uuid", partial(_of_any, prefixes))
    if isinstance(read, Amount) and not isinstance(read.minor, str):
        # No column: compared row by row, after the order's index or another condition found them.
        return Compare(planning.expression(read.minor, noun.table, alias, read.see), "bigint", _cents)
    column = noun.table.c[read.key or shown_column(name, read)]
    convert: Convert = read.fold or _plain
    if isinstance(read, Amount):
        convert = _cents
    return Compare(f"{alias}.{column.name}", sql_type(column.type), convert)


def _of_any(prefixes: list[str], id_: str) -> UUID:
    return next(filter(None, (record_id(id_, prefix) for prefix in prefixes)), NOBODY)


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    return int8(value) if type(value) is int else value


def _cents(amount: Decimal) -> Any:
    cents = amount.scaleb(2)
    if cents != int(cents):
        message = "Write amounts with at most 2 decimals."
        raise Invalid.at("where", code="TOO_MANY_DECIMALS", message=message)
    return int8(int(cents))


def sql_type(kind: Any) -> str:
    """The SQL type a value of a column's type is sent as: one whose comparisons may use an index."""
    plain = kind.impl_instance if isinstance(kind, sa.TypeDecorator) else kind
    for known, name in _TYPES:
        if isinstance(plain, known):
            return name
    raise TypeError(f"{kind!r} can't be compared")


_TYPES: tuple[tuple[type, str], ...] = (
    (sa.Uuid, "uuid"), (sa.DateTime, "timestamptz"), (sa.Date, "date"), (sa.BigInteger, "bigint"),
    (sa.Integer, "bigint"), (sa.Boolean, "boolean"), (sa.String, "text"),
)  # fmt: skip

_SYMBOLS = {"eq": "=", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}


def _operation(compare: Compare, operator: str, value: Value) -> str:
    expression, kind, convert = compare
    if operator in _SYMBOLS:
        return f"{expression} {_SYMBOLS[operator]} {value.param(kind, convert)}"
    if operator == "in":
        return (
            f"{expression} = any({value.param(kind + '[]', lambda asked: [convert(one) for one in asked])})"
        )
    if operator == "isNull":
        return f"{expression} is {'' if value.ask(bool) else 'not '}null"
    if operator == "startsWith":
        return f"starts_with({expression},{value.param(kind, convert)})"
    return f"strpos({expression},{value.param(kind, convert)}) > 0"


def _holds(planning: Planning, noun: Noun, alias: str, read: Computed, value: Value) -> str:
    """A condition of its own (is it overdue?), asked for or asked away."""
    condition = planning.expression(read.holds or read.make, noun.table, alias, read.see)
    return condition if value.ask(bool) else f"{condition} is not true"


def _own(planning: Planning, alias: str, read: Own, operator: str, value: Value) -> str:
    """Has the member who asks a row about the record? For whoever is no member, neither yes nor no."""
    if operator == "isNull":
        return f"{planning.member} is {'' if value.ask(bool) else 'not '}null"
    if not value.ask(bool):
        return f"{planning.member} is not null and not exists (select {owned(planning, alias, read).text})"
    # Their rows first, which are few, however the statement was planned: else it walks all records for them.
    kept = planning.alias()
    rows = f"select {kept}.{read.link} from {read.table.name} {kept} where {planning.scope(read.table, kept)}"
    return f"{alias}.id = any(array({rows}))"


def _related(planning: Planning, noun: Noun, alias: str, read: One, name: str, asked: Value) -> str:
    related = related_noun(_declared(noun, name))
    other = planning.alias()
    return _one_of(planning, related, other, f"{other}.id = {alias}.{read.link}", asked)


def _some(planning: Planning, noun: Noun, alias: str, read: Page, name: str, asked: Value) -> str:
    """Does at least one record of a connection fit?"""
    below = listed(_declared(noun, name))
    other = planning.alias()
    tie = f"{other}.{read.link} = {alias}.id"
    if read.only is not None:
        tie += f" and {planning.expression(read.only, below.table, other, read.see)}"
    return _one_of(planning, below, other, tie, asked)


def _one_of(planning: Planning, related: Noun, other: str, tie: str, asked: Value) -> str:
    planning.see(related.needs, related.name)
    condition = where(planning, related, other, asked)
    return (
        f"exists (select from {related.table.name} {other} where {planning.scope(related.table, other)}"
        f" and {tie} and ({condition}))"
    )


def _declared(noun: Noun, name: str) -> StrawberryField:
    return next(field for python_name, field, _ in noun.fields if python_name == name)


def related_noun(declared: StrawberryField) -> Noun:
    """The noun a to-one field leads to."""
    kind: Any = declared.type
    kind = getattr(kind, "of_type", kind)
    resolve = getattr(kind, "resolve_type", None)
    return NOUNS[(resolve() if resolve else kind).__name__]


def _linked(planning: Planning, alias: str, read: Many, asked: Value) -> str:
    table, here, there = read.through
    parts = []
    for operator in asked.ask(_keys):
        link = planning.alias()
        given = asked.at(operator)
        ids = given.param("uuid[]", _distinct)
        found = (
            f"from {table.name} {link} where {planning.scope(table, link)} and {link}.{here} = {alias}.id"
            f" and {link}.{there} = any({ids})"
        )
        if operator == "all":
            parts.append(f"(select count(*) {found}) = cardinality({ids})")
        else:
            parts.append(f"{'not ' if operator == 'none' else ''}exists (select {found})")
    return _joined("and", parts)


def _distinct(given: list[str]) -> list[UUID]:
    tag = NOUNS["Tag"]
    return list(dict.fromkeys(record_id(id_, tag.prefix) or NOBODY for id_ in given))


_words = lru_cache(maxsize=1024)(words_asked)


def _word(place: int, text: str, end: str = "") -> str:
    return _words(text)[place] + end


def search(planning: Planning, noun: Noun, alias: str, asked: Value) -> list[str]:
    """One condition per word: some word of the record begins with it. Nothing asked, nothing left out."""
    conditions = []
    table = SearchToken.__table__  # type: ignore[attr-defined]
    for place in range(asked.ask(lambda text: len(_words(text)))):
        words = planning.alias()
        low = asked.param("text", partial(_word, place))
        high = asked.param("text", partial(_word, place, end=LAST))
        kind = planning.kept(f"search {noun.search}", lambda _: noun.search, "text")
        conditions.append(
            f"{alias}.id in (select {words}.subject_id from {table.name} {words}"
            f" where {planning.scope(table, words)} and {words}.kind = {kind}"
            f" and {words}.token >= {low} and {words}.token < {high})"
        )
    return conditions

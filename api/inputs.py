"""The arguments of lists: pages, `where`, `orderBy`, `search`, made from the nouns' declarations.

The surprise: an operator's value may not be null (`isNull` asks for that), which GraphQL can't say of an
optional field. The planner refuses it (`NULL_FILTER`), because a null that was never meant would list
everything.
"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.base import StrawberryOptional
from strawberry.types.enum import StrawberryEnumDefinition
from strawberry.types.field import StrawberryField
from strawberry.utils.str_converters import to_camel_case

from api.reads import Amount, Compared, Identity, Many, One, Page, Read, Reference

if TYPE_CHECKING:
    from api.nouns import Noun

_ORDERED = ("eq", "in", "lt", "lte", "gt", "gte")
OPERATORS: Mapping[type, tuple[str, ...]] = {
    strawberry.ID: ("eq", "in"),
    str: (*_ORDERED, "contains", "startsWith"),
    int: _ORDERED,
    bool: ("eq",),
    date: _ORDERED,
    datetime: _ORDERED,
    Decimal: _ORDERED,
}
"""What each kind of value can be asked; choices have `eq` and `in`, and whatever may be null `isNull`."""


class Filter(NamedTuple):
    """One field of a `where`: what it compares."""

    python_name: str
    read: Read


class Inputs:
    """The `where` and `orderBy` of one noun, made when first asked for."""

    def __init__(self, noun: "Noun", nouns: Mapping[str, "Noun"]) -> None:
        self._noun = noun
        self._nouns = nouns

    @cached_property
    def filters(self) -> dict[str, Filter]:
        """Each field of the `where` by its name in GraphQL."""
        return {
            to_camel_case(name): Filter(name, read)
            for name, _, read in self._noun.fields
            if isinstance(read, Identity)
            or (isinstance(read, Compared | One | Many | Page | Reference) and read.where)
        }

    @cached_property
    def where(self) -> type:
        """The `where` input. All its fields must hold; `AND`, `OR`, `NOT` build the rest."""
        declared = {name: field for name, field, _ in self._noun.fields}
        kinds = {
            name: self._kind(declared[filter_.python_name], filter_.read)
            for name, filter_ in self.filters.items()
        }
        made = _input(
            f"{self._noun.name}Where",
            {**kinds, "AND": str, "OR": str, "NOT": str},
            "All that is given must hold. What is null matches nothing but `isNull`.",
        )
        for field in made.__strawberry_definition__.fields:  # type: ignore[attr-defined]
            if field.python_name in ("AND", "OR", "NOT"):
                inner: Any = made if field.python_name == "NOT" else list[made]  # type: ignore[valid-type]
                field.type_annotation = StrawberryAnnotation(inner | None)
        return made

    def _kind(self, declared: StrawberryField, read: Read) -> type:
        if isinstance(read, Many):
            return TagsFilter
        if isinstance(read, Page):
            below: type = self._nouns[kind_listed(declared).__name__].inputs.where
            return below
        kind, nullable = _bare(declared)
        if isinstance(read, One):
            related: type = self._nouns[kind.__name__].inputs.where
            return related
        if isinstance(read, Amount):
            return filter_input(Decimal, nullable)
        if isinstance(read, Reference):
            return filter_input(kind, False)
        return filter_input(kind, nullable and not (isinstance(read, Compared) and read.key))

    @cached_property
    def order(self) -> type | None:
        """The `orderBy` choice, or None for a noun with one order only."""
        names = [name for name in self._noun.orders if name]
        if not names:
            return None
        kinds: Any = Enum  # called as a function, it makes a kind
        made = kinds(f"{self._noun.name}Order", {name: name for name in names})
        ordered: type = strawberry.enum(made, description="How a list is sorted; the id breaks ties.")
        return ordered


def _bare(declared: StrawberryField) -> tuple[type, bool]:
    kind: Any = declared.type
    nullable = isinstance(kind, StrawberryOptional)
    if nullable:
        kind = kind.of_type
    if isinstance(kind, StrawberryEnumDefinition):
        kind = kind.wrapped_cls
    resolve = getattr(kind, "resolve_type", None)
    return (resolve() if resolve else kind), nullable


def kind_listed(declared: StrawberryField) -> type:
    """The type of what a connection lists."""
    connection = declared.type
    named: Any = connection.__strawberry_definition__.type_var_map["T"]  # type: ignore[union-attr]
    resolve = getattr(named, "resolve_type", None)
    kind: type = resolve() if resolve else named
    return kind


_NAMES: Mapping[type, str] = {
    strawberry.ID: "ID",
    str: "String",
    int: "Int",
    bool: "Boolean",
    date: "Date",
    datetime: "DateTime",
}


@cache
def filter_input(kind: type, nullable: bool) -> type:
    """The operators for one kind of value."""
    operators: tuple[str, ...] = ("eq", "in")
    name = _NAMES.get(kind, kind.__name__)
    if kind in OPERATORS:
        operators = OPERATORS[kind]
    fields: dict[str, Any] = {}
    for operator in operators:
        fields[operator] = list[kind] if operator == "in" else kind  # type: ignore[valid-type]
    if nullable:
        fields["isNull"] = bool
    return _input(
        f"{'Optional' if nullable else ''}{name}Filter",
        fields,
        "Each operator given must hold; none may be null.",
    )


def _input(name: str, fields: Mapping[str, Any], about: str) -> type:
    attributes: dict[str, Any] = {"__annotations__": {}, "__module__": __name__}
    for field, kind in fields.items():
        # `in` is a word of Python's: the attribute is never used, only its name in the schema.
        python_name = "in_" if field == "in" else field
        attributes["__annotations__"][python_name] = kind | None
        attributes[python_name] = strawberry.field(name=field, default=strawberry.UNSET)
    return strawberry.input(type(name, (), attributes), description=about)


@strawberry.input(description="By tags of the own side. None of the lists may be null.")
class TagsFilter:
    """By tags."""

    any: list[strawberry.ID] | None = strawberry.field(
        default=strawberry.UNSET, description="Has at least one."
    )
    all: list[strawberry.ID] | None = strawberry.field(default=strawberry.UNSET, description="Has every one.")
    none: list[strawberry.ID] | None = strawberry.field(default=strawberry.UNSET, description="Has not one.")


def argument(name: str, kind: Any, about: str | None = None) -> StrawberryArgument:
    """One argument of a field."""
    return StrawberryArgument(name, None, StrawberryAnnotation(kind), description=about)


def page_arguments(noun: "Noun") -> list[StrawberryArgument]:
    """What a connection takes: Relay's four, `orderBy`, `where`, and `search` where the noun has words."""
    made = [
        argument("first", int | None, "How many from the start, 100 at most; 25 if neither is given."),
        argument("after", str | None, "The `endCursor` of the page before."),
        argument("last", int | None, "How many from the end, 100 at most. Not together with `first`."),
        argument("before", str | None, "The `startCursor` of the page after."),
    ]
    narrowing = narrowing_arguments(noun)
    if noun.inputs.order is not None:
        narrowing.insert(1, argument("order_by", noun.inputs.order | None))
    return made + narrowing


def narrowing_arguments(noun: "Noun") -> list[StrawberryArgument]:
    """Which records: `where`, and `search` where the noun has words."""
    made = [argument("where", noun.inputs.where | None)]
    if noun.search is not None:
        made.append(
            argument("search", str | None, "Beginnings of words; a record matches when it has all of them.")
        )
    return made

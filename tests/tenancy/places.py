"""Where documents that read take an id, and what they may ask for: both made from the schema.

A new field, argument or filter joins by itself. One that takes an id nobody can say the kind of is
`Unplaced`, which fails the table.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLObjectType,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
)

from api.nouns import NOUNS, read_of
from api.reads import AnyById, ById
from api.schema import GRAPHQL

WRAPPERS = ("AND", "OR", "NOT")
WORDS = ("StringFilter", "OptionalStringFilter")


class Unplaced(Exception):
    """An id is taken somewhere, and the table does not know of which noun."""


@dataclass(frozen=True)
class Place:
    """An argument of a root field, or of a noun's field, and the way to the id in it."""

    owner: str
    field: str
    argument: str
    kind: str
    path: tuple[str, ...]
    noun: str
    several: bool

    def __str__(self) -> str:
        return f"{self.owner}.{self.field}({'.'.join((self.argument, *self.path))}: {self.noun})"

    def value(self, id_: str) -> Any:
        """The argument with an id at its place."""
        made: Any = [id_] if self.several else id_
        for step in reversed(self.path):
            made = {step: [made] if step in ("AND", "OR") else made}
        return made

    def document(self) -> str:
        """A document with the argument as `$x`, and for a noun's field its record as `$at`."""
        field = object_named(self.owner).fields[self.field]
        given = f"{self.argument}: $x" + (", first: 50" if "first" in field.args else "")
        asked = f"{self.field}({given}) {_records(field, self.noun)}"
        if self.owner == "Query":
            return f"query($x: {self.kind}) {{ {asked} }}"
        inside = f"node(id: $at) {{ ... on {self.owner} {{ {asked} }} }}"
        return f"query($at: ID!, $x: {self.kind}) {{ {inside} }}"


def object_named(name: str) -> GraphQLObjectType:
    """A type of the schema."""
    found = GRAPHQL.get_type(name)
    assert isinstance(found, GraphQLObjectType), name
    return found


def places(named: tuple[str, ...] = ("ID",)) -> list[Place]:
    """Every place for a value of a type, by default for an id, in everything that reads."""
    found = []
    for owner, name, field in fields_that_read():
        for argument, declared in field.args.items():
            for path, at, several in ways(declared.type, named):
                for noun in _nouns_at(field, at, path):
                    kind = str(declared.type)
                    found.append(Place(owner, name, argument, kind, path, noun, several))
    return found


def fields_that_read() -> Iterator[tuple[str, str, GraphQLField]]:
    """The fields with arguments of everything but mutations, with the names of their types."""
    for name, kind in GRAPHQL.type_map.items():
        if isinstance(kind, GraphQLObjectType) and kind != GRAPHQL.mutation_type and name[:2] != "__":
            for field_name, field in kind.fields.items():
                if field.args:
                    yield name, field_name, field


def ways(
    kind: Any, named: tuple[str, ...], path: tuple[str, ...] = (), at: str = ""
) -> Iterator[tuple[tuple[str, ...], str, bool]]:
    """The ways to values of a type: steps, the input type that holds it, and is it in a list."""
    inner = get_named_type(kind)
    if inner.name in named:
        yield path, at, is_list_type(get_nullable_type(kind))
    elif isinstance(inner, GraphQLInputObjectType):
        # Nested once each; beside the id of a filter, its own type says whose it is.
        holder = at if inner.name == "IDFilter" else inner.name
        for name, field in inner.fields.items():
            if name not in WRAPPERS or not path:
                yield from ways(field.type, named, (*path, name), holder)


def _nouns_at(field: GraphQLField, at: str, path: tuple[str, ...]) -> list[str]:
    read = read_of(field)
    if "actorId" in path:
        return ["User", "ApiKey"]
    if isinstance(read, AnyById):
        return list(NOUNS)
    if isinstance(read, ById):
        return [get_named_type(field.type).name]
    if at == "TagsFilter":
        return ["Tag"]
    if at.removesuffix("Where") in NOUNS:
        return [at.removesuffix("Where")]
    raise Unplaced(f"{field} takes an id by {at}: say in tests/tenancy/places.py of which noun")


def _records(field: GraphQLField, noun: str) -> str:
    kind = get_named_type(field.type)
    if kind.name == "Node":
        return f"{{ ... on {noun} {{ {plain(object_named(noun))} }} }}"
    return asked_of(field)


def asked_of(field: GraphQLField, *, staff: bool = False, more: str = "") -> str:
    """Everything plain of a field's records; `more` of each."""
    kind = get_named_type(field.type)
    assert isinstance(kind, GraphQLObjectType)
    if "nodes" in kind.fields:
        listed = get_named_type(kind.fields["nodes"].type)
        return f"{{ totalCount nodes {{ {plain(listed, staff=staff)} {more} }} pageInfo {{ endCursor }} }}"
    return f"{{ {plain(kind, staff=staff)} {more} }}"


def plain(kind: Any, *, staff: bool = False) -> str:
    """The fields of a type that are no records: scalars, amounts. `staff`: those for the partner too."""
    found = ["__typename"]
    for name, field in kind.fields.items():
        inner = get_named_type(field.type)
        if field.args or (not staff and _see(field) is not None):
            continue
        if is_leaf_type(inner):
            found.append(name)
        elif not _holds_records(inner):
            found.append(f"{name} {{ {plain(inner, staff=staff)} }}")
    return " ".join(found)


def _see(field: GraphQLField) -> Any:
    declared = field.extensions.get("strawberry-definition")
    read = declared.metadata.get("read") if declared else None
    return getattr(read, "see", None)


def _holds_records(kind: Any) -> bool:
    return kind.name in NOUNS or kind.name == "Node" or "nodes" in getattr(kind, "fields", {})


def related(kind: GraphQLObjectType, *, staff: bool) -> list[str]:
    """Each field of a type that leads to records, with everything plain of them."""
    found = []
    for name, field in kind.fields.items():
        if _holds_records(get_named_type(field.type)) and (staff or _see(field) is None):
            given = "(first: 50)" if field.args else ""
            found.append(f"{name}{given} {asked_of(field, staff=staff)}")
    return found


def documents(*, staff: bool) -> list[tuple[str, str]]:
    """Everything two levels deep: documents, each with the noun whose id it takes as `$id`, or ''.

    One relation at a time, so that what an actor may not see of one does not hide the others.
    """
    found = []
    for name, field in object_named("Query").fields.items():
        kind = get_named_type(field.type)
        if isinstance(read_of(field), AnyById):
            argument = "ids: [$id]" if "ids" in field.args else "id: $id"
            for noun in NOUNS:
                inner = object_named(noun)
                for more in related(inner, staff=staff) or [""]:
                    asked = f"... on {noun} {{ {plain(inner, staff=staff)} {more} }}"
                    found.append((f"query($id: ID!) {{ {name}({argument}) {{ {asked} }} }}", noun))
            continue
        if "country" in field.args:
            found.append((f"{{ {name}(country: US) {asked_of(field)} }}", ""))
            continue
        noun = kind.name if isinstance(read_of(field), ById) else ""
        given = "(id: $id)" if noun else "(first: 50)" if field.args else ""
        listed = get_named_type(kind.fields["nodes"].type) if "nodes" in kind.fields else kind
        for more in related(listed, staff=staff) or [""]:
            head = "query($id: ID!) " if noun else ""
            found.append((f"{head}{{ {name}{given} {asked_of(field, staff=staff, more=more)} }}", noun))
    return found

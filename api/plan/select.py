"""Selections: which fields are asked of an object, merged as the GraphQL specification says, and may they be
seen.

The surprise: `@skip` and `@include` are decided while planning, so what is left out is not in the statement.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, NamedTuple

from graphql import (
    BooleanValueNode,
    DirectiveNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLType,
    InlineFragmentNode,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
)

from api.nouns import NOUNS, Noun, read_of
from api.plan.emit import Json, obj
from api.plan.planning import Planning
from api.reads import Read

Fragments = Mapping[str, FragmentDefinitionNode]
Holds = Callable[[ValueNode], bool]


@dataclass(slots=True, eq=False)
class Row:
    """A row in hand: its noun and alias, and the row it was reached from by one of its own links, if so."""

    noun: Noun
    alias: str
    link: str = ""
    above: "Row | None" = None
    joins: dict[str, str] | None = None


def object_type(kind: GraphQLType | None) -> GraphQLObjectType:
    """The object type a field leads to, past lists and non-null."""
    named = get_named_type(kind)
    if not isinstance(named, GraphQLObjectType):
        raise TypeError(f"{named} is no object type")
    return named


class Asked(NamedTuple):
    """One field that is asked for: where it stands, what it reads, and its nodes, which are merged."""

    owner: GraphQLObjectType
    name: str
    field: GraphQLField
    read: Read
    nodes: list[FieldNode]

    @property
    def label(self) -> str:
        """`Invoice.balance`"""
        return f"{self.owner.name}.{self.name}"

    @property
    def kind(self) -> GraphQLObjectType:
        """The type of the object it leads to."""
        return object_type(self.field.type)

    @property
    def selections(self) -> list[SelectionSetNode]:
        """What is asked of the field's own value."""
        return [node.selection_set for node in self.nodes if node.selection_set]


Writer = Callable[[Planning, Any, Asked, Any], Json]
"""Makes the JSON of a field: `(planning, row, asked, read)`."""

WRITERS: dict[type[Read], Writer] = {}


def writes(kind: type[Read]) -> Callable[[Writer], Writer]:
    """Names the function that writes fields of one kind."""

    def register(writer: Writer) -> Writer:
        WRITERS[kind] = writer
        return writer

    return register


def selection(
    planning: Planning, row: Any, owner: GraphQLObjectType, selections: list[SelectionSetNode]
) -> Json:
    """The JSON object of what is asked of `row`, an object of the type `owner`."""
    pairs = []
    for asked in asked_of(planning, owner, selections):
        if asked.name == "__typename":
            made: Json = (f'"{owner.name}"',)
        else:
            made = value(planning, row, asked)
        pairs.append((planning.key(asked.nodes[0], asked.name), made))
    return obj(pairs)


def value(planning: Planning, row: Any, asked: Asked) -> Json:
    """The JSON of one field, if the actor may see it."""
    planning.see(asked.read.see, asked.label)
    return WRITERS[type(asked.read)](planning, row, asked, asked.read)


def asked_of(planning: Planning, owner: GraphQLObjectType, selections: list[SelectionSetNode]) -> list[Asked]:
    """The fields asked of an object, in the answer's order."""
    groups = collected(planning.fragments, partial(_holds, planning), owner, selections)
    return [asked_for(owner, nodes) for nodes in groups.values()]


def collected(
    fragments: Fragments, holds: Holds, owner: GraphQLObjectType, selections: list[SelectionSetNode]
) -> dict[str, list[FieldNode]]:
    """The fields asked of an object by their keys in the answer, each with its nodes, which are merged.

    `holds` tells what a condition of `@skip` or `@include` comes to.
    """
    groups: dict[str, list[FieldNode]] = {}
    seen: set[str] = set()
    for selected in selections:
        _collect(fragments, holds, owner, selected.selections, groups, seen)
    return groups


def asked_for(owner: GraphQLObjectType, nodes: list[FieldNode]) -> Asked:
    """A field of an object, by the nodes that ask for it."""
    name = nodes[0].name.value
    if name == "__typename":
        return Asked(owner, "__typename", None, None, nodes)  # type: ignore[arg-type]
    return Asked(owner, _own_name(owner, name), owner.fields[name], read_of(owner.fields[name]), nodes)


@cache
def _names(owner: GraphQLObjectType) -> dict[str, str]:
    return {name: name for name in owner.fields}


def _own_name(owner: GraphQLObjectType, name: str) -> str:
    """The schema's own text of a field's name: the document's is equal, and yet never becomes SQL."""
    return _names(owner)[name]


def _collect(
    fragments: Fragments,
    holds: Holds,
    owner: GraphQLObjectType,
    selections: Sequence[SelectionNode],
    groups: dict[str, list[FieldNode]],
    seen: set[str],
) -> None:
    for node in selections:
        if not _included(holds, node.directives):
            continue
        if isinstance(node, FieldNode):
            key = node.alias.value if node.alias else node.name.value
            groups.setdefault(key, []).append(node)
        elif isinstance(node, InlineFragmentNode):
            if node.type_condition is None or _fits(owner, node.type_condition.name.value):
                _collect(fragments, holds, owner, node.selection_set.selections, groups, seen)
        elif isinstance(node, FragmentSpreadNode) and node.name.value not in seen:
            seen.add(node.name.value)
            fragment = fragments[node.name.value]
            if _fits(owner, fragment.type_condition.name.value):
                _collect(fragments, holds, owner, fragment.selection_set.selections, groups, seen)


def _fits(owner: GraphQLObjectType, condition: str) -> bool:
    return condition == owner.name or any(condition == interface.name for interface in owner.interfaces)


def _included(holds: Holds, directives: Sequence[DirectiveNode] | None) -> bool:
    for directive in directives or ():
        for argument in directive.arguments or ():
            if holds(argument.value) is not (directive.name.value == "include"):
                return False
    return True


def _holds(planning: Planning, given: ValueNode) -> bool:
    if isinstance(given, VariableNode):
        name = given.name.value
        return bool(planning.decide(lambda call: call.variables[name]))
    return isinstance(given, BooleanValueNode) and given.value


def noun_of(planning: Planning, kind: GraphQLObjectType) -> Noun:
    """The noun behind a type, if the actor may read it at all."""
    found = NOUNS[kind.name]
    planning.see(found.needs, kind.name)
    return found

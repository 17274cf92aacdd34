"""Variables and arguments: from what was sent to values of the schema's types, per request, as fast as may
be.

The surprise: graphql-core coerces variables right but slowly, so plain strings, numbers and booleans are
taken as they are when they already fit, and everything else goes its way. Arguments are made of literals,
coerced once, and of variables, looked up.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Never

from graphql import (
    FieldNode,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLField,
    GraphQLID,
    GraphQLInputObjectType,
    GraphQLInt,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLString,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    Undefined,
    ValueNode,
    VariableDefinitionNode,
    VariableNode,
    get_nullable_type,
    get_variable_values,
    is_list_type,
    is_non_null_type,
    type_from_ast,
)
from graphql.utilities.coerce_input_value import coerce_input_literal

from api.errors import Rejected
from api.plan.planning import MISSING, Ask, Call
from errors import Invalid

_PLAIN: Mapping[Any, Callable[[Any], bool]] = {
    GraphQLString: lambda value: type(value) is str,
    GraphQLID: lambda value: type(value) is str,
    GraphQLBoolean: lambda value: type(value) is bool,
    GraphQLInt: lambda value: type(value) is int and -(2**31) <= value < 2**31,
}


class _Misfit(Exception):
    """A value does not plainly fit its type: graphql-core is to look at it, and to say what is wrong."""


Coerce = Callable[[Any], Any]


class Variables:
    """The variables an operation declares."""

    def __init__(self, schema: GraphQLSchema, operation: OperationDefinitionNode) -> None:
        self._schema = schema
        self._nodes = operation.variable_definitions or ()
        self._fast = [(node.variable.name.value, *self._fitting(node)) for node in self._nodes]

    def _fitting(self, node: VariableDefinitionNode) -> tuple[bool, Coerce]:
        """May it be left out, with no default to take its place? And how its value is taken."""
        kind: Any = type_from_ast(self._schema, node.type)
        return node.default_value is None and not is_non_null_type(kind), _coerce(kind)

    def coerced(self, sent: Mapping[str, Any]) -> Mapping[str, Any]:
        """The values by name; what was not sent and has no default is not there. Refuses misfits."""
        try:
            values = {}
            for name, optional, coerce in self._fast:
                if name in sent:
                    values[name] = coerce(sent[name])
                elif not optional:
                    raise _Misfit
            return values
        except (_Misfit, ValueError):
            pass
        found = get_variable_values(
            self._schema, self._nodes, dict(sent), max_errors=20, hide_suggestions=True
        )
        if isinstance(found, list):
            raise Rejected.of(found)
        return found.coerced


@cache
def _coerce(kind: Any) -> Coerce:
    """How a plainly fitting value of a type is taken; else _Misfit, or ValueError."""
    if is_non_null_type(kind):
        return _coerce_bare(kind.of_type)
    bare = _coerce_bare(kind)
    return lambda value: None if value is None else bare(value)


@cache
def _coerce_bare(kind: Any) -> Coerce:
    if kind in _PLAIN:
        fits = _PLAIN[kind]
        return lambda value: value if fits(value) else _misfit()
    if isinstance(kind, GraphQLEnumType):
        return lambda value: (
            kind.parse_value(value) if type(value) is str and value in kind.values else _misfit()
        )
    if is_list_type(kind):
        item = _coerce(kind.of_type)
        return lambda value: [item(one) for one in value] if type(value) is list else _misfit()
    if isinstance(kind, GraphQLInputObjectType) and not kind.is_one_of:
        return lambda value: _object(kind, value)
    if isinstance(kind, GraphQLScalarType):
        return lambda value: kind.parse_value(value) if value is not None else _misfit()
    return lambda value: _misfit()


def _object(kind: GraphQLInputObjectType, sent: Any) -> dict[str, Any]:
    if type(sent) is not dict or not sent.keys() >= _wanted(kind):
        _misfit()
    fields = kind.fields
    return {name: _coerce(fields[name].type)(sent[name]) if name in fields else _misfit() for name in sent}


@cache
def _wanted(kind: GraphQLInputObjectType) -> frozenset[str]:
    """The fields that must be there for it to be taken as it is: required ones, and those with a default."""
    return frozenset(
        name
        for name, field in kind.fields.items()
        if is_non_null_type(field.type) or field.default_value is not Undefined
    )


def _misfit() -> Never:
    raise _Misfit


def reader(node: FieldNode, definition: GraphQLField) -> tuple[Ask, bool]:
    """How a field's arguments are read from a request, and whether they are the same for all requests."""
    parts = [
        (given.name.value, definition.args[given.name.value].type, given.value)
        for given in node.arguments or ()
    ]
    readers = [(name, kind, _value(value, kind)) for name, kind, value in parts]
    if not any(_varies(value) for _, _, value in parts):
        fixed = _read(readers, None)
        return lambda call: fixed, True
    place = id(node)

    def read(call: Call) -> dict[str, Any]:
        known = call.arguments.get(place)
        if known is None:
            known = call.arguments[place] = _read(readers, call)
        return known

    return read, False


def _read(readers: list[tuple[str, Any, Callable[[Any], Any]]], call: Call | None) -> dict[str, Any]:
    values = {}
    for name, kind, read in readers:
        value = read(call)
        if value is not MISSING:
            values[name] = _not_null(name, kind, value)
    return values


def _not_null(name: str, kind: Any, value: Any) -> Any:
    if value is None and is_non_null_type(kind):
        raise Invalid.at(name, code="NULL_ARGUMENT", message=f"`{name}` may not be null.")
    return value


def _varies(node: ValueNode) -> bool:
    if isinstance(node, VariableNode):
        return True
    if isinstance(node, ListValueNode):
        return any(_varies(item) for item in node.values)
    return isinstance(node, ObjectValueNode) and any(_varies(field.value) for field in node.fields)


def _value(node: ValueNode, kind: Any) -> Callable[[Any], Any]:
    if isinstance(node, VariableNode):
        name = node.name.value
        return lambda call: call.variables.get(name, MISSING)
    if not _varies(node):
        constant = None if isinstance(node, NullValueNode) else coerce_input_literal(node, kind)
        return lambda call: constant
    bare: Any = get_nullable_type(kind)
    if isinstance(node, ObjectValueNode):
        fields = [
            (
                field.name.value,
                bare.fields[field.name.value].type,
                _value(field.value, bare.fields[field.name.value].type),
            )
            for field in node.fields
        ]
        return lambda call: _read(fields, call)
    inner: Any = bare.of_type
    written = node.values if isinstance(node, ListValueNode) else ()
    items = [(str(place), inner, _value(item, inner)) for place, item in enumerate(written)]
    return lambda call: [
        _not_null(name, kind_, None if (found := read(call)) is MISSING else found)
        for name, kind_, read in items
    ]

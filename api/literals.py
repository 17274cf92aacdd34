"""What is written out in a document: names, literals and types, held to the gate's limits for variables.

A value must not get further by being written into the query than by being sent beside it. The fact that
surprises: a long alias is the dearest thing in a document, because the answer repeats it in every record.
"""

import math

from graphql import (
    EnumValueNode,
    FloatValueNode,
    IntValueNode,
    ListTypeNode,
    ListValueNode,
    NameNode,
    NonNullTypeNode,
    ObjectValueNode,
    StringValueNode,
    TypeNode,
    ValueNode,
    VariableNode,
)

from api.gate import MAX_DEPTH, MAX_ITEMS, Refused, check_integer, check_text, refuse_items

NAME_LENGTH = 128  # characters


def check_name(node: NameNode | None) -> None:
    """Refuse a name of more than 128 characters."""
    if node is not None:
        _check_name(node.value)


def _check_name(name: str) -> None:
    if len(name) > NAME_LENGTH:
        raise Refused(400, "NAME_TOO_LONG", "A name or an alias may have at most 128 characters.")


def check_value(node: ValueNode) -> int:
    """Check a literal as deep as it goes; give the number of nodes looked at.

    Refuses what the gate refuses in variables: more than 32 levels or 500 items, strings over 10,000
    characters or with a NUL, whole numbers beyond 64 bits, and fractions that would become Infinity.
    """
    visited = 0
    pending = [(node, 1)]
    while pending:
        value, depth = pending.pop()
        visited += 1
        inner: list[ValueNode] = []
        if isinstance(value, ListValueNode):
            inner = list(value.values)
        elif isinstance(value, ObjectValueNode):
            for pair in value.fields:
                check_name(pair.name)
                inner.append(pair.value)
        else:
            _check_scalar(value)
            continue
        if depth > MAX_DEPTH:
            raise Refused(400, "JSON_TOO_DEEP", "Lists and objects may nest at most 32 deep.")
        if len(inner) > MAX_ITEMS:
            refuse_items()
        pending += [(value, depth + 1) for value in inner]
    return visited


def _check_scalar(node: ValueNode) -> None:
    if isinstance(node, StringValueNode):
        check_text(node.value)
    elif isinstance(node, IntValueNode):
        check_integer(node.value)
    elif isinstance(node, FloatValueNode):
        if math.isinf(float(node.value)):
            raise Refused(400, "NUMBER_TOO_LARGE", "A fraction must be less than 1.8e308.")
    elif isinstance(node, EnumValueNode):
        _check_name(node.value)
    elif isinstance(node, VariableNode):
        check_name(node.name)


def check_type(node: TypeNode) -> int:
    """Check a variable's type; give the number of nodes looked at. Refuses lists nested more than 32 deep."""
    visited = lists = 0
    while isinstance(node, ListTypeNode | NonNullTypeNode):
        visited += 1
        lists += isinstance(node, ListTypeNode)
        if lists > MAX_DEPTH:
            raise Refused(400, "JSON_TOO_DEEP", "Lists and objects may nest at most 32 deep.")
        node = node.type
    check_name(getattr(node, "name", None))
    return visited + 1

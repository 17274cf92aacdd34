"""What must have been compared before the planner may be believed: read off the schema, so that nothing is
forgotten.
"""

from collections.abc import Iterator

from graphql import GraphQLInputObjectType, GraphQLObjectType, get_named_type

from api import reads
from api.nouns import NOUNS
from tests.api.oracle.generator import Generator, Written
from tests.api.oracle.reference import SCHEMA

DIRECTIVES = ("@skip True", "@skip False", "@include True", "@include False")
ARGUMENTS = ("first", "last", "after", "before", "where", "orderBy", "search")


def wanted() -> Iterator[str]:
    """Every field, every order, every operator of every filter, every argument, every directive."""
    yield from fields()
    yield from orders()
    yield from filters()
    yield from DIRECTIVES
    for noun in NOUNS.values():
        for name in ARGUMENTS:
            if name in _arguments_of(noun.name):
                yield f"{noun.name}({name})"


def fields() -> Iterator[str]:
    """`Type.field` of every object."""
    for kind in SCHEMA.type_map.values():
        if isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__") and kind.name != "Mutation":
            if kind in _written_only():
                continue
            for name in kind.fields:
                yield f"{kind.name}.{name}"


def _written_only() -> set[GraphQLObjectType]:
    """Types that only a mutation's payload leads to."""
    reached: set[GraphQLObjectType] = set()
    pending = [SCHEMA.query_type, *(SCHEMA.get_type(noun.name) for noun in NOUNS.values())]
    while pending:
        kind = pending.pop()
        if isinstance(kind, GraphQLObjectType) and kind not in reached:
            reached.add(kind)
            pending += [get_named_type(field.type) for field in kind.fields.values()]
    return {
        kind
        for kind in SCHEMA.type_map.values()
        if isinstance(kind, GraphQLObjectType) and kind not in reached
    }


def orders() -> Iterator[str]:
    """`NounOrder.NAME` of every order, also of those nobody chooses."""
    for noun in NOUNS.values():
        if _arguments_of(noun.name):
            yield from (f"{noun.name}Order.{name}" for name in noun.orders)


def filters() -> Iterator[str]:
    """`NounWhere.field.operator`, and `AND`, `OR`, `NOT`."""
    for noun in NOUNS.values():
        if not _arguments_of(noun.name):
            continue
        where = SCHEMA.get_type(f"{noun.name}Where")
        assert isinstance(where, GraphQLInputObjectType)
        for key, field in where.fields.items():
            inner = get_named_type(field.type)
            assert isinstance(inner, GraphQLInputObjectType)
            if key in ("AND", "OR", "NOT") or inner.name.endswith("Where"):
                yield f"{noun.name}Where.{key}"
            else:
                yield from (f"{noun.name}Where.{key}.{operator}" for operator in inner.fields)


def _arguments_of(noun: str) -> set[str]:
    """The arguments of connections of a noun; none if nothing lists it."""
    for kind in SCHEMA.type_map.values():
        if isinstance(kind, GraphQLObjectType):
            for field in kind.fields.values():
                if get_named_type(field.type).name == f"{noun}Connection":
                    return set(field.args)
    return set()


def directed(generator: Generator, target: str, *, by_id: bool = False) -> Written | None:
    """A document that compares `target`, if this generator's actor can; a field `by_id` of its records."""
    if target.startswith("@"):
        return generator.document()
    if "(" in target:
        noun, _, name = target.removesuffix(")").partition("(")
        return generator.directed(noun, None, needs=name)
    owner, _, rest = target.partition(".")
    if owner.endswith("Order") and owner.removesuffix("Order") in NOUNS:
        return generator.directed(owner.removesuffix("Order"), None, order=rest)
    if owner.endswith("Where") and owner.removesuffix("Where") in NOUNS:
        return _filtering(generator, owner.removesuffix("Where"), *rest.partition(".")[::2])
    return (generator.by_id(owner, rest) if by_id else None) or generator.directed(owner, rest)


def _filtering(generator: Generator, name: str, key: str, operator: str) -> Written | None:
    noun, asking = NOUNS[name], generator.asking
    if key in ("AND", "OR"):
        # Of a noun found by its id alone two conditions hardly ever hold together, unless they are one.
        one = asking.where(noun)
        other = one if generator.chance.random() < 0.5 else asking.where(noun)
        return generator.directed(name, None, where={key: [one, other]})
    if key == "NOT":
        return generator.directed(name, None, where={key: asking.where(noun)})
    if not asking.allowed(noun, key):
        return None
    read = noun.inputs.filters[key].read
    asked = asking.field(noun, key, operator=None if isinstance(read, reads.One | reads.Page) else operator)
    return generator.directed(name, None, where={key: asked})

"""What a document may cost: an upper bound of the records its answer holds, counted before any work.

- A field without a selection is free: it is a column of a record already paid for. Only a connection's
  `totalCount` costs, 10, because it counts up to 10,000 rows.
- An object costs what is under it, and 1 more if it is a record, that is if its type has an `id` (or is a
  union). Money, addresses, edges, page infos and payloads are not records.
- A connection costs 1 plus what is under it, where its `nodes` and its `edges` each cost the page's size
  times what one of them costs. The size is the larger of `first` and `last`, from the document or the
  variables; 25 if neither is given. More than 100 is refused.
- Any other list costs its stated maximum times what one item costs, or the number of its `ids`. An item of a
  list, a node and an edge cost at least 1.
- Each root field costs 1 more, 10 in a mutation. Reading the schema (`__schema`, `__type`) costs 1,000.

`@skip` and `@include` are not looked at: what may be left out is counted. A document is priced once. What
the variables decide stays open as a function of them; the surprise is that a fragment is such a function too,
called once per request however often it is spread, so that doubled fragments stay cheap here as well.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
    is_union_type,
)

from api.gate import Refused

DEFAULT_PAGE = 25  # records of a connection that names no size
MAX_PAGE = 100
TOTAL_COUNT = 10
MUTATION = 10
INTROSPECTION = 1_000

Variables = Mapping[str, object]
Term = Callable[[list[int], Variables], int]
"""A cost that waits for variables; the list holds the costs of the fragments priced before it."""
Cost = int | Term
Sizes = Callable[[str, str], int | None]
"""The stated maximum of a plain list, by the names of its type and field; None counts as 100."""


class Priced(NamedTuple):
    """What a selection costs: once, and per record of the connection right around it, if there is one."""

    once: Cost
    per_record: Cost


FREE = Priced(0, 0)


class Prices:
    """Prices one document's fields from the leaves up. `defaults`: the literals its variables default to."""

    def __init__(self, sizes: Sizes, defaults: Mapping[str, ValueNode | None]) -> None:
        self.steps: list[Term] = []
        self._sizes = sizes
        self._defaults = {name: _written(node) for name, node in defaults.items()}

    def field(
        self, node: FieldNode, parent: GraphQLNamedType | None, field: GraphQLField | None, under: Priced
    ) -> Priced:
        """The price of a field whose selection costs `under`. One the schema lacks is priced as a record."""
        name = node.name.value
        if parent is not None and parent.name.startswith("__"):
            return FREE
        if field is not None and name in ("__schema", "__type"):
            return Priced(INTROSPECTION, 0)
        kind = get_named_type(field.type) if field else None
        if kind is not None and is_leaf_type(kind):
            return Priced(TOTAL_COUNT, 0) if name == "totalCount" and is_connection(parent) else FREE
        listed = field is not None and is_list_type(get_nullable_type(field.type))
        if is_connection(kind) and not listed:
            return Priced(total((1, under.once, times(self._page(node), under.per_record))), 0)
        item = total((int(_is_record(kind)), under.once, times(MAX_PAGE, under.per_record)))
        if not listed:
            return Priced(item, 0)
        row = _at_least_one(item)
        if name in ("nodes", "edges") and is_connection(parent):
            return Priced(0, row)
        return Priced(times(self._length(node, parent), row), 0)

    def remember(self, priced: Priced) -> Priced:
        """Keep a fragment's price as a step of its own, so that each spread of it only looks it up."""
        return Priced(self._step(priced.once), self._step(priced.per_record))

    def _step(self, cost: Cost) -> Cost:
        if isinstance(cost, int):
            return cost
        place = len(self.steps)
        self.steps.append(cost)
        return lambda fragments, _: fragments[place]

    def _page(self, node: FieldNode) -> Cost:
        asked = [a.value for a in node.arguments or () if a.name.value in ("first", "last")]
        readers = [self._reader(value) for value in asked]

        def size(_: list[int], variables: Variables) -> int:
            sizes = [_as_size(read(variables)) for read in readers]
            return max((size for size in sizes if size is not None), default=DEFAULT_PAGE)

        return size if any(isinstance(value, VariableNode) for value in asked) else size([], {})

    def _length(self, node: FieldNode, parent: GraphQLNamedType | None) -> Cost:
        for argument in node.arguments or ():
            if argument.name.value == "ids":
                read = self._reader(argument.value)
                if isinstance(argument.value, VariableNode):
                    return lambda _, variables: _as_length(read(variables))
                return _as_length(read({}))
        maximum = self._sizes(parent.name, node.name.value) if parent else None
        return MAX_PAGE if maximum is None else maximum

    def _reader(self, node: ValueNode) -> Callable[[Variables], object]:
        if isinstance(node, VariableNode):
            name, default = node.name.value, self._defaults.get(node.name.value)
            return lambda variables: variables.get(name, default)
        value = _written(node)
        return lambda _: value


def evaluate(cost: Cost, steps: Iterable[Term], variables: Variables) -> int:
    """The cost for these variables. Refuses a page of more than 100."""
    if isinstance(cost, int):
        return cost
    fragments: list[int] = []
    for step in steps:
        fragments.append(step(fragments, variables))
    return cost(fragments, variables)


def total(parts: Iterable[Cost]) -> Cost:
    """The sum; a number as long as nothing in it waits for variables."""
    fixed = 0
    terms: list[Term] = []
    for part in parts:
        if isinstance(part, int):
            fixed += part
        else:
            terms.append(part)
    if not terms:
        return fixed
    if len(terms) == 1:
        term = terms[0]
        return lambda fragments, variables: fixed + term(fragments, variables)
    return lambda fragments, variables: fixed + sum([term(fragments, variables) for term in terms])


def times(size: Cost, each: Cost) -> Cost:
    """The product. Both sides are always asked: a page over 100 is refused under an empty one too."""
    if isinstance(size, int):
        if isinstance(each, int):
            return size * each
        return lambda fragments, variables: size * each(fragments, variables)
    if isinstance(each, int):
        return lambda fragments, variables: size(fragments, variables) * each
    return lambda fragments, variables: size(fragments, variables) * each(fragments, variables)


def is_connection(kind: GraphQLNamedType | None) -> bool:
    """Whether a type is a page of records: it has `pageInfo`, and `nodes` or `edges`."""
    if not isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
        return False
    return "pageInfo" in kind.fields and ("nodes" in kind.fields or "edges" in kind.fields)


def _is_record(kind: GraphQLNamedType | None) -> bool:
    if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
        return "id" in kind.fields
    return kind is None or is_union_type(kind)


def _at_least_one(cost: Cost) -> Cost:
    if isinstance(cost, int):
        return max(1, cost)
    return lambda fragments, variables: max(1, cost(fragments, variables))


def _written(node: ValueNode | None) -> object:
    """A literal as a value, as far as sizes need it: a number, None, a list's length, or something else."""
    if isinstance(node, IntValueNode):
        return int(node.value)
    if isinstance(node, ListValueNode):
        return [None] * len(node.values)
    return None if node is None or isinstance(node, NullValueNode) else ""


def _as_size(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # GraphQL takes 50.0 for an Int
    if type(value) is not int:
        return MAX_PAGE  # not a size; refused when the variables are checked against their types
    if value > MAX_PAGE:
        raise Refused(
            400, "PAGE_TOO_LARGE", "A page holds at most 100 records. Ask for first: 100 and go on from it."
        )
    return max(value, 0)


def _as_length(value: object) -> int:
    return len(value) if isinstance(value, list) else 1

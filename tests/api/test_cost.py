"""What documents cost: GUARANTEES E-4, worked out by hand, and compared with a plain reader that expands."""

import pytest
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLNamedType,
    InlineFragmentNode,
    SelectionSetNode,
    get_named_type,
    is_leaf_type,
    is_list_type,
)
from graphql.type import get_nullable_type
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from api.cost import evaluate
from api.gate import Refused
from api.guard import Shape, guard, parse_document
from api.survey import Survey
from tests.api.attacks import doubled
from tests.api.toy_schema import SCHEMA, SINGLE, sizes
from tests.figures import rounds


def look(text: str) -> Shape:
    return guard(parse_document(text), SCHEMA, sizes=sizes, single=SINGLE)


def cost(text: str, **variables: object) -> int:
    return look(text).cost(variables)


def refused(text: str, **variables: object) -> Refused:
    with pytest.raises(Refused) as caught:
        cost(text, **variables)
    return caught.value


@pytest.mark.parametrize(("text", "points"), [
    ("{ __typename }", 1),
    ("{ viewer { id name } }", 1 + 1),
    ("{ viewer { money { amount currency } parent { id } } }", 1 + 2),
    ("{ payer { ... on Viewer { id } } }", 1 + 1),
    ("{ customer(id: 1) { id scopes } node(id: 2) { id } }", 2 + 2),
    ("{ customers { nodes { id } } }", 1 + 1 + 25),
    ("{ customers { edges { cursor } } }", 1 + 1 + 25),
    ("{ customers { edges { node { id } } } }", 1 + 1 + 25),
    ("{ customers(first: 10) { nodes { id } edges { node { id } } } }", 1 + 1 + 10 + 10),
    ("{ customers(last: 10) { nodes { id } pageInfo { hasNextPage } } }", 1 + 1 + 10),
    ("{ customers(first: 3, last: 10) { nodes { id } } }", 1 + 1 + 10),
    ("{ customers(first: null) { nodes { id } } }", 1 + 1 + 25),
    ("{ customers(first: 0) { nodes { id } } }", 1 + 1),
    ("{ customers(first: -5) { nodes { id } } }", 1 + 1),
    ("{ customers(first: 100) { nodes { id } } }", 1 + 1 + 100),
    ('{ customers(first: "7") { nodes { id } } }', 1 + 1 + 100),
    ("{ customers { totalCount } }", 1 + 1 + 10),
    ("{ customers { pageInfo { endCursor } } }", 1 + 1),
    ("{ customers(first: 10) { nodes { invoices(first: 5) { totalCount nodes { lines { price { amount } } }"
     " } } } }",
     1 + 1 + 10 * (1 + 1 + 10 + 5 * (1 + 20))),
    ("{ customer(id: 1) { tags { id } } }", 1 + 1 + 100),
    ("{ states { code name } }", 1 + 100),
    ("{ nodes(ids: [1, 2, 3]) { id } }", 1 + 3),
    ("{ nodes(ids: 1) { id } }", 1 + 1),
    ("mutation { createTag { tag { id } errors { code } } }", 10 + 1 + 10),
    ("mutation { a: createTag { tag { id } } b: createTag { tag { id } } __typename }", 20 + 2),
    ("{ __schema { types { fields { name } } } }", 1 + 1_000),
    ('{ __type(name: "A") { fields { name } } viewer { id } }', 2 + 1_000 + 1),
    ("{ customers(first: 10) { ...C } } fragment C on CustomerConnection { nodes { id } ...D }"
     " fragment D on CustomerConnection { edges { node { id } } totalCount }", 1 + 1 + 10 + 10 + 10),
    ("{ a: customers(first: 2) { ...C } b: customers(first: 3) { ...C } }"
     " fragment C on CustomerConnection { nodes { ...N } }"
     " fragment N on Customer { invoices(first: 4) { nodes { id } } }",
     2 + (1 + 2 * (1 + 1 + 4)) + (1 + 3 * (1 + 1 + 4))),
])  # fmt: skip
def test_a_document_costs_what_its_docstring_says(text: str, points: int) -> None:
    assert cost(text) == points


PAGE = (
    "query ($n: Int, $m: Int = 5) { customers(first: $n) { nodes { invoices(first: $m) { nodes { id } } } } }"
)


@pytest.mark.parametrize(("variables", "points"), [
    ({}, 1 + 1 + 25 * (1 + 1 + 5)),
    ({"n": None, "m": None}, 1 + 1 + 25 * (1 + 1 + 25)),
    ({"n": 10}, 1 + 1 + 10 * (1 + 1 + 5)),
    ({"n": 10, "m": 7}, 1 + 1 + 10 * (1 + 1 + 7)),
    ({"n": 0, "m": 100}, 1 + 1),
    ({"n": -1}, 1 + 1),
    ({"n": 10.0, "m": 7.0}, 1 + 1 + 10 * (1 + 1 + 7)),
    ({"n": True}, 1 + 1 + 100 * 7),
    ({"n": "10"}, 1 + 1 + 100 * 7),
    ({"n": 10.5}, 1 + 1 + 100 * 7),
    ({"n": [10]}, 1 + 1 + 100 * 7),
    ({"n": {}}, 1 + 1 + 100 * 7),
    ({"n": 100, "m": 46}, 1 + 1 + 100 * 48),
])  # fmt: skip
def test_variables_count_as_what_they_hold(variables: dict[str, object], points: int) -> None:
    assert cost(PAGE, **variables) == points


def test_one_shape_prices_many_requests() -> None:
    shape = look(PAGE)
    assert [shape.cost({"n": n, "m": 1}) for n in (1, 2, 50, 1)] == [5, 8, 152, 5]


def test_ids_in_a_variable_cost_one_each() -> None:
    text = "query ($ids: [ID!]! = [1, 2]) { nodes(ids: $ids) { id } }"
    assert [cost(text, ids=["a"] * 40), cost(text), cost(text, ids="a"), cost(text, ids=[])] == [41, 3, 2, 1]


def test_5000_points_are_taken_and_one_more_is_refused() -> None:
    page = "a: customers(first: $n) { nodes { invoices(first: $m) { nodes { id } } } }"
    text = (
        f"query ($n: Int, $m: Int, $rest: Int) {{ {page} b: customers(first: $rest) {{ nodes {{ id }} }} }}"
    )
    assert cost(text, n=98, m=48, rest=96) == 4 + 98 * 50 + 96 == 5_000
    assert refused(text, n=98, m=48, rest=97).code == "TOO_EXPENSIVE"
    literal = text.replace("$n)", "98)").replace("$m)", "48)").replace("($n: Int, $m: Int, $rest: Int) ", "")
    assert cost(literal.replace("$rest", "96")) == 5_000
    assert refused(literal.replace("$rest", "97")).code == "TOO_EXPENSIVE"


def nest(size: object) -> str:
    parts = f"invoices(first: {size}) {{ nodes {{ payments(first: {size}) {{ nodes {{ id }} }} }} }}"
    return f"{{ customers(first: {size}) {{ nodes {{ {parts} }} }} }}"


def test_a_nest_of_50_by_50_by_50_is_refused_written_out_or_in_variables() -> None:
    for refusal in (refused(nest(50)), refused("query ($n: Int) " + nest("$n"), n=50)):
        assert refusal.code == "TOO_EXPENSIVE"
        assert f"{1 + 1 + 50 * (1 + 1 + 50 * (1 + 1 + 50))} points" in refusal.message
    assert cost("query ($n: Int) " + nest("$n"), n=16) == 1 + 1 + 16 * (1 + 1 + 16 * (1 + 1 + 16))


@pytest.mark.parametrize("size", [101, 1_000_000, 2**62, 101.0, 1e300])
def test_a_page_of_more_than_100_is_refused_wherever_it_stands(size: float) -> None:
    texts = (
        "query ($n: Int) { customers(first: $n) { totalCount } }",
        "query ($n: Int) { customers(last: $n, first: 1) { totalCount } }",
        "query ($n: Int) { customers(first: 0) { nodes { invoices(first: $n) { totalCount } } } }",
        "query ($n: Int) { ...Q }"
        " fragment Q on Query { customers { nodes { invoices(last: $n) { totalCount } } } }",
    )
    for text in texts:
        assert refused(text, n=size).code == "PAGE_TOO_LARGE"
        assert cost(text, n=100) > 0
        if isinstance(size, int) and size < 2**31:
            written = text.replace("($n: Int)", "").replace("$n", str(size))
            assert refused(written).code == "PAGE_TOO_LARGE"


def test_a_list_of_connections_counts_each_of_them_as_full() -> None:
    refusal = refused("{ viewer { boards { nodes { id } } } }")
    assert refusal.code == "TOO_EXPENSIVE"
    assert f"{1 + 1 + 100 * 100} points" in refusal.message


def test_fragments_shared_by_many_places_are_priced_once_per_request() -> None:
    text = doubled(3, 4, "invoices(first: $n) { nodes { id } }").replace(
        "{ customer", "query ($n: Int) { customer", 1
    )
    survey = Survey(parse_document(text), SCHEMA, sizes=sizes, single=SINGLE)
    survey.measure()
    assert len(survey.prices.steps) == 4
    assert cost(text, n=7) == 1 + 1 + 27 * (1 + 7)


class Plain:
    """Prices by expanding everything, record by record where it can, sharing nothing with api.cost."""

    def __init__(self, text: str, variables: dict[str, object]) -> None:
        document = parse_document(text)
        self.variables = variables
        self.fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self.operation = document.definitions[0]

    def fields(
        self, node: SelectionSetNode, kind: GraphQLNamedType
    ) -> list[tuple[FieldNode, GraphQLNamedType]]:
        found: list[tuple[FieldNode, GraphQLNamedType]] = []
        for part in node.selections:
            if isinstance(part, FieldNode):
                found.append((part, kind))
            elif isinstance(part, InlineFragmentNode):
                found += self.fields(part.selection_set, SCHEMA.get_type(part.type_condition.name.value))
            elif isinstance(part, FragmentSpreadNode):
                spread = self.fragments[part.name.value]
                found += self.fields(spread.selection_set, SCHEMA.get_type(spread.type_condition.name.value))
        return found

    def size(self, node: FieldNode) -> int:
        asked = [
            self.variables.get(a.value.name.value) if a.value.kind == "variable" else int(a.value.value)
            for a in node.arguments or ()
        ]
        return max((size for size in asked if size is not None), default=25)

    def price(self, node: FieldNode, kind: GraphQLNamedType, page: int) -> int:
        type_ = SCHEMA.get_field(kind, node.name.value).type
        named = get_named_type(type_)
        if is_leaf_type(named):
            return 10 if node.name.value == "totalCount" else 0
        inner = self.fields(node.selection_set, named)
        if named.name.endswith("Connection"):
            size = self.size(node)
            return 1 + sum(self.price(field, kind, size) for field, kind in inner)
        one = ("id" in named.fields) + sum(self.price(field, kind, 0) for field, kind in inner)
        if not is_list_type(get_nullable_type(type_)):
            return one
        maximum = {"nodes": page, "edges": page, "lines": 20}.get(node.name.value, 100)
        return sum(max(1, one) for _ in range(maximum))

    def total(self) -> int:
        roots = self.fields(self.operation.selection_set, SCHEMA.query_type)
        return sum(1 + self.price(field, kind, 0) for field, kind in roots)


PAGES = st.sampled_from(
    ["", "(first: $n)", "(first: $m)", "(first: 3)", "(last: 2, first: $n)", "(first: 0)"]
)


def connection(page: str, kind: str, inner: str) -> st.SearchStrategy[str]:
    parts = [
        "totalCount",
        "pageInfo { endCursor }",
        f"nodes {{ {inner} }}",
        f"edges {{ cursor node {{ {inner} }} }}",
    ]
    parts += [f"... on {kind}Connection {{ nodes {{ {inner} }} totalCount }}", f"nodes {{ id ...{kind} }}"]
    return (
        st.lists(st.sampled_from(parts), min_size=1, max_size=3)
        .map(" ".join)
        .map(lambda s: f"{page} {{ {s} }}")
    )


INVOICE = st.lists(
    st.sampled_from(["id", "total { amount }", "lines { price { amount } }", "customer { tags { id } }"]),
    min_size=1,
    max_size=3,
).map(" ".join)
CUSTOMER = st.one_of(
    st.just("id"),
    st.just("...Theirs"),
    st.tuples(PAGES, INVOICE)
    .flatmap(lambda drawn: connection(drawn[0], "Invoice", drawn[1]))
    .map(lambda part: f"id invoices{part}"),
)
SIZES = st.none() | st.integers(0, 6)


@pytest.mark.prove
@settings(max_examples=rounds(150, 2_000), deadline=None)
@given(CUSTOMER, CUSTOMER, INVOICE, PAGES, st.data(), SIZES, SIZES)
def test_the_price_is_what_a_plain_reader_finds_by_expanding(
    inner: str, shared: str, invoice: str, page: str, draw: st.DataObject, n: int | None, m: int | None
) -> None:
    root = "customers" + draw.draw(connection(page, "Customer", inner))
    shared = shared.replace("...Theirs", "company")
    text = (
        f"query ($n: Int, $m: Int) {{ {root}"
        f" x: customer(id: 1) {{ ...Customer invoices(first: $m) {{ ...Pages }} ...Theirs }} }}"
        f" fragment Customer on Customer {{ {shared} ...Theirs }} fragment Invoice on Invoice {{ {invoice} }}"
        f" fragment Theirs on Customer {{ invoices(first: $n) {{ nodes {{ ...Invoice }} }} }}"
        " fragment Pages on InvoiceConnection { nodes { ...Invoice } edges { node { id ...Invoice } } }"
    )
    expected = Plain(text, {"n": n, "m": m}).total()
    try:
        survey = Survey(parse_document(text), SCHEMA, sizes=sizes, single=SINGLE)
        totals = survey.measure()
    except Refused as refusal:
        # Fragments in fragments ask for one field often: such a document has no price.
        if refusal.code != "TOO_MANY_REPEATS":
            raise
        assume(False)
    assert evaluate(totals.priced().once, survey.prices.steps, {"n": n, "m": m}) == expected

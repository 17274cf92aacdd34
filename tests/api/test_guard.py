"""The query guard's limits: GUARANTEES E-3 and E-4, at each limit and one over it."""

import re
import tracemalloc
from collections.abc import Callable

import pytest
from graphql import SelectionSetNode, get_introspection_query, parse, validate
from hypothesis import given, settings
from hypothesis import strategies as st

from api.gate import Refused
from api.guard import Shape, guard, parse_document
from api.survey import Survey
from tests.api.attacks import DOCUMENTS, KIB, chain_of, doubled, fields
from tests.api.toy_schema import SCHEMA, SINGLE, sizes
from tests.figures import rounds


def look(text: str) -> Shape:
    return guard(parse_document(text), SCHEMA, sizes=sizes, single=SINGLE)


def refusal_of(text: str) -> Refused:
    with pytest.raises(Refused) as caught:
        look(text)
    return caught.value


def peak_of(act: Callable[[], object]) -> int:
    """The most memory it holds at once, in bytes."""
    tracemalloc.start()
    try:
        act()
    except Refused:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return peak


@pytest.mark.parametrize("attack", DOCUMENTS)
def test_a_hostile_document_is_refused_and_names_the_limit(attack: str) -> None:
    text, code = DOCUMENTS[attack]
    refusal = refusal_of(text)
    assert (refusal.status, refusal.code) == (400, code)
    unfit = r"did you mean|\.py|/|Traceback|[a-z]Error|object at|Node\b"
    assert not re.search(unfit, refusal.message, re.IGNORECASE)
    assert len(refusal.message) < 300


@pytest.mark.parametrize("attack", DOCUMENTS)
def test_a_hostile_document_is_refused_after_few_nodes_in_flat_memory(attack: str) -> None:
    text, _ = DOCUMENTS[attack]
    assert peak_of(lambda: parse_document(text)) < 2 * 1024 * KIB
    try:
        survey = Survey(parse_document(text), SCHEMA, sizes=sizes, single=SINGLE)
    except Refused:
        return
    assert peak_of(survey.measure) < 512 * KIB
    assert 0 < survey.visited <= 10_000


@pytest.mark.parametrize(("spreads", "chain", "leaves"), [(4, 16, 2**30), (8, 11, 2**30), (16, 16, 2**60)])
def test_doubled_fragments_are_refused_after_a_few_hundred_nodes(
    spreads: int, chain: int, leaves: int
) -> None:
    assert spreads ** (chain - 1) == leaves
    text = doubled(spreads, chain)
    assert refusal_of(text).code == "TOO_MANY_SELECTIONS"
    survey = Survey(parse_document(text), SCHEMA, sizes=sizes, single=SINGLE)
    with pytest.raises(Refused):
        survey.measure()
    assert survey.visited <= 1_000


def test_doubled_fragments_that_stay_within_the_limit_are_counted_exactly() -> None:
    shape = look(doubled(3, 4))
    # One field, 1 + 3 + 9 + 27 spreads, 27 leaves.
    assert shape.selections == 1 + 40 + 27
    assert (shape.depth, shape.root_fields, shape.aliases) == (2, 1, 0)
    # The definitions, each selection as written with its values, then each place once for what merges in it.
    assert shape.visited <= 200


def aliased(count: int) -> str:
    return " ".join(f"a{n}: id" for n in range(count))


def wide(extra: int) -> str:
    """991 selections with fragments expanded, and this many more."""
    places = " ".join(f"a{n}: parent {{ ...F }}" for n in range(30))
    fragment = f"fragment F on Viewer {{ {fields(15)} {fields(16, 'name')} }}"
    return f"{{ viewer {{ {places} {fields(extra)} }} }} {fragment}"


def inline(depth: int) -> str:
    return "{" + "... { " * depth + "viewer { id }" + " }" * depth + "}"


def fragments(count: int) -> str:
    spreads = " ".join(f"...F{n}" for n in range(count))
    return f"{{ viewer {{ {spreads} }} }}" + "".join(
        f" fragment F{n} on Viewer {{ id }}" for n in range(count)
    )


def mutations(count: int) -> str:
    return "mutation { __typename " + " ".join(["createTag { tag { id } }"] * count) + " }"


def spread_again(depth: int) -> str:
    """A fragment of ten levels, measured near the root and then spread again this much further down."""
    fragment = "fragment F on Query " + inline(8)
    return f"{{ ...F {'... {' * depth} ...F {'}' * depth} }} {fragment}"


def of_type(depth: int) -> str:
    return '{ __type(name: "A") { ' + "ofType { " * (depth - 1) + "name" + " }" * depth + " }"


def two(selection: str) -> str:
    """The selection twice, by way of a fragment."""
    return f"{{ viewer {{ ...F ...F id }} }} fragment F on Viewer {{ {selection} }}"


def parents(depth: int) -> str:
    return chain_of(depth).replace("viewer", "parent")[1:-1]


def lists(depth: int, within: str = "") -> str:
    return "[" * depth + within + "]" * depth


def objects(depth: int) -> str:
    return "{a: " * depth + "1" + "}" * depth


def with_literal(value: str) -> str:
    return f"{{ a(v: {value}) }}"


SKIP = "@skip(if: false) "
LIMITS: list[tuple[str, str, str]] = [
    ("TOO_DEEP", chain_of(10), chain_of(11)),
    ("TOO_DEEP", two(parents(9)), two(parents(10))),
    ("TOO_DEEP", inline(30), inline(31)),
    ("TOO_DEEP", of_type(20), of_type(21)),
    ("TOO_DEEP", spread_again(21), spread_again(22)),
    ("TOO_MANY_ALIASES", f"{{ viewer {{ {aliased(30)} }} }}", f"{{ viewer {{ {aliased(31)} }} }}"),
    ("TOO_MANY_ALIASES", two(aliased(15)), two(aliased(15)).replace(" id }", " b: id }", 1)),
    ("TOO_MANY_DIRECTIVES", f"{{ viewer {{ id {SKIP * 20} }} }}", f"{{ viewer {{ id {SKIP * 21} }} }}"),
    ("TOO_MANY_DIRECTIVES", two(f"id {SKIP * 10}"), two(f"id {SKIP * 10}").replace(" id", f" id {SKIP}", 1)),
    ("TOO_MANY_DIRECTIVES", f"query {SKIP} {{ viewer {{ id {SKIP * 19} }} }}",
     f"query ($a: Int {SKIP}) {SKIP} {{ viewer {{ id {SKIP * 19} }} }}"),
    ("TOO_MANY_DIRECTIVES", f"{{ ...F }} fragment F on Query {SKIP * 20} {{ viewer {{ id }} }}",
     f"{{ ...F }} fragment F on Query {SKIP * 21} {{ viewer {{ id }} }}"),
    ("TOO_MANY_FRAGMENTS", fragments(20), fragments(21)),
    ("TOO_MANY_ROOT_FIELDS", "{" + "viewer { id } " * 20 + "}", "{" + "viewer { id } " * 21 + "}"),
    ("TOO_MANY_ROOT_FIELDS", "{ ...F ...F ... { ...F } } fragment F on Query {" + "viewer { id } " * 6 + "}",
     "{ ...F ...F ... { ...F } } fragment F on Query {" + "viewer { id } " * 7 + "}"),
    ("TOO_MANY_MUTATIONS", mutations(5), mutations(6)),
    ("TOO_MANY_MUTATIONS", "mutation { ...F createTag { tag { id } } ...F } fragment F on Mutation {"
     + "createTag { tag { id } } " * 2 + "}",
     "mutation { ...F ...F } fragment F on Mutation {" + "createTag { tag { id } } " * 3 + "}"),
    ("TOO_MANY_SELECTIONS", wide(9), wide(10)),
    ("TOO_MANY_REPEATS", f"{{ viewer {{ {fields(30)} }} }}", f"{{ viewer {{ {fields(31)} }} }}"),
    ("TOO_MANY_REPEATS", two(fields(14)), two(fields(15))),
    ("TOO_MANY_REPEATS", "{ viewer {" + "parent { id id id } " * 10 + "} }",
     "{ viewer {" + "parent { id id id } " * 10 + "parent { id } } }"),
    ("NAME_TOO_LONG", "{ " + "a" * 128 + ": viewer { id } }", "{ " + "a" * 129 + ": viewer { id } }"),
    ("NAME_TOO_LONG", "{ " + "a" * 128 + " }", "{ " + "a" * 129 + " }"),
    ("STRING_TOO_LONG", with_literal(f'"{"é" * 10_000}"'), with_literal(f'"{"é" * 10_001}"')),
    ("TOO_MANY_ITEMS", with_literal(lists(1, "1 " * 500)), with_literal(lists(1, "1 " * 501))),
    ("JSON_TOO_DEEP", with_literal(lists(32)), with_literal(lists(33))),
    ("JSON_TOO_DEEP", with_literal(objects(32)), with_literal(objects(33))),
    ("JSON_TOO_DEEP", f"query ($a: {lists(32, 'Int!')}) {{ a }}", f"query ($a: {lists(33, 'Int!')}) {{ a }}"),
    ("NUMBER_TOO_LARGE", with_literal(f"[{2**63 - 1}, {-(2**63)}, 1.7e308]"), with_literal(f"{2**63}")),
    ("NUMBER_TOO_LARGE", "query ($a: Int = 1) { a }", f"query ($a: Int = {-(2**63) - 1}) {{ a }}"),
    ("INTROSPECTION_TOO_DEEP", '{ __type(name: "A") { fields { type { fields { name } } } } }',
     '{ __type(name: "A") { fields { type { fields { type { possibleTypes { name } } } } } } }'),
]  # fmt: skip


@pytest.mark.parametrize(("code", "at_limit", "over"), LIMITS)
def test_each_limit_is_taken_and_one_over_it_is_refused(code: str, at_limit: str, over: str) -> None:
    assert look(at_limit).visited <= 10_000
    assert refusal_of(over).code == code


def test_a_document_that_is_too_deep_is_not_walked_to_its_end() -> None:
    survey = Survey(parse_document(inline(150)), SCHEMA, sizes=sizes, single=SINGLE)
    with pytest.raises(Refused):
        survey.measure()
    assert survey.visited == 1 + 32  # the operation, and one selection of each level allowed


def test_a_thousand_tokens_are_parsed_and_as_many_comments() -> None:
    assert len(parse_document("{" + "a " * 998 + "}").definitions) == 1
    assert refusal_of("{" + "a " * 999 + "}").code == "TOO_MANY_TOKENS"
    assert len(parse_document("#\n" * 1_000 + "{a}").definitions) == 1
    assert refusal_of("#\n" * 1_001 + "{a}").code == "TOO_MANY_TOKENS"


@pytest.mark.parametrize("alone", ["payInvoices", "inviteUser"])
def test_paying_and_inviting_stand_alone(alone: str) -> None:
    one = f"{alone} {{ tag {{ id }} }}"
    assert look(f"mutation {{ {one} __typename }}").root_fields == 2
    for text in (
        f"mutation {{ {one} {one} }}",
        f"mutation {{ a: {one} b: {one} }}",
        f"mutation {{ {one} createTag {{ tag {{ id }} }} }}",
        f"mutation {{ createTag {{ tag {{ id }} }} ...F }} fragment F on Mutation {{ ... {{ x: {one} }} }}",
    ):
        assert refusal_of(text).code == "ONE_MUTATION"


def test_a_field_of_that_name_further_down_is_no_mutation() -> None:
    assert look("mutation { createTag { inviteUser { id } } x: createTag { tag { id } } }").root_fields == 2


def test_the_standard_introspection_is_taken() -> None:
    text = get_introspection_query(
        specified_by_url=True, schema_description=True, input_value_deprecation=True
    )
    shape = look(text)
    assert validate(SCHEMA, parse(text)) == []
    assert (shape.name, shape.root_fields, shape.cost({})) == ("IntrospectionQuery", 1, 1_001)


def test_what_the_schema_lacks_is_left_to_validation() -> None:
    for text in (
        "{ nope { nope { id } } ...Nope }",
        "{ viewer { ... on Nope { id } } }",
        "mutation { nope }",
    ):
        assert look(text).visited > 0
        assert validate(SCHEMA, parse(text)) != []


def test_the_operation_name_must_be_the_documents() -> None:
    mine = look("query Mine { viewer { id } }")
    mine.check_name("Mine")
    mine.check_name(None)
    for shape, name in ((mine, "Other"), (mine, ""), (look("{ viewer { id } }"), "Mine")):
        with pytest.raises(Refused) as caught:
            shape.check_name(name)
        assert caught.value.code == "UNKNOWN_OPERATION"


def test_a_syntax_error_says_where_and_never_repeats_a_value() -> None:
    for text, message in (
        ("{ viewer(", "Syntax Error: Expected Name, found <EOF> at line 1, column 10."),
        ('{ viewer "4242424242424242" }', "Syntax Error: Expected Name, found String at line 1, column 10."),
        ("{\n a(x: ..) }", "Syntax Error: Unexpected '..' at line 2, column 7."),
        ("{ a " + "b" * 100_000 + "(", "Syntax Error: Expected Name, found <EOF> at line 1, column 100006."),
    ):
        with pytest.raises(Refused) as caught:
            parse_document(text)
        assert (caught.value.code, caught.value.message) == ("BAD_SYNTAX", message)


WORDS = st.sampled_from([
    "{", "}", "{", "}", "(", ")", "[", "]", ":", "=", "!", "$", "@", "...", "on", "query", "mutation",
    "fragment", "F", "G", "viewer", "id", "parent", "a:", "first: 1", "$n", "@skip(if: true)", '"x"', "#z\n",
    '"""y"""', "1", "1.5", "null", "type", "__schema", "types", "fields", "customers", "nodes", "...F",
    "...G", "é", "\x00", "fragment F on Viewer {",
])  # fmt: skip


def look_or_refuse(text: str) -> Shape | Refused:
    try:
        return look(text)
    except Refused as refusal:
        return refusal


@pytest.mark.prove
@settings(max_examples=rounds(300, 5_000), deadline=None)
@given(st.text(max_size=80) | st.lists(WORDS, max_size=40).map(" ".join))
def test_arbitrary_text_raises_nothing_but_a_refusal(text: str) -> None:
    assert isinstance(look_or_refuse(text), Shape | Refused)


def selection(*spreads: str) -> st.SearchStrategy[str]:
    """Selections on a viewer, nested, that may spread these fragments."""
    leaves = st.sampled_from(["id", "a: id", "name @skip(if: true)", *(f"...{name}" for name in spreads)])

    def wider(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        several = st.lists(inner, min_size=1, max_size=3).map(" ".join)
        opened = st.sampled_from(["parent", "b: parent", "...", "... on Viewer @include(if: true)"])
        return st.tuples(opened, several).map(lambda drawn: f"{drawn[0]} {{ {drawn[1]} }}") | several

    return st.recursive(leaves, wider, max_leaves=8)


class Plain:
    """Counts by expanding every fragment wherever it is spread, sharing nothing with api.survey."""

    def __init__(self, text: str) -> None:
        operation, *fragments = parse(text).definitions
        self.sets = {fragment.name.value: fragment.selection_set for fragment in fragments}
        self.aliases = self.directives = self.selections = self.depth = self.nesting = 0
        self.walk(operation.selection_set, 0, 1)

    def walk(self, node: SelectionSetNode, depth: int, nesting: int) -> None:
        self.nesting = max(self.nesting, nesting)
        for part in node.selections:
            self.selections += 1
            self.directives += len(part.directives or ())
            within = self.sets[part.name.value] if part.kind == "fragment_spread" else part.selection_set
            here = depth + (part.kind == "field")
            self.depth = max(self.depth, here)
            self.aliases += bool(getattr(part, "alias", None))
            if within:
                self.walk(within, here, nesting + 1)


@pytest.mark.prove
@settings(max_examples=rounds(150, 2_000), deadline=None)
@given(selection("A", "B"), selection("B"), selection())
def test_the_counts_are_what_a_plain_reader_finds_by_expanding(top: str, a: str, b: str) -> None:
    text = (
        f"{{ viewer {{ {top} ...A }} }}"
        f" fragment A on Viewer {{ ...B {a} ...B }} fragment B on Viewer {{ {b} }}"
    )
    plain = Plain(text)
    over = {
        "TOO_DEEP": plain.depth > 10 or plain.nesting > 32,
        "TOO_MANY_ALIASES": plain.aliases > 30,
        "TOO_MANY_DIRECTIVES": plain.directives > 20,
        "TOO_MANY_SELECTIONS": plain.selections > 1_000,
    }
    answer = look_or_refuse(text)
    if isinstance(answer, Refused):
        assert over.get(answer.code, answer.code == "TOO_MANY_REPEATS")
    else:
        assert not any(over.values())
        assert (answer.depth, answer.aliases, answer.selections) == (
            plain.depth,
            plain.aliases,
            plain.selections,
        )

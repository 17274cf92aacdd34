"""No message guesses names of the schema: GUARANTEES E-7, in every kind graphql-core makes suggestions in."""

import pytest
from graphql import GraphQLError, GraphQLSyntaxError, parse, validate
from graphql.execution.values import get_variable_values
from graphql.pyutils import did_you_mean
from graphql.validation.validate import validate_sdl
from hypothesis import example, given, settings
from hypothesis import strategies as st

from api.guard import strip_suggestions
from tests.api.toy_schema import SCHEMA
from tests.figures import rounds

DOCUMENTS = {
    "a field": "{ viewr { id } }",
    "a field of a type": "{ viewer { naem } }",
    "a field of an interface": "{ node(id: 1) { company } }",
    "a field of a union": "{ payer { company } }",
    "a field of two types of a union": "{ payer { id } }",
    "an argument": "{ customers(frist: 1) { totalCount } }",
    "an argument of a directive": "{ viewer { id @skip(iff: true) } }",
    "a type": "{ viewer { ... on Viewr { id } } }",
    "a type of a variable": "query ($a: Strin) { customer(id: $a) { id } }",
    "an enum value": "{ customers(where: {status: OPN}) { totalCount } }",
    "an enum value as a string": '{ customers(where: {status: "OPEN"}) { totalCount } }',
    "a field of an input": "{ customers(where: {stauts: OPEN}) { totalCount } }",
    "a field of an input, deep": '{ customers(where: {and: [{numbr: "1"}]}) { totalCount } }',
    "a default": "query ($w: Where = {stats: OPEN}) { customers(where: $w) { totalCount } }",
}


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_a_message_of_validation_loses_its_suggestion_and_nothing_else(kind: str) -> None:
    document = parse(DOCUMENTS[kind])
    said = [error.message for error in validate(SCHEMA, document)]
    hidden = [error.message for error in validate(SCHEMA, document, hide_suggestions=True)]
    assert any("Did you mean" in message for message in said)
    assert [strip_suggestions(message) for message in said] == hidden


@pytest.mark.parametrize(
    "value", [{"stauts": "OPEN"}, {"status": "OPN"}, {"and": [{"numbre": "1"}]}, {"status": 1}]
)
def test_a_message_about_a_variable_loses_its_suggestion(value: object) -> None:
    operation = parse("query ($w: Where) { customers(where: $w) { totalCount } }").definitions[0]
    said = get_variable_values(SCHEMA, operation.variable_definitions, {"w": value})
    hidden = get_variable_values(SCHEMA, operation.variable_definitions, {"w": value}, hide_suggestions=True)
    assert [strip_suggestions(error.message) for error in said] == [error.message for error in hidden]


def test_a_message_of_an_enum_itself_loses_its_suggestion() -> None:
    with pytest.raises(GraphQLError) as caught:
        SCHEMA.get_type("Status").coerce_input_value("OPN")
    said = caught.value.message
    assert said == "Value 'OPN' does not exist in 'Status' enum. Did you mean the enum value 'OPEN'?"
    assert strip_suggestions(said) == "Value 'OPN' does not exist in 'Status' enum."


def test_a_message_about_an_extended_type_loses_its_suggestion() -> None:
    document = parse("type Query { a: Int } extend type Querry { b: Int }")
    said = [error.message for error in validate_sdl(document)]
    assert said == ["Cannot extend type 'Querry' because it is not defined. Did you mean 'Query'?"]
    assert strip_suggestions(said[0]) == "Cannot extend type 'Querry' because it is not defined."


@pytest.mark.parametrize(("text", "stripped"), [
    ("{ a(x: ..) }", "Syntax Error: Unexpected '..'."),
    ("{ a(x: .5) }", "Syntax Error: Invalid number, expected digit before '.'."),
    ("{ a(x: 'y') }", "Syntax Error: Unexpected single quote character (')."),
])  # fmt: skip
def test_a_syntax_error_loses_its_hint(text: str, stripped: str) -> None:
    with pytest.raises(GraphQLSyntaxError) as caught:
        parse(text)
    said = caught.value.message
    assert "did you mean" in said
    assert strip_suggestions(said) == stripped


@pytest.mark.parametrize("count", range(1, 8))
@pytest.mark.parametrize("about", [None, "the enum value", "to use an inline fragment on"])
def test_any_number_of_suggestions_goes(count: int, about: str | None) -> None:
    names = [f"secret{n}" * 20 for n in range(count)]
    assert strip_suggestions("Unknown type 'A'." + did_you_mean(names, about)) == "Unknown type 'A'."


def test_other_messages_stay_as_they_are() -> None:
    for message in (
        "",
        "Cannot query field 'a' on type 'B'.",
        "Variable '$a' is never used.",
        "Why? Found: nothing.",
    ):
        assert strip_suggestions(message) == message


PIECES = st.sampled_from(["did you mean", "Did you ", "mean", " '", "a'", "?", ", ", "or", "."])


@pytest.mark.prove
@settings(max_examples=rounds(300, 3_000), deadline=None)
@given(st.text() | st.lists(PIECES).map("".join))
@example("did did you mean you mean")
@example(" DID YOU MEAN " * 50_000)
@example(" Did you mean 'a'" + ", 'a'" * 50_000)
@example((" Did you mean 'a'" + ", 'a'" * 50) * 1_000)
def test_the_words_never_get_past(message: str) -> None:
    assert "did you mean" not in strip_suggestions(message).lower()

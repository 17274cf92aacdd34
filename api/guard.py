"""The query guard: what stands between parsing and validation, and refuses what would cost too much.

Parse with `parse_document`, look with `guard` once per text, and ask the `Shape` it gives for the cost of
each request's variables. The fact that surprises: an accepted document can still be refused later, when its
variables ask for pages that make it too dear. GUARANTEES E-3 and E-4, and API.md's limits, come from here.

Limits API.md does not name, each closing a hole behind it: 1,000 selections with fragments expanded; 32
nested selections (inline fragments are no fields); one field asked for at most 30 times in one place (merging
compares each with each); introspection 20 deep and at most two lists of types or fields within each other;
names and literals as literals.py says.

All are 400: BAD_SYNTAX, TOO_MANY_TOKENS, TOO_DEEP, ONE_OPERATION, DEFINITION_REFUSED, SUBSCRIPTION_REFUSED,
INCREMENTAL_REFUSED, TOO_MANY_FRAGMENTS, DUPLICATE_FRAGMENT, UNUSED_FRAGMENT, FRAGMENT_CYCLE,
TOO_MANY_ALIASES, TOO_MANY_DIRECTIVES, TOO_MANY_ROOT_FIELDS, TOO_MANY_MUTATIONS, ONE_MUTATION,
TOO_MANY_SELECTIONS, TOO_MANY_REPEATS, EMPTY_SELECTION, INTROSPECTION_TOO_DEEP, TOO_EXPENSIVE,
UNKNOWN_OPERATION; PAGE_TOO_LARGE from cost.py, NAME_TOO_LONG and the gate's own from literals.py.
"""

import re
from dataclasses import dataclass

from graphql import DocumentNode, GraphQLSchema, GraphQLSyntaxError, OperationType, parse

from api.cost import Cost, Sizes, Term, Variables, evaluate
from api.gate import Refused
from api.survey import Survey, refuse, refuse_depth

TOKENS = 1_000
COST = 5_000

_SUGGESTION = re.compile(
    r"(\.?) Did you mean (?:the enum value |to use an inline fragment on )?"
    r"'\w+'(?:, '\w+')*+(?:,? or '\w+')?\?( Found:)?"
)
_HINT = re.compile(r"[.,]? did you mean [^?\n]{1,80}\?", re.IGNORECASE)
_PHRASE = re.compile("did you mean", re.IGNORECASE)
_TYPED = re.compile(r"\b(BlockString|String|Int|Float) '.*'", re.DOTALL)


def parse_document(text: str, *, located: bool = True) -> DocumentNode:
    """Parse a document of at most 1,000 tokens (and as many comments). Refuses what is not GraphQL.

    `located` keeps where each piece stood, for messages; that is more than half of a document's memory.
    """
    try:
        return parse(text, no_location=not located, max_lexical_tokens=TOKENS, max_comments=TOKENS)
    except GraphQLSyntaxError as error:
        message = error.message
        place = "".join(f" at line {found.line}, column {found.column}" for found in error.locations or ())
    # Only here the half-parsed document, which hangs on the error, is let go.
    raise _unreadable(message, place)


def _unreadable(message: str, place: str) -> Refused:
    if f"more than {TOKENS} " in message:
        return Refused(
            400, "TOO_MANY_TOKENS", "A document may have at most 1,000 tokens. Ask for less at once."
        )
    if "nested too deeply" in message:
        refuse_depth()
    # What was typed as a value is not repeated: it may be a secret, or as long as the body.
    said = _TYPED.sub(r"\1", strip_suggestions(message)).removesuffix(".")[:200]
    return Refused(400, "BAD_SYNTAX", f"{said}{place}.")


def strip_suggestions(message: str) -> str:
    """A message of graphql-core without the names it guesses from the schema, and without "Did you mean".

    Validate with `hide_suggestions=True` as well, which saves the guessing; no message gets past this.
    """
    message = _SUGGESTION.sub(lambda found: ", found:" if found[2] else found[1], message)
    return _PHRASE.sub("…", _HINT.sub(".", message))


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """What an accepted document amounts to, fragments expanded; `visited` counts the nodes looked at."""

    kind: OperationType
    name: str | None
    root_fields: int
    depth: int
    aliases: int
    selections: int
    visited: int
    _cost: Cost
    _steps: tuple[Term, ...]

    def cost(self, variables: Variables) -> int:
        """The points a request with these variables costs. Refuses more than 5,000, and pages over 100."""
        cost = evaluate(self._cost, self._steps, variables)
        if cost > COST:
            refuse(
                "TOO_EXPENSIVE",
                f"This may cost {cost} points, at most 5,000 are allowed. Ask for fewer records.",
            )
        return cost

    def check_name(self, operation_name: str | None) -> None:
        """Refuse an `operationName` that is not the document's operation."""
        if operation_name is not None and operation_name != self.name:
            refuse("UNKNOWN_OPERATION", "The document has no operation of that operationName.")


def guard(
    document: DocumentNode, schema: GraphQLSchema, *, sizes: Sizes, single: frozenset[str] = frozenset()
) -> Shape:
    """Measure a document and refuse what goes over a limit, naming it; what it costs without variables too.

    `sizes` states the maximum of each plain list; `single` names the mutations that must stand alone (pay,
    refund, invite). Unknown fields and types are left to validation.
    """
    survey = Survey(document, schema, sizes=sizes, single=single)
    totals = survey.measure()
    operation = survey.operation
    shape = Shape(
        kind=operation.operation,
        name=operation.name.value if operation.name else None,
        root_fields=totals.roots,
        depth=totals.depth,
        aliases=totals.aliases,
        selections=totals.selections,
        visited=survey.visited,
        _cost=totals.priced().once,
        _steps=tuple(survey.prices.steps),
    )
    if isinstance(shape._cost, int):
        shape.cost({})
    return shape

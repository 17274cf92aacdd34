"""The codes of errors: what rules say is what clients were told of, no more and no less."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.problems import ERROR_CODES, WARNING_CODES, errors_of
from errors import Conflict, Forbidden, Invalid, Limited, NotFound, Refusal
from tests.api.writing import Writer

ROOT = Path(__file__).parents[2]
# No mutation leads there: signing in and passwords are pages only, partners are made by operators, money is
# settled by what the gateway says, and the gateway's own page speaks for itself.
ELSEWHERE = {
    "auth/accepting.py", "auth/passwords.py", "auth/resets.py", "auth/signin.py", "auth/tokens.py",
    "auth/users.py", "billing/partners.py", "billing/ports.py", "billing/settling.py",
    "integrations/inbox.py",
}  # fmt: skip
# Of keys themselves, of one's own account and second factors, of asking for access, of erasing, and of
# taking a payment back, which the API has not.
NOT_OFFERED = {
    "UNKNOWN_SCOPE",
    "API_KEY_MADE",
    # Of the page that asks whether to send: a program that repeats a mutation gives its key.
    "SENT_ALREADY",
    "API_KEY_OVER",
    "API_KEY_ROTATED",
    "BAD_NAME",
    "TOO_MANY_FACTORS",
    "TOO_MANY_PASSKEYS",
    "LAST_FACTOR",
    "NO_ACCOUNT",
    "NO_FACTOR",
    "PAYMENT_CANNOT_BE_CANCELED",
    "NOTHING_TO_UNDO",
    "ALREADY_IN",
    "ADDRESS_TAKEN",
    "PLACE_TAKEN",
    "OTHER_ACCOUNT",
    "SAME_ADDRESS",
    "NOBODY_HERE",
    "STILL_NEEDED",
    "STILL_HERE",
    "ELSEWHERE_TOO",
    # Of documents, which are files.
    "BAD_RANGE",
    "PDF_TOO_LONG",
    "STATEMENT_TOO_LONG",
    # Of the logo and the sign-in policy, which are the dashboard's.
    "ANIMATED_PICTURE",
    "NOT_A_PICTURE",
    "NO_FACTOR_YOURSELF",
    "PICTURE_TOO_LARGE",
    "PICTURE_TOO_WIDE",
    "SVG_REFUSED",
    # Of looking at a portal, which people do in the dashboard.
    "CANNOT_SIGN_IN",
    "NO_PORTAL",
}
# Told beside the data, at a document's arguments.
OF_ARGUMENTS = {"NULL_ARGUMENT"}


def rules() -> Iterator[Path]:
    for room in ("auth", "billing", "integrations"):
        for path in sorted((ROOT / room).rglob("*.py")):
            name = str(path.relative_to(ROOT))
            if name not in ELSEWHERE and "gateways" not in name:
                yield path
    yield ROOT / "errors.py"
    yield ROOT / "api" / "return_urls.py"


def codes_in(path: Path) -> Iterator[str]:
    """Every code that a module refuses with: `code="…"`, `Problem("…", …)`, and a class's `code = "…"`."""
    for node in ast.walk(ast.parse(path.read_text())):
        found: ast.expr | None = None
        if isinstance(node, ast.keyword) and node.arg == "code":
            found = node.value
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Problem":
            found = node.args[0]
        elif isinstance(node, ast.ClassDef):
            yield from _of_class(node)
        if isinstance(found, ast.Constant):
            yield found.value


def _of_class(node: ast.ClassDef) -> Iterator[str]:
    beside = {"Forbidden", "Stopped", "Unauthenticated", "Limited"}
    if {getattr(parent, "id", "") for parent in node.bases} & beside or node.name in {*beside, "Refusal"}:
        return
    for inner in node.body:
        if isinstance(inner, ast.Assign) and getattr(inner.targets[0], "id", "") == "code":
            assert isinstance(inner.value, ast.Constant)
            yield inner.value.value


SAID = {code for path in rules() for code in codes_in(path)}


def test_no_rule_says_a_code_that_clients_were_not_told_of() -> None:
    assert SAID - ERROR_CODES.keys() - WARNING_CODES.keys() - NOT_OFFERED - {"INVALID"} == set()


def test_clients_are_told_of_no_code_that_no_rule_says() -> None:
    assert (ERROR_CODES.keys() | WARNING_CODES.keys()) - SAID == set()
    assert ERROR_CODES.keys() & NOT_OFFERED == set()


def test_codes_made_of_other_texts_are_none_of_a_mutations() -> None:
    made = []
    for path in rules():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword) and node.arg == "code" and isinstance(node.value, ast.JoinedStr):
                made.append(path.name)
    assert made == []


def _kinds(kind: type[Refusal]) -> Iterator[type[Refusal]]:
    for inner in kind.__subclasses__():
        yield inner
        yield from _kinds(inner)


def test_every_refusal_is_one_of_the_kinds_that_are_told() -> None:
    for kind in _kinds(Refusal):
        assert issubclass(kind, Invalid | Conflict | NotFound | Forbidden | Limited)


def test_an_unknown_code_is_a_bug_and_never_reaches_a_client() -> None:
    with pytest.raises(KeyError):
        errors_of(Invalid.at("name", code="NEVER_HEARD_OF", message="No."), record=None)


def test_at_most_a_hundred_errors_are_told() -> None:
    many = Invalid(
        [problem for _ in range(150) for problem in Invalid.at("x", code="REQUIRED", message="x").problems]
    )
    assert len(errors_of(many, record=None)) == 100


@pytest.mark.anyio
async def test_the_codes_are_in_the_schema_with_what_they_mean(writer: Writer) -> None:
    for name, known in (("UserErrorCode", ERROR_CODES), ("UserWarningCode", WARNING_CODES)):
        asked = f'{{ __type(name: "{name}") {{ enumValues {{ name description }} }} }}'
        values = (await writer.client.ask(asked)).data["__type"]["enumValues"]
        assert {value["name"]: value["description"] for value in values} == dict(known)

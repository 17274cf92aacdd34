"""Inputs: named fields, nothing else, and problems at the field where they are (A-5)."""

from collections.abc import Sequence
from typing import Any

import pytest

from billing.inputs import Input
from tests.billing.acting import problems_of


class Row(Input):
    """A nested input."""

    name: str | None = None


class Sheet(Input):
    """An input with a field of two types, and rows."""

    days: int | str | None = None
    rows: Sequence[Row] = ()


@pytest.mark.parametrize(
    ("given", "problems"),
    [
        ({"days": True}, [("WRONG_TYPE", ("days",))]),
        ({"rows": "abc"}, [("WRONG_TYPE", ("rows",))]),
        ({"rows": 5, "role": "ADMIN"}, [("WRONG_TYPE", ("rows",)), ("UNKNOWN_FIELD", ("role",))]),
        (
            {"rows": [{"name": "a"}, {"name": 1, "status": "x"}]},
            [("WRONG_TYPE", ("rows", 1, "name")), ("UNKNOWN_FIELD", ("rows", 1, "status"))],
        ),
    ],
)
def test_each_problem_is_at_its_field(given: dict[str, Any], problems: list[Any]) -> None:
    assert problems_of(lambda: Sheet.read(given)) == problems
    under = [(code, ("sheet", *path)) for code, path in problems]
    assert problems_of(lambda: Sheet.read(given, path=("sheet",))) == under


def test_what_is_not_given_is_told_from_what_is_empty() -> None:
    sheet = Sheet.read({"days": None, "rows": [{"name": "a"}]})
    assert (sheet.gives("days"), sheet.gives("rows"), sheet.rows[0].gives("name")) == (True, True, True)
    assert (Sheet().gives("days", "rows"), Row.read({}).gives("name")) == (False, False)
    assert Sheet.read({"days": "3"}).gives("rows", "days")

"""What a door may hand to a rule: named fields and nothing else.

Surprise: an unknown field is refused, not ignored (GUARANTEES A-5): `role`, `partnerId` or `status` slipped
into a form, a document or a CSV row must never reach a table.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from billing.texts import Path
from errors import Invalid, Problem


class Input(BaseModel):
    """Fields as they were typed. Whether they make sense is the rule's business, not checked here."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @classmethod
    def read(cls, given: Mapping[str, Any], path: Path = ()) -> Self:
        """The input with the fields of `given`; what `given` does not name stays "not given".

        Refuses at the field, all at once: UNKNOWN_FIELD for a name this input does not have, WRONG_TYPE.
        """
        try:
            return cls.model_validate(dict(given))
        except ValidationError as wrong:
            raise Invalid(
                _problems(wrong.errors(include_url=False, include_input=False), given, path)
            ) from None

    def gives(self, *fields: str) -> bool:
        """Was any of `fields` given, be it as empty?"""
        return not self.model_fields_set.isdisjoint(fields)


def _problems(errors: Iterable[ErrorDetails], given: Mapping[str, Any], path: Path) -> list[Problem]:
    # A field of several types reports each of them: one problem for one place is enough.
    problems: dict[Path, Problem] = {}
    for error in errors:
        where = (*path, *_place(error["loc"], given))
        if error["type"] == "extra_forbidden":
            message = "Leave this field out: it can't be set here."
            problems[where] = Problem("UNKNOWN_FIELD", where, message)
        else:
            message = "Send this field in the form that the schema describes."
            problems.setdefault(where, Problem("WRONG_TYPE", where, message))
    return list(problems.values())


def _place(loc: Path, given: object) -> Path:
    """`loc` without the names of types that pydantic adds to it."""
    place: Path = ()
    for step in loc:
        inside = given if isinstance(given, Mapping) else dict(enumerate(_rows(given)))
        if step not in inside:
            break
        given = inside[step]
        place = (*place, step)
    return place


def _rows(given: object) -> Sequence[object]:
    return given if isinstance(given, list | tuple) else ()

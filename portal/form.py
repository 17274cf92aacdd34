"""A posted form: read within limits, kept as typed, shown again with what was wrong at each field.

Field names are paths joined by "-": `company`, `address-postal_code`, `users-0-email`. A refusal's problem at
`("address", "postal_code")` therefore finds its field by itself. What surprises: a form never changes;
every step (problems found, a row added) makes a new one, and passwords are in none but the first. Numbers are
read by the reader's language as they come in (portal/numbers.py).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from starlette.requests import Request

from errors import Invalid, Problem
from languages import say
from portal import csrf, numbers

MOST_BYTES = 64 * 1024
MOST_FIELDS = 500
MOST_ROWS = 50
LONGEST_NAME = 200
MOST_STEPS = 8
# Which submit button was pressed: `<button name="_pressed" value="add-users">`.
PRESSED = "_pressed"
MEDIA_TYPE = "application/x-www-form-urlencoded"
CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

Typed = Mapping[str, tuple[str, ...]]


class Unreadable(Invalid):
    """The body is not a form we take: too long, too many fields, not UTF-8, or of another kind."""

    code = "UNREADABLE_FORM"

    def __init__(self, message: str) -> None:
        super().__init__([Problem(self.code, (), message)])


class Limits(NamedTuple):
    """How much a form may hold."""

    most_bytes: int = MOST_BYTES
    most_fields: int = MOST_FIELDS


USUAL = Limits()
# Two hundred lines with their taxes, each with a description of some length: the longest form there is.
LONG = Limits(most_bytes=1024 * 1024, most_fields=3_200)
# A form that carries another one along while somebody signs in, however long that is.
CARRYING = Limits(LONG.most_bytes + MOST_BYTES, LONG.most_fields + MOST_FIELDS)


class Wrong(NamedTuple):
    """One line of the error summary; `name` is the field to jump to, None when the page has none."""

    name: str | None
    message: str


@dataclass(frozen=True)
class Row:
    """One of a form's repeated rows: `row.name("email")` is `users-0-email`."""

    form: "Form"
    rows: str
    index: int

    @property
    def number(self) -> int:
        """The row's number as people count."""
        return self.index + 1

    def name(self, key: str) -> str:
        """The field's full name in this row."""
        return f"{self.rows}-{self.index}-{key}"

    def value(self, key: str) -> str:
        """What was typed in this row's field."""
        return self.form.value(self.name(key))

    def error(self, key: str) -> str | None:
        """What is wrong with this row's field."""
        return self.form.error(self.name(key))


@dataclass(frozen=True)
class Form:
    """What was typed and what is wrong with it. Templates and pages read it; nothing writes it."""

    typed: Typed = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    csrf_token: str | None = None
    pressed: str = ""
    _secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    _blank_rows: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    async def read(cls, request: Request, limits: Limits = USUAL) -> "Form":
        """The request's form. Refuses (Unreadable) beyond `limits`, by default 64 KiB and 500 fields;
        multipart, non-UTF-8, NUL."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != MEDIA_TYPE:
            raise Unreadable("This form can't be read. Go back, reload the page and send it again.")
        return cls.parsed(await _body(request, limits.most_bytes), limits.most_fields)

    @classmethod
    def parsed(cls, body: bytes, most_fields: int = MOST_FIELDS) -> "Form":
        """The form in an urlencoded body; refuses as `read` does."""
        try:
            pairs = parse_qsl(
                body.decode("ascii"),
                keep_blank_values=True,
                encoding="utf-8",
                errors="strict",
                max_num_fields=most_fields,
            )
        except ValueError as wrong:  # also UnicodeDecodeError, in either decoding
            raise Unreadable("This form has too many fields, or text that is not UTF-8.") from wrong
        if any(len(name) > LONGEST_NAME or name.count("-") > MOST_STEPS for name, _ in pairs):
            raise Unreadable("This form has a field with an impossible name. Reload the page and try again.")
        if any("\0" in text for pair in pairs for text in pair):
            # No keyboard makes it and PostgreSQL can't store it.
            raise Unreadable("This form holds a character that can't be stored (NUL). Type the text again.")
        # A form sends CR LF for each line break; everything behind this door counts on LF.
        clean = [(name, text.replace("\r\n", "\n")) for name, text in pairs]
        typed: dict[str, tuple[str, ...]] = {}
        for name, text in clean:
            if not name.startswith("_") and name != csrf.FIELD and not _is_secret(name):
                read = numbers.plain(text) if numbers.is_number(name) else text
                typed[name] = (*typed.get(name, ()), read)
        return cls(
            typed=typed,
            csrf_token=next((text for name, text in clean if name == csrf.FIELD), None),
            pressed=next((text for name, text in clean if name == PRESSED), ""),
            _secrets={name: text for name, text in reversed(clean) if _is_secret(name)},
        )

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Form":
        """A form to edit a document: `{"address": {"postalCode": …}}` is `address-postal_code`.

        None becomes blank, True becomes "on" (False is left out, as an empty checkbox is), a list of plain
        values becomes several values of one name.
        """
        return cls(typed=dict(_flat(document, "")))

    def value(self, name: str, default: str = "") -> str:
        """What was typed, `default` when the field was not there. Never a password: see `secret`."""
        return self.typed.get(name, (default,))[0]

    def values(self, name: str) -> tuple[str, ...]:
        """All values of a field that may come several times (checkboxes of one name)."""
        return self.typed.get(name, ())

    def checked(self, name: str, value: str = "on") -> bool:
        """Whether the checkbox or choice `value` of `name` is on."""
        return value in self.typed.get(name, ())

    def secret(self, name: str) -> str:
        """A password as typed, "" when there is none; only for the rule that checks it."""
        return self._secrets.get(name, "")

    def error(self, name: str) -> str | None:
        """What is wrong with the field, None when nothing is."""
        found = [numbers.said(problem.message) for problem in self.problems if _name(problem.path) == name]
        return " ".join(found) or None

    @property
    def summary(self) -> list[Wrong]:
        """Every problem once, in the order found, each with the field to jump to if the form has it."""
        known = {*self.typed, *self._secrets}
        lines = [
            Wrong(name if (name := _name(problem.path)) in known else None, numbers.said(problem.message))
            for problem in self.problems
        ]
        return list(dict.fromkeys(lines))

    def with_problems(self, refused: Invalid, *, under: tuple[str | int, ...] = ()) -> "Form":
        """The form to show again: as typed, without passwords, with what was wrong.

        `under` is put before each path, for a rule that saw only one row: `("users", 0)`.
        """
        found = tuple(problem._replace(path=(*under, *problem.path)) for problem in refused.problems)
        # The names of the passwords stay, so that the summary can link to their fields.
        return replace(self, problems=self.problems + found, _secrets=dict.fromkeys(self._secrets, ""))

    def rows(self, name: str, *, at_least: int = 0) -> list[Row]:
        """The repeated rows `name-0-…`, `name-1-…`, and blank ones after them up to `at_least`."""
        indices = self._indices(name)
        blank = max(self._blank_rows.get(name, 0), at_least - len(indices))
        first = indices[-1] + 1 if indices else 0
        return [Row(self, name, index) for index in [*indices, *range(first, first + blank)]]

    def rearranged(self, name: str, most_rows: int = MOST_ROWS) -> "Form | None":
        """The form with a row of `name` added or removed when that button was pressed, else None.

        The buttons are `add-users` and `remove-users-0`. No more than `most_rows`.
        """
        if self.pressed == f"add-{name}":
            grown = self._with_rows(name, self._indices(name))
            room = len(self._indices(name)) + self._blank_rows.get(name, 0) < most_rows
            return replace(grown, _blank_rows={**self._blank_rows, name: 1}) if room else grown
        prefix, removed = f"remove-{name}-", self.pressed.removeprefix(f"remove-{name}-")
        # Rows may have rows of their own: `remove-lines-0-taxes-1` removes no line.
        if self.pressed.startswith(prefix) and "-" not in removed:
            return self._with_rows(name, [index for index in self._indices(name) if str(index) != removed])
        return None

    def without_blank_rows(self, name: str, *, ignoring: Iterable[str] = ()) -> "Form":
        """The form with rows of `name` dropped in which nothing was typed; the rest move up.

        `ignoring` are the fields that are never blank (a role's select). Use the result for the rule and for
        showing again, so that a problem's row number is the row on the page.
        """
        skipped = frozenset(ignoring)

        def written(index: int) -> bool:
            prefix = f"{name}-{index}-"
            return any(
                any(text.strip() for text in texts)
                for field_name, texts in self.typed.items()
                if field_name.startswith(prefix) and field_name.removeprefix(prefix) not in skipped
            )

        return self._with_rows(name, [index for index in self._indices(name) if written(index)])

    def document(self) -> dict[str, Any]:
        """What was typed as a nested document: `address-city` -> `{"address": {"city": …}}`, rows as lists.

        The first value of each name, as text. Refuses (Unreadable) names that contradict each other.
        """
        tree: dict[str, Any] = {}
        for name, texts in self.typed.items():
            *way, last = name.split("-")
            place = tree
            for step in way:
                place = place.setdefault(step, {})
                if not isinstance(place, dict):
                    raise Unreadable("Two fields of this form contradict each other. Reload the page.")
            if last in place:
                raise Unreadable("Two fields of this form contradict each other. Reload the page.")
            place[last] = texts[0]
        return {name: _listed(value) for name, value in tree.items()}

    def pairs(self) -> list[tuple[str, str]]:
        """Every typed name and value. No passwords."""
        return [(name, text) for name, texts in self.typed.items() for text in texts]

    def carried(self) -> list[tuple[str, str]]:
        """What carries the form across signing in again: `pairs`, and the button that was pressed."""
        return [*self.pairs(), *([(PRESSED, self.pressed)] if self.pressed else [])]

    def _indices(self, name: str) -> list[int]:
        prefix = f"{name}-"
        numbers = {
            rest.partition("-")[0]
            for field_name in self.typed
            if field_name.startswith(prefix) and "-" in (rest := field_name.removeprefix(prefix))
        }
        # Three digits are plenty for 500 fields, and keep a stranger's "٣" or "9" * 50 out of int().
        return sorted(
            int(number) for number in numbers if number.isascii() and re.fullmatch(r"\d{1,3}", number)
        )

    def _with_rows(self, name: str, kept: list[int]) -> "Form":
        """Only the rows `kept`, numbered from 0; their problems go, because the numbers may have changed."""
        prefix = f"{name}-"
        number = {str(old): str(new) for new, old in enumerate(kept)}
        typed: dict[str, tuple[str, ...]] = {}
        for field_name, texts in self.typed.items():
            index, dash, key = field_name.removeprefix(prefix).partition("-")
            if not field_name.startswith(prefix) or not dash:
                typed[field_name] = texts
            elif index in number:
                typed[f"{prefix}{number[index]}-{key}"] = texts
        problems = tuple(p for p in self.problems if not _name(p.path).startswith(prefix))
        blank = {rows: count for rows, count in self._blank_rows.items() if rows != name}
        return replace(self, typed=typed, problems=problems, _blank_rows=blank)


async def _body(request: Request, most_bytes: int) -> bytes:
    too_long = say(
        "This form is longer than {most} KiB. Shorten the longest text and send it again.",
        most=most_bytes // 1024,
    )
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and len(announced) < 20 and int(announced) > most_bytes:
        raise Unreadable(too_long)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most_bytes:
            raise Unreadable(too_long)
    return bytes(body)


def _is_secret(name: str) -> bool:
    return "password" in name.rpartition("-")[2]


def _name(path: Iterable[str | int]) -> str:
    return "-".join(str(step) for step in path)


def _flat(value: Any, name: str) -> Iterable[tuple[str, tuple[str, ...]]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            step = CAMEL.sub("_", key).lower()
            yield from _flat(inner, f"{name}-{step}" if name else step)
    elif isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value):
        for index, item in enumerate(value):
            yield from _flat(item, f"{name}-{index}")
    elif isinstance(value, list | tuple):
        yield name, tuple(str(item) for item in value)
    elif isinstance(value, bool):
        if value:
            yield name, ("on",)
    else:
        yield name, ("" if value is None else str(value),)


def _listed(value: Any) -> Any:
    """A dictionary whose keys are all row numbers, as the list it stands for; everything below alike."""
    if not isinstance(value, dict):
        return value
    if value and all(key.isascii() and key.isdigit() for key in value):
        return [_listed(value[key]) for key in sorted(value, key=lambda key: (len(key), key))]
    return {key: _listed(inner) for key, inner in value.items()}

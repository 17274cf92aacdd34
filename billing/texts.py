"""Text that people type: cleaned, limited, and refused with every wrong field at once.

The surprise: every free text is searched for card numbers here (GUARANTEES G-1), so a rule that takes its
texts through `Checks` cannot forget it.
"""

import re
import unicodedata
from collections.abc import Callable
from typing import Literal, TypeVar, overload

from auth.emails import Email, parse_email
from billing.card_numbers import CARD_MESSAGE, contains_card_number
from errors import Invalid, Problem
from languages import say

Path = tuple[str | int, ...]
T = TypeVar("T")
Otherwise = TypeVar("Otherwise")

_LINE_END = re.compile("\r\n|[\r\n\x0b\x0c\x85\u2028\u2029]")
_SPACES = re.compile(r"\s+")
_SPACES_AT_LINE_END = re.compile(r"[^\S\n]+(?=\n|\Z)")
# Letters turned round by an override show a different name than is stored ("Trojan Source").
_OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clean_line(
    text: str | None, *, field: str, required: bool, limit: int, path: Path = (), name: str | None = None
) -> str | None:
    """One line of text: NFC, trimmed, whitespace and line ends made single spaces; None when left empty.

    `limit` counts characters after cleaning. `name` is what messages call the field, by default `field` with
    spaces. Refuses at `(*path, field)`: REQUIRED, TOO_LONG, BAD_CHARACTERS (controls, NUL, bidi overrides,
    lone surrogates), CARD_NUMBER.
    """
    if not text and not required:
        return None
    if text and text.isascii() and text.isprintable():
        # Nearly every text: no form to bring it into, and no character to refuse but the spaces around.
        line = text.strip() if "  " not in text else " ".join(text.split())
        if line and len(line) <= limit and not contains_card_number(line):
            return line
    where, spoken = (*path, field), name or _spoken(field)
    cleaned = _SPACES.sub(" ", _printable(text, where, spoken)).strip()
    return _accepted(cleaned, where, spoken, required, limit)


def clean_block(
    text: str | None, *, field: str, required: bool, limit: int, path: Path = (), name: str | None = None
) -> str | None:
    """Text of several lines: as clean_line, but newlines, tabs and inner spaces stay."""
    printable = _printable(text, (*path, field), name or _spoken(field))
    cleaned = _SPACES_AT_LINE_END.sub("", printable).strip()
    return _accepted(cleaned, (*path, field), name or _spoken(field), required, limit)


class Checks:
    """Collects every wrong field of one input, and refuses them together in `done`.

    Each reader gives back the clean value, or a stand-in ("" where the field is required) when it noted a
    problem: nothing may be done with the values before `done()` returned.
    """

    def __init__(self, path: Path = ()) -> None:
        self.path = path
        self.problems: list[Problem] = []

    def under(self, *path: str | int) -> "Checks":
        """Checks for a nested input, say one of the users; its problems land here too."""
        nested = Checks((*self.path, *path))
        nested.problems = self.problems
        return nested

    def refuse(self, *field: str | int, code: str, message: str) -> None:
        """Notes a problem that the rule itself found."""
        self.problems.append(Problem(code, (*self.path, *field), message))

    @overload
    def line(
        self, field: str, text: str | None, *, required: Literal[True], limit: int, name: str | None = None
    ) -> str: ...

    @overload
    def line(
        self, field: str, text: str | None, *, required: bool, limit: int, name: str | None = None
    ) -> str | None: ...

    def line(
        self, field: str, text: str | None, *, required: bool, limit: int, name: str | None = None
    ) -> str | None:
        """`clean_line`, its refusal noted."""
        try:
            return clean_line(text, field=field, required=required, limit=limit, path=self.path, name=name)
        except Invalid as refusal:
            self.problems += refusal.problems
            return "" if required else None

    @overload
    def block(
        self, field: str, text: str | None, *, required: Literal[True], limit: int, name: str | None = None
    ) -> str: ...

    @overload
    def block(
        self, field: str, text: str | None, *, required: bool, limit: int, name: str | None = None
    ) -> str | None: ...

    def block(
        self, field: str, text: str | None, *, required: bool, limit: int, name: str | None = None
    ) -> str | None:
        """`clean_block`, its refusal noted."""
        try:
            return clean_block(text, field=field, required=required, limit=limit, path=self.path, name=name)
        except Invalid as refusal:
            self.problems += refusal.problems
            return "" if required else None

    def email(self, field: str, text: str | None) -> Email:
        """A required e-mail address, which can hold a card number too; see auth.emails.parse_email."""
        if text is not None and contains_card_number(text):
            self.refuse(field, code="CARD_NUMBER", message=CARD_MESSAGE)
            return Email("", "")
        return self.read(field, parse_email, text, otherwise=Email("", ""))

    def read(
        self,
        field: str,
        parse: Callable[..., T],
        text: str | None,
        *given: object,
        otherwise: Otherwise,
        required: bool = True,
    ) -> T | Otherwise:
        """`parse(text, *given, path=…)` with its refusal noted; `otherwise` then, and for an empty optional.

        Fits parse_amount, parse_quantity, parse_rate and parse_tax_id.
        """
        if not required and not (text or "").strip():
            return otherwise
        try:
            return parse(text, *given, path=(*self.path, field))
        except Invalid as refusal:
            self.problems += refusal.problems
            return otherwise

    def note(self, rule: Callable[..., None], *given: object) -> None:
        """Asks a rule that refuses by itself, and notes its refusal among the others."""
        try:
            rule(*given)
        except Invalid as refusal:
            self.problems += refusal.problems

    def done(self) -> None:
        """Refuses if anything was noted, with all of it."""
        if self.problems:
            raise Invalid(self.problems)


def _printable(text: str | None, path: Path, name: str) -> str:
    """NFC with newlines as the only line ends; refuses characters that nobody types on purpose."""
    if not text:
        return ""
    if text.isascii() and text.isprintable():
        return text  # nearly every text: no form to bring it into, no character to refuse
    lines = _LINE_END.sub("\n", unicodedata.normalize("NFC", text))
    for char in lines:
        if char in _OVERRIDES or (char not in "\n\t" and unicodedata.category(char) in ("Cc", "Cs")):
            message = say(
                "Remove the invisible character U+{code} from the {name}.",
                code=format(ord(char), "04X"),
                name=say(name),
            )
            raise Invalid.at(*path, code="BAD_CHARACTERS", message=message)
    return lines


def _accepted(cleaned: str, path: Path, name: str, required: bool, limit: int) -> str | None:
    if not _visible(cleaned):
        if required:
            raise Invalid.at(*path, code="REQUIRED", message=say("Enter the {name}.", name=say(name)))
        return None
    if len(cleaned) > limit:
        message = say(
            "Shorten the {name} to {limit} characters; it has {count}.",
            name=say(name),
            limit=limit,
            count=len(cleaned),
        )
        raise Invalid.at(*path, code="TOO_LONG", message=message)
    if contains_card_number(cleaned):
        raise Invalid.at(*path, code="CARD_NUMBER", message=CARD_MESSAGE)
    return cleaned


def _visible(text: str) -> bool:
    if text.isascii() and text.isprintable():
        return bool(text.strip())
    return any(unicodedata.category(char) not in ("Zs", "Cf", "Cc") for char in text)


def _spoken(field: str) -> str:
    return field.replace("_", " ")

"""What is said in the reader's language: one current language a request, and the catalogue behind it.

English texts are the keys; `templates/languages/fr.po` holds the others. What surprises: the language is not
handed from function to function. Whoever begins a piece of work (a page, a mail) says in which language it
speaks, and everything below it says its texts with `say`; where nobody said anything it is English, so logs
and jobs are English.
"""

import gettext
import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Literal, Protocol, cast, get_args, runtime_checkable

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

Locale = Literal["en", "fr"]
ENGLISH: Locale = "en"
FRENCH: Locale = "fr"
# Each by its own name, as one looks for it in a list of languages one can't read.
LANGUAGES: dict[Locale, str] = {"en": "English", "fr": "Français"}
# What every column that holds a language checks.
ONE_OF_OURS = "locale in ('en', 'fr')"
_PLAIN = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
FOLDER = Path(__file__).parent / "templates" / "languages"

_spoken: ContextVar[Locale] = ContextVar("spoken", default=ENGLISH)


@runtime_checkable
class Displayed(Protocol):
    """A value that writes itself by language, as Money does."""

    def display(self, locale: Locale) -> str: ...


def spoken() -> Locale:
    """The language of the work in hand."""
    return _spoken.get()


@contextmanager
def speaking(locale: Locale) -> Iterator[None]:
    """Everything said inside is said in `locale`."""
    token = _spoken.set(locale)
    try:
        yield
    finally:
        _spoken.reset(token)


def known(locale: str | None) -> Locale | None:
    """`locale` if it is one of ours."""
    return cast(Locale, locale) if locale in get_args(Locale) else None


def say(text: str, /, **values: object) -> str:
    """`text` in the current language, its `{names}` filled with `values` (Money writes itself).

    A text without a translation is said in English. What is no text of ours is given back as it is; what was
    said already is said again, whatever language that was.
    """
    if isinstance(text, Said) and not values:
        values, text = dict(text.values), text.text
    said = translate(text)
    return Said.of(said.format(**_written(values)) if values else said, text, values)


def say_count(one: str, many: str, number: int, /, **values: object) -> str:
    """`one` or `many` of something, by the plural rule of the current language; `{count}` is the number."""
    said = translate_count(one, many, number)
    return said.format(**{"count": grouped(number), **_written(values)})


class Said(str):
    """A text that was said, in the language of the moment: it can be said again in another one."""

    __slots__ = ("text", "values")
    text: str
    values: Mapping[str, object]

    @classmethod
    def of(cls, said: str, text: str, values: Mapping[str, object]) -> "Said":
        """`said`, which is `text` with these values in it."""
        made = cls(said)
        made.text, made.values = text, values
        return made


class Figure(str):
    """A plain number within a text that is said: doors whose readers write otherwise write it so there."""

    __slots__ = ()


class Text(str):
    """A text that is said in the language of whoever it is shown to: it translates itself when it is printed.

    To compare and look it up it is the English one.
    """

    __slots__ = ()

    def __str__(self) -> str:
        return catalogue(spoken()).gettext(str.__str__(self))


def in_every_language(text: str) -> dict[Locale, str]:
    """A text of ours, or one that was said, in each language: for what is kept and read by anybody."""
    found: dict[Locale, str] = {}
    for locale in LANGUAGES:
        with speaking(locale):
            found[locale] = str(say(text))
    return found


def translate(text: str) -> str:
    """`text` as it stands in the catalogue, its names not filled: for templates."""
    if isinstance(text, Meant):
        return str(text)
    return catalogue(spoken()).gettext(text) if text else text


def translate_count(one: str, many: str, number: int) -> str:
    """`one` or `many` as it stands in the catalogue, its names not filled: for templates."""
    return catalogue(spoken()).ngettext(one, many, number)


class Meant(Text):
    """A text that other languages say in several ways: `context` tells which one is meant."""

    __slots__ = ("context",)
    context: str

    def __str__(self) -> str:
        return catalogue(spoken()).pgettext(self.context, str.__str__(self))


def mark(text: str, context: str = "") -> str:
    """A constant that will be said: in a table, a label, wherever it is made before anybody reads it.

    `context` is for words that another language says in several ways, "All" of invoices or of payments.
    """
    if not context:
        return Text(text)
    meant = Meant(text)
    meant.context = context
    return meant


def grouped(number: int) -> str:
    """A whole number as the current language writes it: 12,345, in French with narrow spaces."""
    return f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}") if spoken() == "fr" else f"{number:,}"


def decimal(plain: str) -> str:
    """A plain number, "9.975", as the current language writes it, ungrouped; any other text as it is."""
    return plain.replace(".", ",") if spoken() == "fr" and _PLAIN.fullmatch(plain) else plain


@cache
def catalogue(locale: Locale) -> gettext.NullTranslations:
    """The texts of a language, read from its catalogue once a process."""
    if locale == ENGLISH:
        return gettext.NullTranslations()
    compiled = io.BytesIO()
    with (FOLDER / f"{locale}.po").open("rb") as file:
        write_mo(compiled, read_po(file, locale))
    return gettext.GNUTranslations(io.BytesIO(compiled.getvalue()))


def _written(values: Mapping[str, object]) -> dict[str, object]:
    return {name: _of_now(value) for name, value in values.items()}


def _of_now(value: object) -> object:
    """A value as the current language writes it."""
    if isinstance(value, Said):
        return say(value)
    if isinstance(value, str | int):
        return value  # to ask what else it can do takes longer than to write it
    return value.display(spoken()) if isinstance(value, Displayed) else value

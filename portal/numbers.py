"""Numbers as people type them: read by the language of the page, and written back in it.

This is the one place of the pages where it is done. What comes out is the plain writing that rules, the API
and files take ("1234.50"). Surprise: plain writing is read alike in every language, so what was read once may
be read again. What can't be read stays as it was typed, for the rule to refuse; nothing is guessed.
"""

import re
from collections.abc import Mapping

from languages import Figure, Locale, Said, decimal, say, spoken

# The fields of forms in which a number is typed, by the last step of their names.
FIELDS = frozenset({
    "quantity", "unit_price", "discount", "discount_percent", "rate", "amount", "usd_price", "cad_price",
    "terms_days", "default_terms_days", "every_days", "max_count", "first_invoice_number",
})  # fmt: skip
# No-break, narrow no-break and thin spaces are what other programs and phones put between thousands.
_SPACE = "[ \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}]"
# Sign, whole part and decimals. Thousands only in right groups: "12,50" is no number in English.
_WRITTEN: Mapping[Locale, re.Pattern[str]] = {
    "en": re.compile(r"(-?)([0-9]+|[1-9][0-9]{0,2}(?:,[0-9]{3})+)(?:\.([0-9]+))?"),
    "fr": re.compile(rf"(-?)([0-9]+|[1-9][0-9]{{0,2}}(?:{_SPACE}[0-9]{{3}})+)(?:[.,]([0-9]+))?"),
}
_NO_DIGIT = re.compile(r"[^0-9]")


def is_number(name: str) -> bool:
    """Is a number typed in the field of this name?"""
    return name.rpartition("-")[2] in FIELDS


def plain(typed: str) -> str:
    """A number that was typed, "1 234,56" in French, as "1234.56"; what is none in this language as it is."""
    match = _WRITTEN[spoken()].fullmatch(typed.strip())
    if match is None:
        return typed
    sign, whole, decimals = match.groups()
    return f"{sign}{_NO_DIGIT.sub('', whole)}" + (f".{decimals}" if decimals else "")


def shown(name: str, text: str) -> str:
    """What a field holds, as the reader writes it if it is a number's."""
    return decimal(text) if is_number(name) else text


def said(message: str) -> str:
    """A text in the language of the page, the plain numbers in it written as the reader writes them."""
    if isinstance(message, Said):
        figures = {
            name: decimal(value) for name, value in message.values.items() if isinstance(value, Figure)
        }
        if figures:
            return say(message.text, **{**message.values, **figures})
    return say(message)

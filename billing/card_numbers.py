"""Finds card numbers in what people type, to refuse them, and in log lines, to mask them.

The surprise is what is *not* found, because phone and invoice numbers look alike (GUARANTEES G-1): a number
after a plus sign of up to 15 digits, thirteen digits that are a German mobile phone, a run of unusual groups
with other digits or mixed separators beside it, and cards hidden inside 20 or more unbroken digits.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

from stdnum import luhn

from errors import Invalid, Problem

CARD_MESSAGE = (
    "This looks like a card number. Remove it: Remit never keeps card numbers. "
    "Cards are added on the payment form only."
)

_FEWEST, _MOST = 13, 19

_BRAND = re.compile(
    r"""
      4(?!91[567]\d{9}$) \d{12}(?:\d{3}){0,2}      # Visa, most of Interac; not Germany's +49 15, 16, 17
    | (?:5[1-5]\d\d | 222[1-9] | 22[3-9]\d | 2[3-6]\d\d | 27[01]\d | 2720) \d{12}       # Mastercard
    | 3[47]\d{13}                                                                # American Express
    | (?:6011 | 64[4-9]\d | 65\d\d) \d{12,15}                                            # Discover
    | (?:30[0-5]\d | 3095 | 36\d\d | 3[89]\d\d) \d{10,15}                                   # Diners
    | (?:352[89] | 35[3-8]\d | 308[89] | 309\d | 310[0-2]) \d{12,15}                      # JCB
    | (?:311[2-9] | 3120 | 315[89] | 33[34]\d) \d{12,15} | (?:1800 | 2131) \d{11}         # JCB, older
    | (?:62\d | 81[0-7]) \d{13,16}                                                        # UnionPay
    | (?:50 | 5[678] | 63 | 67) \d{11,17}                                # Maestro, Switch, Interac
    """,
    re.VERBOSE | re.ASCII,
)

# Groups as they stand on the plastic: fours with a shorter last one, Visa's old 4-4-5, Amex and Diners.
_CUSTOMARY = re.compile(r"4 4 4 (?:4 )?[1-4]|4 4 4 4 [1-3]|4 4 5|4 6 [45]")

_DOTS = frozenset(".·•․‧∙⋅。．｡")
_LINE_ENDS = frozenset("\n\r\v\f\x85\u2028\u2029")
# What a space, separator or digit becomes in a query string, which log lines hold.
_ESCAPED = re.compile(r"%(20|09|0[AaDd]|2[BbDdEe]|3[0-9])")
_RUN = re.compile(r"\d+(?:[ .\-+_/\n]{1,4}\d+)*", re.ASCII)
_PIECES = re.compile(r"(\d+)|(\D+)", re.ASCII)


class _Find(NamedTuple):
    digits: str
    start: int
    end: int


def find_card_number(text: str) -> str | None:
    """The first card number's digits (Luhn, 13–19 digits, known prefix), or None.

    Sees through spaces, dashes, dots, underscores, slashes, line breaks in customary groups, invisible
    characters and every script's digits. Never put the answer into a message or a log.
    """
    return next((found.digits for found in _finds(text)), None)


def contains_card_number(text: str) -> bool:
    """Whether `find_card_number` finds one."""
    if len(text) < _FEWEST:
        return False
    return find_card_number(text) is not None


def mask_card_numbers(text: str) -> str:
    """The text with each card number replaced by `[card ****1111]`; for logs and error reports."""
    masked, done = [], 0
    for found in _finds(text):
        if found.end > done:
            masked += [text[done : found.start], f"[card ****{found.digits[-4:]}]"]
            done = found.end
    return "".join([*masked, text[done:]])


def refuse_card_numbers(fields: Mapping[str, str | None], path: tuple[str | int, ...] = ()) -> None:
    """Refuses, at each field that holds one, with CARD_NUMBER: card numbers never reach Remit (G-1)."""
    problems = [
        Problem("CARD_NUMBER", (*path, field), CARD_MESSAGE)
        for field, text in fields.items()
        if text is not None and contains_card_number(text)
    ]
    if problems:
        raise Invalid(problems)


_ID = (
    # Ids as the API shows them have letters and a line before: pay_….
    r"(?<![0-9A-Za-z])[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"
    r"|(?<![0-9A-Za-z])(?=[0-9]*[a-f])(?:[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32}|[0-9a-f]{16})\b"
)
_ID_OR_NUMBER = re.compile(rf"(?P<id>{_ID})|\d{{9,}}")


def mask_bank_numbers(text: str) -> str:
    """The text with every 9 or more unbroken digits cut to their last four; for logs only (G-1).

    Routing and account numbers have 9 to 17 and no mark of their own, so EINs and phone numbers are cut too.
    UUIDs and hexadecimal ids stay, or no log line could be followed.
    """
    return _ID_OR_NUMBER.sub(lambda match: match[0] if match["id"] else f"****{match[0][-4:]}", text)


def _finds(text: str) -> Iterator[_Find]:
    """Card numbers from left to right, of several that start together the longest first."""
    # Nearly every text ends here, before the walk over its characters.
    if len(text) < _FEWEST or sum(map(str.isdigit, text)) < _FEWEST:
        return
    plain, starts, ends = _seen_through(text)
    for run in _RUN.finditer(plain):
        for start, end in _candidates(run[0]):
            digits = re.sub(r"\D", "", run[0][start:end])
            first, last = run.start() + start, run.start() + end
            if _is_card(digits) and not (len(digits) <= 15 and plain[:first].endswith(("+", "+("))):
                yield _Find(digits, starts[first], ends[last - 1])


def _seen_through(text: str) -> tuple[str, list[int], list[int]]:
    """Digits of every script as 0–9, separators of a kind as one, invisible characters left out.

    Beside each character left: where in `text` the stretch that it stands for starts and ends.
    """
    seen: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    at = 0
    while at < len(text):
        escaped = _ESCAPED.match(text, at) if text[at] == "%" else None
        char, end = (chr(int(escaped[1], 16)), at + 3) if escaped else (text[at], at + 1)
        plain = _plain(char)
        if plain:
            seen.append(plain)
            starts.append(at)
            ends.append(end)
        at = end
    return "".join(seen), starts, ends


@lru_cache(maxsize=4096)
def _plain(char: str) -> str:
    if char in _LINE_ENDS:
        return "\n"
    if char in _DOTS:
        return "."
    digit = unicodedata.digit(char, None)
    if digit is not None:
        return str(digit)
    kind = unicodedata.category(char)
    if char == "\t" or kind == "Zs":
        return " "
    if kind == "Pd" or char == "\N{MINUS SIGN}":
        return "-"
    return "" if kind in ("Cf", "Mn", "Me") else char


def _candidates(run: str) -> Iterator[tuple[int, int]]:
    """Stretches of a run of digit groups, as long as a card number and grouped as one; longest first."""
    groups = [match.span() for match in _PIECES.finditer(run) if match[1]]
    gaps = {match[2] for match in _PIECES.finditer(run) if match[2]}
    one_kind = len(gaps) == 1 and not any("\n" in gap for gap in gaps)
    sizes = [end - start for start, end in groups]
    digits_before = [0, *accumulate(sizes)]
    for first in range(len(groups)):
        for after in range(min(first + _MOST, len(groups)), first, -1):
            if not _FEWEST <= digits_before[after] - digits_before[first] <= _MOST:
                continue
            if _could_be_one(sizes[first:after], alone=one_kind and after - first == len(groups)):
                yield groups[first][0], groups[after - 1][1]


def _could_be_one(sizes: list[int], *, alone: bool) -> bool:
    """One unbroken number, customary groups, or any groups that stand alone with one kind of separator.

    The last is not for 13 digits: few cards have them, many phone numbers written in groups do.
    """
    if len(sizes) == 1 or (alone and sum(sizes) > _FEWEST):
        return True
    return sizes[0] == 4 and _CUSTOMARY.fullmatch(" ".join(map(str, sizes))) is not None


def _is_card(digits: str) -> bool:
    return _BRAND.fullmatch(digits) is not None and luhn.is_valid(digits)

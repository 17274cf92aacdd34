"""Decimal numbers as people and programs write them, read into scaled integers and written back.

One way of writing is taken ("1234.50"): a comma means thousands to one reader and decimals to another, so it
is refused with the way to write it, never guessed.
"""

import re
from typing import NamedTuple

from errors import Invalid
from languages import Figure, say

_PLAIN = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?")
_GROUPED = re.compile(r"-?[0-9]{1,3}(?:[,'’\s][0-9]{3})+(?:[.,][0-9]+)?")
_COMMA = re.compile(r"-?[0-9]+,[0-9]+")
_SIGNED = re.compile(r"[-+−].*")
# Far more digits than any range here allows, and far fewer than it takes to make int() slow.
_LONGEST = 40


class Style(NamedTuple):
    """How one kind of number is read: its name in messages, its decimals, a sample, its range (scaled)."""

    name: str
    places: int
    example: str
    lowest: int
    highest: int


def read_decimal(text: str | None, style: Style, *, path: tuple[str | int, ...] = ()) -> int:
    """The number times 10^places, exactly. Refuses at `path` with a message that says how to write it.

    Codes: REQUIRED, BAD_NUMBER (not written plainly), TOO_MANY_DECIMALS, OUT_OF_RANGE.
    """
    written = (text or "").strip()
    if not written:
        raise Invalid.at(
            *path,
            code="REQUIRED",
            message=say(
                "Enter the {name}, like {example}.", name=say(style.name), example=Figure(style.example)
            ),
        )
    match = _PLAIN.fullmatch(written)
    if match is None or (match[1] and style.lowest >= 0):
        raise Invalid.at(*path, code="BAD_NUMBER", message=_how_to_write(written, style))
    sign, whole, fraction = match[1], match[2], match[3] or ""
    if len(fraction) > style.places:
        message = say(
            "Write the {name} with at most {places} decimals, like {example}.",
            name=say(style.name),
            places=style.places,
            example=Figure(style.example),
        )
        raise Invalid.at(*path, code="TOO_MANY_DECIMALS", message=message)
    if len(whole) > _LONGEST:
        raise Invalid.at(*path, code="OUT_OF_RANGE", message=_range(style))
    scaled = int(whole + fraction.ljust(style.places, "0"))
    scaled = -scaled if sign else scaled
    if not style.lowest <= scaled <= style.highest:
        raise Invalid.at(*path, code="OUT_OF_RANGE", message=_range(style))
    return scaled


def decimal_text(scaled: int, *, places: int, keep: int) -> str:
    """`scaled / 10^places` as plain text with a point; trailing zeros are dropped beyond `keep` decimals."""
    whole, fraction = divmod(abs(scaled), 10**places)
    decimals = f"{fraction:0{places}d}"
    decimals = decimals[:keep] + decimals[keep:].rstrip("0")
    sign = "-" if scaled < 0 else ""
    return f"{sign}{whole}.{decimals}" if decimals else f"{sign}{whole}"


def _how_to_write(written: str, style: Style) -> str:
    if _GROUPED.fullmatch(written):
        return say(
            "Write the {name} without thousands separators, like {example}.",
            name=say(style.name),
            example=Figure(style.example),
        )
    if _COMMA.fullmatch(written):
        return say(
            "Write the {name} with a point instead of a comma, like {example}.",
            name=say(style.name),
            example=Figure(style.example),
        )
    if _SIGNED.fullmatch(written):
        minus = "" if style.lowest >= 0 else say(" (a minus only)")
        return say(
            "Write the {name} without a sign{minus}, like {example}.",
            name=say(style.name),
            minus=minus,
            example=Figure(style.example),
        )
    return say(
        "Write the {name} in digits only, like {example}.",
        name=say(style.name),
        example=Figure(style.example),
    )


def _range(style: Style) -> str:
    low = Figure(decimal_text(style.lowest, places=style.places, keep=0))
    high = Figure(decimal_text(style.highest, places=style.places, keep=0))
    return say("Enter the {name} as a number from {low} to {high}.", name=say(style.name), low=low, high=high)

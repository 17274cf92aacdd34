"""A partner's color made fit to be read: what stands on it, and what it becomes where it is text itself.

Surprise: one color becomes several. It fills buttons as it is, with black or white on it; as text, edge or
mark it is darkened or lightened, step by step, until it has its contrast (WCAG 2.2: 1.4.3 and 1.4.11).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

BLACK, WHITE = "#000000", "#ffffff"
TEXT, EDGE = 4.5, 3.0
_STEPS = 100


@dataclass(frozen=True, slots=True)
class Scheme:
    """The grounds that portal/static/css/tokens.css has in light or dark; a test holds the two together."""

    name: str
    canvas: str
    surface: str
    sunken: str
    hover: str
    softness: float

    @property
    def grounds(self) -> tuple[str, ...]:
        """Everything that text in the color may stand on, but the soft ground made of the color itself."""
        return (self.canvas, self.surface, self.sunken, self.hover)


LIGHT = Scheme("light", "#f7f8fa", "#ffffff", "#f1f3f6", "#eef0f4", 0.10)
DARK = Scheme("dark", "#0d1015", "#151920", "#1b2028", "#20262f", 0.18)


@dataclass(frozen=True, slots=True)
class Palette:
    """A color in one scheme: `fill` is itself, `on` what is readable on it, the others are made of it."""

    scheme: Scheme
    fill: str
    hover: str
    on: str
    ink: str
    soft: str
    edge: str
    mark: str

    @property
    def is_ink_changed(self) -> bool:
        """Had the color to be darkened or lightened to be text?"""
        return self.ink != self.fill

    @property
    def on_contrast(self) -> float:
        """Of text on the filled color."""
        return contrast(self.on, self.fill)

    @property
    def fill_contrast(self) -> float:
        """Of the color itself against the surface."""
        return contrast(self.fill, self.scheme.surface)

    @property
    def ink_contrast(self) -> float:
        """Of the color as text, against the surface."""
        return contrast(self.ink, self.scheme.surface)


@lru_cache(maxsize=256)
def palette(colour: str, scheme: Scheme) -> Palette:
    """What a color (`#rrggbb`) becomes in a scheme."""
    on = readable_on(colour)
    toward = BLACK if scheme is LIGHT else WHITE
    soft = mixed(scheme.surface, colour, scheme.softness)
    ink = shifted(colour, toward, TEXT, (*scheme.grounds, soft))
    return Palette(
        scheme=scheme,
        fill=colour,
        # Away from what stands on it, so that it only gets easier to read.
        hover=mixed(colour, WHITE if on == BLACK else BLACK, 0.14),
        on=on,
        ink=ink,
        soft=soft,
        edge=shifted(colour, toward, EDGE, (scheme.surface, scheme.canvas)),
        mark=_mark(colour, scheme),
    )


def readable_on(colour: str) -> str:
    """Black or white, whichever has more contrast on the color: at least 4.58 for any color there is."""
    return max((WHITE, BLACK), key=lambda ink: contrast(ink, colour))


def shifted(colour: str, toward: str, least: float, grounds: Iterable[str]) -> str:
    """The color moved toward black or white just as far as it takes to have `least` on every ground."""
    listed = tuple(grounds)
    for step in range(_STEPS + 1):
        moved = mixed(colour, toward, step / _STEPS)
        if all(contrast(moved, ground) >= least for ground in listed):
            return moved
    return toward


def mixed(colour: str, other: str, share: float) -> str:
    """So much (0 to 1) of the other color in it."""
    parts = zip(_parts(colour), _parts(other), strict=True)
    return "#" + "".join(f"{round(one + (two - one) * share):02x}" for one, two in parts)


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG, 1 to 21."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _mark(colour: str, scheme: Scheme) -> str:
    """The fill of a checked box: a white tick is seen on it, and it is seen on the surface."""
    darker = shifted(colour, BLACK, EDGE, (WHITE, LIGHT.canvas))
    return shifted(darker, WHITE, EDGE, (scheme.surface,)) if scheme is DARK else darker


def _parts(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    linear = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
              for part in (part / 255 for part in _parts(colour)))  # fmt: skip
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

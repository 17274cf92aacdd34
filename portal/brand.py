"""What a partner's brand is for the layouts: a small style sheet of its color, its logo, and where they are.

Surprise: the style sheet is kept nowhere. Its address holds the color and a digest of what becomes of it; the
text is made again from the color, and an address with any other digest does not exist
(portal/brand_files.py).
"""

import hashlib
from functools import lru_cache

from billing.colours import DARK, LIGHT, Palette, palette
from portal.shell import Brand


def brand_of(accent: str | None, logo: str | None) -> Brand:
    """Where a partner's color and logo are, for the layouts."""
    return Brand(style=style_address(accent) if accent else None, logo=logo_address(logo))


def style_address(accent: str) -> str:
    """Where the style sheet of a color (`#rrggbb`) is."""
    digest = hashlib.sha256(style_of(accent).encode()).hexdigest()[:16]
    return f"/brand/{accent[1:]}-{digest}.css"


def logo_address(logo: str | None) -> str | None:
    """Where the picture of this name is."""
    return f"/brand/{logo}.png" if logo else None


@lru_cache(maxsize=256)
def style_of(accent: str) -> str:
    """The style sheet: what tokens.css calls --accent…, in light and dark."""
    light, dark = _values(palette(accent, LIGHT)), _values(palette(accent, DARK))
    return f":root {{{light}}}\n@media screen and (prefers-color-scheme: dark) {{ :root {{{dark}}} }}\n"


def _values(made: Palette) -> str:
    return (
        f" --accent: {made.fill}; --accent-hover: {made.hover}; --on-accent: {made.on};"
        f" --accent-ink: {made.ink}; --accent-soft: {made.soft}; --accent-edge: {made.edge};"
        f" --accent-mark: {made.mark}; "
    )

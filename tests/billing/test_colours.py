"""A partner's color: whatever it is, everything made of it is readable, in light and dark."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.colours import DARK, LIGHT, Scheme, contrast, mixed, palette, readable_on, shifted
from portal.brand import style_of
from tests.portal import test_look
from tests.portal.test_look import EDGE_ON, TEXT_ON, tokens

COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")
AWKWARD = ("#000000", "#ffffff", "#ffff00", "#f5c400", "#777777", "#808080", "#00ff00", "#0000ff", "#0d1015")


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
def test_the_grounds_are_those_of_the_style_sheet(scheme: Scheme) -> None:
    found = tokens(scheme.name)
    assert [found[name] for name in ("canvas", "surface", "sunken", "hover")] == list(scheme.grounds)


def branded(colour: str, scheme: str) -> dict[str, str]:
    """What a page's colours are with the brand's style sheet after our own."""
    light, dark = style_of(colour).split("@media screen and (prefers-color-scheme: dark)")
    text = light if scheme == "light" else dark
    found = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", text))
    assert len(found) == 7
    return tokens(scheme) | found


def weak_in(colour: str, scheme: str) -> dict[tuple[str, str], float]:
    values = branded(colour, scheme)
    pairs = [(pair, 4.5) for pair in (*TEXT_ON, ("accent-ink", "hover"), ("accent-ink", "sunken"))]
    pairs += [(pair, 3.0) for pair in EDGE_ON]
    found = {pair: test_look.contrast(values[pair[0]], values[pair[1]]) for pair, _ in pairs}
    found = {pair: found[pair] for pair, least in pairs if found[pair] < least}
    if test_look.contrast("#ffffff", values["accent-mark"]) < 3:
        found["white", "accent-mark"] = test_look.contrast("#ffffff", values["accent-mark"])
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("colour", AWKWARD)
def test_every_pair_has_its_contrast_with_an_awkward_color(colour: str, scheme: str) -> None:
    assert weak_in(colour, scheme) == {}


@given(COLOURS)
def test_every_pair_has_its_contrast_with_any_color(colour: str) -> None:
    assert weak_in(colour, "light") == {}
    assert weak_in(colour, "dark") == {}


def test_a_color_that_is_readable_stays_as_it_is() -> None:
    made = palette("#3346c4", LIGHT)
    assert (made.fill, made.ink, made.edge, made.mark, made.on) == ("#3346c4",) * 4 + ("#ffffff",)
    assert not made.is_ink_changed
    assert palette("#f5c400", LIGHT).is_ink_changed
    assert palette("#f5c400", LIGHT).fill == "#f5c400"


def test_it_is_moved_no_further_than_it_takes() -> None:
    made = palette("#f5c400", LIGHT)
    nearer = shifted("#f5c400", "#000000", 4.4, (*LIGHT.grounds, made.soft))
    assert 4.5 <= min(contrast(made.ink, ground) for ground in (*LIGHT.grounds, made.soft)) < 4.75
    assert contrast(nearer, "#ffffff") <= contrast(made.ink, "#ffffff")


def test_black_and_white_are_where_they_should_be() -> None:
    assert [readable_on(colour) for colour in ("#f5c400", "#3346c4", "#ffffff", "#000000", "#767676")] == [
        "#000000", "#ffffff", "#000000", "#ffffff", "#000000",
    ]  # fmt: skip
    assert mixed("#000000", "#ffffff", 0.5) == "#808080"
    assert round(contrast("#000000", "#ffffff"), 1) == 21.0


@given(COLOURS)
def test_our_contrast_is_the_one_of_the_tests(colour: str) -> None:
    assert contrast(colour, "#ffffff") == pytest.approx(test_look.contrast(colour, "#ffffff"))

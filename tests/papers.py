"""PDFs in tests: one press for all of them, and what a reader, a screen reader or an archive finds inside."""

import io
import os
import tempfile
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, Self

from pypdf import PageObject, PdfReader

from integrations.pdf.press import Press, Sheet
from integrations.pdf.typesetter import Folder

LOOK_AT = os.environ.get("REMIT_PICTURES")
TEMPLATES = Path(__file__).parent.parent / "templates"


@cache
def press() -> Press:
    """The tests' press; `conftest.py` closes it when they are over."""
    return Press(TEMPLATES)


def opened(pdf: bytes) -> PdfReader:
    return PdfReader(io.BytesIO(pdf), strict=True)


def words(pdf: bytes) -> str:
    """All text of all pages, with single spaces."""
    read = " ".join(page.extract_text() for page in opened(pdf).pages)
    return " ".join(read.replace("\N{ZERO WIDTH SPACE}", "").replace("\N{NO-BREAK SPACE}", " ").split())


def tags(pdf: bytes) -> Counter[str]:
    """How often each kind of structure is in it."""
    found = Counter[str]()
    waiting = [opened(pdf).trailer["/Root"]["/StructTreeRoot"]]
    while waiting:
        element = waiting.pop().get_object()
        if isinstance(element, list):
            waiting += element
        elif isinstance(element, dict):
            found[str(element.get("/S", ""))] += 1
            waiting += [element["/K"]] if "/K" in element else []
    return found


def links(pdf: bytes) -> list[str]:
    """Where the links on its pages lead, each said for those who can't see it."""
    notes = [note.get_object() for page in opened(pdf).pages for note in page.get("/Annots", ())]
    assert all(note["/Subtype"] == "/Link" and note["/Contents"] for note in notes)
    return list(dict.fromkeys(note["/A"]["/URI"] for note in notes))


def fonts(pdf: bytes) -> set[str]:
    """The fonts on its pages, each with the tag of what is embedded of it."""
    return {
        str(font.get_object()["/BaseFont"])
        for page in opened(pdf).pages
        for font in page["/Resources"]["/Font"].values()
    }


def pictures(sheet: Sheet) -> list[bytes]:
    """Its pages as PNGs."""
    with tempfile.TemporaryDirectory() as place:
        made = Folder(TEMPLATES / "pdf", Path(place)).typeset(sheet.order, form="png")
    return made if isinstance(made, list) else [made]


def look(sheet: Sheet, name: str) -> None:
    """With REMIT_PICTURES (a folder) the file and its pages are kept there, to be looked at."""
    if LOOK_AT:
        (Path(LOOK_AT) / f"{name}.pdf").write_bytes(press().pdf(sheet))
        for place, picture in enumerate(pictures(sheet), 1):
            (Path(LOOK_AT) / f"{name}-{place}.png").write_bytes(picture)


class Run(NamedTuple):
    """Letters set in one go, where they stand on the page: points from its left and its upper edge."""

    left: float
    top: float
    right: float
    bottom: float


def runs(page: PageObject) -> list[Run]:
    """Every run of upright letters on a page, by what its content draws and the fonts' widths."""
    fonts = {name: _widths(font.get_object()) for name, font in page["/Resources"]["/Font"].items()}
    found: list[Run] = []
    state, kept = Matrix(), list[Matrix]()
    text, font, size = Matrix(), "", 0.0
    for operands, operator in page.get_contents().operations:
        match operator:
            case b"q":
                kept.append(state)
            case b"Q":
                state = kept.pop()
            case b"cm":
                state = Matrix(*map(float, operands)).within(state)
            case b"Tf":
                font, size = operands[0], float(operands[1])
            case b"Tm":
                text = Matrix(*map(float, operands))
            case b"Tj" | b"TJ":
                pieces = operands[0] if operator == b"TJ" else operands
                wide = sum(_advance(piece, fonts[font]) for piece in pieces) * size / 1000
                at = text.within(state)
                if not at.b and wide:
                    left, baseline, scale = at.e, float(page.mediabox.height) - at.f, abs(at.a)
                    tall = size * abs(at.d)
                    found.append(
                        Run(left, baseline - 0.72 * tall, left + wide * scale, baseline + 0.1 * tall)
                    )
                text = Matrix(1, 0, 0, 1, wide, 0).within(text)
    return found


def collisions(pdf: bytes) -> list[tuple[int, Run, Run]]:
    """Where letters stand upon others or in the margin: the page and the two runs (or the one, twice)."""
    found = []
    for number, page in enumerate(opened(pdf).pages, 1):
        here = sorted(runs(page))
        edge = float(page.mediabox.width) - 0.75 * 72
        found += [(number, run, run) for run in here if run.left < 0.75 * 72 or run.right > edge]
        for place, run in enumerate(here):
            for other in here[place + 1 :]:
                if other.left > run.right - 0.5:
                    break
                if min(run.bottom, other.bottom) - max(run.top, other.top) > 0.5:
                    found.append((number, run, other))
    return found


class Matrix(NamedTuple):
    """A transformation as PDF writes it."""

    a: float = 1
    b: float = 0
    c: float = 0
    d: float = 1
    e: float = 0
    f: float = 0

    def within(self, other: Self) -> "Matrix":
        """This one first, then the other."""
        return Matrix(
            self.a * other.a + self.b * other.c, self.a * other.b + self.b * other.d,
            self.c * other.a + self.d * other.c, self.c * other.b + self.d * other.d,
            self.e * other.a + self.f * other.c + other.e, self.e * other.b + self.f * other.d + other.f,
        )  # fmt: skip


def _widths(font: Any) -> dict[int, float]:
    """How wide each letter of a composite font is, by its number in the font, in thousandths of its size."""
    listed = list(font["/DescendantFonts"][0].get_object()["/W"])
    found: dict[int, float] = {}
    while listed:
        first, second = int(listed.pop(0)), listed.pop(0)
        if isinstance(second, list):
            found |= {first + place: float(width) for place, width in enumerate(second)}
        else:
            found |= dict.fromkeys(range(first, int(second) + 1), float(listed.pop(0)))
    return found


def _advance(piece: Any, widths: dict[int, float]) -> float:
    if isinstance(piece, (int, float)):
        return -float(piece)
    letters = piece if isinstance(piece, bytes) else piece.original_bytes
    return sum(widths.get(int.from_bytes(letters[at : at + 2]), 0) for at in range(0, len(letters), 2))

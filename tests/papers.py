"""PDFs in tests: one press for all of them, and what a reader, a screen reader or an archive finds inside."""

import io
import os
import tempfile
from collections import Counter
from functools import cache
from pathlib import Path

from pypdf import PdfReader

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

"""The typesetter: a process of its own that makes PDFs of what it is handed, one after the other.

Surprise: nothing a person typed is ever part of a template. It comes as JSON, which typst reads as text, and
typst sees one folder that holds the templates and the document in hand, nothing else. What no font has is
replaced before, since PDF/A allows no character without a glyph.
"""

import base64
import json
import re
import resource
import struct
import sys
import unicodedata
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from functools import cache
from pathlib import Path
from shutil import copy, rmtree
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

import typst

if TYPE_CHECKING:
    from typst import PDFStandard

Form = Literal["pdf", "png"]
# Archives keep it (PDF/A-2a), and screen readers read it (PDF/UA-1).
STANDARDS: list["PDFStandard"] = ["a-2a", "ua-1"]
MEMORY_BYTES = 3 << 30
DOCUMENT = "document.json"
LENGTH = struct.Struct(">I")
STATUS_MADE, STATUS_FAILED = b"+", b"-"
# A longer run of letters may be broken anywhere: no line of a page is as long as some make a word.
LONGEST_WORD = 24
_LONG = re.compile(rf"\S{{{LONGEST_WORD + 1},}}")
_BREAK = "\N{ZERO WIDTH SPACE}"
_MISSING = "\N{REPLACEMENT CHARACTER}"
_VARIATIONS = frozenset(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))


class Folder:
    """Where typst works: templates and fonts of ours, and the one document in hand."""

    def __init__(self, templates: Path, place: Path) -> None:
        self.place = place
        for path in templates.glob("*.typ"):
            copy(path, place)
        self.fonts = typst.Fonts(
            include_system_fonts=False, include_embedded_fonts=False, font_paths=[templates / "fonts"]
        )
        files = sorted((templates / "fonts").glob("*.ttf"))
        # Without any, typst prints empty pages and says nothing.
        if not self.fonts.fonts():
            raise FileNotFoundError(f"no fonts in {templates}")
        self.plain = letters_of(next(path for path in files if path.name == "Inter-Regular.ttf"))
        self.drawn = self.plain.union(*(letters_of(path) for path in files))

    def typeset(self, order: Mapping[str, Any], *, form: Form = "pdf") -> Any:
        """The PDF of an order (`template`, `content`, `logo`, `made_at`), or for tests its pages as pictures.

        The same order gives the same bytes. Raises typst.TypstError for a template that is wrong.
        """
        logo, document = self.place / "logo.png", self.place / DOCUMENT
        if order["logo"]:
            logo.write_bytes(base64.b64decode(order["logo"]))
        try:
            return self.compiled(order, self.shown, form)
        except typst.TypstError:
            # A letter of one font with a mark that only another has: then without what is not quite plain.
            return self.compiled(order, self.plainly, form)
        finally:
            # Nothing of a document lies about while nobody asks for one.
            for path in (logo, document):
                path.unlink(missing_ok=True)

    def shown(self, text: str) -> str:
        """The text as it can be set: what no font has is replaced, and long words may break."""
        kept = (char if self._is_drawn(char) else _MISSING for char in text if char not in _VARIATIONS)
        return _LONG.sub(_breakable, "".join(kept))

    def plainly(self, text: str) -> str:
        """The text in the letters of the first font alone."""
        kept = (char if char in self.plain or char in "\n\t" else _MISSING for char in text)
        marks = (char for char in kept if not unicodedata.combining(char))
        return _LONG.sub(_breakable, "".join(marks))

    def _is_drawn(self, char: str) -> bool:
        return char in self.drawn or char in "\n\t" or unicodedata.category(char) in ("Cf", "Zs", "Zl", "Zp")

    def compiled(self, order: Mapping[str, Any], text: Callable[[str], str], form: Form = "pdf") -> Any:
        """The order as typst makes it, each of its texts put through `text`."""
        (self.place / DOCUMENT).write_text(json.dumps(_each_text(order["content"], text)))
        made_at = datetime.fromisoformat(order["made_at"])
        return typst.compile(
            self.place / f"{order['template']}.typ",
            root=self.place,
            font_paths=self.fonts,
            ignore_system_fonts=True,
            format=form,
            ppi=100,
            pdf_standards=STANDARDS if form == "pdf" else None,
            timestamp=int(made_at.timestamp()),
        )


def _breakable(word: re.Match[str]) -> str:
    whole, pieces, at = word[0], [], 0
    for end in range(LONGEST_WORD, len(whole) + LONGEST_WORD, LONGEST_WORD):
        while end < len(whole) and _clings(whole, end):
            end += 1
        pieces.append(whole[at:end])
        at = max(at, end)
    return _BREAK.join(filter(None, pieces))


def _clings(text: str, place: int) -> bool:
    """Does the character there belong to the one before it?"""
    joined = "\N{ZERO WIDTH JOINER}"
    return bool(unicodedata.combining(text[place])) or joined in (text[place], text[place - 1])


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_each_text(one, change) for one in value]
    if isinstance(value, dict):
        return {name: _each_text(one, change) for name, one in value.items()}
    return value


@cache
def letters_of(font: Path) -> frozenset[str]:
    """The characters a TrueType font has glyphs for, read from its `cmap` (the table of format 12)."""
    held = font.read_bytes()
    (tables,) = struct.unpack_from(">H", held, 4)
    entries = (struct.unpack_from(">4sLLL", held, 12 + 16 * place) for place in range(tables))
    cmap = next(offset for tag, _, offset, _ in entries if tag == b"cmap")
    (records,) = struct.unpack_from(">H", held, cmap + 2)
    starts = (cmap + struct.unpack_from(">HHL", held, cmap + 4 + 8 * place)[2] for place in range(records))
    start = next(start for start in starts if struct.unpack_from(">H", held, start)[0] == 12)
    (groups,) = struct.unpack_from(">L", held, start + 12)
    found: set[str] = set()
    for place in range(groups):
        first, last, _glyph = struct.unpack_from(">LLL", held, start + 16 + 12 * place)
        found.update(map(chr, range(first, last + 1)))
    # Of no meaning outside of the font (or, marks apart, of the file): PDF/A refuses them.
    return frozenset(char for char in found if unicodedata.category(char) not in ("Co", "Cn", "Cc", "Cs"))


def serve(templates: Path, place: Path, orders: BinaryIO, answers: BinaryIO) -> None:
    """Answer one order after the other until there are no more, then take `place` away.

    So it is gone when the press was killed; when we are, the press takes it away.
    """
    try:
        folder = Folder(templates, place)
        while head := orders.read(LENGTH.size):
            order = json.loads(orders.read(LENGTH.unpack(head)[0]))
            try:
                status, made = STATUS_MADE, folder.typeset(order)
            except Exception as trouble:  # whatever it is, the next order is not to suffer from it
                status, made = STATUS_FAILED, f"{type(trouble).__name__}: {trouble}".encode()
            answers.write(status + LENGTH.pack(len(made)) + made)
            answers.flush()
    finally:
        rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    with suppress(ValueError, OSError):  # not every system bounds it
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    serve(Path(sys.argv[1]), Path(sys.argv[2]), sys.stdin.buffer, sys.stdout.buffer)

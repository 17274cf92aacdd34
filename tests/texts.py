"""Every text the product says, found in its templates and its Python, and the catalogues that hold them.

`python -m tests.texts` writes new texts into each catalogue, to be translated, and takes out what is said no
more. test_languages.py fails while one is missing.
"""

import ast
import inspect
import io
import re
from collections.abc import Iterator
from pathlib import Path

import zxcvbn.feedback
from babel.messages import Catalog, Message
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po

from billing.places import PROVINCES, STATES
from languages import FOLDER, LANGUAGES
from portal.badges import TONES
from tests.portal.look import ROOT, TEMPLATES

SPOKEN = ("errors.py", "auth", "billing", "portal", "integrations/mail", "integrations/pdf")
HEADER = """# Texts of Remit. `python -m tests.texts` adds what is new.
msgid ""
msgstr ""
"Language: {locale}\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: {plurals}\\n"

"""
# Of 0 and 1 French has one form. (Its third one, of whole millions, no text here needs.)
PLURALS = {"fr": "nplurals=2; plural=(n > 1);"}
Id = str | tuple[str, str]


class Meant(str):
    """A text of which there are several meanings; `context` tells which."""

    __slots__ = ("context",)
    context: str

    def __new__(cls, text: str, context: str) -> "Meant":
        made = super().__new__(cls, text)
        made.context = context
        return made


def said() -> Iterator[tuple[str, Id]]:
    """Where each text is said, and the text; a pair for one that counts."""
    for path in sorted(TEMPLATES.rglob("*.*")):
        if path.suffix in (".html", ".txt"):
            yield from _in_template(path)
    for name in SPOKEN:
        place = ROOT / name
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            for text in _InPython.of(path):
                yield str(path.relative_to(ROOT)), text
    for names in (*STATES.values(), *PROVINCES.values()):
        yield "billing/places.py", names[0]
    for _tone, text in TONES.values():
        yield "portal/badges.py", text
    for text in re.findall(
        r"""_\(['"](.+ (?:guess|password|much)\.)['"]\)""", inspect.getsource(zxcvbn.feedback)
    ):
        yield "auth/passwords.py", text


def _in_template(path: Path) -> Iterator[tuple[str, Id]]:
    found = extract("jinja2.ext.babel_extract", io.BytesIO(path.read_bytes()), options={"encoding": "utf-8"})
    for _line, text, _comments, _context in found:
        yield str(path.relative_to(ROOT)), text if isinstance(text, str) else (text[0], text[1])


class _InPython(ast.NodeVisitor):
    """`say`, `mark` and `say_count` anywhere; what refusals say; what stands in a message sent once."""

    def __init__(self) -> None:
        self.found: list[Id] = []

    @classmethod
    def of(cls, path: Path) -> list[Id]:
        visitor = cls()
        visitor.visit(ast.parse(path.read_text()))
        return visitor.found

    def visit_Call(self, call: ast.Call) -> None:
        name = ast.unparse(call.func).rpartition(".")[2]
        texts = [_text(argument) for argument in call.args]
        if name == "mark" and (context := _context(call)) and texts[0]:
            self.found.append(Meant(texts[0], context))
        elif name in ("say", "mark"):
            self._add(texts[0])
        elif name == "say_count" and texts[0] and texts[1]:
            self.found.append((texts[0], texts[1]))
        elif name == "counted" and texts[1] and texts[2]:
            self.found.append(("{count} " + texts[1], "{count} " + texts[2]))
        elif name == "go" and len(texts) > 2:
            for text in _choices(call.args[2]):
                self._add(text)
        elif name in ("line", "block") and texts and texts[0]:
            names = [_text(given.value) for given in call.keywords if given.arg == "name"]
            self._add(names[0] if names else texts[0].replace("_", " "))
        elif name == "Style":
            self._add(texts[0])
        elif name == "Problem" and len(texts) > 2:
            self._add(texts[2])
        elif name in REFUSALS:
            for text in texts:
                self._add(text if text and SENTENCE.fullmatch(text) else None)
        for given in call.keywords:
            if given.arg == "message":
                self._add(_text(given.value))
        self.generic_visit(call)

    def visit_Assign(self, assign: ast.Assign) -> None:
        target = ast.unparse(assign.targets[0])
        if target.lower().removeprefix("_") in MESSAGES or target.lower().endswith("_message"):
            for text in _choices(assign.value):
                self._add(text)
        self.generic_visit(assign)

    def visit_AnnAssign(self, assign: ast.AnnAssign) -> None:
        if ast.unparse(assign.target) == "message" and assign.value is not None:
            self._add(_text(assign.value))
        self.generic_visit(assign)

    def visit_Return(self, given: ast.Return) -> None:
        # A message is made where its reason is known, and handed up.
        for text in _choices(given.value) if given.value is not None else []:
            self._add(text if text and SENTENCE.fullmatch(text) else None)
        self.generic_visit(given)

    def _add(self, text: str | None) -> None:
        if text:
            self.found.append(text)


def sentences() -> Iterator[tuple[str, str]]:
    """Whatever reads like a sentence to people in the Python that speaks to them, and no docstring is."""
    for name in SPOKEN:
        place = ROOT / name
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            if path.name in PLAIN:
                continue
            tree = ast.parse(path.read_text())
            docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
            for node in ast.walk(tree):
                said = _text(node) if isinstance(node, ast.Constant) and id(node) not in docs else None
                if said and re.fullmatch(r"[A-Z“{].*[a-z] .*[.?!]", said, re.DOTALL):
                    yield str(path.relative_to(ROOT)), said


# Its two answers are for programs that call a host which is none of ours.
PLAIN = ("headers.py",)
REFUSALS = (
    "NotFound", "Forbidden", "Unauthenticated", "Conflict", "Limited", "Unreadable", "WrongSignIn", "refused",
    "_refusal", "_refused", "_TooLarge",
)  # fmt: skip
MESSAGES = frozenset({"message", "said", "wrong", "card_message"})
SENTENCE = re.compile(r"[A-Z].* .*[.?]")


def _text(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _context(call: ast.Call) -> str | None:
    given = [keyword.value for keyword in call.keywords if keyword.arg == "context"]
    return _text(given[0]) if given else None


def _choices(node: ast.expr) -> list[str | None]:
    """The texts of an expression that is one of several."""
    if isinstance(node, ast.IfExp):
        return [*_choices(node.body), *_choices(node.orelse)]
    if isinstance(node, ast.BoolOp):
        return [text for value in node.values for text in _choices(value)]
    return [_text(node)]


def template() -> Catalog:
    """All texts, none translated."""
    catalogue = Catalog(fuzzy=False)
    for where, text in said():
        catalogue.add(
            text if isinstance(text, tuple) else str(text),
            locations=[(where, None)],
            context=getattr(text, "context", None),
        )
    return catalogue


def read(locale: str) -> Catalog:
    """A language's catalogue as it is stored."""
    path = FOLDER / f"{locale}.po"
    with path.open("rb") as file:
        return read_po(file, locale)


def update(locale: str) -> list[Message]:
    """Bring a language's catalogue up to date; the messages that wait for a translation."""
    catalogue = read(locale)
    catalogue.update(template(), no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    # Sorted, so that two who add texts seldom meet in the same line.
    written = io.BytesIO()
    write_po(written, catalogue, width=110, sort_output=True, omit_header=True, no_location=True)
    head = HEADER.format(locale=locale, plurals=PLURALS[locale])
    (FOLDER / f"{locale}.po").write_bytes(head.encode() + written.getvalue())
    return [message for message in catalogue if message.id and not _translated(message)]


def _translated(message: Message) -> bool:
    return all(message.string) if isinstance(message.string, tuple) else bool(message.string)


if __name__ == "__main__":
    for code in LANGUAGES:
        if code != "en":
            print(code, "waits for:", *(message.id for message in update(code)), sep="\n  ")

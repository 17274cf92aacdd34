"""The house rules that a machine can keep."""

import ast
import re
import subprocess
from pathlib import Path

import pytest
from graphql import build_schema

ROOT = Path(__file__).parent.parent
CODE = (
    "errors.py",
    "languages.py",
    "app",
    "api",
    "portal",
    "auth",
    "billing",
    "integrations",
    "worker",
    "db",
)
BANNED = {
    "service",
    "services",
    "helper",
    "helpers",
    "util",
    "utils",
    "common",
    "base",
    "handler",
    "handlers",
}
BANNED |= {"data", "info"}
# The connection specification's own word.
ALLOWED = {"page_info", "PageInfo"}


def tracked(*endings: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    return [ROOT / name for name in listed if name.endswith(endings) and (ROOT / name).exists()]


PYTHON = [path for path in tracked(".py") if "migrations" not in path.parts]
OURS = [path for path in PYTHON if path.relative_to(ROOT).parts[0] in CODE]


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= 60, f"{node.name}: {length} lines"


@pytest.mark.parametrize("path", OURS, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_imported_inside_a_function(path: Path) -> None:
    for function in ast.walk(ast.parse(path.read_text())):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            inner = [node for node in ast.walk(function) if isinstance(node, ast.Import | ast.ImportFrom)]
            assert not inner, function.name


@pytest.mark.parametrize("path", OURS, ids=lambda path: str(path.relative_to(ROOT)))
def test_names_say_what_things_are(path: Path) -> None:
    names = [path.stem]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.append(node.name)
    for name in names:
        words = set(re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower().split("_"))
        assert name in ALLOWED or not words & BANNED, name


@pytest.mark.parametrize("path", OURS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_says_what_it_holds(path: Path) -> None:
    if path.read_text().strip():
        assert ast.get_docstring(ast.parse(path.read_text()))


RULES = [path for path in OURS if path.relative_to(ROOT).parts[0] in ("billing", "auth")]
CLOCK = re.compile(
    r"\b(datetime\.now|datetime\.utcnow|date\.today|time\.time|func\.now)\b|\.commit\(\)|os\.environ"
)


@pytest.mark.parametrize("path", RULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_rules_know_no_clock_no_environment_and_never_commit(path: Path) -> None:
    assert CLOCK.findall(path.read_text()) == []


def test_only_the_settings_read_the_environment() -> None:
    readers = [path for path in OURS if re.search(r"os\.(environ|getenv)", path.read_text())]
    assert [path.name for path in readers if path.name != "settings.py"] == []


def test_the_refusals_stand_below_everything() -> None:
    for node in ast.walk(ast.parse((ROOT / "errors.py").read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.module in ("collections.abc", "typing")
        assert not isinstance(node, ast.Import)


def test_every_mutation_is_named_in_a_test() -> None:
    schema = build_schema((ROOT / "api" / "schema.graphql").read_text())
    assert schema.mutation_type is not None
    written = "\n".join(path.read_text() for path in PYTHON if path.name.startswith("test_"))
    unnamed = [name for name in schema.mutation_type.fields if not re.search(rf"\b{name}\b", written)]
    assert unnamed == []

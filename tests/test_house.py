"""The house rules that a machine can keep."""

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

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


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


PYTHON = [path for path in tracked(".py") if "migrations" not in path.parts]
OURS = [path for path in PYTHON if path.relative_to(ROOT).parts[0] in CODE]


def _functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [
        node for node in ast.walk(parsed(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def test_files_and_functions_stay_small() -> None:
    wrong = [
        f"{shown(path)}: {length} lines" for path in PYTHON if (length := path.read_text().count("\n")) > 400
    ]
    for path in PYTHON:
        for node in _functions(path):
            length = (node.end_lineno or 0) - node.lineno + 1
            if length > 60:
                wrong.append(f"{shown(path)} {node.name}: {length} lines")
    assert wrong == []


def test_nothing_is_imported_inside_a_function() -> None:
    wrong = [
        f"{shown(path)} {function.name}"
        for path in OURS
        for function in _functions(path)
        if any(isinstance(node, ast.Import | ast.ImportFrom) for node in ast.walk(function))
    ]
    assert wrong == []


def test_names_say_what_things_are() -> None:
    wrong = []
    for path in OURS:
        classes = [node.name for node in ast.walk(parsed(path)) if isinstance(node, ast.ClassDef)]
        for name in [path.stem, *classes, *(node.name for node in _functions(path))]:
            words = set(re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower().split("_"))
            if name not in ALLOWED and words & BANNED:
                wrong.append(f"{shown(path)}: {name}")
    assert wrong == []


def test_every_module_says_what_it_holds() -> None:
    silent = [path for path in OURS if path.read_text().strip() and not ast.get_docstring(parsed(path))]
    assert [shown(path) for path in silent] == []


RULES = [path for path in OURS if path.relative_to(ROOT).parts[0] in ("billing", "auth")]
CLOCK = re.compile(
    r"\b(datetime\.now|datetime\.utcnow|date\.today|time\.time|func\.now)\b|\.commit\(\)|os\.environ"
)


def test_rules_know_no_clock_no_environment_and_never_commit() -> None:
    assert [f"{shown(path)}: {found}" for path in RULES if (found := CLOCK.findall(path.read_text()))] == []


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

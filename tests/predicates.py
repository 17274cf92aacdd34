"""A-2: take away what ties a statement to whoever asks, and see that a test notices.

`python -m tests.predicates billing` makes one `X.partner_id == …` or `X.customer_id == …` after the other
always true, in every function of a package, and each `partner_id = :…` of a statement that is written as SQL.
The tests run past row-level security, which would hide it, in a world of twins (tests/twins.py). Those that
fail there without anything missing, because they look at tables themselves, are left out and named.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType

from sqlalchemy import TextClause, text

from tests.covered import EQUIVALENT
from tests.mutants import ROOT, Change, Mutant, hunt, module_of, mutants_of
from tests.noticed import OWN_TWINS, forget, noticed, remember, tests_of
from tests.twins import planted

# A tie that so many tests did not miss is not missed.
MOST = 30
TENANT = ("partner_id", "customer_id")
_IN_SQL = re.compile(r"(?:\b\w+\.)?\b(?:partner_id|customer_id) = (:\w+)")


def ties_of(function: ast.AST) -> Iterator[tuple[int, str, str, int, Change]]:
    """Every comparison of a tenant's column: a `tie` to whoever asks, or a `join` of two tables."""
    for number, node in enumerate(ast.walk(function)):
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq) and _is_column(node.left):
            kind = "join" if _is_column(node.comparators[0]) else "tie"
            yield node.lineno, kind, ast.unparse(node), number, _untie


def statements_of(path: Path) -> Iterator[Mutant]:
    """Every statement a module keeps as SQL, less one tie; for each function that uses it."""
    module = module_of(path, ROOT)
    for name, value in vars(module).items():
        if not isinstance(value, TextClause):
            continue
        for found in _IN_SQL.finditer(value.text):
            untied = f"cast({found[1]} as uuid) is not distinct from cast({found[1]} as uuid)"
            changed = text(value.text[: found.start()] + untied + value.text[found.end() :])
            for function in vars(module).values():
                if isinstance(function, FunctionType) and name in function.__code__.co_names:
                    what = f"{name}: {found[0]}, at {found.start()}"
                    yield Mutant(path.relative_to(ROOT), function, 0, "sql", what, module, name, changed)


def _is_column(node: ast.expr) -> bool:
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "col":
        return getattr(node.args[0], "attr", "") in TENANT
    if not isinstance(node, ast.Attribute) or node.attr not in TENANT:
        return False
    if isinstance(node.value, ast.Attribute):
        return node.value.attr == "c"
    return isinstance(node.value, ast.Name) and node.value.id.lstrip("_")[:1].isupper()


def _untie(node: ast.AST) -> None:
    column: ast.expr = node.left  # type: ignore[attr-defined]
    alike = ast.Attribute(column, "is_not_distinct_from", ast.Load())
    # A node can't become another kind of node: `(column is not distinct from itself) == true`.
    node.left = ast.Call(alike, [column], [])  # type: ignore[attr-defined]
    node.comparators = [ast.Constant(True)]  # type: ignore[attr-defined]


def predicates_of(path: Path) -> Iterator[Mutant]:
    """Every tenant predicate of a module, however it is written."""
    yield from mutants_of(path, ROOT, ties_of)
    yield from statements_of(path)


def main(package: str, *named: str) -> None:
    """The modules that are named, or all of them, in one hunt; with other tests, if those come last.

    What was noticed before is not asked again, unless the last word is `again`.
    """
    *named, last = named or ("",)  # type: ignore[assignment]
    known = {} if last == "again" else noticed()
    other = last.split(",") if last.startswith("tests/") else []
    named = named if other or last in ("", "again") else (*named, last)
    paths = [path for path in sorted((ROOT / package).glob("*.py")) if path.stem in named or not named]
    found = {path.stem: list(predicates_of(path)) for path in paths}
    asked = [mutant for some in found.values() for mutant in some if mutant.full_name not in known]
    if last == "again":
        forget([mutant.full_name for mutant in asked])
    modules = dict.fromkeys(mutant.path.stem for mutant in asked)
    tests = dict.fromkeys(other or [test for module in modules for test in tests_of(package, module)])
    there = [test for test in tests if (ROOT / test.split("::")[0]).exists()]
    own = [test for test in there if test.split("::")[0] in OWN_TWINS]
    # Some tests bring their own twins: they come first, and have nobody else's in their way.
    if own:
        gone = hunt(asked, ",".join(own), most=MOST, tell=remember).killers
        asked = [mutant for mutant in asked if mutant.full_name not in gone]
    if others := [test for test in there if test not in own]:
        with planted():
            hunt(asked, ",".join(others), most=MOST, tell=remember)
    mutants = [mutant for some in found.values() for mutant in some]
    print(f"\n{package}/: {told(mutants)}", flush=True)


def told(mutants: list[Mutant]) -> str:
    """How many of these predicates were noticed, change nothing, or were missed by nobody yet."""
    known = noticed()
    seen = sum(mutant.full_name in known for mutant in mutants)
    alike = sum(mutant.name in EQUIVALENT for mutant in mutants)
    left = len(mutants) - seen - alike
    return f"{seen} of {len(mutants)} tenant predicates noticed, {alike} change nothing, {left} not yet"


if __name__ == "__main__":
    main(*sys.argv[1:])

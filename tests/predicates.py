"""A-2: take away what ties a statement to whoever asks, and see that a test notices.

`python -m tests.predicates billing` makes one `X.partner_id == …` or `X.customer_id == …` after the other
always true, in every function of a package, and each `partner_id = …` of a statement that is written as SQL.
The tests run past row-level security, which would hide it, in a world of twins (tests/twins.py). Those that
fail there without anything missing, because they look at tables themselves, are left out and named.
"""

import ast
import re
import sys
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path
from types import FunctionType

from sqlalchemy import TextClause, text

from tests.covered import EQUIVALENT
from tests.mutants import ROOT, Change, Mutant, hunt, module_of, mutants_of
from tests.noticed import OWN_TWINS, forget, noticed, remember, tests_of
from tests.twins import planted

# A tie that so many tests did not miss is not missed.
MOST = 30
TENANT = ("partner_id", "customer_id", "owner_id")
# In SQL: a column that equals a parameter, or another table's column. What `set` gives is no condition.
_IN_SQL = re.compile(
    r"(\b(?:\w+\.)?(?:partner_id|customer_id|owner_id)) = "
    r"(:\w+|\w+\.(?:partner_id|customer_id|owner_id|id)\b)"
)
_GIVEN = re.compile(r"\bset\b.*?\b(?:from|where|returning)\b", re.DOTALL)


def ties_of(function: ast.AST) -> Iterator[tuple[int, str, str, int, Change]]:
    """Every condition on a tenant's column: a `tie` to whoever asks, or a `join` of two tables."""
    held = _columns_of(function)
    for number, node in enumerate(ast.walk(function)):
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq) and is_column(node.left, held):
            kind = "join" if is_column(node.comparators[0], held) else "tie"
            yield node.lineno, kind, ast.unparse(node), number, _untie
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in ("is_", "is_not_distinct_from") and is_column(node.func.value, held):
                kind = "join" if is_column(node.args[0], held) else "tie"
                yield node.lineno, kind, ast.unparse(node), number, _untie_called
            for keyword in node.keywords if node.func.attr == "filter_by" else ():
                if keyword.arg in TENANT:
                    yield node.lineno, "tie", ast.unparse(node), number, _without_keyword(keyword.arg)


def statements_of(path: Path) -> Iterator[Mutant]:
    """Every statement a module keeps as SQL, less one tie; for each function that uses it."""
    module = module_of(path, ROOT)
    for name, value in vars(module).items():
        if not isinstance(value, TextClause):
            continue
        alike: Counter[str] = Counter()
        for found in conditions_of(value.text):
            alike[found[0]] += 1
            what = f"{name}: {found[0]}" + (f", number {alike[found[0]]}" if alike[found[0]] > 1 else "")
            changed = text(value.text[: found.start()] + _untied(*found.groups()) + value.text[found.end() :])
            for function in vars(module).values():
                if isinstance(function, FunctionType) and name in function.__code__.co_names:
                    yield Mutant(path.relative_to(ROOT), function, 0, "sql", what, module, name, changed)


def conditions_of(sql: str) -> Iterator[re.Match[str]]:
    """Where a statement asks about a tenant's column."""
    given = [found.span() for found in _GIVEN.finditer(sql)]
    for found in _IN_SQL.finditer(sql):
        if not any(first <= found.start() < last for first, last in given):
            yield found


def _untied(column: str, other: str) -> str:
    # A parameter has to stay in the statement.
    kept = f"cast({other} as uuid)" if other.startswith(":") else column
    return f"{kept} is not distinct from {kept}"


def _columns_of(function: ast.AST) -> set[str]:
    """What a function calls a table's columns: `t = Invoice.__table__.c`, or what it is given for them."""
    held = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Attribute) and node.value.attr == "c":
            held |= {name.id for name in node.targets if isinstance(name, ast.Name)}
        if (
            isinstance(node, ast.arg)
            and isinstance(node.annotation, ast.Name)
            and node.annotation.id == "Any"
        ):
            held.add(node.arg)
    return held


def is_column(node: ast.expr, held: Collection[str]) -> bool:
    """A tenant's column of a table: of a class, of `table.c`, of `col(…)`, or of what is `held`."""
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "col":
        return getattr(node.args[0], "attr", "") in TENANT
    if not isinstance(node, ast.Attribute) or node.attr not in TENANT:
        return False
    if isinstance(node.value, ast.Attribute):
        return node.value.attr == "c"
    if not isinstance(node.value, ast.Name):
        return False
    return node.value.id in held or node.value.id.lstrip("_")[:1].isupper()


def _alike(column: ast.expr) -> ast.Attribute:
    return ast.Attribute(column, "is_not_distinct_from", ast.Load())


def _untie(node: ast.AST) -> None:
    column: ast.expr = node.left  # type: ignore[attr-defined]
    # A node can't become another kind of node: `(column is not distinct from itself) == true`.
    node.left = ast.Call(_alike(column), [column], [])  # type: ignore[attr-defined]
    node.comparators = [ast.Constant(True)]  # type: ignore[attr-defined]


def _untie_called(node: ast.AST) -> None:
    column: ast.expr = node.func.value  # type: ignore[attr-defined]
    node.func, node.args = _alike(column), [column]  # type: ignore[attr-defined]


def _without_keyword(name: str) -> Change:
    def change(node: ast.AST) -> None:
        node.keywords = [one for one in node.keywords if one.arg != name]  # type: ignore[attr-defined]

    return change


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
    paths = [path for path in sorted((ROOT / package).rglob("*.py")) if path.stem in named or not named]
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

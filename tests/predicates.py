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

from tests.mutants import ROOT, Change, Mutant, hunt, module_of, mutants_of
from tests.twins import planted

# The tests that are run among twins, below tests/.
ASKED = {
    "auth": "auth/test_unguarded.py auth/test_strangers.py auth/test_replays.py auth/test_memberships.py"
    " auth/test_team.py auth/test_invites.py auth/test_accepting.py auth/test_api_keys.py"
    " auth/test_profiles.py billing/test_erasing.py billing/test_erasing_former.py",
    "billing": "billing/test_access_requests.py billing/test_brand.py billing/test_customer_bulk.py"
    " billing/test_customer_import_files.py billing/test_customer_import_users.py"
    " billing/test_customer_imports.py billing/test_customer_races.py"
    " billing/test_customer_users.py billing/test_customer_views.py billing/test_customers.py"
    " billing/test_erasing.py billing/test_erasing_former.py billing/test_impersonations.py"
    " billing/test_invoice_duplicates.py billing/test_invoices.py billing/test_ledger.py"
    " billing/test_partners.py billing/test_payment_methods.py billing/test_payment_shown.py"
    " billing/test_payments.py billing/test_profiles.py billing/test_search.py"
    " billing/test_statements.py billing/test_strangers.py billing/test_tag_merging.py"
    " billing/test_tags.py",
    "integrations": "integrations/test_inbox.py integrations/test_method_setups.py money/test_reconciling.py",
}
# A tie that so many tests did not miss is not missed.
MOST = 80
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
        return True if not node.args else _is_column(node.args[0])
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


def main(package: str, *named: str) -> None:
    """The modules that are named, or all of them, in one hunt."""
    paths = sorted((ROOT / package).glob("*.py"))
    mutants = [
        mutant
        for path in paths
        if path.stem in named or not named
        for mutant in (*mutants_of(path, ROOT, ties_of), *statements_of(path))
    ]
    tests = ",".join(f"tests/{name}" for name in ASKED[package].split())
    with planted():
        done = hunt(mutants, tests, most=MOST)
    noticed = len(done.mutants) - len(done.survivors)
    print(f"\n{noticed} of {len(done.mutants)} tenant predicates of {package}/ were noticed", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

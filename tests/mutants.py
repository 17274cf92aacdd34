"""A-11: take a check out of the code, and see that a test notices.

`python -m tests.mutants auth` takes one thing after the other out of every function of a package: a refusal,
a call, an operand of a condition, a predicate of a statement; and turns comparisons round. After each it runs
the tests that go through that function until one fails. What no test notices survives, and is listed. The
code is changed in memory only: a function's code object is exchanged, the tests run on.

Each module is asked of the tests that COVERED_BY names, in a process of its own. `auth sessions api_keys`
asks two modules only; `auth sessions tests/auth/test_sessions.py,tests/portal` asks one of other tests.
"""

import ast
import copy
import importlib
import inspect
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType, ModuleType

import pytest
from _pytest.runner import runtestprotocol

from tests.covered import COVERED_BY, EQUIVALENT
from tests.watching import code_of, functions_of, watched

LONGEST_SECONDS = 120
ROOT = Path(__file__).parent.parent
# Taking these out changes nothing that could be seen: the row is written at the end of the transaction.
_SILENT = {"add", "flush"}
_TURNED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One change: `holder.attribute` becomes `changed`. Tests that go through `function` may notice it."""

    path: Path
    function: FunctionType
    line: int
    kind: str
    what: str
    holder: object
    attribute: str
    changed: object

    def __str__(self) -> str:
        return f"{self.path}:{self.line} {self.function.__qualname__}: {self.kind}: {self.what}"

    @property
    def name(self) -> str:
        """As EQUIVALENT names it: its line may change."""
        return f"{self.path.stem}.{self.function.__qualname__}: {self.kind}: {self.what}"

    @property
    def full_name(self) -> str:
        """Its name among those of all packages."""
        return f"{self.path.parent}/{self.name}"


Change = Callable[[ast.AST], None]
Tell = Callable[[str, str], None]
Changes = Callable[[ast.AST], Iterator[tuple[int, str, str, int, Change]]]


def changes_of(function: ast.AST) -> Iterator[tuple[int, str, str, int, Change]]:
    """Every change there is: line, kind, what; the number of the node in a walk, and how it is made."""
    for number, node in enumerate(ast.walk(function)):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.If) and _leaves(node.body):
            yield line, "refusal", ast.unparse(node.test), number, _never
        body = node.body if isinstance(node, ast.FunctionDef | ast.If | ast.For | ast.With) else []
        for at, statement in enumerate(body):
            if _is_telling_call(statement):
                yield statement.lineno, "call", ast.unparse(statement), number, _without_statement(at)
        if isinstance(node, ast.BoolOp):
            for at, operand in enumerate(node.values):
                yield operand.lineno, "operand", ast.unparse(operand), number, _without_value(at)
        if isinstance(node, ast.Call) and _name_of(node) == "where" and len(node.args) > 1:
            for at, argument in enumerate(node.args):
                if not isinstance(argument, ast.Starred):
                    yield argument.lineno, "predicate", ast.unparse(argument), number, _without_argument(at)
        if isinstance(node, ast.Tuple | ast.List) and node.elts and all(map(_is_predicate, node.elts)):
            for at, element in enumerate(node.elts):
                yield element.lineno, "predicate", ast.unparse(element), number, _without_element(at)
        if isinstance(node, ast.Compare):
            yield line, "comparison", ast.unparse(node), number, _turn


def module_of(path: Path, root: Path) -> ModuleType:
    """The module that a file is."""
    return importlib.import_module(".".join(path.relative_to(root).with_suffix("").parts))


def mutants_of(path: Path, root: Path, changes: Changes = changes_of) -> Iterator[Mutant]:
    """All mutants of a module's functions and methods."""
    module = module_of(path, root)
    tree = ast.parse(path.read_text())
    for owner, node in functions_of(tree):
        holder = getattr(module, owner) if owner else module
        found = inspect.getattr_static(holder, node.name)
        function = found.fget if isinstance(found, property) else found
        if not isinstance(function, FunctionType):
            continue
        for line, kind, what, number, change in changes(node):
            changed = copy.deepcopy(tree)
            twin = next(n for o, n in functions_of(changed) if (o, n.name) == (owner, node.name))
            change(list(ast.walk(twin))[number])
            code = code_of(compile(ast.fix_missing_locations(changed), str(path), "exec"), owner, node.name)
            told = " ".join(what.split())[:90]
            yield Mutant(path.relative_to(root), function, line, kind, told, function, "__code__", code)


@contextmanager
def living(mutant: Mutant) -> Iterator[None]:
    """The mutant takes its original's place, for everybody who imported it."""
    original = getattr(mutant.holder, mutant.attribute)
    setattr(mutant.holder, mutant.attribute, mutant.changed)
    try:
        yield
    finally:
        setattr(mutant.holder, mutant.attribute, original)


class Hunt:
    """A pytest plugin: one run of all tests to see which go where, then the mutants.

    With `most`, at most so many tests are asked of one mutant, and those that fail without any are left out.
    """

    def __init__(self, mutants: list[Mutant], most: int | None, tell: Tell | None = None) -> None:
        self.mutants = mutants
        self.most = most
        self.tell = tell
        self.survivors: list[Mutant] = []
        self.killers: dict[str, str] = {}
        self.seconds: dict[str, float] = {}
        # Which tests go through a function, and whether they did so only while they made ready.
        self.through: dict[FunctionType, dict[str, bool]] = defaultdict(dict)
        self._running, self._ready = "", False

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call(self) -> None:
        self._ready = True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}
        self._look(items)
        kills: dict[FunctionType, Counter[str]] = defaultdict(Counter)
        for number, mutant in enumerate(self.mutants):
            names = self._likely(mutant, kills[mutant.function])
            with living(mutant):
                killer = next((name for name in names if _fails(items[name])), None)
            if killer is not None:
                kills[mutant.function].update([killer])
                self.killers[mutant.full_name] = killer
                if self.tell is not None:
                    self.tell(mutant.full_name, killer)
            if killer is None:
                self.survivors.append(mutant)
                known = "changes nothing:" if mutant.name in EQUIVALENT else "survives"
                print(f"\n{known} {mutant} ({len(names)} tests)", flush=True)
            elif mutant.name in EQUIVALENT:
                print(f"\n{mutant.name} is noticed after all, by {killer}", flush=True)
                pytest.exit("EQUIVALENT is wrong", 2)
            elif number % 25 == 0:
                print(f"\n{number}/{len(self.mutants)} {len(self.survivors)} survive", flush=True)
        return True

    def _look(self, items: dict[str, pytest.Item]) -> None:
        """Run every test once without any mutant."""
        began = time.monotonic()
        with watched({mutant.function for mutant in self.mutants}, self._ran):
            for name, item in items.items():
                self._running, self._ready, started = name, False, time.monotonic()
                if _fails(item, aloud=True):
                    print(f"\n{name} fails without any mutant", flush=True)
                    if self.most is None:
                        pytest.exit("nothing can be shown", 2)
                    continue
                self.seconds[name] = time.monotonic() - started
        print(f"\n{len(items)} tests looked at in {time.monotonic() - began:.0f} s", flush=True)

    def _ran(self, function: FunctionType) -> None:
        tests = self.through[function]
        tests[self._running] = tests.get(self._running, True) and not self._ready

    def _likely(self, mutant: Mutant, kills: Counter[str]) -> list[str]:
        """The tests to ask, the likeliest first: those that noticed other mutants of the function, those that
        go there in earnest, those named after it, and the quick."""
        tests = self.through[mutant.function]
        named = f"{mutant.path.stem}."
        return sorted(
            (name for name in tests if name in self.seconds),
            key=lambda name: (-kills[name], tests[name], named not in name, self.seconds[name]),
        )[: self.most]


def hunt(mutants: Iterable[Mutant], tests: str, most: int | None = None, tell: Tell | None = None) -> Hunt:
    """Hunt these mutants with these tests, named as pytest names them and separated by commas.

    `tell` hears of each mutant that was noticed, and which test did.
    """
    plugin = Hunt(list(mutants), most, tell)
    quietly = ["-o", "addopts=", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:terminal"]
    quietly += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
    status = pytest.main([*tests.split(","), *quietly], plugins=[plugin])
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise SystemExit(f"the tests fail without any mutant, or can't run: {status}")
    return plugin


class _Nobody:
    """The next test as far as tearing down goes: only what belongs to the whole session stays."""

    def __init__(self, item: pytest.Item) -> None:
        self.session = item.session

    def listchain(self) -> list[pytest.Session]:
        return [self.session]


def _fails(item: pytest.Item, *, aloud: bool = False) -> bool:
    def late(*_: object) -> None:
        raise TimeoutError

    item._initrequest()  # type: ignore[attr-defined] - as every plugin does that runs tests again
    signal.signal(signal.SIGALRM, late)
    signal.alarm(LONGEST_SECONDS)
    try:
        reports = runtestprotocol(item, log=False, nextitem=_Nobody(item))  # type: ignore[arg-type]
        if aloud:
            print(*(report.longreprtext for report in reports if report.failed), sep="\n", end="", flush=True)
        return any(report.failed for report in reports)
    finally:
        signal.alarm(0)


def _name_of(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _leaves(body: list[ast.stmt]) -> bool:
    return isinstance(body[-1], ast.Raise | ast.Return | ast.Continue)


def _is_telling_call(statement: ast.stmt) -> bool:
    call = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(call, ast.Call) and _name_of(call) not in _SILENT


def _is_predicate(node: ast.expr) -> bool:
    is_called = isinstance(node, ast.Call) and _name_of(node) in ("is_", "is_not", "in_")
    return is_called or (isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq | ast.Gt | ast.LtE))


def _never(node: ast.AST) -> None:
    node.test = ast.Constant(False)  # type: ignore[attr-defined]


def _without_statement(at: int) -> Change:
    def change(node: ast.AST) -> None:
        gone: ast.stmt = node.body[at]  # type: ignore[attr-defined]
        asks_above = any(isinstance(part, ast.Name) and part.id == "super" for part in ast.walk(gone))
        # A code object can take another's place only if it closes over as much.
        stays = ast.Expr(ast.Name("__class__", ast.Load())) if asks_above else ast.Pass()
        node.body[at] = stays  # type: ignore[attr-defined]

    return change


def _without_value(at: int) -> Change:
    def change(node: ast.AST) -> None:
        node.values[at] = ast.Constant(isinstance(node.op, ast.And))  # type: ignore[attr-defined]

    return change


def _without_argument(at: int) -> Change:
    return lambda node: node.args.pop(at)  # type: ignore[attr-defined]


def _without_element(at: int) -> Change:
    return lambda node: node.elts.pop(at)  # type: ignore[attr-defined]


def _turn(node: ast.AST) -> None:
    node.ops[0] = _TURNED[type(node.ops[0])]()  # type: ignore[attr-defined]


def _tests_of(module: str) -> str:
    names = COVERED_BY.get(module, f"auth/test_{module}").split()
    return ",".join(f"tests/{name}.py" for name in names)


def main(package: str, *named: str) -> None:
    """The modules that are named, or all of them, each with its tests."""
    if len(named) == 2 and named[1].startswith("tests/"):
        module, tests = named
        done = hunt(mutants_of(ROOT / package / f"{module}.py", ROOT), tests)
        alike = sum(mutant.name in EQUIVALENT for mutant in done.survivors)
        noticed, total = len(done.mutants) - len(done.survivors), len(done.mutants) - alike
        told = f"{noticed} of {total} mutants of {package}/{module}.py were noticed"
        print(f"\n{told}, beside {alike} that change nothing", flush=True)
        return
    paths = [path for path in sorted((ROOT / package).glob("*.py")) if any(mutants_of(path, ROOT))]
    noticed, all_of_them = 0, 0
    for module in named or [path.stem for path in paths]:
        again = [sys.executable, "-m", "tests.mutants", package, module, _tests_of(module)]
        last = ""
        with subprocess.Popen(again, cwd=ROOT, stdout=subprocess.PIPE, text=True) as asked:
            for line in filter(str.strip, asked.stdout or ()):
                last = line
                print(line, end="", flush=True)
        if asked.returncode:
            raise SystemExit(asked.returncode)
        killed, _, total, *_ = last.split()
        noticed, all_of_them = noticed + int(killed), all_of_them + int(total)
    print(f"{noticed} of {all_of_them} mutants were noticed")


if __name__ == "__main__":
    main(*sys.argv[1:])

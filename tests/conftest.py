"""A real PostgreSQL for every test: one throw-away cluster, a template with the cast, a copy per test."""

import gc
import os
import pickle
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import psycopg
import pytest
from hypothesis import settings as hypothesis_settings
from playwright.sync_api import Browser, sync_playwright
from sqlalchemy import Connection
from sqlmodel import Session

from app.tables import METADATA
from db import embedded, schema
from db.engine import make_engine
from db.session import Database
from tests.cast import Cast, seed
from tests.engines import engine_on
from tests.papers import press
from worker.queue import defer_job

# Tests count, they never time: a busy machine must not turn a slow example into a failure.
hypothesis_settings.register_profile("remit", deadline=None, database=None)
hypothesis_settings.load_profile("remit")

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
]
ROOT = Path(__file__).parent.parent
Made = TypeVar("Made")
# A database per test is some thousand files made and removed: in memory that takes a tenth of the time.
MEMORY = Path("/dev/shm")
ROOM = 3 << 30
SECRET = "tests-only-" + "x" * 40
NOON = datetime(2026, 3, 10, 17, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


class Cluster:
    """The test server, and databases copied from its template.

    What takes long to make is made once a run, by whichever of its processes asks first, and kept in
    `folder` for the others; the last of them to leave throws it away.
    """

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self._folder = folder
        folder.mkdir(exist_ok=True)
        self._made: dict[str, bytes] = {}
        # One for the whole run: connecting anew takes as long as copying the template.
        self._admin = psycopg.connect(url, autocommit=True)
        self._tell(f"select pg_advisory_lock_shared({_lock(folder.name)})")
        self.template, self.cast = self._once("cast", self._make_template)

    def url_of(self, database: str) -> str:
        return self.url.replace("/postgres?", f"/{database}?")

    def _once(self, name: str, make: Callable[[], tuple[str, Made]]) -> tuple[str, Made]:
        """What `make` made first: a database to copy, and what to know of it, a copy for each who asks."""
        if name not in self._made:
            file = self._folder / sha256(name.encode()).hexdigest()
            lock = _lock(f"{self._folder.name} {name}")
            self._tell(f"select pg_advisory_lock({lock})")
            try:
                if not file.exists():
                    made = pickle.dumps(make())
                    file.write_bytes(made)
                self._made[name] = file.read_bytes()
            finally:
                self._tell(f"select pg_advisory_unlock({lock})")
        made_first: tuple[str, Made] = pickle.loads(self._made[name])
        return made_first

    def _make_template(self) -> tuple[str, Cast]:
        template = f"template_{uuid4().hex[:12]}"
        self._tell(f"create database {template}")
        engine = make_engine(self.url_of(template), as_role=False)
        # Roles belong to the server: two runs must not create them at once.
        self._tell("select pg_advisory_lock(20261122)")
        with engine.connect() as fresh:
            schema.migrate(fresh, METADATA)
        self._tell("select pg_advisory_unlock(20261122)")
        with Session(engine, expire_on_commit=False) as db, db.begin():
            cast = seed(db, now=NOON)
        engine.dispose()
        return template, cast

    def create(self, template: str = "") -> str:
        """A copy of the template, or of a database of this cluster that nobody is connected to."""
        name = f"test_{uuid4().hex[:12]}"
        self._tell(f"create database {name} template {template or self.template} strategy file_copy")
        return name

    def stocked(self, name: str, fill: Callable[[Database, Connection], Made]) -> tuple[str, Made]:
        """A template that holds more than the cast, and what `fill` said of it; filled once, whoever asks."""

        def made() -> tuple[str, Made]:
            template = self.create()
            url = self.url_of(template)
            with engine_on(url) as engine, engine_on(url, as_role=False) as past, past.connect() as owner:
                owner.execution_options(isolation_level="AUTOCOMMIT")
                return template, fill(Database(engine, defer_job, secret=SECRET), looking(owner))

        return self._once(name, made)

    def drop(self, name: str) -> None:
        self._tell(f"drop database {name} with (force)")

    def close(self) -> None:
        here = _lock(self._folder.name)
        self._tell(f"select pg_advisory_unlock_shared({here})")
        if self._ask(f"select pg_try_advisory_lock({here})"):
            for file in self._folder.iterdir():
                self.drop(pickle.loads(file.read_bytes())[0])
            shutil.rmtree(self._folder)
        self._admin.close()

    def _tell(self, statement: str) -> None:
        self._admin.execute(statement.encode())

    def _ask(self, question: str) -> bool:
        [answer] = self._admin.execute(question.encode()).fetchone() or (False,)
        return bool(answer)


def _lock(name: str) -> int:
    """The server's advisory lock of that name."""
    return int.from_bytes(sha256(name.encode()).digest()[:8], signed=True)


def folder_of_cluster() -> Path:
    """In memory where there is room, else on the disk; one a checkout and user, so that two never meet."""
    if not (MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM):
        return ROOT / ".remit" / "test-cluster"
    return MEMORY / f"remit-test-{os.getuid()}-{sha256(os.fsencode(ROOT)).hexdigest()[:12]}"


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    folder = folder_of_cluster()
    # All processes of a run have this in common; a process alone is a run of its own.
    run = getattr(request.config, "workerinput", {}).get("testrunuid") or uuid4().hex
    cluster = Cluster(embedded.start(folder, durable=False), folder.with_name(f"{folder.name}-{run}"))
    yield cluster
    cluster.close()
    embedded.stop(folder)


def pytest_collection_finish() -> None:
    """Let the collector look at what tests make, and rarely: it took a fifth of the processor's time.

    Eight thousand tests and all they import stay until the end, and it went through them again and again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


@pytest.fixture(scope="module", autouse=True)
def _tidied() -> Iterator[None]:
    """What a file's tests left is thrown away, and what stays is looked at no more."""
    yield
    gc.collect()
    gc.freeze()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Send the typesetters home, and give the memory back once the last process has stopped the server."""
    press().close()
    folder = folder_of_cluster()
    ours = not hasattr(config, "workerinput") and folder.parent == MEMORY
    if ours and not (folder / "postmaster.pid").exists():
        for left in MEMORY.glob(f"{folder.name}*"):
            shutil.rmtree(left) if left.is_dir() else left.unlink()


@pytest.fixture
def template() -> str:
    """The template of a test's database, by name: the cast and nothing else, unless a folder says more."""
    return ""


@pytest.fixture
def database_url(cluster: Cluster, template: str) -> Iterator[str]:
    """The URL, as superuser, of a fresh database: a copy of `template`."""
    name = cluster.create(template)
    yield cluster.url_of(name)
    cluster.drop(name)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """Transactions as the app role, on a database of this test's own."""
    with engine_on(database_url) as engine:
        yield Database(engine, defer_job, secret=SECRET)


@pytest.fixture
def unguarded(database_url: str) -> Iterator[Database]:
    """As `database`, but past row-level security: what the rules' own predicates hold by themselves."""
    with engine_on(database_url, as_role=False) as engine:
        yield Database(engine, defer_job, secret=SECRET)


def looking(connection: Connection) -> Connection:
    """A connection that sees everything; tests/twins.py has it overlook the twins."""
    return connection


@pytest.fixture
def owner(database_url: str) -> Iterator[Connection]:
    """A superuser's connection to this test's database, to look behind row-level security."""
    with engine_on(database_url, as_role=False) as engine, engine.connect() as connection:
        yield looking(connection.execution_options(isolation_level="AUTOCOMMIT"))


@pytest.fixture
def cast(cluster: Cluster) -> Cast:
    """Who is who in every test's database."""
    return cluster.cast


@pytest.fixture
def now() -> datetime:
    """Noon in New York, a Tuesday: the moment the cast lives in."""
    return NOON


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium. One a module: while it lives, its thread's event loop is taken."""
    program = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    if program is None:
        if "CI" in os.environ:
            pytest.fail("CI needs chromium: `make browser` installs it.")
        pytest.skip("There is no chromium on this machine.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()

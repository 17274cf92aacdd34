"""D-2: what ends a session ends it in every process at once, whatever is in flight.

Four web processes as `remit web` becomes them, on one database. A crowd asks without a pause, half of it for
pages and half of the API, until the ending has been answered by one of the processes. Nobody's next request
is let in, in any of the four.
"""

import json
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier, Event

import httpx2
import pytest

from auth.sessions import SignedIn
from db import ids
from db.engine import make_engine
from db.session import Database
from portal import csrf
from tests.auth.steps import NEW_PASSWORD, start_session
from tests.cast import PASSWORD, Cast
from tests.conftest import SECRET, Cluster
from tests.figures import rounds
from tests.product import Product as Processes
from tests.product import free_port, wait_until
from worker.queue import defer_job

pytestmark = pytest.mark.timeout(900)

PROCESSES, CROWD = rounds(2, 4), rounds(12, 100)
PAGE, API = "invoices", "graphql"
ACME = "/portal/acme-1a2b3c"


@dataclass
class Running:
    """The processes, a client for each, and the database they share."""

    clients: list[httpx2.Client]
    origin: str
    secret: bytes
    database: Database

    def start(self, cast: Cast, name: str) -> SignedIn:
        """One more browser in which somebody is signed in."""
        user_id = cast.actors[name].user_id
        assert user_id is not None
        return start_session(self.database, user_id, datetime.now(UTC))

    def ask(self, at: int, session: SignedIn, what: str) -> bool:
        """Is somebody let in by a process, to a page or to the API?"""
        client, path = self.clients[at % len(self.clients)], f"{ACME}/{what}"
        sent = self._sent(session)
        if what == API:
            answer = client.post(path, json={"query": "{invoices {totalCount}}"}, headers=sent)
            assert (b'"totalCount":' in answer.content) == (answer.status_code == 200)
        else:
            answer = client.get(path, headers=sent)
        assert answer.status_code in (200, 303, 401, 404)
        return answer.status_code == 200

    def post(self, session: SignedIn, path: str, **fields: str) -> httpx2.Response:
        """Send a form to the first process."""
        sent = self._sent(session)
        typed = {csrf.FIELD: sent.pop(csrf.HEADER), **fields}
        return self.clients[0].post(path, data=typed, headers=sent)

    def _sent(self, session: SignedIn) -> dict[str, str]:
        return {
            "cookie": f"remit_session={session.session_token}", "origin": self.origin,
            csrf.HEADER: csrf.token(str(session.session_id), secret=self.secret),
        }  # fmt: skip


@pytest.fixture(scope="module")
def running(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    name, ports = cluster.create(), [free_port() for _ in range(PROCESSES)]
    url, origin, key = cluster.url_of(name), f"http://localhost:{ports[0]}", secrets.token_hex(32)
    folder: Path = tmp_path_factory.mktemp("processes")
    environment = {
        "REMIT_MODE": "demo", "REMIT_FOLDER": str(folder), "DATABASE_URL": url, "PUBLIC_URL": origin,
        "REMIT_SECRET_KEY": key, "REMIT_GATEWAY_API_SECRET": secrets.token_hex(32),
        "REMIT_GATEWAY_WEBHOOK_SECRETS": json.dumps([secrets.token_hex(32)]),
    }  # fmt: skip
    # The server closes what was idle for five seconds; nobody may be sending on it just then.
    many = httpx2.Limits(max_connections=None, keepalive_expiry=1)
    groups = [Processes(folder / str(port), url, origin, "", environment) for port in ports]
    # As behind one proxy: whichever process answers, the address is the public one.
    given = {"headers": {"host": f"localhost:{ports[0]}"}, "limits": many, "timeout": 120}
    clients = [httpx2.Client(base_url=f"http://127.0.0.1:{port}", **given) for port in ports]
    database = Database(make_engine(url), defer_job, secret=SECRET)
    try:
        for group, port in zip(groups, ports, strict=True):
            group.folder.mkdir()
            group.environment = {**environment, "REMIT_PORT": str(port)}
            group.start("web")
        for group, client in zip(groups, clients, strict=True):
            wait_until(lambda group=group, client=client: _answers(group, client), "web", seconds=60)
        yield Running(clients, origin, key.encode(), database)
    finally:
        for group, client in zip(groups, clients, strict=True):
            client.close()
            group.stop()
        database.close()
        cluster.drop(name)


def _answers(process: Processes, client: httpx2.Client) -> bool:
    assert process.processes["web"].poll() is None, process.log("web")
    try:
        return client.get("/health").status_code == 200
    except httpx2.HTTPError:
        return False


def after(running: Running, crowd: list[SignedIn], end: Callable[[], object]) -> tuple[int, int]:
    """How many of a crowd were let in while it asked, and how often it was once `end` had been answered."""
    all_in, over = Barrier(len(crowd) + 1), Event()

    def ask_on(at: int) -> tuple[bool, int]:
        session, what = crowd[at], (PAGE, API)[at // PROCESSES % 2]
        let_in = running.ask(at, session, what)
        all_in.wait(300)
        while not over.is_set():
            running.ask(at, session, what)
        return let_in, sum(running.ask(at + turn, session, what) for turn in range(PROCESSES))

    with ThreadPoolExecutor(len(crowd)) as threads:
        asked = [threads.submit(ask_on, at) for at in range(len(crowd))]
        try:
            all_in.wait(300)
            end()
        finally:
            over.set()
        results = [one.result(300) for one in asked]
    return sum(before for before, _ in results), sum(later for _, later in results)


@pytest.mark.prove
def test_signing_out_ends_the_session_in_every_process(running: Running, cast: Cast) -> None:
    mine, other = running.start(cast, "vera"), running.start(cast, "vera")

    def sign_out() -> None:
        assert running.post(mine, "/sign-out").headers["location"] == "/sign-in"

    assert after(running, [mine] * CROWD, sign_out) == (CROWD, 0)
    assert running.ask(1, other, PAGE)


@pytest.mark.prove
def test_a_new_password_ends_every_other_session_in_every_process(running: Running, cast: Cast) -> None:
    here, *others = (running.start(cast, "carl") for _ in range(5))

    def change() -> None:
        typed = {"old_password": PASSWORD, "new_password": NEW_PASSWORD}
        assert running.post(here, "/account/password", **typed).headers["location"] == "/accounts"

    assert after(running, [others[at % 4] for at in range(CROWD)], change) == (CROWD, 0)
    # The browser it was changed in goes on under a new id: the old one is dead, too.
    assert not running.ask(1, here, PAGE)


@pytest.mark.prove
def test_signing_out_everywhere_else_ends_them_in_every_process(running: Running, cast: Cast) -> None:
    here, *others = (running.start(cast, "vera") for _ in range(5))

    def end_others() -> None:
        assert running.post(here, "/account/sessions/others").headers["location"] == "/account/sessions"

    assert after(running, [others[at % 4] for at in range(CROWD)], end_others) == (CROWD, 0)
    assert running.ask(1, here, PAGE)


@pytest.mark.prove
def test_whoever_is_disabled_is_out_of_every_process(running: Running, cast: Cast) -> None:
    carl, *petras = running.start(cast, "carl"), *(running.start(cast, "petra") for _ in range(4))
    petra = cast.petra.id
    assert petra is not None

    def disable() -> None:
        path = f"{ACME}/team/{ids.shown('usr', petra)}/disable"
        assert running.post(carl, path).status_code == 303

    assert after(running, [petras[at % 4] for at in range(CROWD)], disable) == (CROWD, 0)
    assert running.ask(1, carl, PAGE)


def test_whoever_is_not_ended_is_let_in_everywhere(running: Running, cast: Cast) -> None:
    """Or the zeros above would show nothing."""
    vera = running.start(cast, "vera")
    assert after(running, [vera] * CROWD, lambda: None) == (CROWD, CROWD * PROCESSES)

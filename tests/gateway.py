"""The sandbox gateway for tests: the real application on a loopback port, the real client, a sink for events.

`python -m tests.gateway STORE PORT [WEBHOOK_URL]` runs it as a process of its own, to be killed.
"""

import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from billing.ports import MethodDetails, MethodKind
from integrations.gateways.sandbox.accounts import Accounts, Platform
from integrations.gateways.sandbox.app import create_app, utc_now
from integrations.gateways.sandbox.client import SandboxGateway

NORTHWIND = "acct_northwind"
CONTOSO = "acct_contoso"
ROOT_SECRET = "sandbox-root-secret-for-tests"
WEBHOOK_SECRET = "whsec_sandbox_for_tests"
RETURN_URL = "http://portal.test/methods?tab=cards"
CARD = {"expiry": "12/34", "cvc": "123", "name": "Petra Payer", "postal_code": "60601-7731"}


class _Server(uvicorn.Server):
    """Tells when it is up, so that nobody polls."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()


@contextmanager
def serving(make: Callable[[str], ASGIApp], *, port: int = 0, host: str = "127.0.0.1") -> Iterator[str]:
    """Serve `make(url)` on a loopback port in a thread; yields the url. Port 0 picks a free one.

    `host` is what the url calls this machine: passkeys are for names, never for numbers.
    """
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    url = f"http://{host}:{listening.getsockname()[1]}"
    server = _Server(
        uvicorn.Config(
            make(url), log_config=None, loop="asyncio", ws="none", lifespan="on", timeout_graceful_shutdown=1
        )
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        assert server.up.wait(20), "the server did not start"
        yield url
    finally:
        server.should_exit = True
        thread.join(20)
        listening.close()
    assert not thread.is_alive(), "the server did not stop"


@dataclass
class RunningSandbox:
    """A running gateway, its client, and its test controls."""

    url: str
    store_path: Path
    accounts: Accounts
    gateway: SandboxGateway
    _browser: httpx2.Client

    def type_card(self, number: str, *, token: str, page: str = "setup", **fields: str) -> httpx2.Response:
        """Send the card form as a browser does; redirects are not followed."""
        return self._browser.post(f"/{page}/{token}", data={"number": number, **CARD, **fields})

    def get(self, path: str) -> httpx2.Response:
        """Open a page as a browser does."""
        return self._browser.get(path)

    def add_card(
        self,
        number: str = "4242424242424242",
        *,
        account: str = NORTHWIND,
        customer_ref: str = "acme",
        **fields: str,
    ) -> MethodDetails:
        """Go the whole way of a payer without JavaScript, and read what came of it."""
        session = self.gateway.create_setup(
            key=f"setup-{threading.get_ident()}-{self._next()}",
            account=account,
            customer_ref=customer_ref,
            return_url=RETURN_URL,
            kinds=[MethodKind.CARD],
        )
        answer = self.type_card(number, token=session.client_token, **fields)
        assert answer.status_code == 303, answer.text
        setup_id = parse_qs(urlsplit(answer.headers["location"]).query)["setup"][0]
        method = self.gateway.read_setup(account=account, setup_id=setup_id).method
        assert method is not None
        return method

    def authenticate(self, action_url: str, *, passed: bool) -> httpx2.Response:
        """Press one of the two buttons on the authentication page."""
        return self._browser.post(action_url, data={"outcome": "complete" if passed else "fail"})

    def fail(
        self, mode: str, *, account: str = NORTHWIND, on: str = "charge", ms: int = 0, times: int = 1
    ) -> None:
        """Make the account's next calls go wrong; the modes are those of faults.FaultMode."""
        self.control("POST", "faults", account, {"next": mode, "on": on, "ms": ms, "times": times})

    def charges(self, account: str = NORTHWIND) -> list[dict]:
        """Every charge there is."""
        return self.control("GET", "charges", account)

    def events(self, account: str = NORTHWIND) -> list[dict]:
        """Every event, delivered or not."""
        return self.control("GET", "events", account)

    def calls(self, account: str = NORTHWIND) -> list[dict]:
        """What was asked of the gateway."""
        return self.control("GET", "calls", account)

    def redeliver(self, event_id: str, account: str = NORTHWIND) -> None:
        """Send an event again."""
        self.control("POST", f"events/{event_id}/redeliver", account)

    def hold(self, held: bool, account: str = NORTHWIND) -> None:
        """Stop deliveries, or let them go on."""
        self.control("POST", "deliveries", account, {"held": held})

    def control(self, method: str, path: str, account: str, body: dict | None = None):
        """Call a test control of the gateway."""
        found = self.accounts.find(account)
        assert found is not None
        headers = {"authorization": f"Bearer {found.api_secret}", "Sandbox-Account": account}
        answer = self._browser.request(method, f"/v1/test/{path}", headers=headers, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    _count: int = field(default=0)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def _next(self) -> int:
        with self._lock:
            self._count += 1
            return self._count


def platform(webhook_url: str | None = None) -> Platform:
    """All accounts there may be, with the secrets tests use."""
    return Platform(ROOT_SECRET, (WEBHOOK_SECRET,), webhook_url)


@contextmanager
def running_sandbox(
    store_path: Path,
    *,
    accounts: Accounts | None = None,
    webhook_url: str | None = None,
    port: int = 0,
    deliver: bool = True,
    clock: Callable[[], datetime] = utc_now,
    timeout_s: float = 20.0,
) -> Iterator[RunningSandbox]:
    """The gateway over the file at `store_path`; every account id exists, unless `accounts` is given."""
    known = accounts or platform(webhook_url)

    def make(url: str) -> ASGIApp:
        return create_app(store_path, accounts=known, public_url=url, deliver=deliver, clock=clock)

    with serving(make, port=port) as url, attached(url, store_path, known, timeout_s=timeout_s) as running:
        yield running


@contextmanager
def attached(
    url: str, store_path: Path, accounts: Accounts, *, timeout_s: float = 20.0
) -> Iterator[RunningSandbox]:
    """Client and controls of a gateway that already runs at `url`."""
    gateway = SandboxGateway(url, accounts=accounts, timeout_s=timeout_s)
    with httpx2.Client(base_url=url, timeout=20, trust_env=False, verify=False) as browser:
        try:
            yield RunningSandbox(url, store_path, accounts, gateway, browser)
        finally:
            gateway.close()


@contextmanager
def sandbox_process(
    store_path: Path, *, webhook_url: str | None = None, port: int = 0
) -> Iterator[tuple[subprocess.Popen, RunningSandbox]]:
    """The gateway as a process of its own, killed (SIGKILL) at the end if a test did not do it before."""
    command = [sys.executable, "-m", "tests.gateway", str(store_path), str(port)]
    with subprocess.Popen(
        command + [webhook_url] * bool(webhook_url), stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            url = process.stdout.readline().strip()
            with attached(url, store_path, platform(webhook_url)) as running:
                yield process, running
        finally:
            process.kill()


@dataclass
class EventSink:
    """A receiver of events: answers with `statuses` one by one, then 202 for ever."""

    statuses: list[int] = field(default_factory=list)
    received: list[tuple[str, bytes]] = field(default_factory=list)
    url: str = ""
    _changed: threading.Condition = field(default_factory=threading.Condition)

    async def receive(self, request: Request) -> Response:
        """Keep the signature and the raw bytes."""
        body = await request.body()
        with self._changed:
            self.received.append((request.headers.get("Sandbox-Signature", ""), body))
            status = self.statuses.pop(0) if self.statuses else 202
            self._changed.notify_all()
        return Response(status_code=status)

    def wait_for(self, count: int) -> Sequence[tuple[str, bytes]]:
        """Wait until `count` deliveries came."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.received) >= count, 30), len(self.received)
            return list(self.received)


@contextmanager
def running_sink(statuses: Sequence[int] = (), *, port: int = 0) -> Iterator[EventSink]:
    """A server that takes events."""
    sink = EventSink(statuses=list(statuses))
    app = Starlette(routes=[Route("/events", sink.receive, methods=["POST"])])
    with serving(lambda _url: app, port=port) as url:
        sink.url = f"{url}/events"
        yield sink


def main(store: str, port: str, webhook_url: str | None = None) -> None:
    """Run the gateway in this process until it is killed; says so on standard output when it is up."""
    with serving(
        lambda url: create_app(Path(store), accounts=platform(webhook_url), public_url=url), port=int(port)
    ) as url:
        print(url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])

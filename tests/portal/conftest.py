"""The real pages over a test's own database, and people in front of them."""

import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from html import unescape
from urllib.parse import urlencode
from uuid import UUID

import pytest
from httpx2 import Response
from playwright.sync_api import Browser, BrowserContext
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from api.read import Reader
from auth import sessions
from auth.passwords import HashingPool
from auth.sessions import SignedIn
from db import ids
from db.engine import make_pool
from db.session import Database
from portal import csrf, routes
from portal.assets import ROUTE
from portal.cookies import LANGUAGE
from portal.headers import GatewayOrigins, SecurityHeaders
from portal.house import House
from portal.language import Language
from tests import pages as made
from tests.cast import Cast
from tests.gateway import RunningSandbox, running_sandbox, serving
from tests.papers import press

ORIGIN = "http://testserver"
SECRET = b"pages-tests-only-" + b"x" * 32
Fields = Mapping[str, str | list[str]]


class Clock:
    """The time the pages read; tests move it."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


class Person:
    """Somebody signed in, with a browser that keeps cookies and runs no scripts.

    `home` is where their pages begin; paths are below it, unless they name another place of their own.
    """

    def __init__(self, client: TestClient, home: str, session_id: UUID, session_token: str) -> None:
        self.client = client
        self.home = home
        self._form_token = csrf.token(str(session_id), secret=SECRET)
        self._session = {"remit_session": session_token}

    def get(self, path: str = "") -> Response:
        """Open a page; redirects are followed."""
        return self._sent("GET", path)

    def post(self, path: str, fields: Fields | None = None, *, forged: bool = False) -> Response:
        """Send a form of ours (`forged`: one that is not); the answer itself, not what it redirects to."""
        typed = {"csrf_token": "0" * 43 if forged else self._form_token, **(fields or {})}
        return self._sent("POST", path, typed)

    def _sent(self, method: str, path: str, fields: Fields | None = None) -> Response:
        self.client.cookies.update(self._session)
        return self.client.request(
            method,
            path if path.startswith(("/partner/", "/portal/")) else self.home + path,
            content=urlencode(fields, doseq=True) if fields is not None else None,
            headers={"origin": ORIGIN, "content-type": "application/x-www-form-urlencoded"} if fields else {},
            follow_redirects=method == "GET",
        )


@pytest.fixture
def clock(now: datetime) -> Clock:
    """The pages' clock, standing at noon."""
    return Clock(now)


@pytest.fixture
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    """The gateway, for pages that charge."""
    with running_sandbox(tmp_path_factory.mktemp("gateway") / "store.db", deliver=False) as running:
        yield running


def make_app(
    database: Database,
    database_url: str,
    clock: Callable[[], datetime],
    sandbox: RunningSandbox | None,
    origin: str,
) -> ASGIApp:
    """Every page of the product behind the real headers, as the web process puts them together."""
    pool = make_pool(database_url, size=2)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await pool.open()
        yield
        await pool.close()

    app = Starlette(routes=[*routes.ROUTES, Route(ROUTE, made.assets().serve)], lifespan=lifespan)
    app.state.house = House(
        database=database,
        documents=made.documents(Reader(pool)),
        hashing=HashingPool(at_once=1, waiting=5),
        renderer=made.renderer(),
        gateway=sandbox.gateway if sandbox else None,
        press=press(),
        clock=clock,
        secret=SECRET,
        public_url=origin,
        secure=False,
    )
    gateways = (sandbox.url,) if sandbox else ()
    spoken = Language(app, cookie=app.state.house.cookie(LANGUAGE))
    return SecurityHeaders(spoken, public_url=origin, gateway=GatewayOrigins(frames=gateways, forms=gateways))


@pytest.fixture
def pages(
    database: Database, database_url: str, clock: Clock, request: pytest.FixtureRequest
) -> Iterator[TestClient]:
    """The pages in process. A test that asks for `sandbox` too gets that as their gateway."""
    sandbox = request.getfixturevalue("sandbox") if "sandbox" in request.fixturenames else None
    app = make_app(database, database_url, clock, sandbox, ORIGIN)
    with TestClient(app, base_url=ORIGIN) as client:
        yield client


def sign_in(database: Database, cast: Cast, name: str, now: datetime) -> tuple[str, SignedIn]:
    """A session for one of the cast, and where their pages begin."""
    actor = cast.actors[name]
    with database.transaction(user_id=actor.user_id) as db:
        session = sessions.begin(
            db, user_id=actor.user_id, device_id=None, address="127.0.0.1", agent="tests", now=now
        )
    places, place = (
        (cast.customers, actor.customer_id) if actor.customer_id else (cast.partners, actor.partner_id)
    )
    slug = next(cast.slugs[called] for called, id_ in places.items() if id_ == place)
    return f"/{'portal' if actor.customer_id else 'partner'}/{slug}", session


@pytest.fixture
def signed_in(pages: TestClient, database: Database, cast: Cast, clock: Clock):
    """`signed_in("ada")`: one of the cast at their own door."""

    def enter(name: str) -> Person:
        home, session = sign_in(database, cast, name, clock())
        client = TestClient(pages.app, base_url=ORIGIN)
        # The same running application: its lifespan is the first client's.
        client.portal = pages.portal
        return Person(client, home, session.session_id, session.session_token)

    return enter


class Browsing:
    """The cast in browsers of their own, before the running pages."""

    def __init__(self, chromium: Browser, url: str, enter: Callable[[str], tuple[str, SignedIn]]) -> None:
        self._chromium = chromium
        self._enter = enter
        self.url = url

    def __call__(self, name: str, **options: object) -> BrowserContext:
        """A browser in which `name` is signed in; paths are below their home."""
        home, session = self._enter(name)
        context = self._chromium.new_context(base_url=f"{self.url}{home}/", **options)  # type: ignore[arg-type]
        # They signed in here: the browser is known.
        cookies = {"remit_session": session.session_token, "remit_device": session.device_token}
        context.add_cookies([
            {"name": cookie, "value": str(value), "url": self.url} for cookie, value in cookies.items()
        ])  # fmt: skip
        return context


@pytest.fixture
def browsing(
    chromium: Browser,
    database: Database,
    database_url: str,
    clock: Clock,
    sandbox: RunningSandbox,
    cast: Cast,
) -> Iterator[Browsing]:
    """`browsing("petra")`: one of the cast in Chromium."""
    with serving(lambda url: make_app(database, database_url, clock, sandbox, url)) as url:
        yield Browsing(chromium, url, lambda name: sign_in(database, cast, name, clock()))


@pytest.fixture
def ada(signed_in) -> Person:
    """Northwind's admin."""
    return signed_in("ada")


@pytest.fixture
def clem(signed_in) -> Person:
    """Northwind's member."""
    return signed_in("clem")


@pytest.fixture
def rita(signed_in) -> Person:
    """Northwind's read-only."""
    return signed_in("rita")


@pytest.fixture
def mallory(signed_in) -> Person:
    """Contoso's admin."""
    return signed_in("mallory")


def customer_id(cast: Cast, name: str) -> str:
    """`cus_…` of one of the cast."""
    return ids.shown("cus", cast.customers[name])


def user_id(cast: Cast, name: str) -> str:
    """`usr_…` of one of the cast."""
    membership = cast.actors[name].id
    assert membership is not None
    return ids.shown("usr", membership)


def text_of(answer: Response) -> str:
    """What a reader of the page sees: no tags, single spaces."""
    main = answer.text.partition("<main")[2] or answer.text
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", main)).split())

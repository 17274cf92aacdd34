"""The partner's admin in a real Chromium, before pages that ask no gateway."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext

from db.session import Database
from tests.cast import Cast
from tests.gateway import serving
from tests.portal.conftest import Clock, make_app, sign_in

Browse = Callable[..., BrowserContext]


@pytest.fixture
def browse(
    chromium: Browser, database: Database, database_url: str, clock: Clock, cast: Cast
) -> Iterator[Browse]:
    """`browse(…)`: Ada's browser; paths are below the dashboard's home. There is no gateway."""
    with serving(lambda url: make_app(database, database_url, clock, None, url)) as url:

        def opened(**options: object) -> BrowserContext:
            home, session = sign_in(database, cast, "ada", clock())
            context = chromium.new_context(base_url=f"{url}{home}/", **options)  # type: ignore[arg-type]
            context.add_cookies([{"name": "remit_session", "value": session.session_token, "url": url}])
            return context

        yield opened

"""Whoever pays by a pay link, in a browser of their own, and what comes of it."""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from httpx2 import Response
from sqlalchemy import Connection, text
from starlette.testclient import TestClient

from billing import pay_links
from db import ids
from db.session import Database
from tests.billing.acting import Acts
from tests.cast import Cast
from tests.gateway import RunningSandbox
from tests.portal.conftest import ORIGIN, Clock
from tests.portal.customer.conftest import VISA, hidden, link_of

SAME = {"origin": ORIGIN, "sec-fetch-site": "same-origin"}


class Guest:
    """Whoever holds a link, in a browser of their own."""

    def __init__(self, pages: TestClient, sandbox: RunningSandbox, path: str) -> None:
        self.client = TestClient(pages.app, base_url=ORIGIN)
        self.client.portal = pages.portal
        self.sandbox, self.path = sandbox, path
        self.start = self.client.get(f"{path}/pay")
        self.home = self.start.url.path.removesuffix("/pay")

    def get(self, address: str) -> Response:
        return self.client.get(address)

    def post(self, address: str, fields: dict[str, str] | None = None, **headers: str) -> Response:
        found = re.search(r'name="csrf_token" value="([^"]+)"', self.start.text)
        assert found is not None
        typed = {"csrf_token": found[1], **(fields or {})}
        return self.client.post(address, data=typed, headers={**SAME, **headers}, follow_redirects=False)

    def type_card(self, number: str = VISA) -> str:
        """Enter a card without scripts: the address of the review that the gateway leads back to."""
        page = self.get(self.post(f"{self.home}/pay").headers["location"])
        assert "data-card-fields" in page.text
        token = urlsplit(link_of(page.text, "data-card-page")).path.rpartition("/")[2]
        back = urlsplit(self.sandbox.type_card(number, token=token).headers["location"])
        return f"{back.path}?{back.query}"

    def confirm(self, review: str) -> Response:
        """Press the review's button."""
        return self.post(f"{self.home}/review", hidden(self.get(review)))

    def pay(self, number: str = VISA) -> Response:
        """The whole way: what the confirmation answers."""
        return self.confirm(self.type_card(number))


@pytest.fixture
def invoice(bill: Callable[..., str]) -> str:
    """An invoice over $100.00 that Northwind sent to Acme."""
    return bill("100.00")


@pytest.fixture
def made(database: Database, owner: Connection, cast: Cast, clock: Clock, invoice: str) -> pay_links.Made:
    """A link to it."""
    acts = Acts(database, owner, clock.now)
    return acts(cast.ada, pay_links.create, invoice_id=ids.parsed(invoice, "inv"))


@pytest.fixture
def guest(pages: TestClient, sandbox: RunningSandbox, made: pay_links.Made) -> Guest:
    """Whoever holds the link."""
    return Guest(pages, sandbox, pay_links.path_of(made.token))


def kept(owner: Connection) -> list[tuple[str, ...]]:
    """Every payment with its status and who asked for it."""
    found = owner.execute(text("select status, asked_by_kind from payment order by created_at, id"))
    return [tuple(row) for row in found]


def mails(owner: Connection) -> int:
    """How many mails with a fresh link there are."""
    return owner.scalar(text("select count(*) from mail where kind = 'PAY_LINK'")) or 0

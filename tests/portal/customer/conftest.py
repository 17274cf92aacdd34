"""Acme's people in front of the portal, invoices to pay, and cards to pay with."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import date, timedelta
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from billing import invoice_sending, invoices
from billing.invoice_fields import InvoiceInput, LineInput
from db import ids
from db.session import Database
from integrations.gateways.sandbox.client import SandboxGateway
from tests.cast import Cast
from tests.gateway import RunningSandbox
from tests.portal.conftest import Clock, Person

Bill = Callable[..., str]
AddCard = Callable[..., str]
Gone = Callable[[], AbstractContextManager[None]]
VISA = "4242424242424242"
DECLINED = "4000000000000002"
AUTHENTICATES = "4000002500003155"
NOBODYS = "0" * 32


@pytest.fixture
def petra(signed_in) -> Person:
    """Acme's Payer."""
    return signed_in("petra")


@pytest.fixture
def carl(signed_in) -> Person:
    """Acme's Manager."""
    return signed_in("carl")


@pytest.fixture
def vera(signed_in) -> Person:
    """Acme's Viewer."""
    return signed_in("vera")


@pytest.fixture
def gus(signed_in) -> Person:
    """Manager of Globex, Acme's sibling at the same partner."""
    return signed_in("gus")


@pytest.fixture
def ines(signed_in) -> Person:
    """Manager of Initech, which owes another partner."""
    return signed_in("ines")


@pytest.fixture
def bill(database: Database, cast: Cast, clock: Clock) -> Bill:
    """`bill("100.00")`: an invoice that Northwind sent to Acme; what the API calls it.

    `times` makes several, each due a day later, and gives the last one.
    """

    def made(
        price: str,
        customer: str = "acme",
        *,
        due_in: int = 30,
        times: int = 1,
        sent: bool = True,
        **fields: object,
    ) -> str:
        actor = cast.mallory if customer == "initech" else cast.ada
        today = date(2026, 3, 10)
        lines = [LineInput(description="Managed workstations", quantity="1", unit_price=price)]
        with database.transaction(partner_id=actor.partner_id) as db:
            for later in range(times):
                due = today + timedelta(days=due_in + later)
                typed = InvoiceInput(issue_on=min(today, due), due_on=due, **{"lines": lines, **fields})
                invoice = invoices.create_draft(
                    db, actor, customer_id=cast.customers[customer], fields=typed, now=clock()
                )
                if sent:
                    invoice_sending.send(db, actor, invoice_id=invoice.id, now=clock())
        return ids.shown("inv", invoice.id)

    return made


@pytest.fixture
def gone(pages: TestClient, sandbox: RunningSandbox) -> Gone:
    """`with gone():` nobody listens where the gateway should be."""

    @contextmanager
    def hung_up() -> Iterator[None]:
        app = pages.app._app._app  # the pages, behind their headers and their language
        house = app.state.house
        nowhere = SandboxGateway("http://127.0.0.1:1", accounts=sandbox.accounts)
        app.state.house = replace(house, gateway=nowhere)
        yield
        app.state.house = house
        nowhere.close()

    return hung_up


@pytest.fixture
def add_card(sandbox: RunningSandbox) -> AddCard:
    """`add_card(petra)`: the whole way of adding a card without scripts; the method's id."""

    def added(person: Person, number: str = VISA) -> str:
        begun = person.post("/payment-methods/add")
        assert begun.status_code == 303, begun.text
        back = type_card(person, sandbox, begun.headers["location"], number)
        known = set(re.findall(r"pm_[0-9a-f]{32}", person.get("/payment-methods").text))
        assert person.get(back).status_code == 200
        found = set(re.findall(r"pm_[0-9a-f]{32}", person.get("/payment-methods").text))
        (method,) = found - known
        return method

    return added


def type_card(person: Person, sandbox: RunningSandbox, location: str, number: str) -> str:
    """From our page to the gateway's page; the address, ours, that it sends the payer back to."""
    page = person.get(location)
    assert page.status_code == 200, page.text
    address = link_of(page.text, "data-card-page")
    typed = sandbox.type_card(number, token=urlsplit(address).path.rpartition("/")[2])
    assert typed.status_code == 303, typed.text
    back = urlsplit(typed.headers["location"])
    assert "setup" in parse_qs(back.query)
    return f"{back.path}?{back.query}"


def link_of(page: str, mark: str) -> str:
    """The address of the link that carries `mark`."""
    found = re.search(rf'<a [^>]*href="([^"]+)"[^>]*{mark}', page)
    assert found is not None, f"no link with {mark}"
    return unescape(found[1])


def order(method: str, *rows: tuple[str, str]) -> dict[str, str]:
    """The form of the page to choose on: invoices with amounts, and a method."""
    typed = {"currency": "USD", "payment_method_id": method}
    for number, (invoice, amount) in enumerate(rows):
        typed |= {f"allocations-{number}-invoice_id": invoice, f"allocations-{number}-amount": amount}
    return typed


def to_review(person: Person, method: str, *rows: tuple[str, str]) -> str:
    """Choose, and go on to the review: its address."""
    answer = person.post("/pay", order(method, *rows))
    assert answer.status_code == 303, answer.text
    location: str = answer.headers["location"]
    assert "/pay/review?" in location
    return location


def hidden(page: Response) -> dict[str, str]:
    """The hidden fields of the page's own form, as a browser would send them; the token comes by itself."""
    main = page.text.partition("<main")[2]
    pairs = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', main)
    return {unescape(name): unescape(value) for name, value in pairs if name != "csrf_token"}


def pay(person: Person, method: str, *rows: tuple[str, str]) -> Response:
    """Choose, review, confirm: what the confirmation answers."""
    review = person.get(to_review(person, method, *rows))
    assert review.status_code == 200, review.text
    return person.post("/pay/review", hidden(review))

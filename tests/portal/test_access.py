"""Access by the billing link on the pages: a visitor asks, staff add, make a customer or deny."""

import re
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import pytest
from httpx2 import Response
from sqlalchemy import Connection, text
from starlette.testclient import TestClient

from billing.access_requests import NETWORK
from db import ids
from db.session import Database
from tests.billing.access_steps import ZOE, asked, enter_address, mailed_link, request_row
from tests.cast import Cast
from tests.portal.conftest import ORIGIN, Person, customer_id, text_of
from tests.world import nothing_changes

LIST = "/access-requests"
BEGUN = ("access_link", "throttle_bucket", "procrastinate_jobs", "procrastinate_events")


def sent(client: TestClient, path: str, **fields: str) -> Response:
    """Open a visitor's page, then send its form."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get(path).text)
    assert found is not None
    return client.post(path, data={"csrf_token": found[1], **fields}, headers={"origin": ORIGIN})


@pytest.fixture
def request_id(database: Database, cast: Cast, now: datetime) -> UUID:
    """Zoe has asked Northwind."""
    return asked(database, cast, now)


@pytest.fixture
def one(request_id: UUID) -> str:
    """Where her request is, below the dashboard's home."""
    return f"{LIST}/{ids.shown('acr', request_id)}"


def test_a_visitor_asks_from_the_billing_link(
    pages: TestClient, ada: Person, database: Database, owner: Connection, cast: Cast
) -> None:
    assert "Your invoices from Northwind" in text_of(pages.get("/billing/northwind"))
    answer = sent(pages, "/billing/northwind", email=ZOE)
    assert "Look into your mail" in text_of(answer)
    page = pages.get(f"/access/{mailed_link(database, cast)}")
    assert (page.url.path, "Ask Northwind for access" in text_of(page)) == ("/access", True)
    wrong = sent(pages, "/access", name="", company="Acme", message="Hello")
    assert (wrong.status_code, "Enter the name." in text_of(wrong)) == (422, True)
    assert ">\nHello</textarea>" in wrong.text
    done = sent(pages, "/access", name="Zoe", company="Acme", message="Hello")
    assert "Your request is on its way" in text_of(done)
    assert pages.get("/access").status_code == 404
    assert "Zoe" in text_of(ada.get())
    assert f"Zoe {ZOE} Acme" in text_of(ada.get(LIST))


def test_every_address_gets_the_same_answer(pages: TestClient, owner: Connection, cast: Cast) -> None:
    answers = set()
    for email in (ZOE, cast.emails["petra"], cast.emails["ines"]):
        with nothing_changes(owner, without=BEGUN):
            answers.add(sent(pages, "/billing/northwind", email=email).text)
    assert len(answers) == 1


def test_a_wrong_address_and_too_many_are_told_at_the_field(pages: TestClient, owner: Connection) -> None:
    with nothing_changes(owner):
        wrong = sent(pages, "/billing/northwind", email="zoe")
    assert (wrong.status_code, 'id="error-email"' in wrong.text) == (422, True)
    for at in range(NETWORK.tries):
        assert sent(pages, "/billing/northwind", email=f"z{at}@x.example").status_code == 200
    refused = sent(pages, "/billing/northwind", email="z99@x.example")
    assert (refused.status_code, 'id="error-email"' in refused.text) == (429, True)


def test_there_is_no_billing_page_of_nobody(pages: TestClient) -> None:
    assert pages.get("/billing/nobody").status_code == 404


def test_who_is_in_already_is_told_to_sign_in(
    pages: TestClient, database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    enter_address(database, now, email=cast.emails["petra"])
    pages.get(f"/access/{mailed_link(database, cast)}")
    with nothing_changes(owner):
        answer = sent(pages, "/access", name="Petra", company="Acme")
    assert (answer.status_code, "You have access already" in text_of(answer)) == (409, True)


def test_a_form_of_another_site_asks_nothing(
    pages: TestClient, ada: Person, one: str, database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    enter_address(database, now)
    pages.get(f"/access/{mailed_link(database, cast)}")
    with nothing_changes(owner):
        for path in ("/billing/northwind", "/access"):
            fields = {"csrf_token": "0" * 43, "email": ZOE, "name": "x", "company": "x"}
            assert pages.post(path, data=fields, headers={"origin": ORIGIN}).status_code == 403
        for path in ("/approve", "/deny"):
            assert (
                ada.post(one + path, {"customer_id": customer_id(cast, "acme")}, forged=True).status_code
                == 403
            )


def test_she_is_added_to_the_customer_that_is_suggested(
    ada: Person, one: str, request_id: UUID, owner: Connection, cast: Cast
) -> None:
    ada.post(f"/customers/{customer_id(cast, 'acme')}/users/new", {"name": "N", "email": "n@acme.example"})
    page = ada.get(one)
    shown = text_of(page)
    assert "Zoe asks for access" in shown
    assert "Invoice 7, please." in shown
    assert "Has users at acme.example" in shown
    assert f'value="{customer_id(cast, "acme")}" checked' in page.text
    done = ada.post(f"{one}/approve", {"customer_id": customer_id(cast, "acme"), "role": ""})
    assert done.headers["location"].endswith(LIST)
    assert f"An invite is on its way to {ZOE}." in text_of(ada.get(LIST))
    assert "Nobody waits for access" in text_of(ada.get(LIST))
    resolved = text_of(ada.get(f"{LIST}?show=resolved"))
    assert "Approved" in resolved
    assert "Invited to Acme" in text_of(ada.get(one))
    assert request_row(owner, request_id).status == "APPROVED"


def test_no_customer_chosen_is_told_at_the_field(
    ada: Person, one: str, owner: Connection, cast: Cast
) -> None:
    ada.post(f"/customers/{customer_id(cast, 'acme')}/users/new", {"name": "N", "email": "n@acme.example"})
    with nothing_changes(owner):
        answer = ada.post(f"{one}/approve", {})
    assert (answer.status_code, 'id="error-customer_id"' in answer.text) == (422, True)


def test_a_user_there_already_is_pointed_out(
    ada: Person, one: str, request_id: UUID, owner: Connection, cast: Cast
) -> None:
    ada.post(f"/customers/{customer_id(cast, 'globex')}/users/new", {"name": "Zoe", "email": ZOE})
    assert f"{ZOE} has a user here already: Zoe at Globex." in text_of(ada.get(one))
    with nothing_changes(owner):
        answer = ada.post(f"{one}/approve", {"customer_id": customer_id(cast, "globex")})
    assert answer.status_code == 422


def test_a_new_customer_is_made_for_her_on_the_way(ada: Person, one: str, owner: Connection) -> None:
    asks = one.rpartition("/")[2]
    page = ada.get(f"/customers/new?access_request={asks}")
    assert 'value="Acme"' in page.text
    assert f'name="access_request" value="{asks}"' in page.text
    company = {
        "company": "Zoe's Firm", "address": "1 Main Street", "city": "Springfield", "state": "IL",
        "postal_code": "62701", "country": "US", "access_request": asks,
    }  # fmt: skip
    made = ada.post("/customers/new", company)
    assert re.search(rf"{one}\?customer=cus_\w+$", made.headers["location"])
    back = ada.get(made.headers["location"])
    assert "in set-up: becomes active with this first user" in text_of(back)
    chosen = re.search(r'value="(cus_\w+)" checked', back.text)
    assert chosen is not None
    assert ada.post(f"{one}/approve", {"customer_id": chosen[1], "role": ""}).status_code == 303
    status = owner.scalar(text("select status from customer where company = 'Zoe''s Firm'"))
    assert status == "ACTIVE"


def test_she_is_denied_after_a_question(ada: Person, one: str, request_id: UUID, owner: Connection) -> None:
    assert "is told politely by mail" in text_of(ada.get(f"{one}/deny"))
    assert ada.post(f"{one}/deny").status_code == 303
    assert request_row(owner, request_id).status == "DENIED"
    assert "The request of Zoe is denied." in text_of(ada.get(LIST))
    with nothing_changes(owner, without=("session",)):
        assert ada.post(f"{one}/deny").status_code == 409


def test_only_who_edits_customers_decides(
    rita: Person, one: str, owner: Connection, cast: Cast, signed_in: Callable[[str], Person]
) -> None:
    assert "Who may edit customers decides about it." in text_of(rita.get(one))
    with nothing_changes(owner, without=("session",)):
        assert rita.get(f"{one}/deny").status_code == 403
        for path in ("/approve", "/deny"):
            assert rita.post(one + path, {"customer_id": customer_id(cast, "acme")}).status_code == 403


def test_another_partner_finds_nothing(mallory: Person, one: str, owner: Connection, cast: Cast) -> None:
    assert "Zoe" not in mallory.get(LIST).text
    absent = f"{LIST}/acr_{'0' * 32}"
    with nothing_changes(owner, without=("session",)):
        for path in ("", "/deny"):
            theirs, none = (mallory.get(at + path) for at in (one, absent))
            assert (theirs.status_code, theirs.text) == (404, none.text)
        for path in ("/approve", "/deny"):
            fields = {"customer_id": customer_id(cast, "initech")}
            assert mallory.post(one + path, fields).status_code == 404
        assert mallory.get(f"/customers/new?access_request={one.rpartition('/')[2]}").status_code == 404


@pytest.mark.parametrize("typed", ["<script>alert(1)</script>", "=1+1", "{{ 7 * 7 }}", "%(name)s"])
def test_what_strangers_type_is_only_text(
    pages: TestClient, ada: Person, database: Database, cast: Cast, now: datetime, typed: str
) -> None:
    enter_address(database, now)
    pages.get(f"/access/{mailed_link(database, cast)}")
    sent(pages, "/access", name=typed, company=typed, message=typed)
    listed = ada.get(LIST)
    one = re.search(r'href="[^"]*(/access-requests/acr_\w+)"', listed.text)
    assert one is not None
    for page in (listed, ada.get(one[1]), ada.get(f"{one[1]}/deny"), ada.get()):
        assert typed in text_of(page) or "<" in typed
        assert "<script>alert" not in page.text

"""Search over the whole dashboard, from the box in the top bar."""

import re
from collections.abc import Callable
from datetime import datetime

import pytest
from sqlalchemy import Connection, text

from billing import customer_users, customers, invoice_sending, invoices
from billing.customer_fields import CustomerInput
from billing.invoice_fields import InvoiceInput, LineInput
from db.session import Database
from tests.cast import Cast
from tests.portal.conftest import Person, text_of

FIELDS = {"address": "1 A Street", "city": "Peoria", "state": "IL", "postal_code": "61602", "country": "US"}


@pytest.fixture
def umbrella(database: Database, cast: Cast, now: datetime) -> str:
    """Umbrella Dental, with its EIN, its user Zoë and one invoice: the invoice's number."""
    ada = cast.ada
    with database.transaction(partner_id=ada.partner_id) as db:
        made = customers.create(
            db, ada, fields=CustomerInput(company="Umbrella Dental", tax_id="12-3456789", **FIELDS), now=now
        ).customer
        customer_users.invite(
            db, ada, customer_id=made.id, name="Zoë Zimmer", email="zoe@umbrella.example", now=now
        )
        lines = [LineInput(description="Visit", quantity="1", unit_price="10.00")]
        draft = invoices.create_draft(db, ada, customer_id=made.id, fields=InvoiceInput(lines=lines), now=now)
        return invoice_sending.send(db, ada, invoice_id=draft.id, now=now).number


def found(person: Person, asked: str) -> dict[str, list[str]]:
    """What each group lists first in its rows."""
    page = person.client.build_request("GET", "/", params={"q": asked}).url.query.decode()
    groups = re.split(r'<section class="card" aria-labelledby="found-', person.get(f"/search?{page}").text)[
        1:
    ]
    return {
        group.partition('"')[0]: re.findall(r'<th scope="row"><a [^>]+>([^<]+)</a>', group)
        for group in groups
    }


@pytest.mark.parametrize("asked", ["umbr", "UMBRELLA den", "12-3456789", "123456789", "12 3456789"])
def test_a_customer_is_found_by_words_and_by_its_ein(ada: Person, umbrella: str, asked: str) -> None:
    assert found(ada, asked)["customers"] == ["Umbrella Dental"]


@pytest.mark.parametrize(
    "asked", ["zoe", "Zoë zim", "zoe@umbrella.example", "ZOE@Umbrella.example", "zimmer"]
)
def test_a_user_is_found_by_name_and_by_address(ada: Person, umbrella: str, asked: str) -> None:
    assert found(ada, asked)["users"] == ["Zoë Zimmer"]


def test_an_invoice_is_found_by_its_number_in_any_case(ada: Person, umbrella: str) -> None:
    assert found(ada, umbrella)["invoices"] == [umbrella]
    assert found(ada, umbrella.lower())["invoices"] == [umbrella]


def test_what_was_typed_out_stands_on_top(
    ada: Person, umbrella: str, database: Database, cast: Cast, now: datetime
) -> None:
    # Eleven others share the words of the number and of the EIN, and would all be listed before it.
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        for place in range(11):
            fields = CustomerInput(company=f"A{place}", legal_name="12-3456789", **FIELDS)
            customers.create(db, cast.ada, fields=fields, now=now)
            lines = [LineInput(description="Visit", quantity="1", unit_price="10.00")]
            about = InvoiceInput(lines=lines, memo=umbrella, due_on="2027-01-01")
            invoices.create_draft(db, cast.ada, customer_id=cast.customers["acme"], fields=about, now=now)
    assert found(ada, "12-3456789")["customers"][0] == "Umbrella Dental"
    assert found(ada, umbrella)["invoices"][0] == umbrella
    page = ada.get("/search?q=12-3456789").text
    assert len(found(ada, "12-3456789")["customers"]) == 10
    assert '/customers?status=all&amp;search=12-3456789">Show all 12 customers' in page
    assert f'/invoices?search={umbrella}">Show all 12 invoices' in ada.get(f"/search?q={umbrella}").text


def test_a_removed_user_is_not_found_and_words_are_kept_by_the_rules(
    ada: Person, umbrella: str, owner: Connection, database: Database, cast: Cast, now: datetime
) -> None:
    member, customer = owner.execute(
        text("select id, customer_id from membership where email = 'zoe@umbrella.example'")
    ).one()
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        customer_users.invite(
            db, cast.ada, customer_id=customer, name="Max", email="max@umbrella.example", role="MANAGER",
            now=now,
        )  # fmt: skip
        customer_users.remove(db, cast.ada, membership_id=member, now=now)
    assert "users" not in found(ada, "zimmer")
    assert found(ada, "max")["users"] == ["Max"]


@pytest.mark.parametrize("asked", ["", "   ", "--- !"])
def test_nothing_asked_lists_nothing(ada: Person, umbrella: str, asked: str) -> None:
    assert found(ada, asked) == {}


def test_nothing_found_says_so_and_leads_on(ada: Person, umbrella: str) -> None:
    said = text_of(ada.get("/search?q=<b>qqq"))
    assert "Nothing found No customer, user or invoice has words that begin with “<b>qqq”." in said
    assert f'href="{ada.home}/customers"' in ada.get("/search?q=qqq").text


def test_the_box_is_on_every_page_of_the_dashboard_and_not_in_the_portal(
    ada: Person, signed_in: Callable[[str], Person]
) -> None:
    for path in ("", "/customers", "/invoices", "/tags"):
        assert f'action="{ada.home}/search" method="get"' in ada.get(path).text
        assert 'aria-keyshortcuts="Control+K Meta+K"' in ada.get(path).text
    assert "site-search" not in signed_in("petra").get("/invoices").text


@pytest.mark.parametrize("asked", ["umbrella", "12-3456789", "zoe", "zoe@umbrella.example", "NO-00001"])
def test_nothing_of_another_partner_is_found(mallory: Person, umbrella: str, asked: str) -> None:
    assert found(mallory, asked) == {}

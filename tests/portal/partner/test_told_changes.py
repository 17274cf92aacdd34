"""What an edit was from and to, in the log, the activity and the file: and what the log never keeps."""

import csv
import io
from collections.abc import Callable
from datetime import date, datetime

import pytest
from sqlalchemy import Connection, text

from auth import memberships
from auth.roles import Role
from billing import customers, invoices, tags
from billing.customer_fields import CustomerInput
from billing.invoice_fields import InvoiceInput, LineInput, TaxInput
from billing.tags import TagInput
from db.session import Database
from portal.partner.told_changes import told
from tests.billing.acting import Acts
from tests.cast import Cast
from tests.portal.conftest import Person, customer_id, text_of


@pytest.fixture
def acts(database: Database, owner: Connection, now: datetime) -> Acts:
    return Acts(database, owner, now)


def details(owner: Connection, action: str) -> dict[str, object]:
    found: dict[str, object] = owner.execute(
        text("select details from audit_event where action = :action order by at desc, id desc limit 1"),
        {"action": action},
    ).scalar_one()
    return found


def edit(acts: Acts, cast: Cast, **fields: object) -> None:
    acts(
        cast.clem, customers.update, customer_id=cast.customers["acme"],
        fields=CustomerInput.read(fields),
    )  # fmt: skip


def test_an_edit_of_a_customer_says_what_was_and_what_is(
    acts: Acts, cast: Cast, owner: Connection, ada: Person
) -> None:
    edit(acts, cast, company="Acme Rockets", tax_id="12-3456789", city="Peoria", time_zone="America/Denver")
    assert details(owner, "customer.updated") == {
        "fields": ["city", "company", "tax_id", "time_zone"],
        "was": ["Springfield", "Acme", "", ""],
        "became": ["Peoria", "Acme Rockets", "…6789", "America/Denver"],
    }
    edit(acts, cast, tax_id="98-7654321")
    assert details(owner, "customer.updated") == {
        "fields": ["tax_id"], "was": ["…6789"], "became": ["…4321"]
    }  # fmt: skip
    kept = owner.execute(text("select string_agg(details::text, ' ') from audit_event")).scalar_one()
    assert ("123456789" in kept, "987654321" in kept, "12-3456789" in kept) == (False, False, False)
    said = "Clem changed City from “Springfield” to “Peoria”, Company from “Acme” to “Acme Rockets”"
    assert said in text_of(ada.get("/audit?about=customer")).replace(" (only what they did)", "")
    activity = text_of(ada.get(f"/customers/{customer_id(cast, 'acme')}/activity"))
    assert "Tax ID from “…6789” to “…4321”" in activity
    assert "Tax ID from nothing to “…6789”" in activity
    assert "Time zone from nothing to “" in activity
    answer = ada.post("/audit/export", {"about": "customer"})
    _, *rows = csv.reader(io.StringIO(answer.text.removeprefix("\ufeff")))
    assert any('"became": ["…4321"]' in row[7] for row in rows)


def test_rows_from_before_name_the_fields_alone(
    acts: Acts, cast: Cast, owner: Connection, ada: Person, now: datetime
) -> None:
    assert told("customer", {"fields": ["city", "company_key", "state"]}) == "City, State/Province"
    assert told("customer", {}) == told("api_key", {"fields": ["name"]}) == ""
    assert told("customer", {"fields": ["city", "state"], "was": ["a"], "became": ["b"]}) == (
        "City, State/Province"
    )


def test_an_edit_of_a_draft_says_its_head_and_its_total_but_no_words(
    acts: Acts, cast: Cast, owner: Connection, ada: Person
) -> None:
    line = LineInput(
        description="Visit", quantity="1", unit_price="10.00", taxes=[TaxInput(name="GST", rate="5")]
    )
    made = acts(
        cast.ada, invoices.create_draft, customer_id=cast.customers["acme"],
        fields=InvoiceInput(lines=[line], issue_on=date(2026, 3, 10), due_on=date(2026, 4, 9)),
    )  # fmt: skip

    def change(**fields: object) -> dict[str, object]:
        acts(cast.clem, invoices.update_draft, invoice_id=made.id, fields=InvoiceInput(**fields))  # type: ignore[arg-type]
        return details(owner, "invoice.updated")

    found = change(memo="Ask Petra Smith", due_on=date(2026, 5, 1), po_number="PO-7", lines=[line])
    assert {name: found[name] for name in ("fields", "was", "became")} == {
        "fields": ["due_on", "memo", "po_number"], "was": ["2026-04-09", None, ""],
        "became": ["2026-05-01", None, "PO-7"],
    }  # fmt: skip
    assert "Petra Smith" not in str(found)
    dearer = LineInput(
        description="Visit", quantity="2", unit_price="10.00", taxes=[TaxInput(name="GST", rate="5")]
    )
    found = change(lines=[dearer])
    assert (found["fields"], found["was"], found["became"]) == (
        ["lines", "total"], [None, "10.50 USD"], [None, "21.00 USD"]
    )  # fmt: skip
    taxed = LineInput(
        description="Visit", quantity="2", unit_price="10.00", taxes=[TaxInput(name="HST", rate="5")]
    )
    for lines in ([taxed], [taxed, line], [line]):
        assert "lines" in change(lines=lines)["fields"]  # type: ignore[operator]
    assert change(po_number="PO-7")["fields"] == []
    page = text_of(ada.get("/audit?about=invoice"))
    assert "changed a draft invoice: Due date from “Apr 9, 2026” to “May 1, 2026”, Memo, PO number" in page
    assert "changed a draft invoice: Lines, Total from “$10.50” to “$21.00”" in page
    assert "changed a draft invoice" in page
    ada.client.cookies.set("remit_language", "fr")
    french = text_of(ada.get("/audit?about=invoice")).replace("\xa0", " ")
    assert "Date d’échéance (avant : « 9 avr. 2026 »; après : « 1er mai 2026 »)" in french


def test_an_edit_of_a_tag_and_of_a_role(
    acts: Acts, cast: Cast, owner: Connection, ada: Person, signed_in: Callable[[str], Person]
) -> None:
    tag = acts(cast.ada, tags.create, fields=TagInput(name="Gold", colour="#0b7285"))
    acts(cast.ada, tags.update, tag_id=tag.id, fields=TagInput(name="Silver", description="Of Petra"))
    assert details(owner, "tag.updated") == {
        "name": "Silver", "fields": ["description", "name"], "was": [None, "Gold"], "became": [None, "Silver"]
    }  # fmt: skip
    assert "changed the tag “Silver”: Description, Name from “Gold” to “Silver”" in text_of(
        ada.get("/audit?about=tag")
    )
    own = acts(cast.petra, tags.create, fields=TagInput(name="Mine", colour="#0b7285"))
    acts(cast.petra, tags.update, tag_id=own.id, fields=TagInput(name="Ours"))
    assert details(owner, "tag.updated") == {}  # a company's own words are not the partner's to read
    clem = cast.clem.member_id
    acts(cast.ada, memberships.change_role, membership_id=clem, role=Role.SUB_ADMIN)
    assert "changed the role of Clem from Member to Sub-admin" in text_of(ada.get("/audit?about=user"))

"""The dashboard's invoice pages: draft, edit, send, void, and who may not."""

import re
from collections.abc import Callable
from datetime import datetime

import pytest
from httpx2 import Response
from sqlalchemy import Connection, text

from billing import invoices, tags
from billing.invoice_fields import MOST_LINES, MOST_TAXES, InvoiceInput, LineInput, TaxInput
from billing.tags import TagInput
from db import ids
from db.session import Database
from tests.cast import Cast
from tests.portal.conftest import Person, text_of
from tests.portal.partner.test_late_draft import typed_on
from tests.world import nothing_changes, world

Arrive = Callable[[str], Person]
TEMPLATE = re.compile(r"<template.*?</template>", re.DOTALL)
LINE = {
    "lines-0-description": "Managed workstations",
    "lines-0-quantity": "12",
    "lines-0-unit_price": "45.00",
    "lines-0-taxes-0-name": "Sales tax",
    "lines-0-taxes-0-rate": "6.25",
    "_pressed": "save",
}


def fields_of(page: str) -> dict[str, str]:
    """What a browser would send of the editor."""
    return typed_on(TEMPLATE.sub("", page))


def new(cast: Cast, customer: str = "acme") -> str:
    return f"/customers/cus_{cast.customers[customer].hex}/invoices/new"


def test_ada_drafts_edits_and_sends_an_invoice(signed_in: Arrive, cast: Cast, owner: Connection) -> None:
    ada = signed_in("ada")
    assert "Line 3" in ada.get(new(cast)).text
    draft = ada.post(new(cast), LINE).headers["location"].removeprefix("/partner/northwind")
    assert "$573.75" in ada.get(draft).text
    edited = {**LINE, "lines-0-quantity": "13", "version": "1"}
    assert ada.post(f"{draft}/edit", edited).status_code == 303
    assert "$621.56" in ada.get(draft).text
    assert "Send this invoice?" in ada.get(f"{draft}/confirm-send").text
    assert ada.post(f"{draft}/send").status_code == 303
    told = owner.execute(text("select count(*) from mail where kind = 'INVOICE'")).scalar_one()
    assert told == 2  # Carl and Petra; Vera only views
    assert re.search(r"Invoice NO-00001 is on its way", ada.get(draft).text)
    assert ada.get("/invoices?status=open&search=acme").text.count('name="invoice"') == 1


def test_ada_chooses_who_gets_it_and_sees_what_became_of_each_mail(
    signed_in: Arrive, cast: Cast, owner: Connection
) -> None:
    ada = signed_in("ada")
    draft = ada.post(new(cast), LINE).headers["location"].removeprefix("/partner/northwind")
    page = ada.get(f"{draft}/confirm-send").text
    for actor, chosen in ((cast.carl, True), (cast.petra, True), (cast.vera, False)):
        assert (f'value="usr_{actor.id.hex}" checked' in page) is chosen, actor.name
    with nothing_changes(owner):
        none = ada.post(f"{draft}/send", {"chosen": "on"})
    assert (none.status_code, "Choose at least one recipient." in none.text) == (422, True)
    typed = {"chosen": "on", "recipient_ids": f"usr_{cast.vera.id.hex}"}
    assert ada.post(f"{draft}/send", typed).status_code == 303
    said = text_of(ada.get(draft))
    assert "being sent" in said
    assert "vera@" in said
    assert "Being sent" in said
    owner.execute(text("update mail set status = 'REFUSED', tries = 2, answer = '550 No such user'"))
    said = text_of(ada.get(draft))
    for words in ("Refused by the server", "550 No such user", "2 tries"):
        assert words in said
    assert "Invoices that reached nobody" in text_of(ada.get(""))
    assert "NO-00001" in text_of(ada.get("/invoices?status=undelivered"))


def test_ada_is_told_of_an_address_that_gives_mail_back_and_what_to_do(
    signed_in: Arrive, cast: Cast, owner: Connection
) -> None:
    ada = signed_in("ada")
    draft = ada.post(new(cast), LINE).headers["location"].removeprefix("/partner/northwind")
    ada.post(f"{draft}/send", {"chosen": "on", "recipient_ids": f"usr_{cast.vera.id.hex}"})
    owner.execute(text("update mail set address = m.email from membership m where m.id = membership_id"))
    owner.execute(
        text("update mail set status = 'SENT', sent_at = now(), delayed_at = now(), answer = '451'")
    )
    assert "Accepted, delivery delayed 451" in text_of(ada.get(draft))
    assert "gives mail back" not in text_of(ada.get(""))
    owner.execute(
        text("update mail set status = 'BOUNCED', bounced_at = now(), answer = '550 <b>No</b> Vera'")
    )
    assert "Came back 550 " in text_of(ada.get(draft))
    home = text_of(ada.get(""))
    for words in ("Addresses that give mail back", "Vera, Acme", "reached nobody"):
        assert words in home
    asked = ada.get(f"{draft}/confirm-send")
    assert "Mail to one of these addresses came back" in text_of(asked)
    assert "550 &lt;b&gt;No&lt;/b&gt; Vera" in asked.text
    assert "The last mail to this address came back" in text_of(
        ada.get(f"/customers/cus_{cast.customers['acme'].hex}/users")
    )
    # Another address, and nobody says so any more.
    owner.execute(text("update membership set email = 'new@acme.example' where name = 'Vera'"))
    assert "Addresses that give mail back" not in text_of(ada.get(""))
    assert "came back" not in text_of(ada.get(f"{draft}/confirm-send"))


def test_ada_voids_an_invoice_and_corrects_a_draft_like_it(signed_in: Arrive, cast: Cast) -> None:
    ada = signed_in("ada")
    draft = ada.post(new(cast), LINE).headers["location"].removeprefix("/partner/northwind")
    ada.post(f"{draft}/send")
    assert "Void and make a draft like it" in text_of(ada.get(f"{draft}/confirm-void"))
    sent = ada.post(f"{draft}/reissue")
    copy = sent.headers["location"].removeprefix("/partner/northwind")
    assert copy.endswith("/edit")
    assert "Correct it, then send it." in text_of(ada.get(copy))
    assert "Void" in text_of(ada.get(draft))
    assert ada.post(f"{draft}/reissue").status_code == 409


@pytest.mark.parametrize("version", ["", "0", "2", "x", "-1", "1.5", "١", "9" * 30])
def test_a_made_up_version_saves_nothing(
    signed_in: Arrive, cast: Cast, owner: Connection, version: str
) -> None:
    ada = signed_in("ada")
    draft = ada.post(new(cast), LINE).headers["location"].removeprefix("/partner/northwind")
    before = world(owner)
    answer = ada.post(f"{draft}/edit", {**LINE, "memo": "overwritten blind", "version": version})
    assert answer.status_code == 409
    assert world(owner) == before


def test_what_was_typed_stays_and_every_wrong_field_is_told(
    signed_in: Arrive, cast: Cast, owner: Connection
) -> None:
    ada, before = signed_in("ada"), world(owner)
    wrong = {**LINE, "lines-0-quantity": "1.23456", "lines-0-unit_price": "12,50", "due_on": "2020-01-01"}
    answer = ada.post(new(cast), wrong)
    assert answer.status_code == 422
    assert 'value="1.23456"' in answer.text
    for name in ("lines-0-quantity", "lines-0-unit_price", "due_on"):
        assert f'id="error-{name}"' in answer.text
    assert world(owner) == before


def test_rows_are_added_and_removed_without_scripts(signed_in: Arrive, cast: Cast) -> None:
    ada = signed_in("ada")
    grown = ada.post(new(cast), {**LINE, "_pressed": "add-lines"})
    assert (grown.status_code, "Line 2" in grown.text) == (200, True)
    shrunk = ada.post(new(cast), {**LINE, "_pressed": "remove-lines-0"})
    assert "Managed workstations" not in shrunk.text


def test_a_draft_is_issued_without_mailing_anybody(signed_in: Arrive, cast: Cast, owner: Connection) -> None:
    ada = signed_in("ada")
    draft = ada.post(new(cast), LINE).headers["location"].removeprefix("/partner/northwind")
    assert f'href="/partner/northwind{draft}/confirm-issue"' in ada.get(f"{draft}/confirm-send").text
    asked = ada.get(f"{draft}/confirm-issue")
    assert "Acme owes it and sees it in the portal, but nobody gets a mail." in text_of(asked)
    assert f'action="/partner/northwind{draft}/issue"' in asked.text
    for name, status in (("rita", 403), ("mallory", 404)):
        stranger = signed_in(name)
        with nothing_changes(owner):
            assert stranger.post(f"{draft}/issue").status_code == status
    assert ada.post(f"{draft}/issue").status_code == 303
    said = text_of(ada.get(draft))
    assert "Invoice NO-00001 is issued. Nobody was mailed." in said
    assert owner.execute(text("select count(*) from mail where kind = 'INVOICE'")).scalar_one() == 0
    assert "confirm-issue" not in ada.get(f"{draft}/confirm-send").text
    with nothing_changes(owner):
        assert ada.post(f"{draft}/issue").status_code == 409


def test_a_draft_is_deleted_and_an_open_one_voided(signed_in: Arrive, cast: Cast) -> None:
    ada = signed_in("ada")
    draft = ada.post(new(cast), LINE).headers["location"].removeprefix("/partner/northwind")
    assert "The draft over" in ada.get(f"{draft}/confirm-delete").text
    assert ada.post(f"{draft}/delete").headers["location"] == "/partner/northwind/invoices"
    assert ada.get(draft).status_code == 404
    sent = ada.post(new(cast), LINE).headers["location"].removeprefix("/partner/northwind")
    ada.post(f"{sent}/send")
    assert ada.post(f"{sent}/void").status_code == 303
    assert "is void" in ada.get(sent).text
    assert ada.post(f"{sent}/send").status_code == 409


def test_an_invoice_is_duplicated_in_the_editor_and_stored_once_it_is_saved(
    signed_in: Arrive, cast: Cast, database: Database, now: datetime, owner: Connection
) -> None:
    ada = signed_in("ada")
    sent = ada.post(new(cast), {**LINE, "po_number": "PO 7", "memo": "Thanks"}).headers["location"]
    ada.post(f"{sent}/send")
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        late = tags.create(db, cast.ada, fields=TagInput(name="Late", colour="#0b7285"), now=now)
    ada.post(f"{sent}/tags", {"tag": ids.shown("tag", late.id)})
    assert f'href="{sent}/duplicate"' in ada.get(sent).text
    with nothing_changes(owner):
        # Whoever cancels leaves no draft behind.
        shown = ada.get(f"{sent}/duplicate").text
        added = ada.post(f"{sent}/duplicate", {**fields_of(shown), "_pressed": "add-lines"})
        assert added.text.count('class="line-fields"') == shown.count('class="line-fields"') + 1
        wrong = ada.post(f"{sent}/duplicate", {**fields_of(shown), "lines-0-quantity": "0"})
        assert (wrong.status_code, 'id="error-lines-0-quantity"' in wrong.text) == (422, True)
    said = text_of(Response(200, text=shown))
    assert "A copy of invoice NO-00001 Nothing is saved yet: if you cancel, there is no draft." in said
    assert f'href="{sent}" data-gives-up' in shown
    assert 'value="Managed workstations"' in shown
    assert 'value="2026-03-10"' in shown
    assert "Thanks" in shown
    assert "PO 7" not in shown
    made = ada.post(f"{sent}/duplicate", {**fields_of(shown), "memo": "As before"}).headers["location"]
    page = text_of(ada.get(made))
    assert made != sent
    for words in ("Draft invoice", "As before", "Late", "Managed workstations"):
        assert words in page
    assert "duplicated an invoice as a new draft" in text_of(ada.get("/audit"))
    ada.client.cookies.set("remit_language", "fr")
    assert ">Dupliquer<" in re.sub(r"<svg.*?</svg>", "", ada.get(sent).text, flags=re.S)
    assert "Une copie de la facture NO-00001" in text_of(ada.get(f"{sent}/duplicate"))
    assert "a dupliqué une facture en nouveau brouillon" in text_of(ada.get("/audit"))
    owner.execute(text("update customer set status = 'ARCHIVED', archived_at = now()"))
    before = world(owner)
    assert f"{sent}/duplicate" not in ada.get(sent).text
    for answer in (ada.get(f"{sent}/duplicate"), ada.post(f"{sent}/duplicate", fields_of(shown))):
        assert answer.status_code == 409
    assert world(owner) == before


def test_a_draft_of_two_hundred_lines_is_duplicated_edited_and_has_no_room_for_more(
    signed_in: Arrive, cast: Cast, database: Database, now: datetime, owner: Connection
) -> None:
    taxes = [TaxInput(name=f"T{number}", rate="1") for number in range(MOST_TAXES)]
    lines = [
        LineInput(description=f"Work {number}", quantity="1", unit_price="1.00", taxes=taxes)
        for number in range(MOST_LINES)
    ]
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        acme = cast.customers["acme"]
        long = invoices.create_draft(
            db, cast.ada, customer_id=acme, fields=InvoiceInput(lines=lines), now=now
        )
    ada = signed_in("ada")
    copy = f"/invoices/inv_{long.id.hex}/duplicate"
    typed = {
        name: value for name, value in fields_of(ada.get(copy).text).items() if name.startswith("lines-")
    }
    names = [typed[f"lines-{number}-description"] for number in range(MOST_LINES)]
    assert names == [f"Work {number}" for number in range(MOST_LINES)]
    assert len(typed) == MOST_LINES * (5 + 2 * MOST_TAXES)
    with nothing_changes(owner):
        full = ada.post(copy, {**typed, "_pressed": "add-lines"})
        assert full.text.count('class="line-fields"') == MOST_LINES
    typed["lines-150-quantity"] = "3"
    made = ada.post(copy, typed)
    assert made.status_code == 303
    edit = made.headers["location"] + "/edit"
    typed["lines-151-quantity"] = "3"
    assert ada.post(edit, {**typed, "version": "1"}).status_code == 303
    rows = "select count(*), sum(quantity_e4) from invoice_line where invoice_id <> :id"
    assert tuple(owner.execute(text(rows), {"id": long.id}).one()) == (MOST_LINES, (MOST_LINES + 4) * 10_000)


def test_rita_may_look_but_not_write(signed_in: Arrive, cast: Cast, owner: Connection) -> None:
    sent = signed_in("ada").post(new(cast), LINE).headers["location"]
    rita, before = signed_in("rita"), world(owner)
    assert rita.get("/invoices").status_code == 200
    assert rita.post(new(cast), LINE).status_code == 403
    assert f"{sent}/duplicate" not in rita.get(sent).text
    assert rita.post(f"{sent}/duplicate").status_code == 403
    assert world(owner) == before


def test_a_forged_form_changes_nothing(signed_in: Arrive, cast: Cast, owner: Connection) -> None:
    ada, before = signed_in("ada"), world(owner)
    assert ada.post(new(cast), LINE, forged=True).status_code == 403
    assert world(owner) == before


def test_another_partners_invoice_looks_like_none(signed_in: Arrive, cast: Cast, owner: Connection) -> None:
    draft = signed_in("ada").post(new(cast), LINE).headers["location"].removeprefix("/partner/northwind")
    mallory, before = signed_in("mallory"), world(owner)
    absent = "/invoices/inv_" + "0" * 32
    for path in ("", "/edit", "/confirm-send"):
        assert mallory.get(draft + path).status_code == mallory.get(absent + path).status_code == 404
    for path in ("/send", "/void", "/duplicate", "/delete"):
        theirs, nobodys = mallory.post(draft + path), mallory.post(absent + path)
        assert (theirs.status_code, theirs.text) == (nobodys.status_code, nobodys.text)
    assert mallory.post(new(cast), LINE).status_code == 404
    assert world(owner) == before


def test_payments_are_listed(signed_in: Arrive) -> None:
    assert "No payments yet" in signed_in("ada").get("/payments").text
    assert signed_in("ada").get("/payments/pay_" + "0" * 32).status_code == 404


def test_the_page_names_each_tax_and_shows_every_line(
    signed_in: Arrive, database: Database, cast: Cast, now: datetime
) -> None:
    taxes = [TaxInput(name="GST", rate="5"), TaxInput(name="QST", rate="9.975")]
    visit = {"quantity": "1", "unit_price": "10.00", "taxes": taxes}
    lines = [LineInput(description=f"Visit {n}", **visit) for n in range(101)]
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        made = invoices.create_draft(
            db, cast.ada, customer_id=cast.customers["acme"], fields=InvoiceInput(lines=lines), now=now
        )
    page = signed_in("ada").get(f"/invoices/{ids.shown('inv', made.id)}")
    assert "Subtotal $1,010.00 GST 5% $50.50 QST 9.975% $101.00 Total $1,161.50" in text_of(page)
    assert text_of(page).count("GST 5% QST 9.975%") == 101


def test_a_canadian_tax_without_its_number_is_pointed_out_before_sending(
    signed_in: Arrive, cast: Cast, owner: Connection
) -> None:
    ada = signed_in("ada")
    taxed = {
        **LINE,
        "lines-0-taxes-0-name": "TPS",
        "lines-0-taxes-1-name": "QST",
        "lines-0-taxes-1-rate": "9.975",
    }
    draft = ada.post(new(cast), taxed).headers["location"].removeprefix("/partner/northwind")
    warning = "The invoice has no registration number for"
    assert warning not in text_of(ada.get(f"{draft}/confirm-send"))  # a customer in the US
    owner.execute(
        text("update customer set country = 'CA', state = 'QC', postal_code = 'H2X 1Y4' where id = :id"),
        {"id": cast.customers["acme"]},
    )
    assert f"{warning} GST/HST, QST" in text_of(ada.get(f"{draft}/confirm-send"))
    owner.execute(text("update partner set gst_hst_number = '123456782RT0001'"))
    assert f"{warning} QST" in text_of(ada.get(f"{draft}/confirm-send"))


def test_drafts_are_told_apart_in_the_list(signed_in: Arrive, cast: Cast) -> None:
    ada = signed_in("ada")
    ada.post(new(cast), {**LINE, "memo": "Second half of the migration"})
    ada.post(new(cast), LINE)
    shown = text_of(ada.get("/invoices?status=draft"))
    assert "Draft Second half of the migration" in shown
    assert "Draft made Mar 10, 2026" in shown

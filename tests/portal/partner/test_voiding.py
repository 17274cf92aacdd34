"""Voiding an invoice in the dashboard: why, and whether those it was sent to are told."""

import re
from collections.abc import Callable
from datetime import datetime

import pytest
from httpx2 import Response
from sqlalchemy import Connection, text
from starlette.testclient import TestClient

from billing import pay_links
from billing.invoices import Invoice
from db import ids
from db.session import Database
from tests.billing.acting import Acts
from tests.billing.paying import Till
from tests.cast import Cast
from tests.papers import words
from tests.portal.conftest import Person, text_of
from tests.world import nothing_changes

Arrive = Callable[[str], Person]


@pytest.fixture
def invoice(database: Database, owner: Connection, now: datetime, cast: Cast, ada: Person) -> Invoice:
    """Of a hundred dollars; mailed to Petra."""
    made = Till(Acts(database, owner, now), cast).invoice(10_000)
    here = f"/invoices/{ids.shown('inv', made.id)}/send"
    ada.post(here, {"chosen": "on", "recipient_ids": f"usr_{cast.petra.id.hex}"})
    owner.execute(text("update mail set status = 'SENT', sent_at = now()"))
    owner.commit()
    return made


def path(invoice: Invoice) -> str:
    return f"/invoices/{ids.shown('inv', invoice.id)}"


def told(owner: Connection) -> int:
    """How many are mailed that it is void."""
    return owner.scalar(text("select count(*) from mail where kind = 'INVOICE_VOIDED'")) or 0


def asked(person: Person, here: str) -> dict[str, str]:
    """What the page sends that asks, as it is shown."""
    page = person.get(f"{here}/confirm-void").text
    (form,) = re.findall(r'<form[^>]*id="void".*?</form>', page, re.DOTALL)
    fields = {}
    for tag in re.findall(r"<input[^>]*>", form):
        given = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        if given.get("type") != "checkbox" or " checked" in tag:
            fields[given["name"]] = given.get("value", "on")
    return fields


def test_the_page_says_who_is_told_and_the_customer_reads_why(
    ada: Person, signed_in: Arrive, invoice: Invoice, owner: Connection
) -> None:
    here = path(invoice)
    assert "to whom it was sent: Petra." in text_of(ada.get(f"{here}/confirm-void"))
    fields = asked(ada, here)
    assert fields["tell_customer"] == "on"
    assert ada.post(f"{here}/void", {**fields, "reason": "Billed twice"}).status_code == 303
    assert told(owner) == 1
    page = text_of(ada.get(here))
    assert "Voided because Billed twice" in page
    assert "Voided invoice NO-00001 over $100.00 (Billed twice)" in page
    assert "Had the customer told that invoice NO-00001 is void" in page
    own = text_of(signed_in("petra").get(here))
    assert "This invoice is void. Nothing is owed for it. Billed twice" in own
    assert "Voided: Billed twice" in own


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ("status = 'QUEUED'", "Being sent"),
        ("status = 'SENT', sent_at = now()", "Accepted by the server"),
        (
            "status = 'REFUSED', tries = 1, answer = '550 No such user'",
            "Refused by the server 550 No such user",
        ),
        (
            "status = 'BOUNCED', sent_at = now(), bounced_at = now(), answer = '550 Moved'",
            "Came back 550 Moved",
        ),
    ],
)
def test_what_became_of_the_mail_that_tells_it_is_on_the_page(
    ada: Person, invoice: Invoice, owner: Connection, change: str, shown: str
) -> None:
    here = path(invoice)
    assert "Told that it is void" not in text_of(ada.get(here))
    ada.post(f"{here}/void", asked(ada, here))
    owner.execute(text(f"update mail set {change} where kind = 'INVOICE_VOIDED'"))
    owner.commit()
    (part,) = re.findall(r'<section class="card" id="void-delivery">.*?</section>', ada.get(here).text, re.S)
    assert "Petra" in part
    assert shown in text_of(Response(200, text=part))


def test_pay_link_and_papers_say_why(
    ada: Person, signed_in: Arrive, pages: TestClient, invoice: Invoice, database: Database,
    owner: Connection, now: datetime, cast: Cast,
) -> None:  # fmt: skip
    here, acts = path(invoice), Acts(database, owner, now)
    link = pay_links.path_of(acts(cast.ada, pay_links.create, invoice_id=invoice.id).token)
    assert ada.post(f"{here}/void", {"reason": "Billed twice"}).status_code == 303
    said = "This invoice is void: nothing of it is owed. Billed twice"
    assert said in text_of(pages.get(link))
    for pdf in (pages.get(f"{link}/invoice.pdf"), signed_in("petra").get(f"{here}/invoice.pdf")):
        assert "Voided because Billed twice" in " ".join(words(pdf.content).split())


def test_staff_can_untick_it(ada: Person, invoice: Invoice, owner: Connection) -> None:
    fields = {name: one for name, one in asked(ada, path(invoice)).items() if name != "tell_customer"}
    assert ada.post(f"{path(invoice)}/void", fields).status_code == 303
    assert told(owner) == 0
    assert "told that" not in text_of(ada.get(path(invoice)))
    assert "Nobody was mailed that it is void." in text_of(ada.get(path(invoice)))


def test_a_draft_like_it_opens_from_the_same_form(ada: Person, invoice: Invoice, owner: Connection) -> None:
    page = ada.get(f"{path(invoice)}/confirm-void").text
    assert re.search(rf'<button type="submit" form="void" formaction="[^"]*{path(invoice)}/reissue"', page)
    fields = {**asked(ada, path(invoice)), "reason": "Wrong price"}
    assert ada.post(f"{path(invoice)}/reissue", fields).headers["location"].endswith("/edit")
    assert told(owner) == 1
    assert owner.scalar(text("select void_reason from invoice where status = 'VOID'")) == "Wrong price"


@pytest.mark.parametrize("way", ["void", "reissue"])
def test_a_wrong_reason_is_told_at_its_field(
    ada: Person, invoice: Invoice, owner: Connection, way: str
) -> None:
    fields = {**asked(ada, path(invoice)), "reason": "4242 4242 4242 4242"}
    del fields["tell_customer"]
    with nothing_changes(owner):
        answer = ada.post(f"{path(invoice)}/{way}", fields)
    assert answer.status_code == 422
    assert 'id="error-reason"' in answer.text
    # What was unticked stays so.
    assert not re.search(r'name="tell_customer"[^>]* checked', answer.text)


def test_of_one_that_reached_nobody_nobody_is_asked(ada: Person, invoice: Invoice, owner: Connection) -> None:
    owner.execute(text("update mail set status = 'REFUSED', sent_at = null"))
    page = ada.get(f"{path(invoice)}/confirm-void")
    assert "No mail with it reached anybody, so nobody is told." in text_of(page)
    assert "tell_customer" not in page.text

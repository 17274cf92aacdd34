"""What happened to an invoice, at both doors: sent to whom, opened by whom, paid, credited, taken back."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, text

from billing import crediting
from billing.crediting import ApplyInput, CreditNoteInput
from billing.invoices import Invoice
from db import ids
from db.session import Database
from tests.billing.acting import Acts
from tests.billing.paying import Till, answer_to
from tests.cast import Cast
from tests.portal.conftest import Clock, Person, text_of
from tests.world import nothing_changes

SignedIn = Callable[[str], Person]
VIEWS = text(
    "select actor_name, customer_id is not null from audit_event where action = 'invoice.viewed' order by id"
)


@pytest.fixture
def invoice(database: Database, owner: Connection, now: datetime, cast: Cast) -> Invoice:
    return Till(Acts(database, owner, now), cast).invoice(12_345)


def path(invoice: Invoice) -> str:
    return f"/invoices/{ids.shown('inv', invoice.id)}"


def history(person: Person, here: str) -> str:
    """The words of the history on the invoice's page."""
    page = person.get(here).text
    (section,) = re.findall(r'<section class="card" id="history".*?</section>', page, re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", section).split())


def test_staff_see_what_happened_to_whom_and_who_did_it(
    signed_in: SignedIn, invoice: Invoice, clock: Clock, cast: Cast
) -> None:
    ada, petra, clem, here = signed_in("ada"), signed_in("petra"), signed_in("clem"), path(invoice)
    clock.now += timedelta(minutes=1)
    ada.post(f"{here}/send", {"chosen": "on", "recipient_ids": f"usr_{cast.vera.id.hex}"})
    clock.now += timedelta(minutes=1)
    petra.get(here)
    clock.now += timedelta(minutes=1)
    ada.post(
        f"{here}/record-payment",
        {"kind": "CASH", "amount": "23.45", "received_on": "2026-03-10", "_pressed": "record"},
    )
    told = history(ada, here)
    said = ["Noted a payment of $23.45 from outside for invoice NO-00001 Ada"]
    said += ["Opened invoice NO-00001 Petra", "Sent invoice NO-00001 ($123.45) to Vera Ada"]
    said.append("Issued invoice NO-00001 ($123.45)")
    places = [told.find(words) for words in said]
    assert -1 not in places, told
    assert places == sorted(places)
    # Clem reads no log: what the invoice tells itself is there all the same.
    told = history(clem, here)
    places = [told.find(words) for words in ("$23.45 came in from outside", "Sent to Vera", "Issued")]
    assert -1 not in places, told
    assert places == sorted(places)
    assert "Opened" not in told
    # The customer reads of its own side of it, and not who of them opened it.
    told = history(petra, here)
    assert "$23.45 came in from outside" in told
    assert "Issued" in told
    assert not {"Vera", "Opened", "Ada"} & set(told.split())


def test_the_feeds_say_how_much(
    signed_in: SignedIn, invoice: Invoice, database: Database, owner: Connection, clock: Clock, cast: Cast
) -> None:
    ada, clem, petra, here = signed_in("ada"), signed_in("clem"), signed_in("petra"), path(invoice)
    acts = Acts(database, owner, clock.now)
    till = Till(acts, cast)
    begun = till.begin(till.card(), (invoice.id, 1_000))
    till.settle(begun, answer_to(begun))
    note = CreditNoteInput(reason="Late")
    acts(cast.ada, crediting.issue, invoice_id=invoice.id, fields=note, request_key="all of it")
    other = till.invoice(5_000).id
    acts(cast.ada, crediting.apply, invoice_id=other, fields=ApplyInput(), request_key="the rest")
    customer = f"/customers/cus_{cast.customers['acme'].hex}/activity"
    english = ["issued invoice NO-00001 ($123.45)", "started a payment of $10.00"]
    english += ["completed a payment of $10.00", "($123.45) for invoice NO-00001"]
    english.append("applied $10.00 of credit to invoice NO-00002")
    french = ["a émis la facture NO-00001 (123,45 $ US)", "a commencé un paiement de 10,00 $ US"]
    french += ["a effectué un paiement de 10,00 $ US", "(123,45 $ US) pour la facture NO-00001"]
    french.append("a appliqué 10,00 $ US de crédit à la facture NO-00002")
    for language, words in (("en", english), ("fr", french)):
        ada.client.cookies.set("remit_language", language)
        said = text_of(ada.get(customer)).replace("\N{NO-BREAK SPACE}", " ")
        assert [one for one in words if one.lower() not in said.lower()] == []
    ada.client.cookies.set("remit_language", "en")
    assert "($123.45) for invoice NO-00001" in history(ada, here)
    for person in (clem, petra):
        told = history(person, here)
        assert "Issued: $123.45" in told
        assert re.search(r"Credited by \S+: \$123\.45", told)
    # Rows from before the log kept the currency have their subject's; a payment's is told without.
    owner.execute(text("alter table audit_event disable trigger append_only"))
    owner.execute(text("update audit_event set details = details - 'currency'"))
    said = text_of(ada.get(customer))
    assert "Issued invoice NO-00001 ($123.45)" in said
    assert "Started a payment" in said
    assert "Started a payment of" not in said


def test_opening_it_in_the_portal_is_noted_once_a_person_and_hour(
    signed_in: SignedIn, invoice: Invoice, clock: Clock, owner: Connection
) -> None:
    petra, vera, ada, here = signed_in("petra"), signed_in("vera"), signed_in("ada"), path(invoice)
    with nothing_changes(owner):
        for purpose in ({"sec-purpose": "prefetch"}, {"purpose": "prefetch"}):
            assert petra.client.get(petra.home + here, headers=purpose).status_code == 200
        assert petra.client.head(petra.home + here).status_code == 200
        ada.get(here)
        ada.get(f"{here}/preview")
    for person in (petra, petra, vera):
        assert person.get(here).status_code == 200
    assert owner.execute(VIEWS).all() == [("Petra", True), ("Vera", True)]
    clock.now += timedelta(minutes=59)
    with nothing_changes(owner, without=("session",)):
        petra.get(here)
    clock.now += timedelta(minutes=1)
    petra.get(here)
    assert [name for name, _ in owner.execute(VIEWS)] == ["Petra", "Vera", "Petra"]


def test_whoever_takes_only_the_file_opened_it_once_a_person_and_hour(
    signed_in: SignedIn, database: Database, owner: Connection, invoice: Invoice, clock: Clock, cast: Cast
) -> None:
    petra, vera, ada = signed_in("petra"), signed_in("vera"), signed_in("ada")
    other = Till(Acts(database, owner, clock.now), cast).invoice(500)
    chosen = "&".join(f"invoice={ids.shown('inv', one.id)}" for one in (invoice, other))
    pdf = f"{path(invoice)}/invoice.pdf"
    with nothing_changes(owner):
        for staffs in (
            pdf,
            f"{pdf}?view=1",
            f"/invoices/chosen.zip?{chosen}",
            f"/invoices/chosen.pdf?{chosen}",
        ):
            assert ada.get(staffs).status_code == 200
        assert petra.client.get(petra.home + pdf, headers={"sec-purpose": "prefetch"}).status_code == 200
        assert petra.client.head(petra.home + pdf).status_code == 200
        # Nothing is chosen: back to the list.
        assert petra.get("/invoices/chosen.zip").url.path.endswith("/invoices")
    assert petra.get(pdf).status_code == 200
    assert vera.get(f"{pdf}?view=1").status_code == 200
    assert owner.execute(VIEWS).all() == [("Petra", True), ("Vera", True)]
    # What was opened as a page was opened; in the zip is one that was not yet.
    with nothing_changes(owner, without=("session",)):
        for again in (pdf, path(invoice)):
            assert petra.get(again).status_code == 200
    for many in ("zip", "pdf"):
        assert petra.get(f"/invoices/chosen.{many}?{chosen}").status_code == 200
    seen = text("select actor_name, subject_id from audit_event where action = 'invoice.viewed' order by id")
    assert owner.execute(seen).all()[2:] == [("Petra", other.id)]
    clock.now += timedelta(hours=1)
    petra.get(f"/invoices/chosen.pdf?{chosen}")
    assert {one for _, one in owner.execute(seen).all()[3:]} == {invoice.id, other.id}


def test_what_is_not_theirs_is_not_opened(signed_in: SignedIn, invoice: Invoice, owner: Connection) -> None:
    gus, ines = signed_in("gus"), signed_in("ines")
    with nothing_changes(owner):
        for stranger in (gus, ines):
            assert stranger.get(path(invoice)).status_code == 404
            assert stranger.get(f"{path(invoice)}/invoice.pdf").status_code == 404


def test_a_long_history_is_read_part_by_part(
    signed_in: SignedIn, invoice: Invoice, clock: Clock, owner: Connection
) -> None:
    ada, here = signed_in("ada"), path(invoice)
    owner.execute(
        text(
            "insert into audit_event (partner_id, id, customer_id, concerns_id, at, actor_kind, actor_name,"
            " action, subject_kind, subject_id, details)"
            " select partner_id, gen_random_uuid(), customer_id, customer_id,"
            " :now + n * interval '1 minute', 'GUEST', 'x', 'invoice.viewed', 'invoice', id,"
            """ '{"number": "NO-00001"}' from invoice, generate_series(1, 60) n where id = :id"""
        ),
        {"id": invoice.id, "now": clock.now},
    )
    page = ada.get(here).text
    older = re.search(r'href="[^"]*(\?history=[^"#]+)#history"', page)
    assert older is not None
    assert history(ada, here).count("Somebody with a pay link") == 50
    rest = history(ada, here + older[1].replace("&amp;", "&"))
    assert rest.count("Somebody with a pay link") == 10
    assert "Issued invoice NO-00001" in rest
    assert "Older" not in rest

"""Documents for programs: the same key as for the API, the same answers for what is not theirs."""

from datetime import datetime
from functools import partial

import pytest
from httpx2 import ASGITransport, AsyncClient
from sqlalchemy import Connection
from starlette.applications import Starlette

from api.budgets import Budgets
from api.files import PATHS, Files
from api.read import Reader
from auth import api_keys
from billing import crediting, invoices, partner_profile
from billing.crediting import CreditNoteInput
from billing.partner_profile import PartnerInput
from db import ids
from db.deadlines import within_deadline
from db.session import Database
from tests.api.client import Client
from tests.billing.acting import Acts
from tests.billing.paying import Till
from tests.cast import Cast
from tests.money.desk import one_line
from tests.papers import links, press, words
from tests.tenancy.stage import key_with
from tests.waiting import held
from tests.world import nothing_changes

pytestmark = pytest.mark.anyio
SHOP = "https://shop.example"
SITE = "https://remit.example"


@pytest.fixture
def till(database: Database, owner: Connection, now: datetime, cast: Cast) -> Till:
    return Till(Acts(database, owner, now), cast)


@pytest.fixture
def files(reader: Reader, database: Database, now: datetime) -> AsyncClient:
    door = Files(reader, database, press(), clock=lambda: now, budgets=Budgets(), public_url=SITE)
    app = Starlette(routes=list(door.routes()))
    return AsyncClient(transport=ASGITransport(app), base_url="https://pay.example")


def bearer(token: str, **more: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}", **more}


async def test_a_key_fetches_what_the_api_points_to(
    client: Client, files: AsyncClient, till: Till, cast: Cast, owner: Connection
) -> None:
    invoice = till.invoice(123_456)
    payment = till.paid(till.card(), (invoice.id, 3_456))
    asked = await client.ask(
        "query($i: ID!, $p: ID!) { invoice(id: $i) { pdfPath } payment(id: $p) { receiptPath } }",
        {"i": ids.shown("inv", invoice.id), "p": ids.shown("pay", payment.id)},
        key=cast.keys["northwind"],
    )
    paths = asked.data["invoice"]["pdfPath"], asked.data["payment"]["receiptPath"]
    with nothing_changes(owner):
        pdf, receipt = [await files.get(path, headers=bearer(cast.keys["northwind"])) for path in paths]
    assert pdf.headers["content-type"] == receipt.headers["content-type"] == "application/pdf"
    assert pdf.headers["content-disposition"] == 'attachment; filename="Invoice-NO-00001.pdf"'
    assert pdf.headers["cache-control"] == "no-store"
    assert "Left to pay $1,200.00" in words(pdf.content)
    assert "Total received $34.56" in words(receipt.content)


async def test_what_came_from_outside_and_what_was_credited_have_their_papers(
    client: Client, files: AsyncClient, till: Till, cast: Cast, now: datetime
) -> None:
    invoice = till.invoice(10_000)
    received = till.received(invoice, "40.00")
    whole = CreditNoteInput(reason="Two hours less")
    note = till.acts(cast.ada, crediting.issue, invoice_id=invoice.id, fields=whole, request_key="n", now=now)
    asked = await client.ask(
        "query($o: ID!, $n: ID!) { outsidePayment(id: $o) { receiptPath } creditNote(id: $n) { pdfPath } }",
        {"o": ids.shown("opm", received.id), "n": ids.shown("crn", note.id)},
        key=cast.keys["northwind"],
    )
    paths = asked.data["outsidePayment"]["receiptPath"], asked.data["creditNote"]["pdfPath"]
    receipt, credit = [await files.get(path, headers=bearer(cast.keys["northwind"])) for path in paths]
    assert "$40.00" in words(receipt.content)
    assert "Two hours less" in words(credit.content)


async def test_it_speaks_the_partners_language_or_the_one_asked_for(
    files: AsyncClient, till: Till, cast: Cast
) -> None:
    path, headers = _path(till), bearer(cast.keys["northwind"])
    assert "Facture" in words((await files.get(f"{path}?language=fr", headers=headers)).content)
    till.acts(cast.ada, partner_profile.update, fields=PartnerInput(locale="fr"))
    assert "Facture" in words((await files.get(path, headers=headers)).content)
    for asked in ("en", "xx&language=en"):
        assert "Invoice" in words((await files.get(f"{path}?language={asked}", headers=headers)).content)


async def test_a_statement_comes_as_pdf_csv_and_json_with_the_same_figures(
    client: Client, files: AsyncClient, till: Till, cast: Cast
) -> None:
    invoice = till.invoice(123_456)
    till.paid(till.card(), (invoice.id, 3_456))
    asked = await client.ask(
        "query($i: ID!) { customer(id: $i) { statementPath balance { amount } } }",
        {"i": ids.shown("cus", till.acme)},
        key=cast.keys["northwind"],
    )
    path, headers = asked.data["customer"]["statementPath"], bearer(cast.keys["northwind"])
    made = {ending: await files.get(f"{path}.{ending}", headers=headers) for ending in ("pdf", "csv", "json")}
    told = made["json"].json()
    assert told["closing"] == asked.data["customer"]["balance"]["amount"] == "1200.00"
    assert told == {
        "customerId": ids.shown("cus", till.acme), "currency": "USD", "from": "2026-01-01",
        "to": "2026-03-10", "opening": "0.00", "charged": "1234.56", "credited": "34.56",
        "closing": "1200.00", "credit": "0.00",
        "movements": [
            {"day": "2026-03-10", "cause": "INVOICE_FINALIZED", "invoices": ["NO-00001"], "creditNote": None,
             "receivedOn": None, "keptAsCredit": None,
             "amount": "1234.56", "balance": "1234.56"},
            {"day": "2026-03-10", "cause": "PAYMENT_SUCCEEDED", "invoices": ["NO-00001"], "creditNote": None,
             "receivedOn": None, "keptAsCredit": None,
             "amount": "-34.56", "balance": "1200.00"},
        ],
        "ages": {"CURRENT": "1200.00", "DAYS_1_TO_30": "0.00", "DAYS_31_TO_60": "0.00",
                 "DAYS_61_TO_90": "0.00", "OVER_90_DAYS": "0.00"},
    }  # fmt: skip
    assert "Mar 10, 2026 Closing balance $1,200.00" in words(made["pdf"].content)
    (link,) = links(made["pdf"].content)
    assert link.startswith(f"{SITE}/portal/acme-")
    assert link.endswith("/pay?all=1")
    assert '"2026-03-10","Closing balance","","","","",1200.00' in made["csv"].text
    french = await files.get(f"{path}.csv?language=fr", headers=headers)
    assert '"2026-03-10","Solde de clôture","","","","",1200.00' in french.text
    wrong = await files.get(f"{path}.json?from=2026-03-11&to=x", headers=headers)
    assert (wrong.status_code, wrong.json()["errors"][0]["extensions"]["code"]) == (400, "BAD_DATE")
    stranger = await files.get(f"{path}.json", headers=bearer(cast.keys["contoso"]))
    assert (stranger.status_code, stranger.json()["errors"][0]["extensions"]["code"]) == (404, "NOT_FOUND")


async def test_an_invoice_of_somebody_else_is_as_good_as_none(
    files: AsyncClient, till: Till, cast: Cast
) -> None:
    headers = bearer(cast.keys["contoso"])
    nothing = await files.get(f"/files/invoices/inv_{'f' * 32}.pdf", headers=headers)
    assert (nothing.status_code, nothing.json()["errors"][0]["extensions"]["code"]) == (404, "NOT_FOUND")
    for path in (_path(till), "/files/invoices/cus_zz.pdf", f"/files/payments/pay_{'f' * 32}.pdf"):
        answer = await files.get(path, headers=headers)
        assert (answer.status_code, answer.content) == (404, nothing.content)


@pytest.mark.parametrize(("path", "prefix"), [(path, prefix) for path, prefix, _ in PATHS])
async def test_no_file_of_somebody_else_is_there(
    files: AsyncClient, till: Till, database: Database, cast: Cast, now: datetime, path: str, prefix: str
) -> None:
    invoice = till.invoice()
    payment = till.paid(till.card(), (invoice.id, 100))
    received = till.received(invoice)
    fields = CreditNoteInput(reason="Less work")
    note = till.acts(cast.ada, crediting.issue, invoice_id=invoice.id, fields=fields, request_key="note")
    with database.transaction(partner_id=cast.partners["northwind"]) as db:
        sibling = api_keys.create_portal_token(
            db, cast.northwind_key, customer_id=cast.customers["globex"], origins=[SHOP], now=now
        ).token
    made = {"inv": invoice.id, "pay": payment.id, "opm": received.id, "crn": note.id, "cus": till.acme}
    mine = made[prefix]
    own, absent, malformed = (
        path.replace("{id}", id_) for id_ in (ids.shown(prefix, mine), f"{prefix}_{'f' * 32}", "zz")
    )
    assert (await files.get(own, headers=bearer(cast.keys["northwind"]))).status_code == 200
    for headers in (bearer(cast.keys["contoso"]), bearer(sibling, origin=SHOP)):
        answers = [await files.get(asked, headers=headers) for asked in (own, absent, malformed)]
        assert {answer.status_code for answer in answers} == {404}
        assert len({answer.content for answer in answers}) == 1


async def test_a_statement_that_takes_too_long_is_stopped(
    files: AsyncClient, till: Till, cast: Cast, owner: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.files.within_deadline", partial(within_deadline, seconds=1))
    path = _path(till)
    with held(owner, "invoice_line"):
        answer = await files.get(path, headers=bearer(cast.keys["northwind"]))
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (429, "DEADLINE")
    assert (await files.get(path, headers=bearer(cast.keys["northwind"]))).status_code == 200


async def test_nobody_without_a_key_or_its_scope_gets_anything(
    files: AsyncClient, till: Till, database: Database, cast: Cast, now: datetime
) -> None:
    path = _path(till)
    assert (await files.get(path)).status_code == 401
    assert (await files.get(path, headers=bearer("remit_" + "x" * 40))).status_code == 401
    assert (await files.get(path, headers={"cookie": "__Host-remit_session=x"})).status_code == 401
    lacks = await files.get(path, headers=bearer(key_with(database, cast, ["payments:read"], now)))
    assert (lacks.status_code, lacks.json()["errors"][0]["extensions"]["scope"]) == (403, "invoices:read")
    in_browser = await files.get(path, headers=bearer(cast.keys["northwind"], origin=SHOP))
    assert in_browser.json()["errors"][0]["extensions"]["code"] == "KEY_IN_BROWSER"
    assert (await files.post(path, headers=bearer(cast.keys["northwind"]))).status_code == 405


async def test_a_portal_token_fetches_its_own_customers_issued_invoices_from_its_site(
    files: AsyncClient, till: Till, database: Database, cast: Cast, now: datetime
) -> None:
    with database.transaction(partner_id=cast.partners["northwind"]) as db:
        token = api_keys.create_portal_token(
            db, cast.northwind_key, customer_id=till.acme, origins=[SHOP], now=now
        ).token
    draft = till.acts(cast.ada, invoices.create_draft, customer_id=till.acme, fields=one_line(500))
    globex = till.invoice(500, customer="globex")
    own = await files.get(_path(till), headers=bearer(token, origin=SHOP))
    assert (own.status_code, own.headers["access-control-allow-origin"]) == (200, SHOP)
    assert own.headers["content-type"] == "application/pdf"
    for other in (draft, globex):
        path = f"/files/invoices/{ids.shown('inv', other.id)}.pdf"
        assert (await files.get(path, headers=bearer(token, origin=SHOP))).status_code == 404
    elsewhere = await files.get(_path(till), headers=bearer(token, origin="https://evil.example"))
    assert elsewhere.json()["errors"][0]["extensions"]["code"] == "WRONG_ORIGIN"
    asked = await files.options(_path(till), headers={"origin": SHOP})
    assert (asked.status_code, asked.headers["access-control-allow-methods"]) == (204, "GET")


def _path(till: Till) -> str:
    return f"/files/invoices/{ids.shown('inv', till.invoice().id)}.pdf"

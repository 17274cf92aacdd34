"""An import of invoices as a program does it: a file in parts, columns, the check, the run, the report."""

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Connection, text
from starlette.concurrency import run_in_threadpool

from db import ids
from db.session import Database
from integrations import importing
from tests.api.writing import Things, Writer
from tests.cast import Cast
from tests.world import nothing_changes

pytestmark = pytest.mark.anyio
HEAD = "Invoice number,Company,ZIP,Description,Quantity,Unit price"
ROWS = ["1,Acme,62701,Work,1,10.00", "2,Acme,62701,Work,none,10.00"]
MORE = ['3,Acme,62701,"Work, and\nmore",2,10.00', "3,,,Travel,1,5.00"]
BEGUN = "invoiceImport { id state total columns fields }"
REPORT = """
    query($id: ID!, $only: ImportOutcome) {
      invoiceImport(id: $id) {
        fileName state total seen created updated unchanged refused askedByName
        rows(where: {outcome: {eq: $only}}) {
          nodes {
            position outcome problems { code field message } cells
            invoice { externalId status total { amount } }
          }
        }
      }
    }
"""


@pytest.fixture
def work(database: Database, cast: Cast, now: datetime) -> Any:
    """What the worker does with an import."""

    async def run(shown: str) -> None:
        await run_in_threadpool(
            importing.import_invoices, database, partner_id=cast.ada.partner_id,
            import_id=ids.parsed(shown, "iim"), clock=lambda: now,
        )  # fmt: skip

    return run


async def test_a_file_in_parts_goes_all_the_way(writer: Writer, work: Any, owner: Connection) -> None:
    given = {"fileName": "books.csv", "csv": [HEAD, *ROWS]}
    begun = (await writer.do("createInvoiceImport", given, BEGUN))["invoiceImport"]
    assert (begun["state"], begun["total"], begun["fields"][0]) == ("MAPPING", 2, "external_id")
    id_ = begun["id"]
    more = {"id": id_, "csv": MORE, "idempotencyKey": "part-2"}
    for _ in range(2):  # sent again, say after a lost answer: the rows are there once
        added = await writer.do("addInvoiceImportRows", more, BEGUN)
        assert added["invoiceImport"]["total"] == 4
    checking = await writer.do("checkInvoiceImport", {"id": id_}, "invoiceImport { state }")
    assert checking["invoiceImport"]["state"] == "CHECKING"
    await work(id_)
    said = (await writer.client.ask(REPORT, {"id": id_, "only": "REFUSED"})).data["invoiceImport"]
    assert (said["state"], said["seen"], said["created"], said["refused"]) == ("CHECKED", 4, 2, 1)
    [row] = said["rows"]["nodes"]
    assert (row["position"], row["invoice"]) == (3, None)
    assert [(one["code"], one["field"]) for one in row["problems"]] == [("BAD_NUMBER", "quantity")]
    started = await writer.do("startInvoiceImport", {"id": id_}, "invoiceImport { state }")
    assert started["invoiceImport"]["state"] == "RUNNING"
    await work(id_)
    said = (await writer.client.ask(REPORT, {"id": id_, "only": "CREATED"})).data["invoiceImport"]
    assert (said["state"], said["created"], said["refused"]) == ("DONE", 2, 1)
    three = {"externalId": "3", "status": "DRAFT", "total": {"amount": "25.00"}}
    assert [row["invoice"] for row in said["rows"]["nodes"]] == [
        {"externalId": "1", "status": "DRAFT", "total": {"amount": "10.00"}}, three, three,
    ]  # fmt: skip
    listed = await writer.client.ask("{ invoiceImports { nodes { id } } }")
    assert [one["id"] for one in listed.data["invoiceImports"]["nodes"]] == [id_]


async def test_an_external_id_is_one_invoices(writer: Writer, acme: Things) -> None:
    line = {"description": "Work", "quantity": "1", "unitPrice": {"amount": "1.00", "currency": "USD"}}
    new = {"customerId": acme["customer"], "externalId": "E-1", "lines": [line]}
    made = (await writer.do("createInvoice", new, "invoice { id externalId }"))["invoice"]
    assert made["externalId"] == "E-1"
    other = (await writer.do("createInvoice", {**new, "externalId": None}, "invoice { id }"))["invoice"]
    with nothing_changes(writer.client.owner):
        taken = [("EXTERNAL_ID_TAKEN", "input.externalId")]
        assert await writer.refused("createInvoice", new) == taken
        assert await writer.refused("updateInvoice", {"id": other["id"], "externalId": "E-1"}) == taken
    found = await writer.client.ask('{ invoices(where: {externalId: {eq: "E-1"}}) { nodes { id } } }')
    assert [one["id"] for one in found.data["invoices"]["nodes"]] == [made["id"]]


async def test_a_key_that_was_revoked_meanwhile_imports_nothing(
    writer: Writer, work: Any, owner: Connection
) -> None:
    begun = await writer.do("createInvoiceImport", {"csv": [HEAD, ROWS[0]]}, BEGUN)
    id_ = begun["invoiceImport"]["id"]
    await writer.do("checkInvoiceImport", {"id": id_}, BEGUN)
    await work(id_)
    await writer.do("startInvoiceImport", {"id": id_}, BEGUN)
    owner.execute(text("update api_key set revoked_at = now()"))
    owner.commit()
    await work(id_)
    assert owner.scalar(text("select state from invoice_import")) == "STOPPED"
    assert owner.scalar(text("select count(*) from invoice where external_id = '1'")) == 0


async def test_what_is_no_table_or_comes_too_late_is_told_at_its_field(writer: Writer, acme: Things) -> None:
    here = {"id": acme["bills"]}
    with nothing_changes(writer.client.owner):
        for name, given, told in (
            ("createInvoiceImport", {"csv": ["Invoice number"]}, ("EMPTY", "input.csv")),
            ("addInvoiceImportRows", {**here, "csv": ['"open']}, ("BAD_CSV", "input.csv")),
            (
                "addInvoiceImportRows", {"id": acme["checked_bills"], "csv": MORE},
                ("IMPORT_MOVED_ON", "input"),
            ),
            ("checkInvoiceImport", {**here, "fields": ["memo"]}, ("REQUIRED", "input.fields.0")),
            ("startInvoiceImport", here, ("IMPORT_MOVED_ON", "input")),
        ):  # fmt: skip
            assert told in await writer.refused(name, given), name


async def test_strangers_find_no_import(writer: Writer, acme: Things, initech: Things) -> None:
    query = "query($id: ID!) { invoiceImport(id: $id) { fileName } }"
    assert (await writer.client.ask(query, {"id": acme["bills"]})).data["invoiceImport"] is not None
    assert (await writer.client.ask(query, {"id": initech["bills"]})).data["invoiceImport"] is None
    with nothing_changes(writer.client.owner):
        for name in ("startInvoiceImport", "cancelInvoiceImport", "checkInvoiceImport"):
            assert await writer.refused(name, {"id": initech["checked_bills"]}) == [("NOT_FOUND", "input.id")]


async def test_a_program_says_how_a_file_is_written_where_that_is_in_doubt(
    writer: Writer, work: Any, owner: Connection
) -> None:
    head = "Invoice number,Company,Invoice date,Description,Quantity,Unit price"
    given = {"csv": [head, '1,Acme,03/04/2026,Work,1,"1,250"']}
    id_ = (await writer.do("createInvoiceImport", given, BEGUN))["invoiceImport"]["id"]
    with nothing_changes(owner):
        doubts = [("REQUIRED", "input.dateFormat"), ("REQUIRED", "input.numberFormat")]
        assert await writer.refused("checkInvoiceImport", {"id": id_}) == doubts
        dated = {"id": id_, "dateFormat": "DAY_FIRST"}
        assert await writer.refused("checkInvoiceImport", dated) == doubts[1:]
    formats = {"dateFormat": "DAY_FIRST", "numberFormat": "COMMA"}
    asked = "invoiceImport { dateFormat numberFormat }"
    checking = await writer.do("checkInvoiceImport", {"id": id_, **formats}, asked)
    assert checking["invoiceImport"] == formats
    await work(id_)
    # Read with a comma it has three decimals, and an amount has two.
    report = (await writer.client.ask(REPORT, {"id": id_, "only": "REFUSED"})).data["invoiceImport"]
    assert [one["code"] for one in report["rows"]["nodes"][0]["problems"]] == ["TOO_MANY_DECIMALS"]
    await writer.do("checkInvoiceImport", {"id": id_, **formats, "numberFormat": "POINT"}, asked)
    await work(id_)
    await writer.do("startInvoiceImport", {"id": id_}, "invoiceImport { state }")
    await work(id_)
    made = owner.execute(text("select issue_on::text, total_minor from invoice")).one()
    assert tuple(made) == ("2026-04-03", 125_000)

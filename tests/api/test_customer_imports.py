"""An import of customers as a program does it: a file in parts, columns, the check, the run, the report."""

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Connection, text
from starlette.concurrency import run_in_threadpool

from db import ids
from db.session import Database
from integrations import importing
from languages import speaking
from tests.api.writing import Things, Writer
from tests.cast import Cast
from tests.world import nothing_changes

pytestmark = pytest.mark.anyio
HEAD = "Company,Address,City,State,ZIP,Country,External id,User 1 name,User 1 e-mail"
ROWS = [
    "Bluebird,1 Main St,Peoria,IL,61602,US,B-1,Bea,bea@blue.example",
    '"Red, Green\nand Blue",1 Main St,Peoria,IL,9,US,B-2,,',
]
MORE = ["Greenfinch,2 Main St,Peoria,IL,61602,US,B-3,,"]
BEGUN = "customerImport { id state total columns fields }"
REPORT = """
    query($id: ID!, $only: ImportOutcome) {
      customerImport(id: $id) {
        fileName state total reached created updated unchanged refused sendInvites usersAdded invitesHeld
        askedByName
        rows(where: {outcome: {eq: $only}}) {
          nodes { position outcome problems { code field message } cells customer { company status } }
        }
      }
    }
"""


@pytest.fixture
def work(database: Database, cast: Cast, now: datetime) -> Any:
    """What the worker does with an import."""

    async def run(shown: str) -> None:
        await run_in_threadpool(
            importing.import_customers, database, partner_id=cast.ada.partner_id,
            import_id=ids.parsed(shown, "imp"), clock=lambda: now,
        )  # fmt: skip

    return run


async def test_a_file_in_parts_goes_all_the_way(writer: Writer, work: Any, owner: Connection) -> None:
    given = {"fileName": "crm.csv", "csv": [HEAD, *ROWS]}
    begun = (await writer.do("createCustomerImport", given, BEGUN))["customerImport"]
    assert (begun["state"], begun["total"], begun["fields"][-1]) == ("MAPPING", 2, "user_1_email")
    id_ = begun["id"]
    more = {"id": id_, "csv": MORE, "idempotencyKey": "part-2"}
    for _ in range(2):  # sent again, say after a lost answer: the rows are there once
        added = await writer.do("addCustomerImportRows", more, BEGUN)
        assert added["customerImport"]["total"] == 3
    checking = await writer.do("checkCustomerImport", {"id": id_}, "customerImport { state }")
    assert checking["customerImport"]["state"] == "CHECKING"
    await work(id_)
    said = (await writer.client.ask(REPORT, {"id": id_, "only": "REFUSED"})).data["customerImport"]
    assert (said["state"], said["created"], said["refused"], said["usersAdded"]) == ("CHECKED", 2, 1, 1)
    [row] = said["rows"]["nodes"]
    assert (row["position"], row["cells"][0], row["customer"]) == (3, "Red, Green\nand Blue", None)
    zip_ = {"code": "BAD_ZIP", "field": "postal_code"}
    assert row["problems"] == [{**zip_, "message": "Enter the ZIP code as 12345 or 12345-6789."}]
    with speaking("fr"):
        said = (await writer.client.ask(REPORT, {"id": id_, "only": "REFUSED"})).data["customerImport"]
    french = "Saisissez le code ZIP sous la forme 12345 ou 12345-6789."
    assert said["rows"]["nodes"][0]["problems"] == [{**zip_, "message": french}]
    started = await writer.do("startCustomerImport", {"id": id_}, "customerImport { state }")
    assert started["customerImport"]["state"] == "RUNNING"
    await work(id_)
    said = (await writer.client.ask(REPORT, {"id": id_, "only": "CREATED"})).data["customerImport"]
    assert (said["state"], said["created"], said["refused"]) == ("DONE", 2, 1)
    assert [row["customer"] for row in said["rows"]["nodes"]] == [
        {"company": "Bluebird", "status": "ACTIVE"}, {"company": "Greenfinch", "status": "SETUP"},
    ]  # fmt: skip
    listed = await writer.client.ask("{ customerImports { nodes { id } } }")
    assert [one["id"] for one in listed.data["customerImports"]["nodes"]] == [id_]


async def test_without_invites_nobody_is_mailed(writer: Writer, work: Any, owner: Connection) -> None:
    begun = await writer.do("createCustomerImport", {"csv": [HEAD, ROWS[0]]}, BEGUN)
    id_ = begun["customerImport"]["id"]
    await writer.do("checkCustomerImport", {"id": id_, "sendInvites": False}, BEGUN)
    await work(id_)
    await writer.do("startCustomerImport", {"id": id_}, BEGUN)
    mails = owner.scalar(text("select count(*) from mail"))
    owner.rollback()
    await work(id_)
    assert owner.scalar(text("select count(*) from mail")) == mails
    assert owner.scalar(text("select status from customer where external_id = 'B-1'")) == "ACTIVE"


async def test_a_key_that_was_revoked_meanwhile_imports_nothing(
    writer: Writer, work: Any, owner: Connection
) -> None:
    begun = await writer.do("createCustomerImport", {"csv": [HEAD, ROWS[0]]}, BEGUN)
    id_ = begun["customerImport"]["id"]
    await writer.do("checkCustomerImport", {"id": id_}, BEGUN)
    await work(id_)
    await writer.do("startCustomerImport", {"id": id_}, BEGUN)
    owner.execute(text("update api_key set revoked_at = now()"))
    owner.commit()
    await work(id_)
    assert owner.scalar(text("select state from customer_import")) == "STOPPED"
    assert owner.scalar(text("select count(*) from customer where external_id = 'B-1'")) == 0


async def test_what_is_no_table_or_comes_too_late_is_told_at_its_field(writer: Writer, acme: Things) -> None:
    here = {"id": acme["import"]}
    with nothing_changes(writer.client.owner):
        for name, given, told in (
            ("createCustomerImport", {"csv": ["Company"]}, ("EMPTY", "input.csv")),
            ("createCustomerImport", {"csv": ["Company", '"open']}, ("BAD_CSV", "input.csv")),
            ("addCustomerImportRows", {**here, "csv": ['"open']}, ("BAD_CSV", "input.csv")),
            (
                "addCustomerImportRows", {"id": acme["checked_import"], "csv": MORE},
                ("IMPORT_MOVED_ON", "input"),
            ),
            ("checkCustomerImport", {**here, "fields": ["city"]}, ("REQUIRED", "input.fields.0")),
            ("checkCustomerImport", {**here, "fields": ["color"]}, ("UNKNOWN_FIELD", "input.fields.0")),
            ("startCustomerImport", here, ("IMPORT_MOVED_ON", "input")),
        ):  # fmt: skip
            assert told in await writer.refused(name, given), name


async def test_users_in_a_file_take_their_own_scope(writer: Writer) -> None:
    begun = await writer.do("createCustomerImport", {"csv": [HEAD, ROWS[0]]}, BEGUN)
    id_ = begun["customerImport"]["id"]
    writer.client.owner.execute(text("update api_key set scopes = '{customers:read,customers:write}'"))
    writer.client.owner.commit()
    with nothing_changes(writer.client.owner, without=("api_key",)):
        answer = await writer.send("checkCustomerImport", {"id": id_}, "customerImport { state }")
        assert answer.codes == ["FORBIDDEN"]


async def test_strangers_find_no_import(writer: Writer, acme: Things, initech: Things) -> None:
    query = "query($id: ID!) { customerImport(id: $id) { fileName } }"
    assert (await writer.client.ask(query, {"id": acme["import"]})).data["customerImport"] is not None
    assert (await writer.client.ask(query, {"id": initech["import"]})).data["customerImport"] is None
    with nothing_changes(writer.client.owner):
        for name in ("startCustomerImport", "cancelCustomerImport", "checkCustomerImport"):
            assert await writer.refused(name, {"id": initech["checked_import"]}) == [
                ("NOT_FOUND", "input.id")
            ]

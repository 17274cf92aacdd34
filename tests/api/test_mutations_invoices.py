"""Invoices, written through the API."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from db import ids
from tests.api.writing import LINES, Things, Writer, usd
from tests.cast import Cast
from tests.world import nothing_changes

pytestmark = pytest.mark.anyio
TOTALS = "net { amount } tax { amount } total { amount currency }"
LINE = (
    "lines { nodes { position quantity unitPrice { amount } discount { amount } "
    "taxes { name rate } total { amount } } }"
)


async def test_a_draft_adds_up_line_by_line(writer: Writer, acme: Things) -> None:
    given = {"customerId": acme["customer"], "lines": LINES, "memo": "Thanks", "dueOn": "2026-04-30"}
    select = f"invoice {{ number status issueOn dueOn memo {TOTALS} {LINE} }}"
    made = await writer.do("createInvoice", given, select)
    # 1.5 x 100.33 is 150.495, rounded away from zero; 8.25 % of 150.50 is 12.41625.
    assert made["invoice"] == {
        "number": None, "status": "DRAFT", "issueOn": "2026-03-10", "dueOn": "2026-04-30", "memo": "Thanks",
        "net": {"amount": "250.00"}, "tax": {"amount": "12.42"},
        "total": {"amount": "262.42", "currency": "USD"},
        "lines": {"nodes": [
            {"position": 0, "quantity": "1.5", "unitPrice": {"amount": "100.33"},
             "taxes": [{"name": "Tax", "rate": "8.25"}],
             "discount": {"amount": "0.00"}, "total": {"amount": "162.92"}},
            {"position": 1, "quantity": "2", "unitPrice": {"amount": "50.00"}, "taxes": [],
             "discount": {"amount": "0.50"}, "total": {"amount": "99.50"}},
        ]},
    }  # fmt: skip


async def test_wrong_lines_come_back_all_at_once(writer: Writer, acme: Things) -> None:
    lines = [
        {"description": "", "quantity": "0", "unitPrice": {"amount": "1", "currency": "CAD"}},
        {"description": "Help", "quantity": "1", "unitPrice": usd("1.005")},
        {"description": "Help", "unitPrice": usd("5"), "taxes": [{"name": "Tax", "rate": "101"}]},
        {"description": "Help", "quantity": "1", "unitPrice": usd("-5"), "discount": usd("1")},
        {"description": "Help", "quantity": "1", "unitPrice": usd("5"), "discount": usd("6")},
        {"description": "Help", "quantity": "1"},
        {"unitPrice": None},
    ]
    given = {"customerId": acme["customer"], "lines": lines, "dueOn": "2026-03-09", "poNumber": "x" * 101}
    with nothing_changes(writer.client.owner):
        assert await writer.refused("createInvoice", given, "invoice { id }") == [
            ("DUE_BEFORE_ISSUE", "input.dueOn"),
            ("TOO_LONG", "input.poNumber"),
            ("REQUIRED", "input.lines.0.description"),
            ("OUT_OF_RANGE", "input.lines.0.quantity"),
            ("OTHER_CURRENCY", "input.lines.0.unitPrice"),
            ("TOO_MANY_DECIMALS", "input.lines.1.unitPrice"),
            ("REQUIRED", "input.lines.2.quantity"),
            ("OUT_OF_RANGE", "input.lines.2.taxes.0.rate"),
            ("BAD_NUMBER", "input.lines.3.unitPrice"),
            ("DISCOUNT_TOO_LARGE", "input.lines.4.discount"),
            ("REQUIRED", "input.lines.5.unitPrice"),
        ]
        for nothing in ([], [{}]):
            empty = {"customerId": acme["customer"], "lines": nothing}
            assert await writer.refused("createInvoice", empty) == [("REQUIRED", "input.lines")]


async def test_a_customer_in_setup_is_not_invoiced(writer: Writer, acme: Things) -> None:
    with nothing_changes(writer.client.owner):
        given = {"customerId": acme["setup"], "lines": LINES}
        assert await writer.refused("createInvoice", given) == [("CUSTOMER_NOT_SET_UP", "input")]


async def test_a_float_is_no_amount(writer: Writer, acme: Things) -> None:
    with nothing_changes(writer.client.owner):
        for amount in (1, 1.5, "1e3", "1,000.00", "$5", "NaN", "１"):
            line = {
                "description": "Help",
                "quantity": "1",
                "unitPrice": {"amount": amount, "currency": "USD"},
            }
            answer = await writer.send("createInvoice", {"customerId": acme["customer"], "lines": [line]})
            assert (answer.status, answer.codes) == (400, ["INVALID_DOCUMENT"]), amount


async def test_a_draft_is_changed_and_its_lines_replaced_together(writer: Writer, acme: Things) -> None:
    given = {"id": acme["draft"], "memo": "Later", "issueOn": "2026-03-11", "version": 1}
    select = f"invoice {{ memo issueOn version {TOTALS} }}"
    changed = await writer.do("updateInvoice", given, select)
    assert changed["invoice"] == {
        "memo": "Later", "issueOn": "2026-03-11", "version": 2, "net": {"amount": "100.00"},
        "tax": {"amount": "0.00"}, "total": {"amount": "100.00", "currency": "USD"},
    }  # fmt: skip
    changed = await writer.do("updateInvoice", {"id": acme["draft"], "lines": LINES, "memo": None}, select)
    assert (changed["invoice"]["memo"], changed["invoice"]["total"]["amount"]) == (None, "262.42")
    same = await writer.do("updateInvoice", {"id": acme["draft"], "lines": None}, select)
    assert same["invoice"]["total"]["amount"] == "262.42"
    with nothing_changes(writer.client.owner):
        late = {"id": acme["draft"], "memo": "Mine", "version": 1}
        assert await writer.refused("updateInvoice", late) == [("CONFLICT", "input")]
        gone = {"id": acme["draft"], "lines": []}
        assert await writer.refused("updateInvoice", gone) == [("REQUIRED", "input.lines")]


async def test_a_sent_invoice_has_its_number_and_stays_as_it_is(writer: Writer, acme: Things) -> None:
    one = {"id": acme["draft"]}
    select = "invoice { number status sentAt finalizedAt balance { amount } }"
    sent = await writer.do("sendInvoice", one, select)
    assert sent["invoice"] == {
        "number": "NO-00006", "status": "OPEN", "balance": {"amount": "100.00"},
        "sentAt": None, "finalizedAt": "2026-03-10T17:00:00.000000Z",
    }  # fmt: skip
    told = "select count(*) from mail where kind = 'INVOICE'"
    assert writer.client.owner.scalar(text(told)) == 3  # Carl, Petra and the invited Una; Vera only looks
    writer.client.now += timedelta(minutes=5)
    again = await writer.do("sendInvoice", one, select)
    assert again["invoice"]["number"] == "NO-00006"
    assert writer.client.owner.scalar(text(told)) == 6
    with nothing_changes(writer.client.owner):
        for name, given in (("updateInvoice", {**one, "memo": "x"}), ("deleteDraftInvoice", one)):
            assert await writer.refused(name, given) == [("INVOICE_ISSUED", "input")]


async def test_a_draft_is_issued_without_a_mail(writer: Writer, acme: Things) -> None:
    given = {"id": acme["draft"], "idempotencyKey": "issue"}
    select = "invoice { number status finalizedAt sentAt sendOn balance { amount } mails { totalCount } }"
    await writer.do("scheduleInvoice", {"id": acme["draft"], "sendOn": "2026-03-20"})
    with nothing_changes(writer.client.owner):
        tried = await writer.do("finalizeInvoice", {**given, "dryRun": True}, select)
    assert await writer.do("finalizeInvoice", given, select) == tried
    assert tried["invoice"] == {
        "number": "NO-00006", "status": "OPEN", "balance": {"amount": "100.00"}, "sentAt": None,
        "finalizedAt": "2026-03-10T17:00:00.000000Z", "sendOn": None, "mails": {"totalCount": 0},
    }  # fmt: skip
    assert writer.client.owner.scalar(text("select count(*) from mail where kind = 'INVOICE'")) == 0
    petra = writer.at("petra")
    seen = await writer.client.ask(f'{{ node(id: "{acme["draft"]}") {{ id }} }}', **petra)
    assert seen.data["node"] == {"id": acme["draft"]}
    with nothing_changes(writer.client.owner):
        assert await writer.do("finalizeInvoice", given, select) == tried
        assert await writer.refused("finalizeInvoice", {"id": acme["draft"]}) == [("INVOICE_ISSUED", "input")]


async def test_no_draft_of_an_archived_customer_is_issued(writer: Writer, acme: Things) -> None:
    await writer.do("archiveCustomer", {"id": acme["customer"]})
    given, mallory, rita = {"id": acme["draft"]}, writer.at("mallory"), writer.at("rita")
    with nothing_changes(writer.client.owner):
        assert await writer.refused("finalizeInvoice", given) == [("CUSTOMER_ARCHIVED", "input")]
        assert await writer.refused("finalizeInvoice", given, **mallory) == [("NOT_FOUND", "input.id")]
        answer = await writer.send("finalizeInvoice", given, **rita)
        assert answer.json["errors"][0]["extensions"] == {"code": "FORBIDDEN", "scope": "invoices:write"}


async def test_it_is_mailed_to_whom_was_chosen_and_what_became_of_that_is_told(
    writer: Writer, acme: Things
) -> None:
    select = """invoice { isUndelivered mails(first: 5) { totalCount nodes {
      kind status tries answer sentAt recipient { id } } } }"""
    chosen = {"id": acme["draft"], "recipientIds": [acme["invited"]]}
    sent = (await writer.do("sendInvoice", chosen, select))["invoice"]
    assert sent == {
        "isUndelivered": False,
        "mails": {"totalCount": 1, "nodes": [
            {"kind": "INVOICE", "status": "QUEUED", "tries": 0, "answer": None, "sentAt": None,
             "recipient": {"id": acme["invited"]}},
        ]},
    }  # fmt: skip
    writer.client.owner.execute(
        text("update mail set status = 'REFUSED', tries = 1, answer = '550 No' where kind = 'INVOICE'")
    )
    asked = f"{{ invoices(where: {{ isUndelivered: {{ eq: true }} }}) {{ nodes {{ id {select[9:-1]} }} }} }}"
    (lost,) = (await writer.client.ask(asked)).data["invoices"]["nodes"]
    assert (lost["id"], lost["mails"]["nodes"][0]["answer"]) == (acme["draft"], "550 No")
    with nothing_changes(writer.client.owner):
        nobody = {"id": acme["draft"], "recipientIds": []}
        assert await writer.refused("sendInvoice", nobody) == [("REQUIRED", "input.recipientIds")]


async def test_a_voided_invoice_is_not_sent(writer: Writer, acme: Things) -> None:
    one = {"id": acme["invoice"]}
    voided = await writer.do("voidInvoice", one, "invoice { number status voidedAt }")
    assert voided["invoice"] == {
        "number": "NO-00001", "status": "VOID", "voidedAt": "2026-03-10T17:00:00.000000Z",
    }  # fmt: skip
    with nothing_changes(writer.client.owner):
        assert await writer.do("voidInvoice", one, "invoice { number status voidedAt }") == voided
        assert await writer.refused("sendInvoice", one) == [("INVOICE_NOT_OPEN", "input")]
        assert await writer.refused("voidInvoice", {"id": acme["draft"]}) == [("INVOICE_NOT_OPEN", "input")]


@pytest.mark.parametrize(("name", "said"), [
    ("finalizeInvoice", "This invoice is issued already. Send it, if it should be mailed."),
    ("updateInvoice", "This invoice is issued and can't be changed. Void it and make another one."),
    ("deleteDraftInvoice", "This invoice is issued, and only drafts can be deleted. Void it instead."),
    (
        "scheduleInvoice",
        "This invoice is issued already, and only drafts are sent on a day. Send it now instead.",
    ),
])  # fmt: skip
async def test_an_issued_invoice_is_refused_in_words_for_what_was_asked(
    writer: Writer, acme: Things, name: str, said: str
) -> None:
    given = {"id": acme["invoice"]} | ({"sendOn": "2026-04-01"} if name == "scheduleInvoice" else {})
    with nothing_changes(writer.client.owner):
        (error,) = (await writer.send(name, given)).data[name]["errors"]
    assert (error["code"], error["message"]) == ("INVOICE_ISSUED", said)


@pytest.mark.parametrize("name", ["voidInvoice", "reissueInvoice"])
@pytest.mark.parametrize(
    ("tell", "mailed"), [({}, 1), ({"tellCustomer": True}, 1), ({"tellCustomer": False}, 0)]
)
async def test_a_program_says_why_it_is_void_and_whether_the_customer_is_told(
    writer: Writer, acme: Things, name: str, tell: dict[str, bool], mailed: int
) -> None:
    owner, one = writer.client.owner, {"id": acme["third_invoice"]}
    await writer.do("sendInvoice", {**one, "recipientIds": [acme["invited"]]})
    owner.execute(text("update mail set status = 'SENT', sent_at = now() where kind = 'INVOICE'"))
    given = {**one, "reason": "Billed twice", **tell}
    with nothing_changes(owner):
        await writer.do(name, {**given, "dryRun": True})
        assert await writer.refused(name, {**given, "reason": "x" * 301}) == [("TOO_LONG", "input.reason")]
    invoice = "invoice" if name == "voidInvoice" else "voided"
    made = await writer.do(name, given, f"{invoice} {{ status voidReason }}")
    assert made[invoice] == {"status": "VOID", "voidReason": "Billed twice"}
    told = text("select count(*) from mail where kind = 'INVOICE_VOIDED'")
    assert owner.scalar(told) == mailed


async def test_a_duplicate_is_a_draft_of_today_tried_first_and_made_once(
    writer: Writer, acme: Things
) -> None:
    await writer.do("updateInvoice", {"id": acme["draft"], "lines": LINES, "memo": "Hi", "poNumber": "PO 7"})
    await writer.do("sendInvoice", {"id": acme["draft"]})
    await writer.do("tagInvoices", {"tagIds": [acme["tag"]], "invoiceIds": [acme["draft"]]})
    writer.client.now += timedelta(days=1)
    given = {"id": acme["draft"], "idempotencyKey": "again"}
    select = f"invoice {{ number status issueOn dueOn memo poNumber tags {{ id }} {TOTALS} {LINE} }}"
    with nothing_changes(writer.client.owner):
        tried = await writer.do("duplicateInvoice", {**given, "dryRun": True}, select)
    assert await writer.do("duplicateInvoice", given, select) == tried
    made = dict(tried["invoice"])
    assert made.pop("lines")["nodes"][1] == {
        "position": 1, "quantity": "2", "unitPrice": {"amount": "50.00"}, "taxes": [],
        "discount": {"amount": "0.50"}, "total": {"amount": "99.50"},
    }  # fmt: skip
    assert made == {
        "number": None, "status": "DRAFT", "issueOn": "2026-03-11", "dueOn": "2026-04-10", "memo": "Hi",
        "poNumber": None, "tags": [{"id": acme["tag"]}], "net": {"amount": "250.00"},
        "tax": {"amount": "12.42"}, "total": {"amount": "262.42", "currency": "USD"},
    }  # fmt: skip
    with nothing_changes(writer.client.owner):
        assert await writer.do("duplicateInvoice", given, select) == tried
        other = {**given, "id": acme["invoice"]}
        assert await writer.refused("duplicateInvoice", other, select) == [
            ("IDEMPOTENCY_CONFLICT", "input.idempotencyKey")
        ]


async def test_no_invoice_of_an_archived_customer_or_of_another_partner_is_duplicated(
    writer: Writer, acme: Things
) -> None:
    given = {"id": acme["invoice"]}
    mallory = writer.at("mallory")
    await writer.do("archiveCustomer", {"id": acme["customer"]})
    with nothing_changes(writer.client.owner):
        assert await writer.refused("duplicateInvoice", given) == [("CUSTOMER_ARCHIVED", "input")]
        assert await writer.refused("duplicateInvoice", given, **mallory) == [("NOT_FOUND", "input.id")]


async def test_nobody_is_told_of_an_invoice_when_there_is_nobody(writer: Writer, acme: Things) -> None:
    writer.client.owner.execute(text("update membership set role = 'VIEWER' where customer_id is not null"))
    with nothing_changes(writer.client.owner):
        assert await writer.refused("sendInvoice", {"id": acme["draft"]}) == [("NOBODY_TO_TELL", "input")]


async def test_a_deleted_draft_is_gone(writer: Writer, acme: Things) -> None:
    one = {"id": acme["draft"]}
    gone = await writer.do("deleteDraftInvoice", one, "deletedId")
    assert gone == {"deletedId": acme["draft"], "errors": []}
    with nothing_changes(writer.client.owner):
        assert await writer.refused("deleteDraftInvoice", one, "deletedId") == [("NOT_FOUND", "input.id")]


async def test_clem_makes_invoices_and_may_not_void_them(writer: Writer, acme: Things) -> None:
    clem = writer.at("clem")
    await writer.do("sendInvoice", {"id": acme["draft"]}, **clem)
    with nothing_changes(writer.client.owner):
        answer = await writer.send("voidInvoice", {"id": acme["invoice"]}, **clem)
        assert answer.json["errors"][0]["extensions"] == {"code": "FORBIDDEN", "scope": "invoices:void"}


async def test_a_draft_is_planned_moved_and_left(writer: Writer, acme: Things) -> None:
    given = {"id": acme["draft"], "sendOn": "2026-03-20"}
    select = "invoice { sendOn sendRefusal scheduledBy status version }"
    with nothing_changes(writer.client.owner):
        tried = await writer.do("scheduleInvoice", {**given, "dryRun": True}, select)
    assert await writer.do("scheduleInvoice", given, select) == tried
    assert tried["invoice"] == {
        "sendOn": "2026-03-20", "sendRefusal": None, "scheduledBy": "all scopes", "status": "DRAFT",
        "version": 2,
    }  # fmt: skip
    asked = '{ invoices(where: {sendOn: {gte: "2026-03-20"}}) { totalCount } }'
    assert (await writer.client.ask(asked)).data["invoices"]["totalCount"] == 1
    with nothing_changes(writer.client.owner):
        past = {**given, "sendOn": "2026-03-01"}
        assert await writer.refused("scheduleInvoice", past) == [("IN_THE_PAST", "input.sendOn")]
        issued = {**given, "id": acme["invoice"]}
        assert await writer.refused("scheduleInvoice", issued) == [("INVOICE_ISSUED", "input")]
    left = await writer.do("unscheduleInvoice", {"id": acme["draft"]}, select)
    assert left["invoice"]["sendOn"] is None


async def test_a_draft_is_planned_to_those_who_are_chosen(writer: Writer, acme: Things, cast: Cast) -> None:
    vera, select = ids.shown("usr", cast.vera.id), "invoice { sendToIds }"  # type: ignore[arg-type]
    given = {"id": acme["draft"], "sendOn": "2026-03-20"}

    async def planned(**more: Any) -> list[str]:
        done = await writer.do("scheduleInvoice", {**given, **more}, select)
        return done["invoice"]["sendToIds"]  # type: ignore[no-any-return]

    assert await planned() == []
    assert await planned(recipientIds=[vera, vera]) == [vera]
    assert await planned(sendOn="2026-03-21") == [vera]
    with nothing_changes(writer.client.owner):
        empty = {**given, "recipientIds": []}
        assert await writer.refused("scheduleInvoice", empty) == [("REQUIRED", "input.recipientIds")]
        stranger = {**given, "recipientIds": [ids.shown("usr", cast.mallory.id)]}  # type: ignore[arg-type]
        assert await writer.refused("scheduleInvoice", stranger) == [("NOT_FOUND", "input")]
    assert await planned(recipientIds=None) == []


async def test_many_are_sent_and_what_is_refused_is_told(writer: Writer, acme: Things) -> None:
    await writer.do("voidInvoice", {"id": acme["invoice"]})
    given = {"invoiceIds": [acme["invoice"], acme["draft"]]}
    select = "sentCount invoices { status number } refused { recordId code message }"
    done = await writer.do("sendInvoices", given, select)
    assert done["sentCount"] == 1
    assert [one["status"] for one in done["invoices"]] == ["OPEN"]
    assert [(one["recordId"], one["code"]) for one in done["refused"]] == [
        (acme["invoice"], "INVOICE_NOT_OPEN")
    ]
    assert await writer.refused("sendInvoices", {"invoiceIds": []}) == [("REQUIRED", "input.invoiceIds")]


async def test_what_is_done_with_is_archived_and_restored(writer: Writer, acme: Things) -> None:
    select = "changedCount invoices { archivedAt }"
    ended = {"invoiceIds": [acme["given_up"]]}
    assert (await writer.do("archiveInvoices", ended, select))["changedCount"] == 1
    assert (await writer.do("archiveInvoices", ended, select))["changedCount"] == 0
    asked = "{ invoices(where: { archivedAt: { isNull: false } }) { nodes { id status } } }"
    found = (await writer.client.ask(asked)).data["invoices"]["nodes"]
    assert found == [{"id": acme["given_up"], "status": "UNCOLLECTIBLE"}]
    done = await writer.do("restoreInvoices", ended, select)
    assert done == {"changedCount": 1, "invoices": [{"archivedAt": None}], "errors": []}
    one = {"id": acme["given_up"]}
    assert (await writer.do("archiveInvoice", one, "invoice { archivedAt }"))["invoice"]["archivedAt"]
    again = await writer.do("restoreInvoice", one, "invoice { archivedAt }")
    assert again["invoice"]["archivedAt"] is None
    with nothing_changes(writer.client.owner):
        both = {"invoiceIds": [acme["given_up"], acme["draft"]]}
        assert await writer.refused("archiveInvoices", both) == [("INVOICE_NOT_ENDED", "input")]
        owed = {"id": acme["invoice"]}
        assert await writer.refused("archiveInvoice", owed) == [("INVOICE_NOT_ENDED", "input")]
        for name in ("archiveInvoices", "restoreInvoices"):
            assert await writer.refused(name, {"invoiceIds": []}) == [("REQUIRED", "input.invoiceIds")]


async def test_a_field_that_is_missing_or_unknown_is_named_and_nothing_that_was_sent_is(
    writer: Writer,
) -> None:
    kind = "Variable '$input' has invalid value"
    for given, said in (
        ({}, f"{kind}: Expected value of type 'SendInvoiceInput' to include required field 'id'."),
        (
            {"id": "x", "sendOn": "secret"},
            f"{kind}: Expected value of type 'SendInvoiceInput' not to include unknown field 'sendOn'.",
        ),
        ({"id": "x", "a 'secret'": 1}, f"{kind}."),
        ({"id": "x", "s" * 61: 1}, f"{kind}."),
        ({"id": ["secret"]}, f"{kind} at .id: ID cannot represent value."),
    ):
        answer = await writer.send("sendInvoice", given)
        assert (answer.status, answer.codes) == (400, ["INVALID_DOCUMENT"])
        assert answer.json["errors"][0]["message"] == said

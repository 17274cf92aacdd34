"""Credit notes and applied credit through the API."""

import pytest

from tests.api.writing import Things, Writer, usd
from tests.world import nothing_changes

pytestmark = pytest.mark.anyio
INVOICE = "invoice { status credited { amount } balance { amount } customer { credit { amount } } }"
LINES = "lines { nodes { total { amount } invoiceLine { description creditable { amount } } } }"
NOTE = (
    "creditNote { number total { amount } applied { amount } kept { amount } reason issueOn "
    f"{LINES} {INVOICE} }}"
)
APPLIED = f"creditApplication {{ amount {{ amount }} {INVOICE} }}"


def amount(text: str) -> dict[str, str]:
    return {"amount": text}


async def test_a_line_is_credited_in_part_tried_first(writer: Writer, acme: Things) -> None:
    given = {
        "invoiceId": acme["invoice"], "reason": "Less work", "idempotencyKey": "n-1",
        "lines": [{"lineId": acme["line"], "amount": usd("30.50")}],
    }  # fmt: skip
    invoice = {
        "status": "OPEN", "credited": amount("30.50"), "balance": amount("69.50"),
        "customer": {"credit": amount("60.00")},
    }  # fmt: skip
    line = {"description": "Work", "creditable": amount("69.50")}
    wanted = {
        "number": "CN-00002", "total": amount("30.50"), "applied": amount("30.50"), "kept": amount("0.00"),
        "reason": "Less work", "issueOn": "2026-03-10",
        "lines": {"nodes": [{"total": amount("30.50"), "invoiceLine": line}]}, "invoice": invoice,
    }  # fmt: skip
    with nothing_changes(writer.client.owner):
        tried = await writer.do("createCreditNote", {**given, "dryRun": True}, NOTE)
    assert tried["creditNote"] == wanted
    assert (await writer.do("createCreditNote", given, NOTE))["creditNote"] == wanted
    with nothing_changes(writer.client.owner, without=("replay",)):
        more = {**given, "idempotencyKey": "n-2", "lines": [{"lineId": acme["line"], "amount": usd("70")}]}
        assert await writer.refused("createCreditNote", more) == [("TOO_LARGE", "input.lines.0.amount")]
        strange = {**given, "idempotencyKey": "n-3", "lines": [{"lineId": "lin_zz"}]}
        assert await writer.refused("createCreditNote", strange) == [("NOT_FOUND", "input.invoiceId")]
        void = {"id": acme["invoice"], "idempotencyKey": "n-4"}
        assert await writer.refused("voidInvoice", void) == [("INVOICE_CREDITED", "input")]


async def test_what_a_paid_invoice_leaves_pays_another_one(writer: Writer, acme: Things) -> None:
    whole = {"invoiceId": acme["paid_invoice"], "reason": "Never delivered", "idempotencyKey": "w"}
    note = (await writer.do("createCreditNote", whole, NOTE))["creditNote"]
    assert (note["applied"], note["kept"]) == (amount("0.00"), amount("40.00"))
    assert note["invoice"]["customer"] == {"credit": amount("100.00")}
    with nothing_changes(writer.client.owner, without=("replay",)):
        again = {**whole, "idempotencyKey": "w2"}
        assert await writer.refused("createCreditNote", again) == [("NOTHING_TO_CREDIT", "input")]
    part = {"invoiceId": acme["invoice"], "amount": usd("25"), "idempotencyKey": "a"}
    with nothing_changes(writer.client.owner):
        await writer.do("applyCredit", {**part, "dryRun": True}, APPLIED)
    assert (await writer.do("applyCredit", part, APPLIED))["creditApplication"] == {
        "amount": amount("25.00"),
        "invoice": {
            "status": "OPEN", "credited": amount("25.00"), "balance": amount("75.00"),
            "customer": {"credit": amount("75.00")},
        },
    }  # fmt: skip
    rest = {"invoiceId": acme["invoice"], "idempotencyKey": "b"}
    paid = (await writer.do("applyCredit", rest, APPLIED))["creditApplication"]["invoice"]
    assert (paid["status"], paid["customer"]) == ("PAID", {"credit": amount("0.00")})
    with nothing_changes(writer.client.owner, without=("replay",)):
        none = {"invoiceId": acme["second_invoice"], "idempotencyKey": "c"}
        assert await writer.refused("applyCredit", none) == [("NO_CREDIT", "input")]


async def test_less_credit_than_wanted_is_refused(writer: Writer, acme: Things) -> None:
    given = {"invoiceId": acme["invoice"], "amount": usd("60.01"), "idempotencyKey": "x"}
    with nothing_changes(writer.client.owner, without=("replay",)):
        assert await writer.refused("applyCredit", given) == [("LESS_CREDIT", "input")]


async def test_the_customers_people_see_notes_and_credit(writer: Writer, acme: Things) -> None:
    document = (
        "{ creditNotes { nodes { number reason kept { amount } } } creditApplications { totalCount } "
        "viewer { customer { credit { amount } } } }"
    )
    petra = writer.at("petra")
    answer = await writer.client.ask(document, **petra)
    assert answer.data["creditNotes"]["nodes"] == [
        {"number": "CN-00001", "reason": "Less work", "kept": amount("60.00")}
    ]
    assert answer.data["viewer"]["customer"] == {"credit": amount("60.00")}


async def test_a_note_is_mailed_unless_somebody_says_no_and_again_to_whom_was_chosen(
    writer: Writer, acme: Things
) -> None:
    mails = "creditNote { mails { nodes { kind status recipient { email } } } }"
    given = {
        "invoiceId": acme["invoice"], "reason": "Less work", "idempotencyKey": "m-1",
        "lines": [{"lineId": acme["line"], "amount": usd("1")}],
    }  # fmt: skip
    made = (await writer.do("createCreditNote", given, mails))["creditNote"]["mails"]["nodes"]
    assert {(one["kind"], one["status"]) for one in made} == {("CREDIT_NOTE", "QUEUED")}
    assert len(made) == 3  # Carl, Petra and the invited Una; Vera only looks
    quiet = {**given, "idempotencyKey": "m-2", "send": False}
    assert (await writer.do("createCreditNote", quiet, mails))["creditNote"]["mails"] == {"nodes": []}
    again = {"id": acme["credit_note"], "recipientIds": [acme["invited"]]}
    sent = (await writer.do("sendCreditNote", again, mails))["creditNote"]["mails"]["nodes"]
    assert [one["status"] for one in sent] == ["QUEUED"]
    with nothing_changes(writer.client.owner):
        nobody = {"id": acme["credit_note"], "recipientIds": []}
        assert await writer.refused("sendCreditNote", nobody) == [("REQUIRED", "input.recipientIds")]
        assert await writer.refused("sendCreditNote", {"id": acme["invoice"]}) == [("NOT_FOUND", "input")]

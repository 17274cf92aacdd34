"""Payments from outside and write-offs through the API."""

import pytest

from tests.api.writing import Things, Writer, usd
from tests.world import nothing_changes

pytestmark = pytest.mark.anyio
INVOICE = "invoice { status balance { amount } }"
PAID = f"outsidePayment {{ kind amount {{ amount }} receivedOn reference note {INVOICE} }}"


async def test_a_check_is_recorded_tried_first_and_taken_back(writer: Writer, acme: Things) -> None:
    given = {
        "invoiceId": acme["invoice"], "kind": "CHECK", "amount": usd("40"), "reference": "1042",
        "note": "Ours", "idempotencyKey": "check-1042",
    }  # fmt: skip
    wanted = {
        "kind": "CHECK", "amount": {"amount": "40.00"}, "receivedOn": "2026-03-10", "reference": "1042",
        "note": "Ours", "invoice": {"status": "OPEN", "balance": {"amount": "60.00"}},
    }  # fmt: skip
    with nothing_changes(writer.client.owner):
        tried = await writer.do("recordOutsidePayment", {**given, "dryRun": True}, PAID)
    assert tried["outsidePayment"] == wanted
    made = await writer.do("recordOutsidePayment", given, f"{PAID} extra: outsidePayment {{ id }}")
    assert made["outsidePayment"] == wanted
    less = {**given, "amount": usd("1"), "dryRun": True}
    assert (await writer.do("recordOutsidePayment", less, PAID))["outsidePayment"]["amount"][
        "amount"
    ] == "1.00"
    taken = {"id": made["extra"]["id"], "reason": "It bounced", "idempotencyKey": "bounced-1042"}
    back = await writer.do(
        "reverseOutsidePayment", taken, f"{PAID} extra: outsidePayment {{ reversalReason }}"
    )
    assert back["outsidePayment"]["invoice"] == {"status": "OPEN", "balance": {"amount": "100.00"}}
    assert back["extra"] == {"reversalReason": "It bounced"}


async def test_without_an_amount_all_that_is_left_is_paid(writer: Writer, acme: Things) -> None:
    given = {"invoiceId": acme["invoice"], "kind": "WIRE", "idempotencyKey": "w", "sendReceipt": False}
    made = await writer.do("recordOutsidePayment", given, PAID)
    assert made["outsidePayment"]["invoice"] == {"status": "PAID", "balance": {"amount": "0.00"}}
    with nothing_changes(writer.client.owner, without=("replay",)):
        more = {**given, "idempotencyKey": "w2"}
        assert await writer.refused("recordOutsidePayment", more) == [("INVOICE_NOT_OPEN", "input")]


async def test_wrong_fields_come_back_at_once(writer: Writer, acme: Things) -> None:
    given = {
        "invoiceId": acme["invoice"], "kind": "CASH", "amount": {"amount": "1", "currency": "CAD"},
        "receivedOn": "2030-01-01", "reference": "x" * 101, "idempotencyKey": "bad",
    }  # fmt: skip
    with nothing_changes(writer.client.owner, without=("replay",)):
        assert await writer.refused("recordOutsidePayment", given) == [
            ("OTHER_CURRENCY", "input.amount"), ("BAD_DATE", "input.receivedOn"),
            ("TOO_LONG", "input.reference"),
        ]  # fmt: skip


async def test_the_customers_people_see_it_without_the_note(writer: Writer, acme: Things) -> None:
    given = {"invoiceId": acme["invoice"], "kind": "CASH", "note": "Ours", "idempotencyKey": "c"}
    await writer.do("recordOutsidePayment", given)
    document = "{ outsidePayments(first: 1) { nodes { kind amount { amount } invoice { id } } } }"
    petra = writer.at("petra")
    answer = await writer.client.ask(document, **petra)
    assert answer.data["outsidePayments"]["nodes"] == [
        {"kind": "CASH", "amount": {"amount": "100.00"}, "invoice": {"id": acme["invoice"]}}
    ]
    answer = await writer.client.ask("{ outsidePayments { nodes { note } } }", **petra)
    assert answer.codes == ["FORBIDDEN"]
    answer = await writer.client.ask(document, **writer.at("gus"))
    assert answer.data["outsidePayments"]["nodes"] == []


async def test_an_invoice_is_given_up_and_taken_up_again(writer: Writer, acme: Things) -> None:
    one, shown = {"id": acme["invoice"]}, "invoice { status shownStatus balance { amount } }"
    with nothing_changes(writer.client.owner):
        tried = await writer.do("markInvoiceUncollectible", {**one, "dryRun": True}, shown)
    given_up = await writer.do("markInvoiceUncollectible", {**one, "reason": "Bankrupt"}, shown)
    assert given_up == tried
    assert given_up["invoice"] == {
        "status": "UNCOLLECTIBLE", "shownStatus": "UNCOLLECTIBLE", "balance": {"amount": "0.00"}
    }  # fmt: skip
    payment = {"invoiceId": acme["invoice"], "kind": "CASH", "idempotencyKey": "late"}
    assert await writer.refused("recordOutsidePayment", payment) == [("INVOICE_NOT_OPEN", "input")]
    opened = await writer.do("reopenInvoice", one, shown)
    assert opened["invoice"] == {"status": "OPEN", "shownStatus": "OPEN", "balance": {"amount": "100.00"}}
    assert await writer.refused("reopenInvoice", one) == [("INVOICE_NOT_WRITTEN_OFF", "input")]


async def test_one_check_is_shared_out_and_its_rest_kept(writer: Writer, acme: Things) -> None:
    shares = [
        {"invoiceId": acme["second_invoice"], "amount": usd("20")},
        {"invoiceId": acme["invoice"], "amount": usd("30")},
    ]
    given = {"kind": "CHECK", "amount": usd("60"), "allocations": shares, "idempotencyKey": "several"}
    with nothing_changes(writer.client.owner, without=("replay",)):
        assert await writer.refused("recordOutsidePayment", given) == [("OTHER_TOTAL", "input.amount")]
        twice = {**given, "allocations": shares[:1] * 2, "idempotencyKey": "twice"}
        assert await writer.refused("recordOutsidePayment", twice) == [
            ("DUPLICATE", "input.allocations.1.invoiceId")
        ]
        other = {**given, "invoiceId": acme["paid_invoice"], "idempotencyKey": "other"}
        assert await writer.refused("recordOutsidePayment", other) == [("NOT_FOUND", "input.invoiceId")]
        none = {"kind": "CHECK", "idempotencyKey": "none"}
        assert await writer.refused("recordOutsidePayment", none) == [("REQUIRED", "input.invoiceId")]
    wanted = (
        "outsidePayment { amount { amount } kept { amount } invoice { id }"
        " allocations(first: 5) { totalCount nodes { amount { amount } invoice { id }"
        " outsidePayment { kind } } } }"
    )
    kept = {**given, "keepRestAsCredit": True, "idempotencyKey": "kept"}
    with nothing_changes(writer.client.owner):
        tried = await writer.do("recordOutsidePayment", {**kept, "dryRun": True}, wanted)
    made = await writer.do("recordOutsidePayment", kept, wanted)
    assert made == tried
    payment = made["outsidePayment"]
    assert (payment["amount"], payment["kept"]) == ({"amount": "60.00"}, {"amount": "10.00"})
    assert payment["invoice"] == {"id": acme["second_invoice"]}
    assert payment["allocations"]["totalCount"] == 2
    assert {(one["invoice"]["id"], one["amount"]["amount"]) for one in payment["allocations"]["nodes"]} == {
        (acme["second_invoice"], "20.00"), (acme["invoice"], "30.00"),
    }  # fmt: skip
    of_invoice = "query($i: ID!) { invoice(id: $i) { outsideAllocations { nodes { amount { amount } } } } }"
    answer = await writer.client.ask(of_invoice, {"i": acme["invoice"]}, **writer.at("petra"))
    assert {"amount": {"amount": "30.00"}} in answer.data["invoice"]["outsideAllocations"]["nodes"]

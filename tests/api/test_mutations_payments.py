"""Paying through the API, with the sandbox gateway behind it: every outcome is in the payload (M-3, M-8)."""

from collections.abc import Callable
from typing import Any

import pytest

from billing.invoices import Invoice
from billing.payment_methods import PaymentMethod
from db import ids
from integrations.gateways.sandbox.client import SandboxGateway
from tests.api.mutations import BACK
from tests.api.writing import Writer, usd
from tests.gateway import platform
from tests.money.desk import AUTHENTICATES, DECLINED, Desk
from tests.world import nothing_changes

pytestmark = pytest.mark.anyio
PAYMENT = "payment { id status amount { amount } failureCode failureMessage actionUrl settledAt }"


def order(method: PaymentMethod, *shares: tuple[Invoice, str], total: str, **more: Any) -> dict[str, Any]:
    """The input that pays so much of each invoice."""
    allocations = [
        {"invoiceId": ids.shown("inv", invoice.id), "amount": usd(amount)} for invoice, amount in shares
    ]
    return {
        "customerId": ids.shown("cus", method.customer_id), "paymentMethodId": ids.shown("pm", method.id),
        "allocations": allocations, "expectedTotal": usd(total), "idempotencyKey": "order-1", **more,
    }  # fmt: skip


async def test_petra_pays_an_invoice(payer: Writer, desk: Desk) -> None:
    invoice, card, petra = desk.invoice(10_000), desk.card(), payer.at("petra")
    select = "payment { status amount { amount currency } settledAt allocations { nodes { status"
    select += " amount { amount } invoice { status balance { amount } } } } }"
    paid = await payer.do("payInvoices", order(card, (invoice, "100"), total="100.00"), select, **petra)
    share = {"status": "APPLIED", "amount": {"amount": "100.00"}}
    assert paid["payment"] == {
        "status": "SUCCEEDED", "amount": {"amount": "100.00", "currency": "USD"},
        "settledAt": "2026-03-10T17:00:00.000000Z",
        "allocations": {
            "nodes": [{**share, "invoice": {"status": "PAID", "balance": {"amount": "0.00"}}}]
        },
    }  # fmt: skip
    assert (desk.captured(), len(desk.receipts())) == (10_000, 1)


async def test_a_dry_run_tells_what_would_be_charged_and_asks_no_gateway(payer: Writer, desk: Desk) -> None:
    first, second, card = desk.invoice(10_000), desk.invoice(5_000), desk.card(DECLINED)
    select = "payment { status amount { amount currency } settledAt allocations { nodes { status"
    select += " amount { amount } invoice { number balance { amount } payable { amount } } } } }"
    given = order(card, (first, "100"), (second, "20"), total="120")
    called = len(desk.sandbox.charges())
    with nothing_changes(payer.client.owner):
        tried = (await payer.do("payInvoices", {**given, "dryRun": True}, select))["payment"]
    assert (tried["status"], tried["settledAt"]) == ("PENDING", None)
    assert tried["amount"] == {"amount": "120.00", "currency": "USD"}
    shares = sorted(
        (share["invoice"]["number"], share["amount"]["amount"], share["invoice"]["payable"]["amount"])
        for share in tried["allocations"]["nodes"]
    )
    assert shares == [(first.number, "100.00", "0.00"), (second.number, "20.00", "30.00")]
    assert len(desk.sandbox.charges()) == called
    # It refuses what paying would refuse, and the key is free for the payment itself.
    more = order(card, (first, "101"), total="101", dryRun=True)
    with nothing_changes(payer.client.owner):
        assert await payer.refused("payInvoices", more) == [
            ("MORE_THAN_INVOICE", "input.allocations.0.amount")
        ]
    assert (await payer.do("payInvoices", given, PAYMENT))["payment"]["status"] == "FAILED"


@pytest.mark.parametrize("who", ["key", "browser"])
async def test_a_server_and_a_front_end_pay_parts_of_several(payer: Writer, desk: Desk, who: str) -> None:
    first, second, card = desk.invoice(10_000), desk.invoice(5_000), desk.card()
    asks = payer.browser("acme") if who == "browser" else {}
    given = order(card, (first, "99.99"), (second, "0.01"), total="100")
    paid = await payer.do("payInvoices", given, PAYMENT, **asks)
    assert (paid["payment"]["status"], paid["payment"]["amount"]) == ("SUCCEEDED", {"amount": "100.00"})
    assert [desk.again(invoice).paid_minor for invoice in (first, second)] == [9_999, 1]
    assert desk.captured() == 10_000


async def test_a_declined_card_says_why_and_leaves_the_invoice_payable(payer: Writer, desk: Desk) -> None:
    invoice, declined, card = desk.invoice(10_000), desk.card(DECLINED), desk.card()
    given = order(declined, (invoice, "100"), total="100")
    answer = await payer.send("payInvoices", given, PAYMENT)
    payment = answer.data["payInvoices"]["payment"]
    assert (payment["status"], payment["failureCode"]) == ("FAILED", "card_declined")
    assert payment["failureMessage"] == "The bank declined the card. Use another card, or ask the bank why."
    assert (await payer.send("payInvoices", given, PAYMENT)).body == answer.body
    again = order(card, (invoice, "100"), total="100", idempotencyKey="order-2")
    assert (await payer.do("payInvoices", again, PAYMENT))["payment"]["status"] == "SUCCEEDED"
    assert desk.captured() == 10_000


async def test_a_payer_who_must_confirm_is_told_where_and_comes_back(payer: Writer, desk: Desk) -> None:
    invoice, card, petra = desk.invoice(10_000), desk.card(AUTHENTICATES), payer.at("petra")
    given = order(card, (invoice, "100"), total="100", returnUrl=f"{BACK}?tab=1")
    payment = (await payer.do("payInvoices", given, PAYMENT, **petra))["payment"]
    assert (payment["status"], payment["settledAt"]) == ("REQUIRES_ACTION", None)
    back = desk.sandbox.authenticate(payment["actionUrl"], passed=True)
    assert back.headers["location"] == f"{BACK}?tab=1&payment={payment['id']}"


async def test_without_a_way_back_nobody_confirms(payer: Writer, desk: Desk) -> None:
    invoice, card = desk.invoice(10_000), desk.card(AUTHENTICATES)
    payment = (await payer.do("payInvoices", order(card, (invoice, "1"), total="1"), PAYMENT))["payment"]
    assert (payment["status"], payment["failureCode"]) == ("FAILED", "authentication_required")


@pytest.mark.parametrize("fault", ["reset", "500_after", "reset_before", "500"])
async def test_without_an_answer_it_is_unknown_and_not_charged_again(
    payer: Writer, desk: Desk, fault: str
) -> None:
    invoice, card = desk.invoice(10_000), desk.card()
    given = order(card, (invoice, "100"), total="100")
    desk.sandbox.fail(fault)
    answer = await payer.send("payInvoices", given, PAYMENT)
    assert answer.data["payInvoices"]["payment"]["status"] == "UNKNOWN"
    assert (await payer.send("payInvoices", given, PAYMENT)).body == answer.body
    other = order(card, (invoice, "1"), total="1", idempotencyKey="order-2")
    assert await payer.refused("payInvoices", other) == [("LESS_IS_LEFT", "input")]
    desk.reconcile()
    desk.reconcile()
    assert (len(desk.sandbox.charges()), desk.captured()) == (1, 10_000)


async def test_a_gateway_that_is_down_has_taken_nothing(payer: Writer, desk: Desk) -> None:
    invoice, card = desk.invoice(10_000), desk.card()
    payer.gateway = SandboxGateway("http://127.0.0.1:9", accounts=platform())
    given = order(card, (invoice, "100"), total="100")
    payment = (await payer.restarted().do("payInvoices", given, PAYMENT))["payment"]
    assert (payment["status"], payment["failureCode"]) == ("FAILED", "gateway_unreachable")
    payer.gateway.close()
    assert desk.again(invoice).reserved_minor == 0


Wrong = Callable[[PaymentMethod, Invoice], dict[str, Any]]
WRONG: list[tuple[Wrong, list[tuple[str, str]]]] = [
    (lambda m, i: order(m, total="1"), [("REQUIRED", "input.allocations")]),
    (lambda m, i: order(m, (i, "60"), total="61"), [("TOTAL_CHANGED", "input")]),
    (lambda m, i: order(m, (i, "101"), total="101"), [("MORE_THAN_INVOICE", "input.allocations.0.amount")]),
    (
        lambda m, i: order(m, (i, "0"), (i, "1"), total="1"),
        [("NOT_POSITIVE", "input.allocations.0.amount"), ("DUPLICATE", "input.allocations.1.invoiceId")],
    ),
    (
        lambda m, i: order(m, (i, "-1"), (i, "0.001"), total="-1"),
        [
            ("BAD_NUMBER", "input.allocations.0.amount"),
            ("TOO_MANY_DECIMALS", "input.allocations.1.amount"),
            ("BAD_NUMBER", "input.expectedTotal"),
        ],
    ),
    (
        lambda m, i: order(m, (i, "1"), total="1", idempotencyKey="\n"),
        [("BAD_IDEMPOTENCY_KEY", "input.idempotencyKey")],
    ),
    (
        lambda m, i: order(m, (i, "1"), total="1", returnUrl="javascript:alert(1)"),
        [("BAD_RETURN_URL", "input.returnUrl")],
    ),
]


async def test_what_is_no_order_is_refused_before_the_gateway_hears_of_it(payer: Writer, desk: Desk) -> None:
    invoice, card = desk.invoice(10_000), desk.card()
    asked = len(desk.sandbox.calls())
    with nothing_changes(payer.client.owner):
        for wrong, errors in WRONG:
            assert await payer.refused("payInvoices", wrong(card, invoice), PAYMENT) == errors
        canadian = order(card, (invoice, "1"), total="1")
        canadian["allocations"][0]["amount"]["currency"] = "CAD"
        assert await payer.refused("payInvoices", canadian) == [
            ("OTHER_CURRENCY", "input.allocations.0.amount")
        ]
    assert len(desk.sandbox.calls()) == asked


async def test_a_voided_invoice_and_a_removed_card_are_not_charged(payer: Writer, desk: Desk) -> None:
    voided, invoice, card, other = desk.invoice(), desk.invoice(), desk.card(), desk.card(DECLINED)
    await payer.do("voidInvoice", {"id": ids.shown("inv", voided.id)})
    await payer.do("removePaymentMethod", {"id": ids.shown("pm", other.id)})
    with nothing_changes(payer.client.owner):
        for method, what, code in (
            (card, voided, "INVOICE_NOT_OPEN"), (other, invoice, "PAYMENT_METHOD_REMOVED"),
        ):  # fmt: skip
            assert await payer.refused("payInvoices", order(method, (what, "1"), total="1")) == [
                (code, "input")
            ]
    assert desk.sandbox.charges() == []


async def test_a_payment_under_way_keeps_its_invoice_from_being_voided(payer: Writer, desk: Desk) -> None:
    invoice, card = desk.invoice(10_000), desk.card(AUTHENTICATES)
    given = order(card, (invoice, "40"), total="40", returnUrl=BACK)
    await payer.do("payInvoices", given)
    with nothing_changes(payer.client.owner):
        one = {"id": ids.shown("inv", invoice.id)}
        assert await payer.refused("voidInvoice", one) == [("PAYMENT_UNDER_WAY", "input")]
    desk.reconcile()


async def test_paying_stands_alone_in_its_document(payer: Writer, desk: Desk) -> None:
    tag = 'createTag(input: {name: "VIP", colour: "#112233"}) { errors { code } }'
    pay = "payInvoices(input: $input) { errors { code } }"
    given = order(desk.card(), (desk.invoice(), "1"), total="1")
    with nothing_changes(payer.client.owner):
        for fields in (
            f"{pay} {tag}",
            f"{tag} {pay}",
            f"a: {pay} b: {pay}",
            f"...F }} fragment F on Mutation {{ {pay} {tag}",
        ):
            answer = await payer.client.ask(
                f"mutation($input: PayInvoicesInput!) {{ {fields} }}", {"input": given}
            )
            assert (answer.status, answer.codes) == (400, ["ONE_MUTATION"])

"""The log of one customer: the partner finds in it what happened to drafts too, the customer never does."""

from typing import Any

import pytest

from tests.api.writing import Things, Writer

pytestmark = pytest.mark.anyio
LOG = "auditEvents(first: 100) { nodes { action subjectId customer { id } } }"


async def log(writer: Writer, customer: str, **who: Any) -> list[dict[str, Any]]:
    """The customer's log, the oldest first."""
    asked = await writer.client.ask(f'{{ customer(id: "{customer}") {{ {LOG} }} }}', **who)
    nodes: list[dict[str, Any]] = asked.data["customer"]["auditEvents"]["nodes"]
    return nodes[::-1]


async def test_the_partner_finds_drafts_in_a_customers_log_and_the_customer_does_not(
    writer: Writer, acme: Things, globex: Things
) -> None:
    customer, draft, carl = acme["customer"], acme["draft"], writer.at("carl")
    before, seen = len(await log(writer, customer)), await log(writer, customer, **carl)
    lines = [{"description": "Secret work", "quantity": "1", "unitPrice": {"amount": "1", "currency": "USD"}}]
    made = await writer.do("createInvoice", {"customerId": customer, "lines": lines}, "invoice { id }")
    await writer.do("updateInvoice", {"id": draft, "memo": "Hidden"})
    await writer.do("scheduleInvoice", {"id": draft, "sendOn": "2026-03-20"})
    await writer.do("unscheduleInvoice", {"id": draft})
    await writer.do("duplicateInvoice", {"id": draft})
    await writer.do("deleteDraftInvoice", {"id": made["invoice"]["id"]})
    await writer.do("tagInvoices", {"tagIds": [acme["tag"]], "invoiceIds": [draft]})
    await writer.do("tagCustomers", {"tagIds": [acme["tag"]], "customerIds": [customer]})
    await writer.do("addCustomerNote", {"customerId": customer, "text": "Late payers"})
    await writer.do("pauseRecurringInvoice", {"id": acme["recurring"]})
    new = (await log(writer, customer))[before:]
    assert [event["action"] for event in new] == [
        "invoice.created", "invoice.updated", "invoice.scheduled", "invoice.unscheduled",
        "invoice.duplicated", "invoice.deleted", "invoice.tagged", "customer.tagged", "customer.note_added",
        "recurring_invoice.paused",
    ]  # fmt: skip
    assert [event["customer"] for event in new] == [{"id": customer}] * len(new)
    assert new[1]["subjectId"] == draft
    assert await log(writer, customer, **carl) == seen
    where = f'where: {{customer: {{id: {{eq: "{customer}"}}}}}}'
    asked = f"{{ auditEvents(first: 1, {where}) {{ nodes {{ action }} }} }}"
    newest = (await writer.client.ask(asked)).data["auditEvents"]["nodes"]
    assert newest == [{"action": "recurring_invoice.paused"}]
    assert {"invoice.duplicated", "customer.note_added"} & {
        event["action"] for event in await log(writer, globex["customer"])
    } == {"customer.note_added"}


async def test_an_issued_draft_is_in_both_logs(writer: Writer, acme: Things) -> None:
    await writer.do("finalizeInvoice", {"id": acme["draft"]})
    for who in ({}, writer.at("carl")):
        (*_, last) = await log(writer, acme["customer"], **who)
        assert (last["action"], last["subjectId"]) == ("invoice.finalized", acme["draft"])

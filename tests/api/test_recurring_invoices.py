"""Recurring invoices as a program orders, changes and ends them."""

from typing import Any

import pytest
from sqlalchemy import text

from tests.api.writing import Things, Writer
from tests.world import nothing_changes

pytestmark = pytest.mark.anyio

SELECT = """recurringInvoice { id status frequency everyDays nextOn nextDays endsOn maxCount madeCount
  autoSend version invoice { id } }"""


async def done(writer: Writer, name: str, given: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = (await writer.do(name, given, SELECT))["recurringInvoice"]
    return answer


async def test_an_order_is_looked_at_made_changed_and_ended(writer: Writer, acme: Things) -> None:
    order = {
        "invoiceId": acme["invoice"], "frequency": "MONTHLY", "nextOn": "2026-03-31", "maxCount": 3,
        "autoSend": True,
    }  # fmt: skip
    days = ["2026-03-31", "2026-04-30", "2026-05-31"]
    with nothing_changes(writer.client.owner, without=("api_key",)):
        assert (await done(writer, "createRecurringInvoice", {**order, "dryRun": True}))["nextDays"] == days
    made = await done(writer, "createRecurringInvoice", order)
    one = {"id": made.pop("id")}
    assert made == {
        "status": "ACTIVE", "frequency": "MONTHLY", "everyDays": None, "nextOn": "2026-03-31",
        "nextDays": days, "endsOn": None, "maxCount": 3, "madeCount": 0, "autoSend": True, "version": 1,
        "invoice": {"id": acme["invoice"]},
    }  # fmt: skip
    assert await writer.refused("createRecurringInvoice", order) == [("ALREADY_REPEATED", "input")]
    skipped = await done(writer, "skipRecurringInvoice", {**one, "on": "2026-03-31"})
    assert skipped["nextDays"] == ["2026-04-30", "2026-05-31", "2026-06-30"]
    assert (await done(writer, "pauseRecurringInvoice", one))["status"] == "PAUSED"
    assert (await done(writer, "resumeRecurringInvoice", one))["nextOn"] == "2026-04-30"
    fortnight = {"frequency": "EVERY_N_DAYS", "everyDays": 14, "maxCount": None, "endsOn": "2026-05-14"}
    changed = await done(writer, "updateRecurringInvoice", {**one, **fortnight, "version": 4})
    assert (changed["nextDays"], changed["maxCount"]) == (["2026-04-30", "2026-05-14"], None)
    assert await writer.refused("updateRecurringInvoice", {**one, "version": 4}) == [("CONFLICT", "input")]
    ended = await done(writer, "endRecurringInvoice", one)
    assert (ended["status"], ended["nextOn"], ended["nextDays"]) == ("ENDED", None, [])
    for name in ("pauseRecurringInvoice", "resumeRecurringInvoice"):
        assert await writer.refused(name, one) == [("RECURRING_ENDED", "input")]


async def test_the_next_lines_have_their_words_filled_in(writer: Writer, acme: Things) -> None:
    worded = "update invoice_line set description = 'Hosting {month}, {period}' where not issued"
    writer.client.owner.execute(text(worded))
    order = {"invoiceId": acme["draft"], "frequency": "MONTHLY", "nextOn": "2026-03-31", "maxCount": 1}
    select = "recurringInvoice { id nextLines }"
    made = (await writer.do("createRecurringInvoice", order, select))["recurringInvoice"]
    assert made["nextLines"] == ["Hosting March 2026, Mar 31, 2026 – Apr 29, 2026"]
    ended = (await writer.do("endRecurringInvoice", {"id": made["id"]}, select))["recurringInvoice"]
    assert ended["nextLines"] == []


async def test_every_wrong_field_has_its_code(writer: Writer, acme: Things) -> None:
    one = {"invoiceId": acme["invoice"]}
    with nothing_changes(writer.client.owner):
        for given, wrong in (
            ({}, [("UNKNOWN_FREQUENCY", "input.frequency")]),
            ({"frequency": "EVERY_N_DAYS"}, [("REQUIRED", "input.everyDays")]),
            ({"frequency": "YEARLY", "everyDays": 3}, [("UNKNOWN_FIELD", "input.everyDays")]),
            (
                {"frequency": "YEARLY", "nextOn": "2026-01-01", "maxCount": 0},
                [("IN_THE_PAST", "input.nextOn"), ("OUT_OF_RANGE", "input.maxCount")],
            ),
            ({"frequency": "YEARLY", "endsOn": "2026-04-01"}, [("ENDS_BEFORE_NEXT", "input.endsOn")]),
        ):
            assert await writer.refused("createRecurringInvoice", {**one, **given}) == wrong
        elsewhere = {"id": acme["recurring"], "invoiceId": "inv_" + "0" * 32}
        assert await writer.refused("updateRecurringInvoice", elsewhere) == [("NOT_FOUND", "input")]


async def test_a_customers_user_finds_none(writer: Writer, acme: Things) -> None:
    asked = f'{{ node(id: "{acme["recurring"]}") {{ id }} }}'
    answer = await writer.client.ask(asked, **writer.at("carl"))
    assert answer.data == {"node": None}

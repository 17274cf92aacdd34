"""G-8: every mutation that changes something writes into the audit log what was done, and to what."""

import pytest
from sqlalchemy import Connection, text

from portal.partner.activity import WORDS
from tests.api.mutations import PERSONAL, SAMPLES
from tests.api.test_mutations_again import ENDING
from tests.api.writing import Things, Writer

pytestmark = pytest.mark.anyio


def events(owner: Connection) -> list[tuple[str, str, str]]:
    rows = owner.execute(text("select actor_kind, action, subject_kind from audit_event order by id"))
    return [tuple(row) for row in rows]


async def test_every_mutation_is_in_the_audit_log(writer: Writer, acme: Things, globex: Things) -> None:
    silent = []
    for sample in SAMPLES:
        if sample.asks_gateway:  # with a gateway: tests/billing/test_payment_methods.py, test_payments.py
            continue
        if sample.name in PERSONAL:  # what somebody has read is nobody else's business
            continue
        before = events(writer.client.owner)
        given = sample.given(globex if sample.name in ENDING else acme)
        answer = await writer.send(sample.name, given)
        assert answer.data[sample.name]["errors"] == [], sample.name
        new = events(writer.client.owner)[len(before) :]
        if not new:
            silent.append(sample.name)
        assert {kind for kind, _, _ in new} <= {"API_KEY"}, sample.name
        assert {action for _, action, _ in new} <= WORDS.keys(), sample.name
    assert silent == []


def test_what_asks_the_gateway_has_words_too() -> None:
    """The mutations left out above; their rules record what came of it."""
    left_out = {sample.name for sample in SAMPLES if sample.asks_gateway}
    assert left_out == {"payInvoices", "createPaymentMethodSetup", "finishPaymentMethodSetup"}
    assert {"payment.begun", "payment.succeeded", "payment.failed", "payment_method.added"} <= WORDS.keys()

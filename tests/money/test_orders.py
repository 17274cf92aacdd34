"""Events in any order end the same: all 720 orders of six events (M-11)."""

from itertools import permutations

import pytest
from sqlalchemy import Connection, text

from app.tables import METADATA
from billing.payments import PaymentStatus
from integrations import method_setups
from tests.figures import rounds
from tests.money.desk import AUTHENTICATES, BACK, VISA, Desk

# At the full figures, and on a busy machine.
pytestmark = pytest.mark.timeout(1800)

# What must be the same at the end. Ids of rows that are made on the way, and nothing else, are left out.
END = {
    "payments": "select id, status, gateway_ref, action_url, failure_code, failure_message, tries, settled_at"
    " from payment",
    "shares": "select payment_id, invoice_id, amount_minor, status from payment_allocation",
    "invoices": "select id, status, paid_minor, reserved_minor, paid_at from invoice",
    "customers": "select id, open_minor from customer",
    "entries": "select cause, subject_id, actor_kind, actor_id, at from ledger_entry",
    "legs": "select account, amount_minor, currency, invoice_id, payment_id from ledger_posting",
    "methods": "select gateway_ref, is_default, customer_id, added_by from payment_method",
    "mails": "select kind, subject_id, membership_id from mail",
    "events": "select event_ref, status, reason from gateway_event",
}


class Snapshot:
    """All our tables as they are now, to be gone back to."""

    def __init__(self, owner: Connection) -> None:
        self.owner = owner
        self.tables = [table.name for table in METADATA.sorted_tables]
        owner.execute(text("create schema kept"))
        for table in self.tables:
            owner.execute(text(f"create table kept.{table} as table public.{table}"))

    def restore(self) -> None:
        back = ["set session_replication_role = replica"]
        back += [f"delete from {table}; insert into {table} table kept.{table}" for table in self.tables]
        self.owner.exec_driver_sql("; ".join(["begin", *back, "reset session_replication_role", "commit"]))


def end(owner: Connection) -> dict[str, list[tuple]]:
    return {
        name: sorted((tuple(row) for row in owner.execute(text(query))), key=str)
        for name, query in END.items()
    }


def six_events(desk: Desk) -> list[str]:
    """One payment confirmed, one confirmation refused, one lost answer, one new card: yet to be told."""
    careful, card = desk.card(AUTHENTICATES), desk.card(VISA)
    for method, due, minor in ((careful, 10_000, 10_000), (careful, 5_000, 4_000), (card, 2_000, 500)):
        invoice = desk.invoice(due)
        desk.sandbox.fail("500_after")
        assert desk.pay(method, (invoice.id, minor)).status is PaymentStatus.UNKNOWN
    waiting = [charge["action_url"] for charge in desk.sandbox.charges() if charge["action_url"]]
    desk.sandbox.authenticate(waiting[0], passed=True)
    desk.sandbox.authenticate(waiting[1], passed=False)
    petra = desk.cast.petra
    session = method_setups.begin(
        desk.database, desk.sandbox.gateway, petra,
        customer_id=petra.customer_id, return_url=BACK, now=desk.clock(),
    )  # fmt: skip
    desk.sandbox.type_card("5555555555554444", token=session.client_token)
    events = desk.events("charge.requires_action", "charge.succeeded", "charge.failed")
    return [*events, desk.events("setup.completed")[-1]]


@pytest.mark.prove
def test_six_events_in_any_order_end_the_same(desk: Desk, owner: Connection) -> None:
    bodies = six_events(desk)
    assert len(bodies) == 6
    snapshot = Snapshot(owner)
    orders = list(permutations(bodies))[:: rounds(24, 1)]
    assert len(orders) == rounds(30, 720)
    ends = []
    for order in orders:
        snapshot.restore()
        for body in order:
            desk.deliver(body)
        assert desk.books() == []
        ends.append(end(owner))
        assert ends[-1] == ends[0]
    assert sorted(status for _, status, *_ in ends[0]["payments"]) == ["FAILED", "SUCCEEDED", "SUCCEEDED"]
    assert {status for _, status, _ in ends[0]["events"]} == {"APPLIED"}
    assert len(ends[0]["methods"]) == 3

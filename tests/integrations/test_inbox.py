"""The webhook inbox: genuine events are kept once, act once, and are believed only if they fit (M-10)."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Connection, text
from sqlmodel import select

from billing.invoices import InvoiceStatus
from billing.payment_methods import PaymentMethod
from billing.payments import PaymentStatus
from billing.ports import BadSignature
from db.session import Database
from integrations import inbox, method_setups
from integrations.gateways.signatures import sign
from integrations.inbox import EventStatus, GatewayEvent, UnknownAccount
from tests.cast import Cast
from tests.figures import rounds
from tests.gateway import CONTOSO, WEBHOOK_SECRET, running_sandbox
from tests.money.desk import AUTHENTICATES, BACK, DECLINED, VISA, Clock, Desk
from tests.world import nothing_changes


@pytest.fixture
def desk(database: Database, cast: Cast, now: datetime, tmp_path: Path) -> Iterator[Desk]:
    clock = Clock(now)
    with running_sandbox(tmp_path / "gateway.sqlite3", deliver=False, clock=clock) as sandbox:
        desk = Desk(database, sandbox, cast, clock)
        yield desk
        assert desk.books() == []


def lost_answer(desk: Desk, number: str = VISA):
    """A payment whose answer never came: only an event can tell."""
    invoice, card = desk.invoice(), desk.card(number)
    desk.sandbox.fail("500_after")
    payment = desk.pay(card, (invoice.id, 10_000))
    assert payment.status is PaymentStatus.UNKNOWN
    return invoice, payment


def altered(body: str, **changes: object) -> str:
    """A genuine event with other contents, signed by whoever has the secret."""
    event = json.loads(body)
    for name, value in changes.items():
        place = event if name in event else event["object"]
        place[name] = value
    return json.dumps({**event, "id": f"evt_{uuid4().hex}"})


def kept(desk: Desk) -> list[tuple[str, str | None]]:
    found = desk.read(select(GatewayEvent).order_by(GatewayEvent.id))
    return [(event.status.value, event.reason) for event in found]


@pytest.mark.parametrize(
    ("number", "kind", "status"),
    [(VISA, "charge.succeeded", "SUCCEEDED"), (DECLINED, "charge.failed", "FAILED")],
)
def test_an_event_settles_what_no_answer_did(desk: Desk, number: str, kind: str, status: str) -> None:
    invoice, payment = lost_answer(desk, number)
    (body,) = desk.events(kind)
    assert desk.deliver(body) is EventStatus.APPLIED
    settled = desk.again(payment)
    assert settled.status == status
    assert settled.failure_code == (None if number == VISA else "card_declined")
    assert desk.again(invoice).paid_minor == (10_000 if number == VISA else 0)


def test_the_same_event_is_kept_once_and_acts_once(desk: Desk, owner: Connection) -> None:
    lost_answer(desk)
    (body,) = desk.events("charge.succeeded")
    event_id = desk.receive(body)
    assert [desk.receive(body) for _ in range(3)] == [None, None, None]
    assert desk.act(event_id) is EventStatus.APPLIED
    with nothing_changes(owner):
        assert desk.receive(body) is None
        assert desk.act(event_id) is EventStatus.APPLIED
    jobs = owner.execute(text("select args from procrastinate_jobs where task_name = 'act_on_event'"))
    assert jobs.scalars().all() == [{"partner_id": str(desk.cast.ada.partner_id), "event_id": str(event_id)}]
    assert len(desk.receipts()) == 1


def test_an_event_after_the_page_knew_changes_only_its_own_row(desk: Desk, owner: Connection) -> None:
    invoice, card = desk.invoice(), desk.card()
    desk.pay(card, (invoice.id, 10_000))
    (body,) = desk.events("charge.succeeded")
    event_id = desk.receive(body)
    with nothing_changes(owner, without=["gateway_event"]):
        assert desk.act(event_id) is EventStatus.APPLIED


def test_where_to_confirm_is_asked_for_because_no_event_says_it(desk: Desk) -> None:
    invoice, payment = lost_answer(desk, AUTHENTICATES)
    assert desk.deliver(*desk.events("charge.requires_action")) is EventStatus.APPLIED
    waiting = desk.again(payment)
    assert waiting.status is PaymentStatus.REQUIRES_ACTION
    desk.sandbox.authenticate(waiting.action_url, passed=True)
    assert desk.deliver(*desk.events("charge.succeeded")) is EventStatus.APPLIED
    assert desk.again(invoice).status is InvoiceStatus.PAID


def test_a_finished_entry_keeps_its_method_without_the_page(desk: Desk) -> None:
    petra = desk.cast.petra
    session = method_setups.begin(
        desk.database, desk.sandbox.gateway, petra,
        customer_id=petra.customer_id, return_url=BACK, now=desk.clock(),
    )  # fmt: skip
    desk.sandbox.type_card(VISA, token=session.client_token)
    (body,) = desk.events("setup.completed")
    assert desk.deliver(body) is EventStatus.APPLIED
    (method,) = desk.read(select(PaymentMethod))
    assert (method.customer_id, method.is_default, method.added_by) == (petra.customer_id, True, petra.id)
    page = method_setups.finish(
        desk.database, desk.sandbox.gateway, petra, gateway_setup=session.id, now=desk.clock()
    )
    assert page.id == method.id


def test_a_genuine_dollar_never_marks_an_invoice_of_two_thousand_paid(desk: Desk, owner: Connection) -> None:
    lost_answer(desk)
    (body,) = desk.events("charge.succeeded")
    for change, reason in (
        ({"amount_minor": 100}, "It says 100 USD, asked for were 10000 USD."),
        ({"amount_minor": 10_001}, "It says 10001 USD, asked for were 10000 USD."),
        ({"currency": "CAD"}, "It says 10000 CAD, asked for were 10000 USD."),
        ({"status": "FAILED"}, "It is called CHARGE_SUCCEEDED and says FAILED."),
        ({"livemode": True}, "It is of the other mode: test money and real money never mix."),
    ):
        with nothing_changes(owner, without=["gateway_event", "procrastinate_jobs", "procrastinate_events"]):
            assert desk.deliver(altered(body, **change)) is EventStatus.REFUSED
        assert kept(desk)[-1] == ("REFUSED", reason)
    assert desk.deliver(body) is EventStatus.APPLIED


def test_a_charge_that_is_not_the_attempts_own_is_refused(desk: Desk, owner: Connection) -> None:
    invoice, card = desk.invoice(), desk.card()
    first = desk.pay(card, (invoice.id, 4_000))
    desk.sandbox.fail("500_after")
    second = desk.pay(card, (invoice.id, 4_000))
    body = desk.events("charge.succeeded")[1]
    event = json.loads(body)
    stolen = json.dumps({**event, "id": "evt_x", "object": {**event["object"], "id": first.gateway_ref}})
    with nothing_changes(owner, without=["gateway_event", "procrastinate_jobs", "procrastinate_events"]):
        assert desk.deliver(stolen) is EventStatus.REFUSED
    assert desk.again(second).status is PaymentStatus.UNKNOWN
    assert desk.deliver(body) is EventStatus.APPLIED


@pytest.mark.parametrize(("known", "claimed"), [(VISA, "FAILED"), (DECLINED, "SUCCEEDED")])
def test_the_opposite_of_what_is_final_is_refused_and_kept(
    desk: Desk, owner: Connection, known: str, claimed: str
) -> None:
    invoice, card = desk.invoice(), desk.card(known)
    payment = desk.pay(card, (invoice.id, 10_000))
    (body,) = desk.events("charge.succeeded", "charge.failed")
    opposite = altered(body, type=f"charge.{claimed.lower()}", status=claimed)
    with nothing_changes(owner, without=["gateway_event", "procrastinate_jobs", "procrastinate_events"]):
        assert desk.deliver(opposite) is EventStatus.REFUSED
    assert kept(desk)[-1][1] == f"The gateway says {claimed}, here it is {payment.status} for good."


def test_another_partners_account_can_not_speak_of_our_payment(desk: Desk, owner: Connection) -> None:
    lost_answer(desk)
    (body,) = desk.events("charge.succeeded")
    event_id = desk.receive(altered(body, account=CONTOSO))
    contoso = desk.cast.partners["contoso"]
    with nothing_changes(owner):
        assert desk.act(event_id) is None  # there is no such event for Northwind
    with nothing_changes(owner, without=["gateway_event"]):
        status = inbox.act(
            desk.database, desk.sandbox.gateway, partner_id=contoso, event_id=event_id, now=desk.clock()
        )
    assert status is EventStatus.IGNORED


def test_an_account_of_nobody_and_a_charge_of_nothing_are_turned_away(desk: Desk, owner: Connection) -> None:
    lost_answer(desk)
    (body,) = desk.events("charge.succeeded")
    with nothing_changes(owner), pytest.raises(UnknownAccount):
        desk.receive(altered(body, account="acct_nobody"))
    assert desk.deliver(altered(body, key="pay_unheard_of")) is EventStatus.IGNORED
    assert desk.deliver(altered(body, type="payout.paid")) is EventStatus.IGNORED
    assert desk.deliver(altered(body, type="charge.returned", status="SUCCEEDED")) is EventStatus.REFUSED


@pytest.mark.prove
def test_a_flipped_bit_anywhere_is_not_genuine(desk: Desk, owner: Connection) -> None:
    lost_answer(desk)
    raw = desk.events("charge.succeeded")[0].encode()
    header = sign(raw, secrets=[WEBHOOK_SECRET], at=desk.clock())
    count = rounds(100, 2_000)
    with nothing_changes(owner):
        for turn in range(count):
            bit = turn * 8 * len(raw) // count
            bent = bytearray(raw)
            bent[bit // 8] ^= 1 << (bit % 8)
            with pytest.raises(BadSignature):
                desk.receive(bytes(bent), header=header)


@pytest.mark.parametrize(("late", "genuine"), [(299, True), (-299, True), (302, False), (-302, False)])
def test_an_event_is_fresh_for_five_minutes_both_ways(desk: Desk, late: int, genuine: bool) -> None:
    lost_answer(desk)
    raw = desk.events("charge.succeeded")[0].encode()
    header = sign(raw, secrets=[WEBHOOK_SECRET], at=desk.clock() - timedelta(seconds=late))
    if genuine:
        assert desk.receive(raw, header=header) is not None
    else:
        with pytest.raises(BadSignature):
            desk.receive(raw, header=header)
